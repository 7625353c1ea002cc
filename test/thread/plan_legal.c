/* SPDX-License-Identifier: MIT */
/* A plan that somebody forged is found out. */
#include "thread/plan_private.h"

#include "support/plans.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

static struct plans plans;

/* source | decode, scale | window: three islands on three threads */
static void begin(void)
{
    uint32_t source, decode, scale, window;

    plans_init(&plans, 4);
    source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 1, 25);
    plans.filters[source].flags |= LIMEF_FILTER_BOUNDARY;
    decode = plans_put(&plans, source, "decode", 9000, 25);
    scale = plans_put(&plans, decode, "scale", 100, 25);
    window = plans_add(&plans, "window", LIMEF_FILTER_THREAD_BOUND);
    plans_connect(&plans, scale, window);
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(eq(u32, plans.plan.n_islands, 3));
}

static void end(void)
{
    plans_clear(&plans);
}

TestSuite(plan_legal, .init = begin, .fini = end, .timeout = 30);

static bool is_legal(void)
{
    uint32_t scratch[8];

    return plan_is_legal(&plans.plan, &plans.problem, scratch, NULL);
}

Test(plan_legal, what_the_planner_says)
{
    cr_assert(is_legal());
}

Test(plan_legal, not_an_island_on_no_thread)
{
    struct limef_plan_island *island = &plans.plan.islands[1];

    plans.plan.workers[island->worker].n_islands--;
    island->worker = LIMEF_PLAN_NONE;
    cr_assert(not(is_legal()));
}

Test(plan_legal, not_a_worker_that_is_not_there)
{
    plans.plan.islands[1].worker = plans.plan.n_workers;
    cr_assert(not(is_legal()));
}

Test(plan_legal, not_a_fifo_without_depth)
{
    plans.plan.links[0].depth = 0;
    cr_assert(not(is_legal()));
    plans.plan.links[0].depth = LIMEF_LANE_MAX_FRAMES;
    cr_assert(not(is_legal()));
}

Test(plan_legal, not_links_that_do_not_match_islands)
{
    plans.plan.links[0].is_cut = false;
    plans.plan.links[0].reason = LIMEF_PLAN_FUSED_CHEAP;
    cr_assert(not(is_legal()));
}

Test(plan_legal, not_without_the_cut_of_what_is_bound)
{
    struct limef_plan_link *link = &plans.plan.links[2];
    struct limef_plan *plan = &plans.plan;

    link->is_cut = false;
    link->reason = LIMEF_PLAN_FUSED_CHEAP;
    plan->workers[plan->islands[plan->island_of[3]].worker].n_islands--;
    plan->island_of[3] = plan->island_of[2];
    plan->n_islands--;
    cr_assert(not(is_legal()));
}

Test(plan_legal, not_an_island_in_two_pieces)
{
    struct limef_plan *plan = &plans.plan;

    plan->island_of[3] = plan->island_of[0];
    cr_assert(not(is_legal()));
}

Test(plan_legal, not_threads_in_a_circle)
{
    struct limef_plan *plan = &plans.plan;

    plans.filters[0].flags = LIMEF_FILTER_SOURCE;
    plans.filters[3].flags = 0;
    cr_assert(is_legal());
    plan->workers[plan->islands[plan->island_of[3]].worker].n_islands--;
    plan->islands[plan->island_of[3]].worker = plan->islands[plan->island_of[0]].worker;
    plan->workers[plan->islands[plan->island_of[0]].worker].n_islands++;
    cr_assert(not(is_legal()));
}
