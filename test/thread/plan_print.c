/* SPDX-License-Identifier: MIT */
#include <limef/thread/plan_print.h>

#include "support/plans.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <libavutil/error.h>
#include <stdlib.h>
#include <string.h>

static struct plans plans;
static char *text;

static void begin(void)
{
    uint32_t source, decode;

    plans_init(&plans, 4);
    source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 0.3, 25);
    decode = plans_put(&plans, source, "decode", 24100, 25);
    plans_put(&plans, decode, "scale", 17000, 25);
    plans.filters[0].name = "cam \"1\"\n\xff";
}

static void end(void)
{
    plans_clear(&plans);
    free(text);
}

TestSuite(plan_print, .init = begin, .fini = end, .timeout = 60);

typedef int print_fn(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                     FILE *file);

static void print(print_fn *print_plan)
{
    size_t n_bytes;
    FILE *file = open_memstream(&text, &n_bytes);

    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(zero(int, print_plan(&plans.plan, &plans.problem, file)));
    fclose(file);
}

static bool says(const char *part)
{
    return strstr(text, part) != NULL;
}

Test(plan_print, text_gives_reasons_with_figures)
{
    print(limef_plan_print_text);
    cr_assert(says("cut: source cam \"1\""));
    cr_assert(says("24.1 ms + scale 2 17.0 ms of 40.0 ms, load 1.03 of a core"), "%s", text);
    cr_assert(says("4 deep, block: bursts are not measured yet"));
    cr_assert(says("processing"));
}

Test(plan_print, text_says_what_a_call_saves)
{
    plans.filters[1].cost_us = plans.filters[1].p95_us = 0.3;
    print(limef_plan_print_text);
    cr_assert(says("fused: 0.3 us beside a handover of 16.0 us"), "%s", text);
}

Test(plan_print, text_calls_nothing_light_that_nobody_measured)
{
    plans.problem.n_filters = 1;
    plans.problem.n_edges = 0;
    plans.filters[0].flags |= LIMEF_FILTER_BLOCKING;
    plans.filters[0].cost_us = LIMEF_NOT_MEASURED;
    print(limef_plan_print_text);
    cr_assert(says("ingest: it waits for what it reads, and is not measured yet"), "%s", text);
    cr_assert(not(says("light")));
}

Test(plan_print, a_name_does_not_break_a_line)
{
    unsigned n_lines = 0;

    print(limef_plan_print_text);
    for (const char *at = text; *at; at++)
        n_lines += *at == '\n';
    cr_assert(eq(uint, n_lines, 2 + plans.plan.n_workers + plans.plan.n_islands + 2));
}

Test(plan_print, json_escapes_what_must_be)
{
    print(limef_plan_print_json);
    cr_assert(says("\"name\": \"cam \\\"1\\\"\\u000a\\ufffd\""), "%s", text);
    cr_assert(says("\"reason\": \"cut_load\""));
    cr_assert(says("\"burst_frames\"") == false);
    cr_assert(says("\"rate_hz\": 25.000"));
}

Test(plan_print, json_has_null_for_what_is_not_measured)
{
    plans.filters[2].cost_us = LIMEF_NOT_MEASURED;
    print(limef_plan_print_json);
    cr_assert(says("\"cost_us\": null"));
    cr_assert(says("\"load\": null"));
}

Test(plan_print, dot_has_a_box_for_each_thread)
{
    print(limef_plan_print_dot);
    cr_assert(says("digraph plan {"));
    cr_assert(says("subgraph cluster_0"));
    cr_assert(says("subgraph cluster_1"));
    cr_assert(says("f1 -> f2 [style=bold, label=\"4\""));
    cr_assert(says("cam \\\"1\\\""));
}

Test(plan_print, a_line_that_is_too_long_is_cut_off)
{
    char line[10];

    cr_assert(zero(int, plans_make(&plans)));
    limef_plan_explain(&plans.plan, &plans.problem, 1, line, sizeof(line));
    cr_assert(eq(sz, strlen(line), 9));
    cr_assert(zero(int, strncmp(line, "cut: ", 5)));
}

Test(plan_print, a_full_disk_is_an_error)
{
    FILE *file = fopen("/dev/full", "w");

    if (!file)
        cr_skip_test("no /dev/full");
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(eq(int, limef_plan_print_text(&plans.plan, &plans.problem, file), AVERROR(EIO)));
    fclose(file);
}
