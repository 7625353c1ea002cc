/* SPDX-License-Identifier: MIT */
/* Plans of filters that have threads inside, which are load, and no plan places. */
#include "support/plans.h"

#include <limef/thread/plan_print.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>
#include <string.h>

static struct plans plans;

static void begin(void)
{
    plans_init(&plans, 2);
}

static void end(void)
{
    plans_clear(&plans);
}

TestSuite(plan_inside, .init = begin, .fini = end, .timeout = 60);

Test(plan_inside, a_core_that_they_use_is_not_free_for_a_cut)
{
    plans_put_chain(&plans, 24000, 17000);
    plans.filters[1].flags = LIMEF_FILTER_SELF_THREADED;
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(plans.plan.links[1].is_cut);
    plans.problem.machine.inside_load = 1;
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(eq(int, plans.plan.links[1].reason, LIMEF_PLAN_FUSED_NO_CPU));
}

/* As what was tried of plain filters: a slow one of the heavy frames holds up the light branch. */
Test(plan_inside, their_filters_are_tried_as_all_others)
{
    uint32_t source, decode, shown;

    plans.problem.machine.n_cpus = 8;
    plans.problem.machine.inside_load = 0.4;
    source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 100, 50);
    plans.filters[source].is_live = true;
    decode = plans_put(&plans, source, "decode", 1450, 50);
    plans.filters[decode].flags = LIMEF_FILTER_SELF_THREADED;
    plans.filters[plans_put(&plans, decode, "heavy", 18000, 10)].slow_us = 54000;
    shown = plans_put(&plans, decode, "presenter", 1700, 50);
    plans.filters[shown].flags = LIMEF_FILTER_THREAD_BOUND | LIMEF_FILTER_DISPLAY;
    for (uint32_t i = 0; i < plans.problem.n_edges; i++) {
        plans.edges[i].burst_frames = 1;
        plans.edges[i].jitter_us = 0;
    }
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(eq(int, plans.plan.links[1].reason, LIMEF_PLAN_CUT_TRIED));
    cr_assert(eq(int, plans.plan.links[2].reason, LIMEF_PLAN_CUT_BOUND));
    cr_assert(zero(int, plans_make_next(&plans)));
    cr_assert(eq(int, plans.plan.links[1].reason, LIMEF_PLAN_CUT_TRIED));
}

Test(plan_inside, what_they_use_is_printed)
{
    char *text = NULL;
    size_t bytes;
    FILE *file = open_memstream(&text, &bytes);

    plans_put_chain(&plans, 2000, 1000);
    plans.problem.machine.inside_load = 0.25;
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(zero(int, limef_plan_print_text(&plans.plan, &plans.problem, file)));
    cr_assert(zero(int, limef_plan_print_json(&plans.plan, &plans.problem, file)));
    fclose(file);
    cr_assert(strstr(text, "threads within filters, placed by nobody: load 0.250") != NULL, "%s",
              text);
    cr_assert(strstr(text, "\"inside_load\": 0.25") != NULL, "%s", text);
    free(text);
}
