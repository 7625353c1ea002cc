/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#define N_WORDS 16

static struct graph_options options;
static char errors[512];

/* Parses words separated by blanks. */
static int parse(const char *line)
{
    static char words[512];
    char *argv[N_WORDS + 1] = {(char[]){"limef-graph"}}, *rest = NULL;
    int argc = 1, ret;
    FILE *file = fmemopen(errors, sizeof(errors), "w");

    graph_options_clear(&options);
    snprintf(words, sizeof(words), "%s", line);
    for (char *word = strtok_r(words, " ", &rest); word && argc < N_WORDS;
         word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    ret = graph_options_parse(&options, argc, argv, file);
    fclose(file);
    return ret;
}

static void clear(void)
{
    graph_options_clear(&options);
}

TestSuite(graph_options, .fini = clear);

Test(graph_options, takes_passwords_from_one_place)
{
    cr_assert(eq(int, parse("--password-file=- pattern"), 0));
    cr_assert(eq(str, (char *)options.password_file, "-"));
    cr_assert(eq(int, options.password_fd, -1));
    cr_assert(eq(int, parse("--password-fd=7 pattern"), 0));
    cr_assert(eq(int, options.password_fd, 7));
    cr_assert(eq(int, parse("--password-fd=x pattern"), -1));
    cr_assert(eq(int, parse("--password-file= pattern"), -1));
    cr_assert(eq(int, parse("--password-file=a --password-fd=7 pattern"), -1));
}

Test(graph_options, overwrites_logins_in_the_arguments_alone)
{
    static const char line[] = "rtsp url=rtsp://u:p@ss@host/a ! null; file:a@b ! null";
    char word[] = "rtsp://u:p@ss@host/a";
    char *argv[] = {(char[]){"limef-graph"}, word, NULL};

    cr_assert(eq(int, parse(line), 0));
    cr_assert(eq(str, options.description, (char *)line));
    graph_options_hide_logins(options.description);
    cr_assert(
        eq(str, options.description, "rtsp url=rtsp://******@host/a ! null; file:a@b ! null"));
    graph_options_clear(&options);
    cr_assert(eq(int, graph_options_parse(&options, 2, argv, NULL), 0));
    cr_assert(eq(str, word, "rtsp://******@host/a"));
    cr_assert(eq(str, options.description, "rtsp://u:p@ss@host/a"));
}

Test(graph_options, has_sane_defaults)
{
    cr_assert(eq(int, parse("pattern ! null"), 0));
    cr_assert(eq(str, options.description, "pattern ! null"));
    cr_assert(eq(i64, options.duration_us, -1));
    cr_assert(eq(i64, options.window_us, 0));
    cr_assert(eq(dbl, options.n_cpus, 0));
    cr_assert(eq(int, options.plan, LIMEF_PLAN_AUTO));
    cr_assert(eq(int, options.log_level, LIMEF_LOG_WARNING));
    cr_assert(not(options.compare));
}

Test(graph_options, takes_every_option_of_the_manual)
{
    cr_assert(eq(int,
                 parse("--explain --dot=a.dot --json --against=per-stream --live --period=0.25 "
                       "--plan=fused --cpus=1.5 --window=1 --cache=c --duration=1.5 "
                       "--report=json --log-level=debug pattern"),
                 0));
    cr_assert(options.explain);
    cr_assert(options.json);
    cr_assert(options.live);
    cr_assert(eq(int, options.report, GRAPH_REPORT_JSON));
    cr_assert(options.compare);
    cr_assert(eq(str, (char *)options.dot_file, "a.dot"));
    cr_assert(eq(str, (char *)options.cache, "c"));
    cr_assert(eq(int, options.against, LIMEF_PLAN_PER_STREAM));
    cr_assert(eq(int, options.plan, LIMEF_PLAN_FUSED));
    cr_assert(eq(int, options.log_level, LIMEF_LOG_DEBUG));
    cr_assert(eq(dbl, options.n_cpus, 1.5));
    cr_assert(eq(i64, options.period_us, 250000));
    cr_assert(eq(i64, options.window_us, 1000000));
    cr_assert(eq(i64, options.duration_us, 1500000));
    cr_assert(eq(int, parse("--report=text pattern"), 0));
    cr_assert(eq(int, options.report, GRAPH_REPORT_TEXT));
}

Test(graph_options, needs_a_graph_but_not_for_help)
{
    cr_assert(eq(int, parse(""), -1));
    cr_assert(ne(ptr, strstr(errors, "no graph is described"), NULL));
    cr_assert(eq(int, parse("-h"), 0));
    cr_assert(options.help);
    cr_assert(eq(int, parse("--elements"), 0));
    cr_assert(eq(int, parse("--version"), 0));
}

struct refused {
    const char *line, *says;
};

Test(graph_options, says_what_is_wrong_in_one_line)
{
    static const struct refused all[] = {
        {"--plan=none pattern", "limef-graph: --plan=none: not one of auto, fused,"},
        {"--against=x pattern", "--against=x: not one of"},
        {"--report=xml pattern", "--report=xml: not one of json, text"},
        {"--log-level=loud pattern", "--log-level=loud: not one of error, warning, info, debug"},
        {"--cpus=0 pattern", "--cpus=0: not a number from 0.01 to 1024"},
        {"--cpus=nan pattern", "--cpus=nan: not a number"},
        {"--cpus=2x pattern", "--cpus=2x: not a number"},
        {"--duration=0 pattern", "--duration=0: nothing"},
        {"--window=-1 pattern", "--window=-1: not a number of seconds"},
        {"--period=1e99 pattern", "--period=1e99: not a number of seconds"},
        {"--cache= pattern", "--cache: no file name"},
        {"--nonsense pattern", "--nonsense: no such option"},
        {"--plan", "--plan: a value is missing"},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        cr_assert(eq(int, parse(all[i].line), -1), "%s", all[i].line);
        cr_assert(ne(ptr, strstr(errors, all[i].says), NULL), "%s: %s", all[i].line, errors);
        cr_assert(eq(ptr, strchr(errors, '\n') + 1, errors + strlen(errors)), "%s", errors);
        cr_assert(ne(ptr, strstr(errors, "; see limef-graph --help"), NULL), "%s", errors);
    }
}

/* Word by word as the shell left them. */
Test(graph_options, quotes_a_word_with_blanks_again)
{
    char *argv[] = {(char[]){"limef-graph"}, (char[]){"file:my film.mp4"}, (char[]){"!"},
                    (char[]){"null"}, NULL};

    cr_assert(eq(int, graph_options_parse(&options, 4, argv, NULL), 0));
    cr_assert(eq(str, options.description, "file:\"my film.mp4\" ! null"));
}
