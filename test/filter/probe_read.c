/* SPDX-License-Identifier: MIT */
/* What is made of a probe's readings. */
#include "filter/probe_private.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limef/thread/plan.h>
#include <limef/thread/producer.h>
#include <math.h>

#include <libavutil/error.h>

TestSuite(probe_read, .timeout = 60);

Test(probe_read, buckets_cover_all_durations_in_order)
{
    unsigned last = 0;

    cr_assert(eq(uint, probe_bucket(-5), 0));
    cr_assert(eq(uint, probe_bucket(INT64_MAX), LIMEF_PROBE_N_BUCKETS - 1));
    for (int64_t ns = 1; ns < INT64_MAX / 2; ns += ns / 16 + 1) {
        unsigned bucket = probe_bucket(ns);

        cr_assert(ge(uint, bucket, last));
        cr_assert(ge(i64, ns, probe_bucket_ns(bucket)));
        if (bucket < LIMEF_PROBE_N_BUCKETS - 1)
            cr_assert(lt(i64, ns, probe_bucket_ns(bucket + 1)));
        last = bucket;
    }
}

static void correct(struct limef_plan_filter *filters, unsigned n, double cpu_load)
{
    struct limef_plan_filter *list[4];

    for (unsigned i = 0; i < n; i++)
        list[i] = &filters[i];
    limef_probe_correct(list, n, cpu_load);
}

Test(probe_read, preempted_filters_get_the_processor_time_that_there_was)
{
    struct limef_plan_filter filters[] = {
        {.cost_us = 20000, .p95_us = 30000, .rate_hz = 25},
        {.cost_us = 10000, .p95_us = 10000, .rate_hz = 25},
        {.cost_us = LIMEF_NOT_MEASURED, .p95_us = LIMEF_NOT_MEASURED, .rate_hz = 25},
    };

    correct(filters, 3, 0.9); /* they seem to use 0.75 */
    cr_assert(eq(dbl, filters[0].cost_us, 20000));
    correct(filters, 3, 0.375);
    cr_assert(ieee_ulp_eq(dbl, filters[0].cost_us, 10000, 4));
    cr_assert(ieee_ulp_eq(dbl, filters[0].p95_us, 15000, 4));
    cr_assert(ieee_ulp_eq(dbl, filters[1].cost_us, 5000, 4));
    cr_assert(eq(dbl, filters[2].cost_us, LIMEF_NOT_MEASURED));
}

Test(probe_read, who_blocks_is_the_first_to_have_waited)
{
    struct limef_plan_filter filters[] = {
        {.cost_us = 39000, .p95_us = 60000, .rate_hz = 25, .flags = LIMEF_FILTER_BLOCKING},
        {.cost_us = 1000, .p95_us = 1000, .rate_hz = 25},
    };

    correct(filters, 2, 0.05); /* the source can only have used 0.025 */
    cr_assert(ieee_ulp_eq(dbl, filters[1].cost_us, 1000, 4));
    cr_assert(lt(dbl, fabs(filters[0].cost_us - 1000), 0.001));
}

Test(probe_read, slow_frames_are_told_apart)
{
    static const struct limef_probe_reading before;
    struct limef_probe_reading after = {
        .at_ns = 4000000000, .n_frames = 100, .n_sampled = 100, .sum_ns = 136000000};
    struct limef_plan_filter filter = {0};

    after.own[probe_bucket(1000000)] = 96;
    after.own[probe_bucket(10000000)] = 4;
    cr_assert(eq(u64, limef_probe_measure(&before, &after, &filter, NULL), 100));
    cr_assert(le(dbl, filter.p95_us, 1400)); /* the mean */
    cr_assert(ge(dbl, filter.slow_us, 8000));
    cr_assert(le(dbl, filter.slow_us, 12500));
}

/* Each step of a source took 9 ms, and gave three frames. */
Test(probe_read, a_step_that_gives_several_frames_is_not_as_slow_for_each)
{
    static const struct limef_probe_reading before;
    struct limef_probe_reading after = {
        .at_ns = 4000000000, .n_steps = 100, .n_sampled = 100, .n_out = 300, .sum_ns = 900000000};
    struct limef_plan_filter filter = {0};

    after.own[probe_bucket(9000000)] = 100;
    limef_probe_measure(&before, &after, &filter, NULL);
    cr_assert(eq(dbl, filter.cost_us, 3000));
    cr_assert(le(dbl, filter.p95_us, 3750)); /* within the bucket */
    cr_assert(le(dbl, filter.slow_us, 3750));
}

static int answer_of_step;

static int step(struct limef_source *source, int64_t *due_us)
{
    (void)source;
    (void)due_us;
    return answer_of_step;
}

static bool was_eager(const struct limef_probe_reading *before, struct limef_filter *source)
{
    struct limef_probe_reading after;
    struct limef_plan_filter filter = {.is_eager = false};

    limef_probe_read(source, &after);
    limef_probe_measure(before, &after, &filter, NULL);
    return filter.is_eager;
}

static void step_often(struct limef_source *source, unsigned n, int answer)
{
    int64_t due_us = 0;

    answer_of_step = answer;
    for (unsigned i = 0; i < n; i++)
        cr_assert(eq(int, limef_probe_step(source, &due_us), answer));
}

Test(probe_read, a_source_that_did_not_wait_in_a_window_is_eager)
{
    static const struct limef_filter_ops ops = {.kind = "stepper", .flags = LIMEF_FILTER_SOURCE};
    struct limef_source source = {.filter = {.ops = &ops}, .step = step};
    struct limef_probe probe;
    struct limef_probe_reading before;

    limef_probe_attach(&probe, &source.filter);
    step_often(&source, 1, AVERROR(EAGAIN));
    limef_probe_read(&source.filter, &before);
    cr_assert(not(was_eager(&before, &source.filter))); /* it did nothing at all */
    step_often(&source, 10, 0);
    cr_assert(was_eager(&before, &source.filter));
    source.filter.measure_at += 9; /* also where that step is not measured */
    step_often(&source, 1, AVERROR(EAGAIN));
    cr_assert(not(was_eager(&before, &source.filter)));
}

/* Frames came fast, so that few were to be measured; now they come seldom. */
Test(probe_read, who_is_asked_has_the_next_frame_measured)
{
    static const struct limef_filter_ops ops = {.kind = "stepper", .flags = LIMEF_FILTER_SOURCE};
    struct limef_source source = {.filter = {.ops = &ops}, .step = step};
    struct limef_probe probe;
    uint64_t n_sampled;

    limef_probe_attach(&probe, &source.filter);
    step_often(&source, 1, 0);
    n_sampled = LIMEF_COUNTED(probe.n_sampled);
    source.filter.measure_at += 1000;
    step_often(&source, 5, 0);
    cr_assert(eq(u64, LIMEF_COUNTED(probe.n_sampled), n_sampled));
    limef_probe_ask(&source.filter);
    step_often(&source, 1, 0);
    cr_assert(eq(u64, LIMEF_COUNTED(probe.n_sampled), n_sampled + 1));
}
