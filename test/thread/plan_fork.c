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

TestSuite(plan_fork, .init = begin, .fini = end, .timeout = 60);

static bool is_cut(uint32_t edge)
{
    return plans.plan.links[edge].is_cut;
}

static void make(void)
{
    cr_assert(zero(int, plans_make(&plans)));
}

static void make_next(void)
{
    cr_assert(zero(int, plans_make_next(&plans)));
}

/* source -> look, and source -> every 25th -> jpeg: no load, but a frame in 25 would wait for it.
 */
Test(plan_fork, a_branch_that_seldom_takes_long_is_cut_off)
{
    uint32_t source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 20, 25), throttle;

    plans_put(&plans, source, "look", 1000, 25);
    throttle = plans_put(&plans, source, "throttle", 2, 25);
    plans_put(&plans, throttle, "jpeg", 60000, 1);
    plans.problem.machine.n_cpus = 1;
    make();
    cr_assert(not(is_cut(0)));
    cr_assert(not(is_cut(1)));
    cr_assert(eq(int, plans.plan.links[2].reason, LIMEF_PLAN_CUT_BRANCH));
    /* a gap */
    plans.filters[3].p95_us = 27000;
    make_next();
    cr_assert(is_cut(2));
    plans.filters[3].p95_us = 20000;
    make_next();
    cr_assert(not(is_cut(2)));
    plans.filters[3].p95_us = 27000;
    make_next();
    cr_assert(not(is_cut(2)));
    /* nobody is held up in a chain */
    plans.filters[3].p95_us = 60000;
    plans.edges[1].from = 1;
    make();
    cr_assert(not(is_cut(2)));
}

/* source -> look, and source -> decode: the looks at pictures that come three at once would wait
 * for three to be decoded. */
Test(plan_fork, a_branch_that_holds_up_what_comes_at_once_is_cut_off)
{
    uint32_t source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 20, 20);

    plans_put(&plans, source, "look", 200, 20);
    plans_put(&plans, source, "decode", 15000, 20);
    plans.problem.machine.n_cpus = 1;
    plans.edges[0].burst_frames = plans.edges[1].burst_frames = 1;
    make();
    cr_assert(not(is_cut(1)));
    plans.edges[0].burst_frames = plans.edges[1].burst_frames = 3;
    make();
    cr_assert(not(is_cut(0)));
    cr_assert(eq(int, plans.plan.links[1].reason, LIMEF_PLAN_CUT_BRANCH));
}
