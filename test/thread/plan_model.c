/* SPDX-License-Identifier: MIT */
/* What the model of the machine says of plans that are made by hand. */
#include "thread/plan_model.h"

#include "support/plans.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>

static struct plans plans;
static struct plan_model model;
static struct plan_work work;
static void *scratch;

static void begin(void)
{
    plans_init(&plans, 2);
}

static void end(void)
{
    free(scratch);
    plans_clear(&plans);
}

TestSuite(plan_model, .init = begin, .fini = end, .timeout = 60);

/* Reads what is in plans, planned in a mode. */
static bool read_plan(enum limef_plan_mode mode)
{
    uint32_t n = plans.problem.n_filters, m = plans.problem.n_edges;

    plans.problem.mode = mode;
    cr_assert(zero(int, plans_make(&plans)));
    free(scratch);
    scratch = calloc(1, limef_plan_scratch_bytes(n, m));
    work = (struct plan_work){.problem = &plans.problem, .plan = &plans.plan};
    plan_work_lay_out(&work, scratch, n, m);
    cr_assert(zero(int, plan_read_topology(&work)));
    return plan_model_init(&model, &work);
}

static double missed(enum limef_plan_mode mode)
{
    cr_assert(read_plan(mode));
    return plan_model_run(&model, 1, INFINITY).missed;
}

Test(plan_model, two_filters_that_do_not_fit_one_core_miss_only_if_fused)
{
    plans_put_chain(&plans, 24000, 17000);
    cr_assert(gt(dbl, missed(LIMEF_PLAN_FUSED), 0.8));
    cr_assert(lt(dbl, missed(LIMEF_PLAN_PER_FILTER), 0.1)); /* seldom ones cost more */
}

Test(plan_model, one_core_does_no_more_than_it_can)
{
    plans.problem.machine.n_cpus = 1;
    plans_put_chain(&plans, 20000, 18000);
    for (int i = 0; i < 3; i++)
        plans_put(&plans, 2, "scale", 200, 25);
    plans.filters[1].p95_us = 40000;
    cr_assert(gt(dbl, missed(LIMEF_PLAN_FUSED), 0.1));
    cr_assert(gt(dbl, missed(LIMEF_PLAN_PER_FILTER), 0.1));
}

Test(plan_model, the_last_of_a_burst_waits_for_the_others)
{
    plans_put_chain(&plans, 11000, 9000);
    plans.edges[0].burst_frames = 4;
    cr_assert(gt(dbl, missed(LIMEF_PLAN_FUSED), 0.2));
    cr_assert(lt(dbl, missed(LIMEF_PLAN_PER_FILTER), missed(LIMEF_PLAN_FUSED)));
}

Test(plan_model, handovers_are_processor_time)
{
    double fused;

    plans_put_chain(&plans, 11000, 9500);
    cr_assert(read_plan(LIMEF_PLAN_FUSED));
    fused = plan_model_run(&model, 1, INFINITY).cpu;
    cr_assert(read_plan(LIMEF_PLAN_PER_FILTER));
    cr_assert(gt(dbl, plan_model_run(&model, 1, INFINITY).cpu, fused));
}

Test(plan_model, same_plan_gives_the_same_answer)
{
    struct model_outcome a, b;

    plans_put_chain(&plans, 24000, 17000);
    plans.filters[1].p95_us = 40000;
    cr_assert(read_plan(LIMEF_PLAN_PER_FILTER));
    a = plan_model_run(&model, 1, INFINITY);
    b = plan_model_run(&model, 1, INFINITY);
    cr_assert(gt(dbl, a.missed, 0));
    cr_assert(eq(dbl, a.missed, b.missed));
    cr_assert(eq(dbl, a.cpu, b.cpu));
}

/* Three threads on two cores; frames 40 ms apart, for 20 s. */
Test(plan_model, a_slice_ends_only_where_another_thread_waits)
{
    plans_put_chain(&plans, 24000, 30000);
    missed(LIMEF_PLAN_PER_FILTER);
    cr_assert(le(u32, model.n_steps, 500 * 12));
}

/* Two threads on two cores, and one within a filter. */
Test(plan_model, threads_within_filters_use_the_cores_too)
{
    double alone;

    plans_put_chain(&plans, 24000, 17000);
    plans.filters[1].p95_us = 40000;
    plans.filters[1].flags = LIMEF_FILTER_SELF_THREADED;
    alone = missed(LIMEF_PLAN_PER_FILTER);
    plans.problem.machine.inside_load = 0.85;
    cr_assert(gt(dbl, missed(LIMEF_PLAN_PER_FILTER), alone + 0.01));
    cr_assert(eq(uint, model.n_inside, 2));
}

/* Four frames at once, which two cores do in time if nothing else comes with them. */
Test(plan_model, threads_within_a_filter_work_when_it_has_a_frame)
{
    uint32_t source, steady;
    double apart;

    plans_put_chain(&plans, 9000, 10000);
    plans.edges[0].burst_frames = 4;
    source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 20, 25);
    steady = plans_put(&plans, source, "decode", 9000, 25);
    plans.problem.machine.inside_load = 0.4;
    plans.filters[steady].flags = LIMEF_FILTER_SELF_THREADED;
    apart = missed(LIMEF_PLAN_PER_FILTER);
    plans.filters[steady].flags = 0;
    plans.filters[1].flags = LIMEF_FILTER_SELF_THREADED;
    cr_assert(gt(dbl, missed(LIMEF_PLAN_PER_FILTER), apart + 0.05));
}

/* Three times as much of it is what the one does that has three times the load. */
Test(plan_model, what_threads_within_filters_do_goes_with_what_these_cost)
{
    plans.problem.machine.n_cpus = 8;
    plans_put_chain(&plans, 18000, 6000);
    plans.filters[1].flags = plans.filters[2].flags = LIMEF_FILTER_SELF_THREADED;
    plans.problem.machine.inside_load = 3;
    cr_assert(read_plan(LIMEF_PLAN_PER_FILTER));
    cr_assert(eq(uint, model.n_inside_of[1], 3));
    cr_assert(eq(uint, model.n_inside_of[2], 1));
}

Test(plan_model, what_is_bound_or_real_time_is_known_as_all_else)
{
    plans_put_chain(&plans, 24000, 17000);
    plans.filters[1].flags = LIMEF_FILTER_SELF_THREADED;
    plans.filters[2].flags = LIMEF_FILTER_THREAD_BOUND | LIMEF_FILTER_DISPLAY;
    cr_assert(lt(dbl, missed(LIMEF_PLAN_FUSED), 0.1)); /* which the display is not */
    plans.filters[2].flags = LIMEF_FILTER_REAL_TIME;
    cr_assert(lt(dbl, missed(LIMEF_PLAN_FUSED), 0.1));
}

Test(plan_model, it_says_nothing_of_what_it_does_not_know)
{
    plans_put_chain(&plans, 24000, 17000);
    cr_assert(read_plan(LIMEF_PLAN_FUSED));
    plans.filters[2].thread = 0; /* of the application */
    cr_assert(not(read_plan(LIMEF_PLAN_FUSED)));
    plans.filters[2].thread = LIMEF_PLAN_NONE;
    plans.problem.machine.n_cpus = 64;
    plans.problem.machine.inside_load = 20;
    cr_assert(not(read_plan(LIMEF_PLAN_FUSED)));
    plans.problem.machine.n_cpus = 2;
    plans.problem.machine.inside_load = 0;
    plans.filters[0].is_eager = true;
    cr_assert(not(read_plan(LIMEF_PLAN_FUSED)));
    plans.filters[0].is_eager = false;
    plans.filters[1].cost_us = LIMEF_NOT_MEASURED;
    cr_assert(not(read_plan(LIMEF_PLAN_FUSED)));
    plans.filters[1].cost_us = 200; /* nothing can be late */
    plans.filters[2].cost_us = 100;
    plans.filters[1].p95_us = plans.filters[2].p95_us = 200;
    cr_assert(not(read_plan(LIMEF_PLAN_FUSED)));
    plans.filters[1].cost_us = plans.filters[2].cost_us = 50000; /* all can */
    cr_assert(not(read_plan(LIMEF_PLAN_FUSED)));
}

Test(plan_model, frames_without_end_are_not_waited_for)
{
    plans_put_chain(&plans, 1e-6, 1e-6);
    for (int i = 0; i < 3; i++)
        plans.filters[i].rate_hz = 1e11;
    plans.edges[0].rate_hz = plans.edges[1].rate_hz = 1e11;
    plans.filters[1].p95_us = 1e11;
    if (read_plan(LIMEF_PLAN_FUSED))
        plan_model_run(&model, 1, INFINITY);
    cr_assert(le(u32, model.n_steps, MODEL_STEPS + 1));
}
