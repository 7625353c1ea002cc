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

TestSuite(plan, .init = begin, .fini = end, .timeout = 60);

static void put_chain(double decode_us, double scale_us)
{
    plans_put_chain(&plans, decode_us, scale_us);
}

static bool is_cut(uint32_t edge)
{
    return plans.plan.links[edge].is_cut;
}

static enum limef_plan_reason reason(uint32_t edge)
{
    return plans.plan.links[edge].reason;
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

Test(plan, of_nothing_is_empty)
{
    make();
    cr_assert(zero(u32, plans.plan.n_islands));
    cr_assert(zero(u32, plans.plan.n_workers));
}

Test(plan, light_work_is_fused)
{
    put_chain(1000, 500);
    make();
    cr_assert(not(is_cut(0)));
    cr_assert(not(is_cut(1)));
    cr_assert(eq(int, reason(1), LIMEF_PLAN_FUSED_CHEAP));
    cr_assert(eq(u32, plans.plan.n_islands, 1));
}

Test(plan, a_resize_that_no_core_can_do_beside_the_decoder_is_cut_off)
{
    put_chain(24100, 17000);
    make();
    cr_assert(not(is_cut(0)));
    cr_assert(is_cut(1));
    cr_assert(eq(int, reason(1), LIMEF_PLAN_CUT_LOAD));
    cr_assert(ne(u32, island_of(1)->worker, island_of(2)->worker));
}

Test(plan, slow_frames_are_cut_though_the_mean_is_light)
{
    put_chain(8000, 8000);
    plans.filters[1].p95_us = plans.filters[2].p95_us = 20000;
    make();
    cr_assert(is_cut(1));
    cr_assert(eq(int, reason(1), LIMEF_PLAN_CUT_LATE));
}

Test(plan, nothing_is_cut_without_a_core_that_could_use_it)
{
    plans.problem.machine.n_cpus = 1;
    put_chain(24100, 17000);
    make();
    cr_assert(not(is_cut(1)));
    cr_assert(eq(int, reason(1), LIMEF_PLAN_FUSED_NO_CPU));
}

Test(plan, four_decodes_on_two_cores_are_not_cut)
{
    plans.problem.machine.n_cpus = 2;
    for (int i = 0; i < 4; i++)
        put_chain(22000, 14000);
    make();
    for (uint32_t i = 0; i < plans.problem.n_edges; i++)
        cr_assert(not(is_cut(i)));
    cr_assert(eq(u32, plans.plan.n_workers, 4));
}

Test(plan, the_largest_piece_is_as_small_as_possible)
{
    uint32_t filter = plans_put(&plans, LIMEF_PLAN_NONE, "source", 0, 25);

    for (int i = 0; i < 10; i++)
        filter = plans_put(&plans, filter, "work", 4000, 25);
    make();
    cr_assert(eq(u32, plans.plan.n_islands, 2));
    cr_assert(epsilon_eq(dbl, island_of(0)->load, 0.5, 1e-9));
    cr_assert(epsilon_eq(dbl, island_of(10)->load, 0.5, 1e-9));
}

Test(plan, of_equal_cuts_the_cheapest_is_made)
{
    uint32_t filter = plans_put(&plans, LIMEF_PLAN_NONE, "source", 0, 25);

    for (int i = 0; i < 5; i++)
        filter = plans_put(&plans, filter, "work", i == 2 ? 100 : 10000, 25);
    /* the light one may lie on either side of the cut */
    plans.edges[2].frame_bytes = 6000000;
    plans.edges[3].frame_bytes = 1000;
    make();
    cr_assert(not(is_cut(2)));
    cr_assert(is_cut(3));
}

Test(plan, a_tree_is_split_where_its_branches_are_heavy)
{
    uint32_t source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 0, 25);

    plans_put(&plans, source, "light", 1000, 25);
    plans_put(&plans, source, "heavy", 20000, 25);
    plans_put(&plans, source, "light", 1000, 25);
    plans_put(&plans, source, "heavy", 20000, 25);
    make();
    cr_assert(eq(u32, plans.plan.n_islands, 2));
    cr_assert(not(is_cut(0)));
    cr_assert(not(is_cut(2)));
    cr_assert(eq(int, is_cut(1) + is_cut(3), 1));
}

Test(plan, two_threads_that_come_together_are_cut)
{
    uint32_t a = plans_put(&plans, LIMEF_PLAN_NONE, "source", 10, 25);
    uint32_t b = plans_put(&plans, LIMEF_PLAN_NONE, "source", 10, 25);
    uint32_t grid = plans_put(&plans, a, "grid", 10, 25);

    plans_connect(&plans, b, grid);
    make();
    cr_assert(is_cut(0));
    cr_assert(is_cut(1));
    cr_assert(eq(int, reason(0), LIMEF_PLAN_CUT_JOIN));
    cr_assert(eq(u32, plans.plan.n_islands, 3));
}

Test(plan, a_diamond_on_one_thread_is_fused)
{
    uint32_t a = plans_put(&plans, LIMEF_PLAN_NONE, "source", 10, 25);
    uint32_t left = plans_put(&plans, a, "left", 10, 25);
    uint32_t right = plans_put(&plans, a, "right", 10, 25);
    uint32_t join = plans_put(&plans, left, "join", 10, 25);

    plans_connect(&plans, right, join);
    make();
    cr_assert(eq(u32, plans.plan.n_islands, 1));
}

Test(plan, a_diamond_with_a_heavy_side_is_cut_at_its_end_on_both)
{
    uint32_t a = plans_put(&plans, LIMEF_PLAN_NONE, "source", 18000, 25);
    uint32_t left = plans_put(&plans, a, "left", 29000, 25);
    uint32_t right = plans_put(&plans, a, "right", 10, 25);
    uint32_t join = plans_put(&plans, left, "join", 10, 25);

    plans_connect(&plans, right, join);
    make();
    cr_assert(is_cut(0));
    cr_assert(eq(int, is_cut(2), is_cut(3)));
}

Test(plan, a_bound_filter_has_a_thread_for_itself)
{
    put_chain(1000, 500);
    plans.filters[1].flags = LIMEF_FILTER_THREAD_BOUND;
    make();
    cr_assert(eq(int, reason(0), LIMEF_PLAN_CUT_BOUND));
    cr_assert(eq(int, reason(1), LIMEF_PLAN_CUT_BOUND));
    cr_assert(eq(u32, plans.plan.n_workers, 3));
}

Test(plan, real_time_is_cut_on_both_sides_and_most_urgent)
{
    put_chain(1000, 500);
    plans.filters[1].flags = LIMEF_FILTER_REAL_TIME;
    make();
    cr_assert(eq(int, reason(0), LIMEF_PLAN_CUT_REAL_TIME));
    cr_assert(eq(int, reason(1), LIMEF_PLAN_CUT_REAL_TIME));
    cr_assert(eq(int, island_of(1)->priority, LIMEF_PRIORITY_AUDIO));
}

Test(plan, a_thread_of_the_application_keeps_its_filters)
{
    put_chain(24100, 17000);
    plans.filters[1].thread = plans.filters[2].thread = 3;
    make();
    cr_assert(eq(int, reason(0), LIMEF_PLAN_CUT_EXPLICIT));
    cr_assert(not(is_cut(1)));
    cr_assert(eq(u32, island_of(2)->thread, 3));
    cr_assert(eq(u32, island_of(2)->worker, LIMEF_PLAN_NONE));
    cr_assert(eq(u32, plans.plan.n_workers, 1));
}

Test(plan, light_packet_path_stays_with_the_live_source_that_waits)
{
    uint32_t source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 20, 25);
    uint32_t gate = plans_put(&plans, source, "gate", 1, 25);

    plans_put(&plans, gate, "decode", 9000, 25);
    plans.filters[source].flags |= LIMEF_FILTER_BLOCKING;
    plans.filters[source].is_live = true;
    plans.edges[0].is_encoded = plans.edges[1].is_encoded = true;
    make(); /* 0.23 of a core: the source is back in time */
    cr_assert(not(is_cut(1)));
    plans.filters[2].cost_us = plans.filters[2].p95_us = 16000;
    make();
    cr_assert(not(is_cut(0)));
    cr_assert(is_cut(1));
    cr_assert(eq(int, reason(1), LIMEF_PLAN_CUT_BLOCKING));
    cr_assert(eq(int, island_of(0)->priority, LIMEF_PRIORITY_INGEST));
    cr_assert(eq(int, plans.plan.links[1].overflow, LIMEF_OVERFLOW_DROP_TO_KEY));
}

Test(plan, what_is_not_measured_gets_no_real_time_class_behind_a_source_that_waits)
{
    uint32_t source = plans_add(&plans, "source", LIMEF_FILTER_SOURCE | LIMEF_FILTER_BLOCKING);
    uint32_t filter = plans_add(&plans, "any", 0);

    plans_connect(&plans, source, filter);
    make();
    cr_assert(not(is_cut(0)));
    cr_assert(eq(int, island_of(0)->priority, LIMEF_PRIORITY_PROCESSING));
    plans.filters[filter].rate_hz = 25; /* as from the cache: the filter is known, the source new */
    plans.filters[filter].cost_us = plans.filters[filter].p95_us = 4000;
    make();
    cr_assert(eq(int, island_of(0)->priority, LIMEF_PRIORITY_INGEST));
    plans.filters[filter].cost_us = plans.filters[filter].p95_us = 14000;
    make();
    cr_assert(eq(int, island_of(0)->priority, LIMEF_PRIORITY_PROCESSING));
}

Test(plan, a_source_alone_reads_if_it_waits)
{
    uint32_t source = plans_add(&plans, "source", LIMEF_FILTER_SOURCE | LIMEF_FILTER_BLOCKING);
    uint32_t decode = plans_add(&plans, "decode", LIMEF_FILTER_SELF_THREADED);

    plans_connect(&plans, source, decode);
    make();
    cr_assert(is_cut(0));
    cr_assert(eq(int, island_of(0)->priority, LIMEF_PRIORITY_INGEST));
    plans.filters[source].flags = LIMEF_FILTER_SOURCE;
    make();
    cr_assert(eq(int, island_of(0)->priority, LIMEF_PRIORITY_PROCESSING));
}

/* Where others leave it little it seems light; before all others it would take the core. */
Test(plan, a_source_that_never_waits_does_not_become_urgent)
{
    uint32_t source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 20, 25);
    uint32_t recorder = plans_put(&plans, source, "writer", 80, 25);

    plans.filters[recorder].flags = LIMEF_FILTER_RECORDS | LIMEF_FILTER_BLOCKING;
    make();
    cr_assert(eq(int, island_of(source)->priority, LIMEF_PRIORITY_INGEST));
    cr_assert(eq(int, island_of(recorder)->priority, LIMEF_PRIORITY_INGEST));
    plans.filters[source].is_eager = true;
    make_next(); /* it is urgent, and light all the same: nobody starves */
    cr_assert(eq(int, island_of(source)->priority, LIMEF_PRIORITY_INGEST));
    make();
    cr_assert(eq(int, island_of(source)->priority, LIMEF_PRIORITY_PROCESSING));
    cr_assert(eq(int, island_of(recorder)->priority, LIMEF_PRIORITY_RECORDING));
    make_next();
    cr_assert(eq(int, island_of(source)->priority, LIMEF_PRIORITY_PROCESSING));
    plans.filters[source].is_eager = false;
    make_next();
    cr_assert(eq(int, island_of(source)->priority, LIMEF_PRIORITY_INGEST));
}

/* flags: of the camera. */
static void fill_machine(unsigned flags, double decode_us)
{
    uint32_t source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 20, 25);
    double load = (decode_us + 20) * 25 / 1e6;

    plans_put(&plans, source, "decode", decode_us, 25);
    plans.filters[source].flags |= flags;
    plans.filters[source].is_live = true;
    plans.problem.machine.n_cpus = load / 0.8;
    make();
    cr_assert(eq(int, reason(0), LIMEF_PLAN_CUT_PRIORITY));
    plans.problem.machine.n_cpus =
        load / 0.65; /* less full than what cuts, fuller than what fuses */
    make_next();
    cr_assert(eq(int, reason(0), LIMEF_PLAN_CUT_PRIORITY));
    plans.problem.machine.n_cpus = 2;
    make_next();
    cr_assert(not(is_cut(0)));
}

Test(plan, reading_goes_first_when_the_machine_is_full)
{
    fill_machine(LIMEF_FILTER_BLOCKING, 7000);
}

Test(plan, so_does_a_camera_that_is_asked)
{
    fill_machine(0, 7000);
}

Test(plan, so_does_a_camera_that_is_asked_before_heavy_work)
{
    fill_machine(0, 16000);
}

Test(plan, a_recorder_does_not_stall_a_camera)
{
    uint32_t source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 20, 25);

    plans_put(&plans, source, "mux", 12000, 25);
    plans.filters[0].is_live = true;
    plans.filters[1].flags = LIMEF_FILTER_RECORDS;
    plans.edges[0].is_encoded = true;
    make();
    cr_assert(eq(int, reason(0), LIMEF_PLAN_CUT_PRIORITY));
    cr_assert(eq(int, island_of(1)->priority, LIMEF_PRIORITY_RECORDING));
    cr_assert(eq(int, plans.plan.links[0].overflow, LIMEF_OVERFLOW_DROP_TO_KEY));
    cr_assert(eq(i64, plans.plan.links[0].max_time_us, 2000000));
    plans.filters[0].is_live = false;
    make();
    cr_assert(not(is_cut(0)));
}

static void set_mux_cost(double us)
{
    plans.filters[1].cost_us = plans.filters[1].p95_us = us;
}

/* Nothing is gained by handing over what is written in a moment; while that is not known it is. */
Test(plan, a_light_recorder_stays_with_its_camera)
{
    uint32_t source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 20, 25);

    plans_put(&plans, source, "mux", LIMEF_NOT_MEASURED, 25);
    plans.filters[0].is_live = true;
    plans.filters[1].flags = LIMEF_FILTER_RECORDS;
    make();
    cr_assert(eq(int, reason(0), LIMEF_PLAN_CUT_PRIORITY));
    set_mux_cost(5000); /* an eighth of 40 ms */
    make_next();
    cr_assert(is_cut(0));
    set_mux_cost(3000);
    make_next();
    cr_assert(not(is_cut(0)));
    set_mux_cost(7000);
    make_next();
    cr_assert(not(is_cut(0)));
    set_mux_cost(9000);
    make_next();
    cr_assert(is_cut(0));
}

/* Packets that come often: what is written in 3 ms, of which nobody notices, stalls nobody. */
Test(plan, a_recorder_that_nobody_notices_stays_with_a_fast_camera)
{
    uint32_t source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 1, 125);

    plans_put(&plans, source, "mux", 500, 125);
    plans.filters[0].is_live = true;
    plans.filters[1].flags = LIMEF_FILTER_RECORDS;
    plans.filters[1].p95_us = 3000;
    make();
    cr_assert(not(is_cut(0)));
    plans.filters[1].p95_us = 3500;
    make();
    cr_assert(eq(int, reason(0), LIMEF_PLAN_CUT_PRIORITY));
}

/* One that waits for its device has a thread, and what is light on it waits for nobody's pictures.
 */
Test(plan, a_light_recorder_that_waits_is_urgent)
{
    uint32_t source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 20, 25);

    plans_put(&plans, source, "writer", 80, 25);
    plans.filters[0].is_live = true;
    plans.filters[1].flags = LIMEF_FILTER_RECORDS | LIMEF_FILTER_BLOCKING;
    make();
    cr_assert(eq(int, reason(0), LIMEF_PLAN_CUT_BLOCKING));
    cr_assert(eq(int, island_of(1)->priority, LIMEF_PRIORITY_INGEST));
    set_mux_cost(20000);
    make();
    cr_assert(eq(int, island_of(1)->priority, LIMEF_PRIORITY_RECORDING));
}

Test(plan, a_self_threaded_decoder_is_cut_off_until_it_is_measured)
{
    plans_add(&plans, "file", LIMEF_FILTER_SOURCE | LIMEF_FILTER_BLOCKING);
    plans_add(&plans, "decode", LIMEF_FILTER_SELF_THREADED);
    plans_connect(&plans, 0, 1);
    make();
    cr_assert(eq(int, reason(0), LIMEF_PLAN_CUT_UNMEASURED));
    for (int i = 0; i < 2; i++) {
        plans.filters[i].cost_us = plans.filters[i].p95_us = 300;
        plans.filters[i].rate_hz = 25;
    }
    make_next();
    cr_assert(not(is_cut(0)));
}

Test(plan, what_comes_at_once_is_worked_on_in_pieces_and_waits_in_all_fifos)
{
    put_chain(10000, 9000); /* 0.475 of a core */
    plans.edges[0].burst_frames = plans.edges[1].burst_frames = 1;
    make();
    cr_assert(not(plans.plan.links[1].is_cut));
    plans.edges[0].burst_frames = 4; /* the last of them waits for three others */
    make();
    cr_assert(plans.plan.links[1].is_cut);
    cr_assert(eq(u32, plans.plan.links[1].depth, 6));
    make_next();
    cr_assert(plans.plan.links[1].is_cut);
    plans.problem.machine.n_cpus = 1; /* no other core would help */
    make();
    cr_assert(not(plans.plan.links[1].is_cut));
}

Test(plan, a_cut_stays_between_the_thresholds)
{
    put_chain(20000, 14000); /* 0.85 */
    make();
    cr_assert(is_cut(1));
    plans.filters[1].cost_us = plans.filters[1].p95_us = 12000; /* 0.65 */
    make_next();
    cr_assert(is_cut(1));
    plans.filters[1].cost_us = plans.filters[1].p95_us = 7000; /* 0.525 */
    make_next();
    cr_assert(not(is_cut(1)));
    plans.filters[1].cost_us = plans.filters[1].p95_us = 12000; /* 0.65 again: as it was */
    make_next();
    cr_assert(not(is_cut(1)));
}

/* No cut stays for its own sake, and none is missing for it. */
Test(plan, what_was_planned_without_costs_is_cut_as_if_nothing_ran)
{
    plans.problem.is_first = true;
    put_chain(20000, 14000); /* 0.85 */
    make();
    plans.filters[1].cost_us = plans.filters[1].p95_us = 12000; /* 0.65 */
    make_next();
    cr_assert(not(is_cut(1)));
    plans.filters[1].cost_us = plans.filters[1].p95_us = 20000;
    make_next();
    cr_assert(is_cut(1));
}

Test(plan, modes_for_comparison)
{
    put_chain(24100, 17000);
    put_chain(24100, 17000);
    plans.problem.mode = LIMEF_PLAN_FUSED;
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 1));
    plans.problem.mode = LIMEF_PLAN_PER_STREAM;
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 2));
    plans.problem.mode = LIMEF_PLAN_PER_FILTER;
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 6));
    plans.problem.mode = LIMEF_PLAN_WHITELIST;
    make();
    cr_assert(eq(u32, plans.plan.n_workers, 4));
    cr_assert(is_cut(0));
    cr_assert(eq(int, reason(0), LIMEF_PLAN_CUT_MODE));
    cr_assert(not(is_cut(1)));
}

Test(plan, a_fixed_connection_is_never_cut_for_load)
{
    put_chain(24100, 17000);
    plans.edges[1].is_fixed = true;
    make();
    cr_assert(not(is_cut(1)));
    cr_assert(eq(u32, plans.plan.n_islands, 2)); /* before the decoder it may be */
}
