/* SPDX-License-Identifier: MIT */
#include <limef/base/log.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/redirect.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>

struct heard {
    unsigned n;
    enum limef_log_level level;
    char name[64];
    char line[1024];
};

static struct heard heard;

static void hear(void *context, enum limef_log_level level, const char *name, const char *line)
{
    struct heard *to = context;

    to->n++;
    to->level = level;
    snprintf(to->name, sizeof(to->name), "%s", name);
    snprintf(to->line, sizeof(to->line), "%s", line);
}

static void listen(void)
{
    limef_log_set_sink(hear, &heard);
}

TestSuite(log, .init = listen);

Test(log, says_who_what_and_how_bad)
{
    limef_log(LIMEF_LOG_WARNING, "cam 3", "lost %d frames", 7);
    cr_assert(eq(str, heard.name, "cam 3"));
    cr_assert(eq(str, heard.line, "lost 7 frames"));
    cr_assert(eq(int, (int)heard.level, LIMEF_LOG_WARNING));
}

Test(log, without_a_name_the_library_speaks)
{
    limef_log(LIMEF_LOG_ERROR, NULL, "x");
    cr_assert(eq(str, heard.name, "limef"));
}

Test(log, is_silent_below_warning_until_told_otherwise)
{
    limef_log(LIMEF_LOG_INFO, NULL, "x");
    cr_assert(eq(u64, heard.n, 0));
    limef_log_set_level(LIMEF_LOG_DEBUG);
    limef_log(LIMEF_LOG_DEBUG, NULL, "x");
    cr_assert(eq(u64, heard.n, 1));
    limef_log_set_level(LIMEF_LOG_ERROR);
    limef_log(LIMEF_LOG_WARNING, NULL, "x");
    cr_assert(eq(u64, heard.n, 1));
}

Test(log, a_failure_is_said_with_its_reason_and_returned)
{
    cr_assert(
        eq(int, limef_fail(AVERROR(ENOENT), "cam", "cannot open %s", "a.mp4"), AVERROR(ENOENT)));
    cr_assert(eq(str, heard.line, "cannot open a.mp4: No such file or directory"));
    cr_assert(eq(int, (int)heard.level, LIMEF_LOG_ERROR));
}

Test(log, a_circle_is_not_said_to_be_of_symbolic_links)
{
    cr_assert(eq(int, limef_fail(AVERROR(ELOOP), "graph", "a <- b"), AVERROR(ELOOP)));
    cr_assert(eq(str, heard.line, "a <- b"));
}

Test(log, a_line_too_long_is_cut)
{
    static char text[2000];

    memset(text, 'x', sizeof(text) - 1);
    limef_log(LIMEF_LOG_ERROR, NULL, "%s", text);
    cr_assert(lt(sz, strlen(heard.line), sizeof(heard.line)));
    cr_assert(gt(sz, strlen(heard.line), 100));
    cr_assert(eq(int, limef_fail(AVERROR(EIO), NULL, "%s", text), AVERROR(EIO)));
    cr_assert(eq(u64, heard.n, 2));
}

Test(log, goes_to_standard_error_by_itself, .init = cr_redirect_stderr)
{
    limef_log_set_sink(NULL, NULL);
    limef_log(LIMEF_LOG_ERROR, "cam", "gone");
    fflush(stderr);
    cr_assert_stderr_eq_str("cam: error: gone\n");
}
