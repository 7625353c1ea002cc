/* SPDX-License-Identifier: MIT */
#include "sim/scenarios.h"

#include <limef/thread/plan_diff.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <string.h>

TestSuite(machine, .timeout = 60);

static void run(struct sim_result *result, const struct sim_graph *graph,
                const struct sim_machine *machine, enum limef_plan_mode mode)
{
    struct sim_settings settings = {.seconds = 10, .seed = 3};
    struct sim_problem it;

    sim_open_problem(&it, graph, machine);
    sim_tell_costs(&it, graph);
    it.problem.mode = mode;
    cr_assert(zero(int, limef_plan_make(&it.plan, &it.problem, it.scratch)));
    sim_run(result, graph, &it.plan, machine, &settings);
    sim_clear_problem(&it);
}

static void build(struct sim_graph *graph, double rate_hz, double a_us, double b_us)
{
    sim_add_behind(graph, sim_add_behind(graph, sim_add_source(graph, rate_hz, 0), "a", a_us), "b",
                   b_us);
}

Test(machine, two_filters_that_do_not_fit_one_core_miss_only_if_fused)
{
    struct sim_machine machine = {.n_cpus = 2};
    struct sim_graph graph = {0};
    struct sim_result result;

    build(&graph, 25, 24000, 17000);
    run(&result, &graph, &machine, LIMEF_PLAN_FUSED);
    cr_assert(gt(dbl, sim_missed_share(&result), 0.8));
    sim_clear_result(&result);
    run(&result, &graph, &machine, LIMEF_PLAN_PER_FILTER);
    cr_assert(lt(dbl, sim_missed_share(&result), 0.001));
    sim_clear_result(&result);
    sim_clear_graph(&graph);
}

Test(machine, processor_time_is_work_and_handovers)
{
    struct sim_machine machine = {.n_cpus = 2};
    struct sim_graph graph = {0};
    struct sim_result result;

    build(&graph, 100, 1000, 500);
    run(&result, &graph, &machine, LIMEF_PLAN_FUSED);
    cr_assert(eq(u64, result.n_frames, 1000));
    cr_assert(epsilon_eq(dbl, result.own_us, 1500000, 1500));
    cr_assert(epsilon_eq(dbl, result.cpu_us - result.own_us, 1000 * 8, 20)); /* resumed each time */
    sim_clear_result(&result);

    run(&result, &graph, &machine, LIMEF_PLAN_PER_FILTER);
    /* two handovers more: to wake 5, to resume 8, the queue's both ends 0.6, perhaps a switch 3 */
    cr_assert(ge(dbl, result.cpu_us - result.own_us, 1000 * (8 + 2 * 13.6)));
    cr_assert(le(dbl, result.cpu_us - result.own_us, 1000 * (11 + 2 * 16.6)));
    sim_clear_result(&result);
    sim_clear_graph(&graph);
}

/* Key frames cost more; which those are is counted where they come. */
Test(machine, filters_behind_one_another_thin_out_what_comes_to_them)
{
    struct sim_machine machine = {.n_cpus = 2};
    struct sim_graph graph = {0};
    struct sim_result result;

    build(&graph, 100, 10, 1000);
    sim_add_behind(&graph, 2, "c", 100);
    graph.filters[1].keep_every = graph.filters[2].keep_every = 5;
    graph.filters[2].heavy = 3;
    run(&result, &graph, &machine, LIMEF_PLAN_FUSED);
    cr_assert(eq(u64, result.filters[1].n_frames, 1000));
    cr_assert(eq(u64, result.filters[2].n_frames, 200));
    cr_assert(eq(u64, result.filters[3].n_frames, 40));
    cr_assert(epsilon_eq(dbl, result.filters[2].own_us, 200 * 1000, 2000));
    sim_clear_result(&result);
    sim_clear_graph(&graph);
}

Test(machine, waking_by_the_clock_has_a_cost_of_its_own)
{
    struct sim_machine machine = {.n_cpus = 2, .timer_us = 23};
    struct sim_graph graph = {0};
    struct sim_result result;

    build(&graph, 100, 1000, 500);
    run(&result, &graph, &machine, LIMEF_PLAN_FUSED);
    cr_assert(epsilon_eq(dbl, result.cpu_us - result.own_us, 1000 * (23 - 3), 20)); /* no switch */
    sim_clear_result(&result);
    sim_clear_graph(&graph);
}

Test(machine, no_more_than_its_cores_is_used)
{
    struct sim_machine machine = {.n_cpus = 1};
    struct sim_graph graph = {0};
    struct sim_result result;

    build(&graph, 25, 50000, 50000);
    for (int mode = LIMEF_PLAN_AUTO; mode <= LIMEF_PLAN_WHITELIST; mode++) {
        run(&result, &graph, &machine, (enum limef_plan_mode)mode);
        cr_assert(le(dbl, result.cpu_us, 10.1e6));
        cr_assert(ge(dbl, result.cpu_us, 9.5e6));
        cr_assert(gt(dbl, sim_missed_share(&result), 0.3));
        sim_clear_result(&result);
    }
    sim_clear_graph(&graph);
}

Test(machine, same_seed_gives_the_same_run)
{
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct sim_machine machine;
        struct sim_graph graph = {0};
        struct sim_result a, b;

        scenario_random(&graph, &machine, seed, 12);
        run(&a, &graph, &machine, LIMEF_PLAN_AUTO);
        run(&b, &graph, &machine, LIMEF_PLAN_AUTO);
        cr_assert(eq(dbl, a.cpu_us, b.cpu_us));
        cr_assert(eq(dbl, a.p99_us, b.p99_us));
        cr_assert(eq(u64, a.n_switches, b.n_switches));
        sim_clear_result(&a);
        sim_clear_result(&b);
        sim_clear_graph(&graph);
    }
}

Test(machine, urgent_work_goes_first)
{
    struct sim_machine machine = {.n_cpus = 1};
    struct sim_graph graph = {0};
    struct sim_result result;
    uint32_t source, light;

    /* heavy work of files, and a camera's light packets, which are read more urgently */
    for (int i = 0; i < 2; i++) {
        source = sim_add_file(&graph, 25, 10);
        sim_add_behind(&graph, source, "heavy", 18000);
    }
    light = sim_add_behind(&graph, sim_add_source(&graph, 100, 5), "light", 20);
    graph.filters[light - 1].deadline_us = 1000;
    run(&result, &graph, &machine, LIMEF_PLAN_AUTO);
    cr_assert(zero(u64, result.filters[light].n_missed));
    sim_clear_result(&result);
    sim_clear_graph(&graph);
}

static struct sim_graph searched;
static struct sim_problem planned;

static void end_search(void)
{
    sim_clear_problem(&planned);
    sim_clear_graph(&searched);
}

TestSuite(search, .fini = end_search, .timeout = 60);

/* Plans a random graph; returns its islands' first filters: bits. */
static unsigned heads_of_plan(uint64_t seed)
{
    struct sim_machine machine;
    unsigned heads = 0;

    scenario_random(&searched, &machine, seed, 12);
    sim_open_problem(&planned, &searched, &machine);
    sim_tell_costs(&planned, &searched);
    cr_assert(zero(int, limef_plan_make(&planned.plan, &planned.problem, planned.scratch)));
    for (uint32_t i = 0; i < searched.n_edges; i++)
        if (planned.plan.links[i].is_cut)
            heads |= 1u << searched.edges[i].to;
    return heads;
}

/* A graph of which the planner runs out of steps while it has just found that one cut less, before
 * filter7, makes fewer frames late: that is taken. */
Test(search, what_is_found_with_the_last_steps_is_taken)
{
    cr_assert(zero(uint, heads_of_plan(30773) & 1u << 7));
}

/* Where the rules cut as often as can be, runs with many cuts take many steps: a plan with few is
 * looked for first. */
Test(search, few_cuts_are_found_where_the_rules_make_many)
{
    cr_assert(eq(uint, heads_of_plan(90340), 1u << 7 | 1u << 8 | 1u << 11));
}

static uint32_t worker_of(const struct limef_plan *plan, uint32_t filter)
{
    return plan->islands[plan->island_of[filter]].worker;
}

/* One core, and two chains of which one is busy for long: in turns of the system both are late, one
 * frame after the other neither. What runs so goes on so. */
Test(search, a_thread_is_shared_where_fewer_frames_are_late_then)
{
    struct sim_problem again;
    struct sim_machine machine = {.n_cpus = 1};

    heads_of_plan(90782);
    cr_assert(eq(u32, worker_of(&planned.plan, 2), worker_of(&planned.plan, 7)));
    sim_open_problem(&again, &searched, &machine);
    sim_tell_costs(&again, &searched);
    again.problem.previous = &planned.plan;
    cr_assert(zero(int, limef_plan_make(&again.plan, &again.problem, again.scratch)));
    cr_assert(zero(u32, limef_plan_diff(&again.plan, &again.problem, NULL, 0)));
    sim_clear_problem(&again);
}
