/* SPDX-License-Identifier: MIT */
#include "support/plans.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

static struct plans plans;

static void begin(void)
{
    plans_init(&plans, 4);
}

static void end(void)
{
    plans_clear(&plans);
}

TestSuite(plan_place, .init = begin, .fini = end, .timeout = 60);

static void put_chain(double decode_us, double scale_us)
{
    plans_put_chain(&plans, decode_us, scale_us);
}

static const struct limef_plan_island *island_of(uint32_t filter)
{
    return &plans.plan.islands[plans.plan.island_of[filter]];
}

static void make(void)
{
    cr_assert(zero(int, plans_make(&plans)));
}

static void make_next(void)
{
    cr_assert(zero(int, plans_make_next(&plans)));
}

Test(plan_place, light_sources_share_a_worker_but_none_that_waits)
{
    for (int i = 0; i < 8; i++)
        put_chain(1000, 500);
    make();
    cr_assert(eq(u32, plans.plan.n_islands, 8));
    cr_assert(eq(u32, plans.plan.n_workers, 1));
    for (uint32_t i = 0; i < plans.problem.n_filters; i += 3)
        plans.filters[i].flags |= LIMEF_FILTER_BLOCKING;
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 8));
}

/* source, two filters behind it, of which nothing is known */
static void add_unknown_chain(void)
{
    uint32_t source = plans_add(&plans, "source", LIMEF_FILTER_SOURCE);
    uint32_t filter = plans_add(&plans, "any", 0);

    plans_connect(&plans, source, filter);
    plans_connect(&plans, filter, plans_add(&plans, "sink", 0));
}

Test(plan_place, sources_that_are_not_measured_share_as_many_workers_as_there_are_cores)
{
    for (int i = 0; i < 100; i++)
        add_unknown_chain();
    make();
    cr_assert(eq(u32, plans.plan.n_islands, 100));
    cr_assert(eq(u32, plans.plan.n_workers, 4));
    for (uint32_t i = 0; i < 4; i++)
        cr_assert(eq(u32, plans.plan.workers[i].n_islands, 25));
    make_next();
    cr_assert(eq(u32, plans.plan.n_workers, 4));
    for (uint32_t i = 0; i < plans.problem.n_filters; i++) { /* 0.15 of a core each */
        plans.filters[i].cost_us = plans.filters[i].p95_us = 2000;
        plans.filters[i].rate_hz = 25;
    }
    make_next();
    cr_assert(ge(u32, plans.plan.n_workers, 20));
}

Test(plan_place, live_sources_that_are_not_measured_share_one_worker)
{
    for (uint32_t i = 0; i < 100; i++) {
        add_unknown_chain();
        plans.filters[3 * i].is_live = 1;
    }
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 1));
    add_unknown_chain(); /* a file's is dealt out */
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 2));
}

static void measure_chain_at(uint32_t source, double cost_us, double rate_hz)
{
    for (uint32_t i = source; i < source + 3; i++) {
        plans.filters[i].cost_us = plans.filters[i].p95_us = cost_us;
        plans.filters[i].rate_hz = rate_hz;
    }
}

static void measure_chain(uint32_t source, double cost_us)
{
    measure_chain_at(source, cost_us, 15);
}

/* Not all cameras answer at once. */
Test(plan_place, a_camera_that_is_not_measured_yet_shares_with_those_that_are)
{
    for (uint32_t i = 0; i < 32; i++) {
        add_unknown_chain();
        plans.filters[3 * i].is_live = 1;
    }
    make();
    for (uint32_t i = 1; i < 32; i += 2)
        measure_chain(3 * i, 10);
    make_next();
    cr_assert(eq(u32, plans.plan.n_workers, 1));
    for (uint32_t i = 2; i < 32; i += 2)
        measure_chain(3 * i, 10);
    make_next();
    cr_assert(eq(u32, plans.plan.n_workers, 1));
    add_unknown_chain(); /* a file's waits until it is measured */
    plans.problem.previous = NULL;
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 2));
}

Test(plan_place, cameras_that_are_not_measured_leave_a_worker_that_is_full)
{
    for (uint32_t i = 0; i < 6; i++) {
        add_unknown_chain();
        plans.filters[3 * i].is_live = 1;
        measure_chain_at(3 * i, 0.15e6 / 3 / 50, 50); /* 0.15 of a core */
    }
    add_unknown_chain();
    plans.filters[18].is_live = 1;
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 2));
    cr_assert(le(dbl, fmax(plans.plan.workers[0].load, plans.plan.workers[1].load), 0.61));
}

Test(plan_place, what_is_not_measured_shares_with_nobody_that_it_could_hold_up)
{
    add_unknown_chain();
    add_unknown_chain();
    plans.problem.machine.n_cpus = 0.5;
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 1));
    plans.filters[0].flags |= LIMEF_FILTER_BLOCKING;
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 2));
    plans.filters[0].flags = LIMEF_FILTER_SOURCE;
    plans.filters[2].flags = LIMEF_FILTER_BLOCKING; /* cut off: its fifo may be full */
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 3));
    plans.filters[2].flags = 0;
    for (uint32_t i = 0; i < 3; i++) { /* known beside unknown */
        plans.filters[i].cost_us = plans.filters[i].p95_us = 100;
        plans.filters[i].rate_hz = 25;
    }
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 2));
}

/* Two pictures are done before another's next one is due, four that come at once are not. */
Test(plan_place, what_is_long_busy_with_a_burst_shares_with_nobody)
{
    put_chain(3000, 1500);
    put_chain(1000, 500);
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 1));
    plans.edges[0].burst_frames = 2;
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 1));
    plans.edges[0].burst_frames = 4;
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 2));
    make_next();
    cr_assert(eq(u32, plans.plan.n_workers, 2));
}

Test(plan_place, a_small_change_moves_no_island)
{
    uint32_t workers[12];

    for (uint32_t i = 0; i < 12; i++)
        put_chain(3000 + 100 * i, 1500);
    make();
    for (uint32_t i = 0; i < 12; i++)
        workers[i] = island_of(3 * i)->worker;
    for (uint32_t i = 0; i < 12; i++)
        plans.filters[3 * i + 1].cost_us *= i % 2 ? 1.05 : 0.95;
    make_next();
    for (uint32_t i = 0; i < 12; i++)
        cr_assert(eq(u32, workers[i], island_of(3 * i)->worker));
}

Test(plan_place, what_is_new_does_not_move_what_was_there)
{
    static uint32_t was_filters[6], was_edges[4];
    uint32_t first;

    plans.problem.machine.n_cpus = 8;
    put_chain(24100, 17000);
    make();
    first = island_of(2)->worker;
    /* the new chain comes first */
    plans.problem.n_filters = plans.problem.n_edges = 0;
    put_chain(24100, 17000);
    put_chain(24100, 17000);
    for (uint32_t i = 0; i < 6; i++)
        was_filters[i] = i < 3 ? LIMEF_PLAN_NONE : i - 3;
    for (uint32_t i = 0; i < 4; i++)
        was_edges[i] = i < 2 ? LIMEF_PLAN_NONE : i - 2;
    plans.problem.previous_filters = was_filters;
    plans.problem.previous_edges = was_edges;
    make_next();
    cr_assert(eq(u32, island_of(5)->worker, first));
    cr_assert(eq(u32, plans.plan.n_workers, 4));
}

Test(plan_place, workers_that_became_light_become_one)
{
    for (int i = 0; i < 2; i++)
        put_chain(6000, 6000); /* 0.3 and more */
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 2));
    for (uint32_t i = 0; i < 6; i++)
        plans.filters[i].cost_us = 1000;
    make_next();
    cr_assert(eq(u32, plans.plan.n_workers, 1));
}
