/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "option_values.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MIN_CPUS 0.01
#define MAX_CPUS 1024

enum option_id {
    OPTION_EXPLAIN = 256,
    OPTION_DOT,
    OPTION_JSON,
    OPTION_AGAINST,
    OPTION_LIVE,
    OPTION_PERIOD,
    OPTION_PLAN,
    OPTION_CPUS,
    OPTION_DURATION,
    OPTION_WINDOW,
    OPTION_CACHE,
    OPTION_PASSWORD_FILE,
    OPTION_PASSWORD_FD,
    OPTION_REPORT,
    OPTION_LOG_LEVEL,
    OPTION_ELEMENTS,
    OPTION_VERSION,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"explain", no_argument, NULL, OPTION_EXPLAIN},
    {"dot", optional_argument, NULL, OPTION_DOT},
    {"json", no_argument, NULL, OPTION_JSON},
    {"against", required_argument, NULL, OPTION_AGAINST},
    {"live", no_argument, NULL, OPTION_LIVE},
    {"period", required_argument, NULL, OPTION_PERIOD},
    {"plan", required_argument, NULL, OPTION_PLAN},
    {"cpus", required_argument, NULL, OPTION_CPUS},
    {"duration", required_argument, NULL, OPTION_DURATION},
    {"window", required_argument, NULL, OPTION_WINDOW},
    {"cache", required_argument, NULL, OPTION_CACHE},
    {"password-file", required_argument, NULL, OPTION_PASSWORD_FILE},
    {"password-fd", required_argument, NULL, OPTION_PASSWORD_FD},
    {"report", required_argument, NULL, OPTION_REPORT},
    {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
    {"elements", no_argument, NULL, OPTION_ELEMENTS},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static const char *const plan_words[] = {"auto",       "fused",     "per-filter",
                                         "per-stream", "whitelist", NULL};
static const char *const report_words[] = {"json", "text", NULL};
static const char *const level_words[] = {"error", "warning", "info", "debug", NULL};

static int parse_mode(const struct option_parser *parser, const char *text,
                      enum limef_plan_mode *mode)
{
    int word = option_word(parser, text, plan_words);

    if (word >= 0)
        *mode = (enum limef_plan_mode)word;
    return word < 0 ? -1 : 0;
}

static int parse_descriptor(const struct option_parser *parser, const char *text, int *fd)
{
    long long number;

    if (option_number(parser, text, 0, INT_MAX, &number) < 0)
        return -1;
    *fd = (int)number;
    return 0;
}

static int parse_report(const struct option_parser *parser, const char *text,
                        enum graph_report *report)
{
    int word = option_word(parser, text, report_words);

    if (word >= 0)
        *report = word ? GRAPH_REPORT_TEXT : GRAPH_REPORT_JSON;
    return word < 0 ? -1 : 0;
}

static int parse_level(const struct option_parser *parser, const char *text,
                       enum limef_log_level *level)
{
    int word = option_word(parser, text, level_words);

    if (word >= 0)
        *level = (enum limef_log_level)word;
    return word < 0 ? -1 : 0;
}

/* Returns 0, -1, or 1: it is none of these. */
static int parse_value(const struct option_parser *parser, struct graph_options *options, int id,
                       const char *text)
{
    switch (id) {
    case OPTION_PERIOD:
        return option_duration(parser, text, &options->period_us);
    case OPTION_DURATION:
        return option_duration(parser, text, &options->duration_us);
    case OPTION_WINDOW:
        return option_duration(parser, text, &options->window_us);
    case OPTION_CPUS:
        return option_real(parser, text, MIN_CPUS, MAX_CPUS, &options->n_cpus);
    case OPTION_PLAN:
        return parse_mode(parser, text, &options->plan);
    case OPTION_AGAINST:
        options->compare = true;
        return parse_mode(parser, text, &options->against);
    case OPTION_LOG_LEVEL:
        return parse_level(parser, text, &options->log_level);
    case OPTION_REPORT:
        return parse_report(parser, text, &options->report);
    case OPTION_PASSWORD_FILE:
        options->password_file = text;
        return *text ? 0 : option_complain(parser, "--password-file: no file name");
    case OPTION_PASSWORD_FD:
        return parse_descriptor(parser, text, &options->password_fd);
    case OPTION_CACHE:
        options->cache = text;
        return *text ? 0 : option_complain(parser, "--cache: no file name");
    default:
        return 1;
    }
}

static void take_switch(struct graph_options *options, int id, const char *text)
{
    switch (id) {
    case OPTION_EXPLAIN:
        options->explain = true;
        break;
    case OPTION_DOT:
        options->dot = true;
        options->dot_file = text;
        break;
    case OPTION_JSON:
        options->json = true;
        break;
    case OPTION_LIVE:
        options->live = true;
        break;
    case OPTION_ELEMENTS:
        options->elements = true;
        break;
    case OPTION_VERSION:
        options->version = true;
        break;
    default:
        options->help = true;
        break;
    }
}

/* A shell took the quotes of a word with blanks in it: "file:my film.mp4". */
static bool needs_quotes(const char *word)
{
    return strpbrk(word, " \t") && !strpbrk(word, "!;'\"\\\n");
}

/* Puts the words together. Returns NULL when there is no memory. */
static char *join_words(char **words, int n_words)
{
    size_t bytes = 1;
    char *text;

    for (int i = 0; i < n_words; i++)
        bytes += strlen(words[i]) + 3;
    text = malloc(bytes);
    if (!text)
        return NULL;
    *text = '\0';
    for (int i = 0; i < n_words; i++) {
        const char *quote = n_words > 1 && needs_quotes(words[i]) ? "\"" : "";
        size_t key = *quote ? strcspn(words[i], ":=") : 0;

        if (key && words[i][key] && key < strcspn(words[i], " \t"))
            key++; /* file:"my film.mp4" */
        else
            key = 0;
        sprintf(text + strlen(text), "%s%.*s%s%s%s", i ? " " : "", (int)key, words[i], quote,
                words[i] + key, quote);
    }
    return text;
}

void graph_options_hide_logins(char *text)
{
    while ((text = strstr(text, "://"))) {
        size_t n = strcspn(text += 3, " \t\n");
        char *end = memrchr(text, '@', n);

        if (end)
            memset(text, '*', (size_t)(end - text));
        text += n;
    }
}

static int take_option(const struct option_parser *parser, void *options, int id, const char *text)
{
    int ret = parse_value(parser, options, id, text);

    if (ret <= 0)
        return ret;
    take_switch(options, id, text);
    return 0;
}

int graph_options_parse(struct graph_options *options, int argc, char **argv, FILE *errors)
{
    struct option_parser parser = {.program = "limef-graph", .errors = errors};
    int ret;

    *options = (struct graph_options){
        .duration_us = -1, .log_level = LIMEF_LOG_WARNING, .password_fd = -1};
    ret = option_read(&parser, argc, argv, "+:h", long_options, OPTION_HELP, take_option, options);
    if (ret)
        return ret;
    if (options->help || options->version || options->elements)
        return 0;
    if (options->password_file && options->password_fd >= 0)
        return option_complain(&parser, "--password-file and --password-fd");
    if (optind == argc)
        return option_complain(&parser, "no graph is described");
    options->description = join_words(argv + optind, argc - optind);
    for (int i = optind; i < argc; i++)
        graph_options_hide_logins(argv[i]);
    return options->description ? 0 : option_complain(&parser, "no memory");
}

void graph_options_clear(struct graph_options *options)
{
    if (options->description)
        explicit_bzero(options->description, strlen(options->description));
    free(options->description);
    *options = (struct graph_options){0};
}

void graph_options_print_help(FILE *file)
{
    fputs(
        "usage: limef-graph [OPTIONS] DESCRIPTION\n"
        "Builds a graph of filters from a description, and runs it on threads that the library\n"
        "places.\n\n"
        "  limef-graph 'file:a.mp4 ! decode ! split name=s\n"
        "               s. ! scale 640x360 ! jpeg out-%n.jpg  s. ! dump'\n\n"
        "  --explain           print the plan, do not run: what is cut, and why\n"
        "  --dot[=FILE]        the same for Graphviz\n"
        "  --json              the same as JSON\n"
        "  --against=PLAN      what it has otherwise than the plan made that way\n\n"
        "  --live              while it runs: costs, boundaries, threads; keys c r n d q\n"
        "  --period=S          how often that is renewed (0.5 in a terminal, else 2)\n"
        "  --plan=auto|fused|per-filter|per-stream|whitelist\n"
        "                      how boundaries are chosen, for comparison\n"
        "  --cpus=N            cores to plan for\n"
        "  --window=S          how long costs are measured before they count (2)\n"
        "  --cache=FILE        keep plans and costs for the next start\n"
        "  --duration=S        end after so long\n"
        "  --password-file=FILE --password-fd=N  lines of: number, host or *; user; password\n"
        "  --report=json|text  at the end: a JSON object as the last line; the plan\n"
        "                      and its changes\n"
        "  --log-level=error|warning|info|debug  --elements  --version  --help\n\n"
        "description: KIND ARGUMENTS ! KIND ARGUMENTS ...; name=X and X. for branches and joins;\n"
        "    ; # '...' \"...\" \\ as in a shell. --elements lists the kinds with their arguments.\n"
        "exit: 0 ran to its end, 1 usage or set-up, 2 no source gave anything, 3 some did not,\n"
        "    4 by signal\n",
        file);
}
