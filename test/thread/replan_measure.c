/* SPDX-License-Identifier: MIT */
/* What is worse: figures of a chain before a change, and with it. */
#include "thread/replan.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>

TestSuite(replan_measure, .timeout = 60);

/* Of so many frames that a source gives in each of two seconds, so many that come to the end. */
static struct replan_measure fared(double made_hz, double arrived_hz)
{
    return (struct replan_measure){.arrived_hz = arrived_hz,
                                   .frame_hz = 0.5,
                                   .missed = (made_hz - arrived_hz) / made_hz,
                                   .cpu_us = 29000,
                                   .own_us = 29000};
}

/* Likewise, of a source that runs all the work itself, and is late. */
static struct replan_measure pressed(double arrived_hz)
{
    struct replan_measure measure = fared(arrived_hz, arrived_hz);

    measure.is_pressed = true;
    return measure;
}

static bool is_worse(struct replan_measure now, struct replan_measure base)
{
    return replan_is_worse(&now, &base);
}

/* 29 ms of work for 50 frames a second; 21 of them on a thread of their own. */
Test(replan_measure, drops_at_a_cut_are_not_worse_than_frames_that_a_late_source_left_out)
{
    cr_assert(not(is_worse(fared(50, 47.6), pressed(34.5))));
    cr_assert(not(is_worse(fared(50, 36), pressed(34.5))));
    cr_assert(is_worse(fared(50, 30), pressed(34.5)));
}

Test(replan_measure, a_source_that_becomes_late_is_worse_though_nothing_is_dropped)
{
    cr_assert(is_worse(pressed(34.5), fared(50, 50)));
    cr_assert(is_worse(pressed(34.5), fared(50, 47.6)));
    cr_assert(not(is_worse(pressed(47), fared(50, 45))));
}

Test(replan_measure, a_camera_that_sends_less_is_not_the_plans_fault)
{
    cr_assert(not(is_worse(fared(12.5, 12.5), fared(25, 25))));
    cr_assert(is_worse(fared(12.5, 11), fared(25, 25)));
}

Test(replan_measure, a_file_that_goes_on_slower_is_worse_unless_its_filters_cost_more)
{
    struct replan_measure now = pressed(80);

    cr_assert(is_worse(now, pressed(100)));
    cr_assert(not(is_worse(pressed(130), pressed(100))));
    now.own_us *= 1.3;
    now.cpu_us *= 1.3;
    cr_assert(not(is_worse(now, pressed(100))));
    now.arrived_hz = 60;
    cr_assert(is_worse(now, pressed(100)));
}

Test(replan_measure, drops_where_nothing_was_missed_before_are_worse)
{
    cr_assert(is_worse(fared(25, 24.2), fared(25, 25)));
    cr_assert(is_worse(fared(50, 40), fared(50, 50)));
    cr_assert(not(is_worse(fared(50, 50), fared(50, 40))));
}

Test(replan_measure, a_frame_more_or_less_in_a_window_is_not_worse)
{
    cr_assert(not(is_worse(pressed(24.5), pressed(25))));
    cr_assert(not(is_worse(pressed(0.5), pressed(1.5))));
    cr_assert(is_worse(pressed(23.5), pressed(25)));
}

Test(replan_measure, more_processor_time_counts_where_as_many_frames_arrive)
{
    struct replan_measure now = fared(25, 25);

    now.cpu_us *= 1.2;
    cr_assert(is_worse(now, fared(25, 25)));
    cr_assert(not(is_worse(now, fared(30, 22))));
    now.own_us *= 1.2;
    cr_assert(not(is_worse(now, fared(25, 25))));
}

/* Beyond the work, that is; what cannot be told of one of the two is not compared. */
Test(replan_measure, frames_that_wait_longer_are_worse_and_fresher_ones_are_worth_their_time)
{
    struct replan_measure now = fared(25, 25), base = fared(25, 25);

    base.waited_us = 5000;
    now.waited_us = 45000;
    cr_assert(not(is_worse(now, base)));
    now.has_age = base.has_age = true;
    cr_assert(is_worse(now, base));
    now.cpu_us = base.cpu_us *= 1.2;
    cr_assert(not(is_worse(base, now)));
    now.waited_us = 30000;
    cr_assert(not(is_worse(now, base)));
}

/* A live source, a fork, and two ends of which one gets every tenth frame. */
enum { SOURCE, FORK, SHOWN, KEPT, N_FILTERS };

struct judged {
    struct limef_plan_filter filters[N_FILTERS];
    struct limef_plan_edge edges[N_FILTERS - 1];
    struct limef_replan_seen seen[N_FILTERS];
    struct limef_plan_problem problem;
    struct limef_plan running;
    struct limef_replan replan;
    void *memory[2], *scratch;
};

static void judge(struct judged *it)
{
    struct limef_replan_window window = {&it->problem, it->seen, &it->running, 2000000};
    const struct limef_plan *wanted;

    cr_assert(ge(int, limef_replan_window(&it->replan, &window, &wanted), 0));
}

static void open_judged(struct judged *it)
{
    static const double rates_hz[N_FILTERS] = {50, 50, 50, 5}, cost_us[N_FILTERS] = {10, 0, 500, 9};

    for (uint32_t i = 0; i < N_FILTERS; i++) {
        it->filters[i] = (struct limef_plan_filter){.name = "any",
                                                    .kind = "any",
                                                    .thread = LIMEF_PLAN_NONE,
                                                    .cost_us = cost_us[i],
                                                    .p95_us = cost_us[i],
                                                    .rate_hz = rates_hz[i]};
        it->seen[i] =
            (struct limef_replan_seen){.id = i + 1, .n_frames = (uint64_t)rates_hz[i] * 2};
        if (i != SOURCE)
            it->edges[i - 1] = (struct limef_plan_edge){.from = i < SHOWN ? SOURCE : FORK,
                                                        .to = i,
                                                        .rate_hz = rates_hz[i],
                                                        .frame_bytes = LIMEF_NOT_MEASURED,
                                                        .burst_frames = LIMEF_NOT_MEASURED,
                                                        .jitter_us = LIMEF_NOT_MEASURED};
    }
    it->filters[SOURCE].flags = LIMEF_FILTER_SOURCE;
    it->filters[SOURCE].is_live = true;
    it->problem = (struct limef_plan_problem){.filters = it->filters,
                                              .edges = it->edges,
                                              .n_filters = N_FILTERS,
                                              .n_edges = N_FILTERS - 1,
                                              .machine = {.n_cpus = 2, .handover_us = 16}};
    it->memory[0] = malloc(limef_plan_bytes(N_FILTERS, N_FILTERS));
    it->memory[1] = malloc(limef_replan_bytes(N_FILTERS, N_FILTERS));
    it->scratch = malloc(limef_plan_scratch_bytes(N_FILTERS, N_FILTERS));
    limef_plan_init(&it->running, it->memory[0], N_FILTERS, N_FILTERS - 1);
    cr_assert(zero(int, limef_plan_make(&it->running, &it->problem, it->scratch)));
    limef_replan_init(&it->replan, it->memory[1], N_FILTERS, N_FILTERS);
}

static void close_judged(struct judged *it)
{
    limef_replan_clear(&it->replan);
    for (int i = 0; i < 2; i++)
        free(it->memory[i]);
    free(it->scratch);
}

static const struct replan_measure *fared_in(const struct judged *it)
{
    return &it->replan.chains[0][it->replan.chain_of[SOURCE]].now.fared;
}

Test(replan_measure, what_comes_to_all_ends_counts_by_the_second)
{
    struct judged it = {0};

    open_judged(&it);
    it.seen[FORK].age_us = 1000000; /* not at an end */
    it.seen[SHOWN].age_us = 20510;
    it.seen[KEPT].age_us = LIMEF_NOT_MEASURED;
    it.seen[KEPT].n_missed = 4;
    judge(&it);
    cr_assert(epsilon_eq(dbl, fared_in(&it)->arrived_hz, 55, 1e-9));
    cr_assert(epsilon_eq(dbl, fared_in(&it)->missed, 0.04, 1e-9));
    cr_assert(epsilon_eq(dbl, fared_in(&it)->own_us, 510.9, 1e-9));
    cr_assert(epsilon_eq(dbl, fared_in(&it)->waited_us, 19999.1, 1e-9));
    cr_assert(fared_in(&it)->has_age);
    cr_assert(not(fared_in(&it)->is_pressed));
    close_judged(&it);
}

/* Key frames: one in 25 takes longer than a frame of the source. */
Test(replan_measure, a_source_is_pressed_by_slow_frames_alone_or_if_it_never_waits)
{
    struct judged it = {0};

    open_judged(&it);
    it.filters[SHOWN].slow_us = 17000;
    judge(&it);
    cr_assert(fared_in(&it)->is_pressed);
    it.filters[SHOWN].slow_us = 0;
    judge(&it);
    cr_assert(not(fared_in(&it)->is_pressed));
    it.filters[SOURCE].is_eager = true;
    judge(&it);
    cr_assert(fared_in(&it)->is_pressed);
    close_judged(&it);
}
