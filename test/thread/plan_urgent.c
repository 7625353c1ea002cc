/* SPDX-License-Identifier: MIT */
/* Who goes before all others, and for how much of the machine. */
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

TestSuite(plan_urgent, .init = begin, .fini = end, .timeout = 60);

/* A camera with a filter that cannot be parted from it; the source's number. */
static uint32_t put_camera(double cost_us, double rate_hz)
{
    uint32_t source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 10, rate_hz);

    plans.filters[source].is_live = true;
    plans_put(&plans, source, "work", cost_us, rate_hz);
    plans.edges[plans.problem.n_edges - 1].is_fixed = true;
    return source;
}

static const struct limef_plan_island *island_of(uint32_t filter)
{
    return &plans.plan.islands[plans.plan.island_of[filter]];
}

static unsigned n_of(enum limef_priority priority)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < plans.plan.n_islands; i++)
        n += plans.plan.islands[i].priority == priority;
    return n;
}

static double urgent_load(void)
{
    double load = 0;

    for (uint32_t i = 0; i < plans.plan.n_islands; i++)
        if (plans.plan.islands[i].priority == LIMEF_PRIORITY_INGEST ||
            plans.plan.islands[i].priority == LIMEF_PRIORITY_DISPLAY)
            load += plans.plan.islands[i].load;
    return load;
}

Test(plan_urgent, a_camera_with_light_work_is_and_with_heavy_work_is_not)
{
    uint32_t source = put_camera(3900, 50);

    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(eq(int, island_of(source)->priority, LIMEF_PRIORITY_INGEST));
    plans.filters[1].cost_us = plans.filters[1].p95_us = 12000;
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(eq(u32, plans.plan.n_islands, 1));
    cr_assert(eq(int, island_of(source)->priority, LIMEF_PRIORITY_PROCESSING));
}

/* It is little of a core, but all others wait for as long as one frame takes. */
Test(plan_urgent, a_camera_whose_frames_take_long_is_not)
{
    uint32_t source = put_camera(20000, 5);

    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(eq(int, island_of(source)->priority, LIMEF_PRIORITY_PROCESSING));
}

Test(plan_urgent, a_camera_that_is_goes_on_to_be_a_little_longer)
{
    uint32_t source = put_camera(3900, 50);

    cr_assert(zero(int, plans_make(&plans)));
    plans.filters[1].cost_us = plans.filters[1].p95_us = 6000;
    cr_assert(zero(int, plans_make_next(&plans)));
    cr_assert(eq(int, island_of(source)->priority, LIMEF_PRIORITY_INGEST));
    plans.filters[1].cost_us = plans.filters[1].p95_us = 8000;
    cr_assert(zero(int, plans_make_next(&plans)));
    cr_assert(eq(int, island_of(source)->priority, LIMEF_PRIORITY_PROCESSING));
    plans.filters[1].cost_us = plans.filters[1].p95_us = 6000;
    cr_assert(zero(int, plans_make_next(&plans)));
    cr_assert(eq(int, island_of(source)->priority, LIMEF_PRIORITY_PROCESSING));
}

/* A gate that is shut: nobody knows what is behind it, as nothing comes there. */
Test(plan_urgent, what_gets_nothing_behind_a_camera_does_not_count)
{
    uint32_t source = put_camera(1000, 25);

    plans.filters[1].cost_us = LIMEF_NOT_MEASURED;
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(eq(int, island_of(source)->priority, LIMEF_PRIORITY_INGEST));
    plans.filters[source].cost_us = 12000;
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(eq(int, island_of(source)->priority, LIMEF_PRIORITY_PROCESSING));
}

/* A branch that is shut makes nothing urgent: 0.15 of a core, but 30 ms at a time. */
Test(plan_urgent, what_gets_nothing_behind_a_camera_hides_no_slow_frames)
{
    uint32_t source = put_camera(30000, 5);
    uint32_t shut = plans_put(&plans, source + 1, "shut", 1, 5);

    plans.filters[shut].cost_us = LIMEF_NOT_MEASURED;
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(eq(int, island_of(source)->priority, LIMEF_PRIORITY_PROCESSING));
}

/* Almost 0.2 of a core each, 1.6 together, of two. */
Test(plan_urgent, what_gets_nothing_behind_cameras_hides_no_load)
{
    for (int i = 0; i < 8; i++) {
        uint32_t source = put_camera(3900, 50);
        uint32_t shut = plans_put(&plans, source + 1, "shut", 1, 50);

        plans.filters[shut].cost_us = LIMEF_NOT_MEASURED;
    }
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(eq(u32, n_of(LIMEF_PRIORITY_INGEST), 5));
}

/* 0.05 to 0.24 of a core each, 2.9 together: one core of two is for what is urgent. */
Test(plan_urgent, all_that_reads_has_half_of_the_cores_and_the_lightest_first)
{
    double most = 0, least = 1;

    for (int i = 0; i < 20; i++)
        put_camera(1000 + 200 * i, 50);
    cr_assert(zero(int, plans_make(&plans)));
    for (uint32_t i = 0; i < plans.plan.n_islands; i++) {
        const struct limef_plan_island *island = &plans.plan.islands[i];

        if (island->priority == LIMEF_PRIORITY_INGEST)
            most = island->load > most ? island->load : most;
        else
            least = island->load < least ? island->load : least;
    }
    cr_assert(le(dbl, urgent_load(), 2 * LIMEF_PLAN_URGENT_SHARE));
    cr_assert(gt(dbl, urgent_load() + least, 2 * LIMEF_PLAN_URGENT_SHARE));
    cr_assert(le(dbl, most, least));
}

Test(plan_urgent, who_is_stays_while_the_sum_changes_a_little)
{
    unsigned n_urgent;

    for (int i = 0; i < 16; i++)
        put_camera(2000 + i, 50); /* 0.1 each */
    cr_assert(zero(int, plans_make(&plans)));
    n_urgent = n_of(LIMEF_PRIORITY_INGEST);
    cr_assert(eq(uint, n_urgent, 9));
    for (double factor = 1.05; factor < 1.19; factor += 0.05) {
        for (uint32_t i = 1; i < plans.problem.n_filters; i += 2)
            plans.filters[i].cost_us = plans.filters[i].p95_us = 2000 * factor;
        cr_assert(zero(int, plans_make_next(&plans)));
        cr_assert(eq(uint, n_of(LIMEF_PRIORITY_INGEST), n_urgent), "%.2f", factor);
    }
    for (uint32_t i = 1; i < plans.problem.n_filters; i += 2)
        plans.filters[i].cost_us = plans.filters[i].p95_us = 3000;
    cr_assert(zero(int, plans_make_next(&plans)));
    cr_assert(le(dbl, urgent_load(), 2 * LIMEF_PLAN_URGENT_SHARE * 1.2));
}

/* On one core: it would leave nothing to who makes the pictures. */
Test(plan_urgent, a_display_keeps_its_class_up_to_three_quarters_of_the_cores)
{
    uint32_t source, display;

    plans.problem.machine.n_cpus = 1;
    source = put_camera(1000, 25);
    display = plans_put(&plans, source + 1, "display", 20000, 25);
    plans.filters[display].flags = LIMEF_FILTER_DISPLAY;
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(eq(int, island_of(display)->priority, LIMEF_PRIORITY_DISPLAY));
    cr_assert(ne(int, island_of(source)->priority, LIMEF_PRIORITY_DISPLAY));
    plans.filters[display].cost_us = plans.filters[display].p95_us = 36000;
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(eq(int, island_of(display)->priority, LIMEF_PRIORITY_PROCESSING));
}

static bool explains(const char *part)
{
    char *text;
    size_t n_bytes;
    FILE *file = open_memstream(&text, &n_bytes);
    bool found;

    cr_assert(zero(int, limef_plan_print_text(&plans.plan, &plans.problem, file)));
    fclose(file);
    found = strstr(text, part);
    if (!found)
        cr_log_warn("%s", text);
    free(text);
    return found;
}

Test(plan_urgent, the_text_says_how_much_is_and_why_who_is_not)
{
    for (int i = 0; i < 16; i++)
        put_camera(2010, 50);
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(explains("urgent (ingest, display, audio): load 0.909; to read at most 0.50 of the "
                       "cores, with displays 0.75"));
    cr_assert(explains("it reads a live source, but others that are urgent have their share"));
    plans.filters[1].cost_us = plans.filters[1].p95_us = 9000;
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(explains("it reads a live source, but works for too long to go before all others"));
}

/* 0.1 of a core, and a branch that is shut. */
Test(plan_urgent, the_text_counts_what_is_measured_of_who_is_urgent)
{
    uint32_t source = put_camera(1990, 50);
    uint32_t shut = plans_put(&plans, source + 1, "shut", 1, 50);

    plans.filters[shut].cost_us = LIMEF_NOT_MEASURED;
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(eq(int, island_of(source)->priority, LIMEF_PRIORITY_INGEST));
    cr_assert(explains("load 0.100 (not measured yet: 1); to read"));
}
