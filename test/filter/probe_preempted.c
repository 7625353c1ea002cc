/* SPDX-License-Identifier: MIT */
/* What is measured of filters whose thread loses its processor. */
#include "filter/probe_private.h"

#include "support/frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limef/thread/plan.h>

#define MS 1000000

static int64_t fake_ns = MS, idle_ns, n_preempted, n_slept;

static int64_t fake_now_ns(void)
{
    return fake_ns;
}

static struct probe_usage fake_usage(void)
{
    return (struct probe_usage){
        .cpu_ns = fake_ns - idle_ns, .n_preempted = n_preempted, .n_slept = n_slept};
}

/* Works, and does nothing for a while, before it passes the frame on. */
struct worker {
    struct limef_filter filter;
    int64_t work_ns, idle_ns;
    bool is_preempted;                 /* another one works meanwhile */
    bool sleeps;                       /* it waits of its own will, beside that */
    struct limef_probe_reading passed; /* of the next one, right behind its call */
    struct limef_probe probe;
};

static int worker_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct worker *worker = LIMEF_CONTAINER_OF(filter, struct worker, filter);
    int ret;

    fake_ns += worker->work_ns + worker->idle_ns;
    idle_ns += worker->idle_ns;
    n_preempted += worker->is_preempted;
    n_slept += worker->sleeps;
    ret = limef_pass(filter, in);
    if (filter->next)
        limef_probe_read(filter->next, &worker->passed);
    return ret;
}

static const struct limef_filter_ops worker_ops = {.kind = "worker", .go = worker_go};

static struct worker first, second;

static void begin(void)
{
    probe_set_clock(fake_now_ns, 0);
    probe_set_usage(fake_usage);
    first = (struct worker){.work_ns = 2 * MS};
    second = (struct worker){.work_ns = 6 * MS};
    limef_filter_init(&first.filter, &worker_ops, NULL);
    limef_filter_init(&second.filter, &worker_ops, NULL);
    limef_connect(&first.filter, &second.filter);
    limef_probe_attach(&first.probe, &first.filter);
    limef_probe_attach(&second.probe, &second.filter);
}

TestSuite(probe_preempted, .init = begin, .timeout = 60);

/* 100 frames, of every tenth of which the first filter has something between. */
static void run(int64_t between_ns, bool is_preempted)
{
    for (int i = 0; i < 100; i++) {
        struct limef_packet_frame packet = make_packet(i * 40000, 0);

        first.idle_ns = i % 10 ? 0 : between_ns;
        first.is_preempted = is_preempted && first.idle_ns;
        limef_probe_run(&first.filter, &packet.frame);
    }
}

static struct limef_plan_filter measure(struct worker *worker)
{
    static const struct limef_probe_reading before;
    struct limef_probe_reading after;
    struct limef_plan_filter filter = {0};

    limef_probe_read(&worker->filter, &after);
    cr_assert(eq(u64, limef_probe_measure(&before, &after, &filter, NULL), 100));
    return filter;
}

static void assert_costs(struct worker *worker, double us)
{
    struct limef_plan_filter filter = measure(worker);

    cr_assert(ge(dbl, filter.cost_us, 0.98 * us));
    cr_assert(le(dbl, filter.cost_us, 1.02 * us));
    cr_assert(le(dbl, filter.p95_us, 1.25 * us)); /* within a bucket */
    cr_assert(le(dbl, filter.slow_us, 1.25 * us));
}

Test(probe_preempted, what_others_did_meanwhile_makes_no_frame_slow)
{
    run(8 * MS, true); /* the frame takes twice as long: each of the two gets its half */
    cr_assert(le(dbl, measure(&first).p95_us, 5500));
    cr_assert(le(dbl, measure(&second).p95_us, 7500));
    cr_assert(le(dbl, measure(&first).cost_us + measure(&second).cost_us, 8001));
}

Test(probe_preempted, light_work_stays_light_whoever_takes_its_processor)
{
    first.work_ns = 20000;
    second.work_ns = 30000;
    run(30 * MS, true);
    cr_assert(le(dbl, measure(&first).p95_us, 63));
    cr_assert(le(dbl, measure(&first).slow_us, 63));
    assert_costs(&second, 27); /* it has lost to the first what that one has */
}

Test(probe_preempted, waiting_for_a_device_is_the_filters_own)
{
    run(8 * MS, false);
    cr_assert(ge(dbl, measure(&first).p95_us, 8000));
    cr_assert(ge(dbl, measure(&first).cost_us, 2799));
    assert_costs(&second, 6000);
}

Test(probe_preempted, waiting_for_a_device_stays_though_another_takes_the_processor_too)
{
    first.sleeps = true;
    run(8 * MS, true);
    cr_assert(ge(dbl, measure(&first).p95_us, 8000));
    cr_assert(ge(dbl, measure(&first).cost_us, 2799));
    assert_costs(&second, 6000);
}

static void assert_only_grew(const struct limef_probe_reading *before,
                             const struct limef_probe_reading *after)
{
    cr_assert(le(u64, before->n_sampled, after->n_sampled));
    cr_assert(le(u64, before->sum_ns, after->sum_ns));
    cr_assert(le(u64, before->max_ns, after->max_ns));
    for (unsigned i = 0; i < LIMEF_PROBE_N_BUCKETS; i++)
        cr_assert(le(u32, before->own[i], after->own[i]));
}

Test(probe_preempted, what_is_read_in_the_middle_of_a_call_is_not_taken_back)
{
    struct limef_probe_reading last;

    first.idle_ns = 8 * MS;
    first.is_preempted = true;
    for (int i = 0; i < 10; i++) {
        struct limef_packet_frame packet = make_packet(i * 40000, 0);

        limef_probe_read(&second.filter, &last);
        limef_probe_run(&first.filter, &packet.frame);
        assert_only_grew(&last, &first.passed);
        limef_probe_read(&second.filter, &last);
        assert_only_grew(&first.passed, &last);
    }
    cr_assert(eq(u64, last.n_sampled, 10));
    cr_assert(eq(u64, last.sum_ns, 30 * MS)); /* of 16 ms the two worked 8: half of 6 each */
    cr_assert(eq(u64, last.max_ns, 3 * MS));
}

Test(probe_preempted, undisturbed_all_is_as_it_was_measured)
{
    run(0, false);
    assert_costs(&first, 2000);
    assert_costs(&second, 6000);
}

/* More calls than are kept. */
Test(probe_preempted, a_burst_beyond_the_room_is_measured_as_it_was)
{
    static struct worker sinks[PROBE_MAX_COUNTED + 2];
    struct limef_packet_frame packet = make_packet(0, 0);
    struct limef_probe_reading last;

    for (unsigned i = 0; i < PROBE_MAX_COUNTED + 2; i++) {
        sinks[i] = (struct worker){.work_ns = MS};
        limef_filter_init(&sinks[i].filter, &worker_ops, NULL);
        limef_probe_attach(&sinks[i].probe, &sinks[i].filter);
        if (i)
            limef_connect(&sinks[i - 1].filter, &sinks[i].filter);
    }
    sinks[0].idle_ns = 10 * MS;
    sinks[0].is_preempted = true;
    limef_probe_run(&sinks[0].filter, &packet.frame);
    limef_probe_read(&sinks[PROBE_MAX_COUNTED + 1].filter, &last);
    cr_assert(eq(u64, last.n_sampled, 1));
    cr_assert(le(u64, last.sum_ns, MS));
    limef_probe_read(&sinks[0].filter, &last);
    cr_assert(eq(u64, last.n_sampled, 1));
    cr_assert(eq(u64, last.sum_ns, 11 * MS));
}
