/* SPDX-License-Identifier: MIT */
/* Plans that the model of the machine has changed. */
#include "support/plans.h"

#include <limef/thread/plan_print.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

static struct plans plans;

static void end(void)
{
    plans_clear(&plans);
}

TestSuite(plan_try, .fini = end, .timeout = 60);

static void tell_bursts(double frames)
{
    for (uint32_t i = 0; i < plans.problem.n_edges; i++) {
        plans.edges[i].burst_frames = i ? 1 : frames;
        plans.edges[i].jitter_us = 0;
    }
}

/* camera -> look -> every 5th -> heavy, and look -> light: a slow one of the heavy frames makes the
 * light branch, and the next frames, late; the load is nothing. */
static void put_fork(void)
{
    uint32_t source, look;

    plans_init(&plans, 8);
    source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 100, 50);
    plans.filters[source].is_live = true;
    look = plans_put(&plans, source, "look", 1450, 50);
    plans.filters[plans_put(&plans, look, "heavy", 18000, 10)].slow_us = 54000;
    plans_put(&plans, look, "light", 1700, 50);
    tell_bursts(1);
}

Test(plan_try, branch_whose_slow_frames_hold_up_another_is_cut_off)
{
    char text[256];

    put_fork();
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(plans.plan.links[1].is_cut);
    cr_assert(eq(int, plans.plan.links[1].reason, LIMEF_PLAN_CUT_TRIED));
    limef_plan_explain(&plans.plan, &plans.problem, 1, text, sizeof(text));
    cr_assert(strstr(text, "tried") != NULL, "%s", text);
}

Test(plan_try, what_was_tried_stays_until_the_rules_are_on_time)
{
    put_fork();
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(zero(int, plans_make_next(&plans)));
    cr_assert(eq(int, plans.plan.links[1].reason, LIMEF_PLAN_CUT_TRIED));
    plans.filters[2].cost_us = plans.filters[2].p95_us = 15000;
    cr_assert(zero(int, plans_make_next(&plans)));
    cr_assert(plans.plan.links[1].is_cut);
    plans.filters[2].cost_us = plans.filters[2].p95_us = 3000;
    cr_assert(zero(int, plans_make_next(&plans)));
    cr_assert(not(plans.plan.links[1].is_cut));
    cr_assert(zero(int, plans_make_next(&plans)));
    cr_assert(not(plans.plan.links[1].is_cut));
}

/* One core, and a camera: the rules cut off what is heavy, and it is late more often there. */
Test(plan_try, what_would_be_late_behind_a_cut_is_fused)
{
    char text[256];
    uint32_t source, heavy, seldom;

    plans_init(&plans, 1);
    source = plans_put(&plans, LIMEF_PLAN_NONE, "camera", 440, 18.2);
    plans.filters[source].is_live = true;
    plans.filters[source].flags |= LIMEF_FILTER_BLOCKING;
    heavy = plans_put(&plans, source, "heavy", 30800, 18.2);
    plans.filters[heavy].slow_us = 72000;
    seldom = plans_put(&plans, plans_put(&plans, source, "look", 160, 18.2), "seldom", 48600, 3.64);
    plans.filters[seldom].p95_us = 57000;
    plans.filters[seldom].slow_us = 66000;
    tell_bursts(1);
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(not(plans.plan.links[0].is_cut));
    cr_assert(eq(int, plans.plan.links[0].reason, LIMEF_PLAN_FUSED_TRIED));
    limef_plan_explain(&plans.plan, &plans.problem, 0, text, sizeof(text));
    cr_assert(strstr(text, "tried") != NULL, "%s", text);
    cr_assert(zero(int, plans_make_next(&plans)));
    cr_assert(eq(int, plans.plan.links[0].reason, LIMEF_PLAN_FUSED_TRIED));
}

/* A heavy recorder before a join: the cut for its sake makes one of the join too, and what comes
 * there on the other way is late behind it. */
Test(plan_try, a_join_is_fused_with_the_recorder_before_it)
{
    uint32_t source, record, join;

    plans_init(&plans, 1);
    source = plans_put(&plans, LIMEF_PLAN_NONE, "camera", 909, 16);
    plans.filters[source].is_live = true;
    record = plans_put(&plans, source, "record", 47100, 16);
    plans.filters[record].flags |= LIMEF_FILTER_RECORDS;
    plans.filters[record].p95_us = 60300;
    join = plans_put(&plans, source, "join", 3550, 32);
    plans.edges[1].rate_hz = 16;
    plans.edges[plans_connect(&plans, record, join)].rate_hz = 16;
    tell_bursts(1);
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(eq(u32, plans.plan.n_islands, 1));
    cr_assert(eq(int, plans.plan.links[0].reason, LIMEF_PLAN_FUSED_TRIED));
    cr_assert(zero(int, plans_make_next(&plans)));
    cr_assert(eq(u32, plans.plan.n_islands, 1));
}
