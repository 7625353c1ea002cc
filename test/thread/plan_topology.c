/* SPDX-License-Identifier: MIT */
/* What cannot be planned is refused, with the names. */
#include "support/kept_log.h"
#include "support/plans.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <libavutil/error.h>
#include <string.h>

static struct plans plans;
static struct kept_log logged = {.level = LIMEF_LOG_DEBUG};

static void begin(void)
{
    limef_log_set_sink(keep_log, &logged);
    plans_init(&plans, 4);
}

static void end(void)
{
    plans_clear(&plans);
    limef_log_set_sink(NULL, NULL);
}

TestSuite(plan_topology, .init = begin, .fini = end, .timeout = 60);

/* source, decode, scale at 25 frames a second */
static void put_chain(double decode_us, double scale_us)
{
    uint32_t source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 20, 25);
    uint32_t decode = plans_put(&plans, source, "decode", decode_us, 25);

    plans_put(&plans, decode, "scale", scale_us, 25);
}

Test(plan_topology, a_cycle_is_refused_by_name)
{
    put_chain(1, 1);
    plans_connect(&plans, 2, 1);
    cr_assert(eq(int, plans_make(&plans), AVERROR(ELOOP)));
    cr_assert(ne(ptr, strstr(logged.line, "scale 2"), NULL));
    cr_assert(ne(ptr, strstr(logged.line, "decode 1"), NULL));
}

Test(plan_topology, what_no_source_leads_to_is_refused_by_name)
{
    put_chain(1, 1);
    plans_add(&plans, "lost", 0);
    cr_assert(eq(int, plans_make(&plans), AVERROR(ELOOP)));
    cr_assert(ne(ptr, strstr(logged.line, "lost 3"), NULL));
}

Test(plan_topology, filters_of_different_threads_cannot_be_fused_by_force)
{
    put_chain(1, 1);
    plans.filters[1].flags = plans.filters[2].flags = LIMEF_FILTER_THREAD_BOUND;
    plans.filters[1].thread = 1;
    plans.filters[2].thread = 2;
    plans.edges[1].is_fixed = true;
    cr_assert(eq(int, plans_make(&plans), AVERROR(EINVAL)));
    cr_assert(ne(ptr, strstr(logged.line, "decode 1 and scale 2"), NULL));
    plans.filters[2].thread = 1;
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(not(plans.plan.links[1].is_cut));
}

Test(plan_topology, a_connection_to_nowhere_is_refused)
{
    put_chain(1, 1);
    plans.edges[1].to = 7;
    cr_assert(eq(int, plans_make(&plans), AVERROR(EINVAL)));
    plans.edges[1].to = 0;
    cr_assert(eq(int, plans_make(&plans), AVERROR(EINVAL)));
    cr_assert(ne(ptr, strstr(logged.line, "source 0"), NULL));
}
