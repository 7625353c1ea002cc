/* SPDX-License-Identifier: MIT */
#include "support/plans.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct plans plans;

static void begin(void)
{
    plans_init(&plans, 4);
}

static void end(void)
{
    plans_clear(&plans);
}

TestSuite(plan_fifo, .init = begin, .fini = end, .timeout = 60);

static void make(void)
{
    cr_assert(zero(int, plans_make(&plans)));
}

Test(plan_fifo, depths_before_anything_is_measured)
{
    for (int i = 0; i < 5; i++) {
        plans_add(&plans, "filter", i < 2 ? LIMEF_FILTER_SOURCE : 0);
        if (i >= 2)
            plans.filters[i].thread = (uint32_t)i;
    }
    plans_connect(&plans, 0, 2); /* source -> sink */
    plans_connect(&plans, 1, 3); /* source -> processing -> sink */
    plans_connect(&plans, 3, 4);
    make();
    cr_assert(eq(u32, plans.plan.links[0].depth, 3));
    cr_assert(eq(u32, plans.plan.links[1].depth, 6));
    cr_assert(eq(u32, plans.plan.links[2].depth, 4));
    cr_assert(eq(int, plans.plan.links[0].overflow, LIMEF_OVERFLOW_BLOCK));
    plans.filters[0].is_live = true;
    make();
    /* it may be packets */
    cr_assert(eq(int, plans.plan.links[0].overflow, LIMEF_OVERFLOW_DROP_TO_KEY));
}

Test(plan_fifo, a_budget_is_shared_by_the_fifos_on_a_live_streams_way)
{
    uint32_t source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 20, 25);
    uint32_t decode = plans_put(&plans, source, "decode", 1000, 25);

    plans_put(&plans, decode, "screen", 1000, 25);
    plans.problem.mode = LIMEF_PLAN_PER_FILTER;
    plans.filters[0].is_live = true;
    make();
    cr_assert(eq(i64, plans.plan.links[0].max_time_us, 500000));
    cr_assert(eq(i64, plans.plan.links[1].max_time_us, 500000));
    plans.problem.machine.budget_us = 400000;
    make();
    cr_assert(eq(i64, plans.plan.links[0].max_time_us, 200000));
    cr_assert(eq(i64, plans.plan.links[1].max_time_us, 200000));
}

Test(plan_fifo, depth_follows_burst_and_jitter_and_the_budget)
{
    struct limef_plan_link *link;

    plans_put_chain(&plans, 1000, 500);
    plans.filters[2].flags = LIMEF_FILTER_THREAD_BOUND;
    plans.edges[1].burst_frames = 3;
    plans.edges[1].jitter_us = 80000; /* 2 frames, and 1 while the reader is busy */
    plans.edges[1].frame_bytes = 1000000;
    make();
    link = &plans.plan.links[1];
    cr_assert(eq(u32, link->depth, 8));
    plans.edges[1].burst_frames = 2; /* a little less: stays as it is */
    cr_assert(zero(int, plans_make_next(&plans)));
    cr_assert(eq(u32, plans.plan.links[1].depth, 8));
    plans.problem.machine.budget_bytes = 4000000;
    make();
    cr_assert(eq(u32, plans.plan.links[1].depth, 4));
    plans.problem.machine.budget_bytes = 0;
    plans.problem.machine.budget_us = 200000;
    make();
    cr_assert(eq(u32, plans.plan.links[1].depth, 5));
    plans.problem.machine.budget_bytes = 1;
    make();
    cr_assert(eq(u32, plans.plan.links[1].depth, 2));
}

Test(plan_fifo, a_live_fifo_holds_what_is_not_late_yet)
{
    uint32_t source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 20, 250);

    plans_put(&plans, source, "filter", 100, 250);
    plans.filters[1].flags = LIMEF_FILTER_THREAD_BOUND;
    plans.edges[0].burst_frames = 1;
    make();
    cr_assert(eq(u32, plans.plan.links[0].depth, 3));
    plans.filters[0].is_live = true; /* 9 in 33 ms, and 2 */
    make();
    cr_assert(eq(u32, plans.plan.links[0].depth, 12));
}
