/* SPDX-License-Identifier: MIT */
#include "filter/probe_private.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limef/filter/input.h>
#include <limef/filter/switch.h>
#include <limef/thread/consumer.h>
#include <limef/thread/plan.h>
#include <limef/thread/producer.h>
#include <math.h>
#include <string.h>

#include <libavutil/error.h>

#define MS 1000000
#define TOO_LONG_US 10000000

/* Time passes only where a filter says that it works. */
static _Thread_local int64_t fake_ns = MS;

static int64_t fake_now_ns(void)
{
    return fake_ns;
}

/* Works before and after it passes the frame on, to each of its branches. */
struct worker {
    struct limef_filter filter;
    struct limef_filter *other; /* a second branch, or NULL */
    int64_t before_ns, after_ns;
    unsigned n_copies; /* passes each frame on so often */
    int answer;
};

static int worker_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct worker *worker = LIMEF_CONTAINER_OF(filter, struct worker, filter);
    int ret = 0;

    fake_ns += worker->before_ns;
    for (unsigned i = 0; i < worker->n_copies && !ret; i++)
        ret = limef_pass(filter, in);
    if (worker->other)
        ret = limef_go(worker->other, in);
    fake_ns += worker->after_ns;
    return worker->answer ? worker->answer : ret;
}

static struct limef_filter *worker_output(const struct limef_filter *filter, unsigned output)
{
    const struct worker *worker = LIMEF_CONTAINER_OF(filter, const struct worker, filter);

    return output ? worker->other : filter->next;
}

static void worker_reroute(struct limef_filter *filter, unsigned output, struct limef_filter *to)
{
    struct worker *worker = LIMEF_CONTAINER_OF(filter, struct worker, filter);

    *(output ? &worker->other : &filter->next) = to;
}

static const struct limef_filter_ops worker_ops = {.kind = "worker",
                                                   .go = worker_go,
                                                   .n_outputs = 2,
                                                   .output = worker_output,
                                                   .reroute = worker_reroute};

#define MAX_WORKERS 4
static struct worker workers[MAX_WORKERS];
static struct limef_probe probes[MAX_WORKERS];

static void make_worker(unsigned i, int64_t before_ns, int64_t after_ns)
{
    workers[i] = (struct worker){.before_ns = before_ns, .after_ns = after_ns, .n_copies = 1};
    limef_filter_init(&workers[i].filter, &worker_ops, NULL);
    limef_probe_attach(&probes[i], &workers[i].filter);
    if (i)
        limef_connect(&workers[i - 1].filter, &workers[i].filter);
}

static struct limef_packet_frame make_packet(int64_t pts_us)
{
    static const uint8_t bytes[100];

    return (struct limef_packet_frame){
        .frame = {LIMEF_FRAME_PACKET, .media = LIMEF_MEDIA_VIDEO, .pts_us = pts_us},
        .dts_us = pts_us,
        .data = bytes,
        .size_bytes = sizeof(bytes)};
}

static int run(int64_t pts_us)
{
    struct limef_packet_frame packet = make_packet(pts_us);

    return limef_probe_run(&workers[0].filter, &packet.frame);
}

static void use_fake_clock(void)
{
    probe_set_clock(fake_now_ns, 0);
}

TestSuite(probe, .init = use_fake_clock, .timeout = 60);

Test(probe, a_filters_time_is_without_that_of_whom_it_calls)
{
    make_worker(0, 1 * MS, 2 * MS);
    make_worker(1, 10 * MS, 20 * MS);
    make_worker(2, 100 * MS, 0);
    cr_assert(eq(int, run(0), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(probes[0].sum_ns), 3 * MS));
    cr_assert(eq(u64, LIMEF_COUNTED(probes[1].sum_ns), 30 * MS));
    cr_assert(eq(u64, LIMEF_COUNTED(probes[2].sum_ns), 100 * MS));
}

Test(probe, both_branches_are_subtracted_and_a_join_is_counted_twice)
{
    make_worker(0, 1 * MS, 0);
    make_worker(1, 10 * MS, 0);
    make_worker(2, 100 * MS, 0);
    limef_connect(&workers[1].filter, &workers[2].filter);
    workers[0].other = &workers[2].filter;
    run(0);
    cr_assert(eq(u64, LIMEF_COUNTED(probes[0].sum_ns), 1 * MS));
    cr_assert(eq(u64, LIMEF_COUNTED(probes[1].sum_ns), 10 * MS));
    cr_assert(eq(u64, LIMEF_COUNTED(probes[2].sum_ns), 200 * MS));
    cr_assert(eq(u64, LIMEF_COUNTED(probes[2].n_sampled), 2));
}

/* 0 -> 1 -> 2, and 0 -> 2 afterwards: that one is measured too. */
Test(probe, a_filter_that_is_marked_twice_is_measured_twice)
{
    make_worker(0, 1 * MS, 0);
    make_worker(1, 10 * MS, 0);
    make_worker(2, 100 * MS, 0);
    limef_connect(&workers[1].filter, &workers[2].filter);
    workers[0].other = &workers[2].filter;
    for (int i = 0; i < 3; i++)
        run(0);
    cr_assert(eq(u64, LIMEF_COUNTED(probes[0].sum_ns), 3 * MS));
    cr_assert(eq(u64, LIMEF_COUNTED(probes[2].n_sampled), 6));
    for (int i = 0; i < 3; i++)
        cr_assert(eq(u32, workers[i].filter.measuring, 0));
}

/* The inputs of a switch call what is behind the switch. */
Test(probe, what_is_behind_a_glued_filter_is_measured)
{
    static struct limef_switch_filter choice;
    static struct limef_switch_input input;
    struct limef_packet_frame packet = make_packet(0);
    struct limef_probe probe = {0};

    packet.frame.flags = LIMEF_FRAME_KEY;
    limef_switch_filter_init(&choice, NULL, &input, 1);
    make_worker(0, 5 * MS, 0);
    limef_connect(&choice.filter, &workers[0].filter);
    limef_probe_attach(&probe, &input.filter);
    for (int i = 0; i < 3; i++)
        limef_probe_run(&input.filter, &packet.frame);
    cr_assert(ge(u64, LIMEF_COUNTED(probes[0].n_sampled), 2));
    cr_assert(eq(u32, workers[0].filter.measuring, 0));
    limef_probe_detach(&input.filter);
    limef_filter_clear(&input.filter);
    limef_filter_clear(&choice.filter);
}

/* One that changed its output while it was measured: the old one must not stay marked for good. */
Test(probe, a_mark_that_stayed_is_taken_away)
{
    make_worker(0, 1 * MS, 0);
    make_worker(1, 10 * MS, 0);
    workers[1].filter.measuring = 3;
    workers[1].filter.go = limef_probe_go;
    limef_go(&workers[1].filter, NULL);
    cr_assert(eq(u32, workers[1].filter.measuring, 0));
    run(0);
    cr_assert(eq(u64, LIMEF_COUNTED(probes[1].n_sampled), 1));
}

Test(probe, a_filter_without_a_probe_is_its_callers_cost)
{
    make_worker(0, 1 * MS, 0);
    make_worker(1, 10 * MS, 0);
    make_worker(2, 100 * MS, 0);
    limef_probe_detach(&workers[1].filter);
    run(0);
    cr_assert(eq(u64, LIMEF_COUNTED(probes[0].sum_ns), 11 * MS));
    cr_assert(eq(u64, LIMEF_COUNTED(probes[1].sum_ns), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(probes[2].sum_ns), 100 * MS));
}

Test(probe, an_error_is_work_and_a_refusal_is_none)
{
    make_worker(0, 1 * MS, 0);
    make_worker(1, 10 * MS, 0);
    workers[1].answer = AVERROR_INVALIDDATA;
    cr_assert(eq(int, run(0), AVERROR_INVALIDDATA));
    workers[1].answer = AVERROR(EAGAIN);
    cr_assert(eq(int, run(0), AVERROR(EAGAIN)));
    workers[1].answer = 0;
    cr_assert(eq(int, run(0), 0));
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(eq(u64, LIMEF_COUNTED(probes[i].n_sampled), 2));
        cr_assert(eq(u64, LIMEF_COUNTED(probes[i].n_refused), 1));
    }
    cr_assert(eq(u64, LIMEF_COUNTED(probes[1].sum_ns), 20 * MS));
}

Test(probe, signals_are_not_measured)
{
    struct limef_signal_frame end = {.frame = {LIMEF_FRAME_SIGNAL}};

    make_worker(0, 1 * MS, 0);
    make_worker(1, 10 * MS, 0);
    cr_assert(eq(int, limef_probe_run(&workers[0].filter, &end.frame), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(probes[0].n_sampled), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(probes[1].n_sampled), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(workers[1].filter.n_frames), 1));
}

/* Runs n frames that take work_ns, gap_ns apart. */
static void run_many(unsigned n, int64_t work_ns, int64_t gap_ns)
{
    workers[0].before_ns = work_ns;
    for (unsigned i = 0; i < n; i++) {
        run(0);
        fake_ns += gap_ns;
    }
}

Test(probe, measures_every_frame_where_that_is_cheap)
{
    probe_set_clock(fake_now_ns, 100);
    make_worker(0, 0, 0);
    run_many(1000, 2000 * 100, 0);
    cr_assert(eq(u64, LIMEF_COUNTED(probes[0].n_sampled), 1000));
}

Test(probe, measures_every_frame_that_comes_seldom)
{
    probe_set_clock(fake_now_ns, 100);
    make_worker(0, 0, 0);
    run_many(1000, 100, 100 * MS);
    cr_assert(eq(u64, LIMEF_COUNTED(probes[0].n_sampled), 1000));
}

Test(probe, measures_one_in_n_so_that_it_costs_one_part_in_2000)
{
    double share;

    probe_set_clock(fake_now_ns, 100);
    make_worker(0, 0, 0);
    run_many(1000000, 1100, 30000); /* 100 ns in 1000: one in 200 */
    cr_assert(eq(u64, LIMEF_COUNTED(workers[0].filter.n_frames), 1000000));
    share = 100.0 * (double)LIMEF_COUNTED(probes[0].n_sampled) / (1000.0 * 1000000);
    cr_assert(lt(dbl, fabs(share - 0.0005), 0.00003), "%f", share);
}

Test(probe, measures_light_work_sixteen_times_a_second)
{
    probe_set_clock(fake_now_ns, 100);
    make_worker(0, 0, 0);
    run_many(10 * 1000, 100, MS); /* ten seconds */
    cr_assert(gt(u64, LIMEF_COUNTED(probes[0].n_sampled), 120));
    cr_assert(lt(u64, LIMEF_COUNTED(probes[0].n_sampled), 200));
}

Test(probe, measures_light_work_as_often_as_it_is_told)
{
    probe_set_clock(fake_now_ns, 100);
    make_worker(0, 0, 0);
    limef_probe_set_rate(&probes[0], 2);
    run_many(60 * 1000, 100, MS); /* a minute */
    cr_assert(gt(u64, LIMEF_COUNTED(probes[0].n_sampled), 90));
    cr_assert(lt(u64, LIMEF_COUNTED(probes[0].n_sampled), 150));
}

Test(probe, what_is_not_measured_is_neither_in_whom_it_calls)
{
    probe_set_clock(fake_now_ns, 100);
    make_worker(0, 0, 0);
    make_worker(1, 1000, 0);
    run_many(100000, 1000, 0);
    cr_assert(eq(u64, LIMEF_COUNTED(probes[1].n_sampled), LIMEF_COUNTED(probes[0].n_sampled)));
    cr_assert(eq(u64, LIMEF_COUNTED(probes[1].sum_ns), 1000 * probes[1].n_sampled));
    cr_assert(lt(u64, LIMEF_COUNTED(probes[1].n_sampled), 10000));
}

Test(probe, does_not_beat_with_a_pattern_in_the_frames)
{
    uint64_t n_heavy = 0;

    probe_set_clock(fake_now_ns, 100);
    make_worker(0, 0, 0);
    for (unsigned i = 0; i < 400000; i++) { /* every 40th is heavy; about one in 100 is measured */
        uint64_t before = probes[0].n_sampled;

        workers[0].before_ns = i % 40 ? 1000 : 40000;
        run(0);
        fake_ns += 60000;
        n_heavy += i % 40 == 0 && probes[0].n_sampled > before;
    }
    cr_assert(gt(u64, n_heavy * 80, LIMEF_COUNTED(probes[0].n_sampled)));
    cr_assert(lt(u64, n_heavy * 20, LIMEF_COUNTED(probes[0].n_sampled)));
}

/* A source that passes some frames on a step, or waits. */
struct stepper {
    struct limef_source source;
    int64_t work_ns;
    unsigned n_frames;
    int answer;
};

static int stepper_step(struct limef_source *source, int64_t *due_us)
{
    struct stepper *stepper = LIMEF_CONTAINER_OF(source, struct stepper, source);
    struct limef_packet_frame packet = make_packet(0);

    (void)due_us;
    fake_ns += stepper->work_ns;
    packet.frame.flags = LIMEF_FRAME_LIVE;
    for (unsigned i = 0; !stepper->answer && i < stepper->n_frames; i++)
        limef_pass(&source->filter, &packet.frame);
    return stepper->answer;
}

static const struct limef_filter_ops stepper_ops = {
    .kind = "stepper", .flags = LIMEF_FILTER_SOURCE | LIMEF_FILTER_BLOCKING, .go = worker_go};

Test(probe, a_source_costs_by_what_comes_out_and_waiting_is_free)
{
    struct stepper stepper = {.work_ns = 9 * MS, .n_frames = 3, .source.step = stepper_step};
    struct limef_probe probe;
    struct limef_probe_reading before, after;
    struct limef_plan_filter filter = {0};
    struct limef_plan_edge edge = {0};
    int64_t due_us;

    make_worker(0, 5 * MS, 0);
    limef_filter_init(&stepper.source.filter, &stepper_ops, NULL);
    limef_connect(&stepper.source.filter, &workers[0].filter);
    limef_probe_attach(&probe, &stepper.source.filter);
    limef_probe_read(&stepper.source.filter, &before);
    for (int i = 0; i < 10; i++) {
        stepper.answer = i % 2 ? AVERROR(EAGAIN) : 0;
        cr_assert(eq(int, limef_probe_step(&stepper.source, &due_us), stepper.answer));
    }
    limef_probe_read(&stepper.source.filter, &after);
    after.at_ns = before.at_ns + 1000 * (int64_t)MS;
    cr_assert(eq(u64, limef_probe_measure(&before, &after, &filter, NULL), 5));
    cr_assert(eq(dbl, filter.cost_us, 3000));
    cr_assert(eq(dbl, filter.rate_hz, 15));
    cr_assert(filter.is_live);
    cr_assert(not(filter.is_eager));
    before = (struct limef_probe_reading){0};
    limef_probe_read(&workers[0].filter, &after);
    limef_probe_measure(&before, &after, &filter, &edge);
    cr_assert(eq(dbl, filter.cost_us, 5000));
    cr_assert(eq(dbl, edge.burst_frames, 4)); /* the bucket of 3 and 4 */
    cr_assert(eq(dbl, edge.frame_bytes, 100));
    cr_assert(edge.is_encoded);
}

Test(probe, a_window_is_the_difference_of_two_readings)
{
    struct limef_probe_reading before, after;
    struct limef_plan_filter filter = {0};
    struct limef_plan_edge edge = {0};

    make_worker(0, 0, 0);
    run_many(50, 7 * MS, 0);
    limef_probe_read(&workers[0].filter, &before);
    for (int64_t i = 0; i < 100; i++) {
        workers[0].before_ns = i < 90 ? MS : 3 * MS;
        run(i * 40000);
        fake_ns += 39 * MS + (i % 25 ? 0 : 20 * MS); /* some come 20 ms late */
    }
    limef_probe_read(&workers[0].filter, &after);
    after.at_ns = before.at_ns + 4000 * (int64_t)MS;
    cr_assert(eq(u64, limef_probe_measure(&before, &after, &filter, &edge), 100));
    cr_assert(eq(dbl, filter.cost_us, 1200));
    cr_assert(ge(dbl, filter.p95_us, 2400));
    cr_assert(le(dbl, filter.p95_us, 3750));
    cr_assert(eq(dbl, filter.rate_hz, 25));
    cr_assert(eq(dbl, edge.rate_hz, 25));
    cr_assert(ge(dbl, edge.jitter_us, 20000));
    cr_assert(le(dbl, edge.jitter_us, 25000));
    cr_assert(not(filter.is_live));
}

Test(probe, an_empty_window_is_not_measured)
{
    struct limef_probe_reading reading;
    struct limef_plan_filter filter = {0};

    make_worker(0, MS, 0);
    run(0);
    limef_probe_read(&workers[0].filter, &reading);
    cr_assert(eq(u64, limef_probe_measure(&reading, &reading, &filter, NULL), 0));
    cr_assert(eq(dbl, filter.cost_us, LIMEF_NOT_MEASURED));
    cr_assert(eq(dbl, filter.p95_us, LIMEF_NOT_MEASURED));
    cr_assert(eq(dbl, filter.slow_us, LIMEF_NOT_MEASURED));
    cr_assert(eq(dbl, filter.rate_hz, LIMEF_NOT_MEASURED));
}

Test(probe, reset_forgets_all)
{
    static const struct limef_probe empty;

    make_worker(0, MS, 0);
    run_many(10, MS, 0);
    limef_probe_reset(&probes[0]);
    cr_assert(eq(int, memcmp(&probes[0], &empty, sizeof(empty)), 0));
    run(0);
    cr_assert(eq(u64, LIMEF_COUNTED(probes[0].n_sampled), 1));
}

Test(probe, detached_a_filter_runs_as_before)
{
    make_worker(0, MS, 0);
    make_worker(1, MS, 0);
    limef_probe_detach(&workers[0].filter);
    limef_probe_detach(&workers[1].filter);
    cr_assert(eq(int, run(0), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(probes[0].n_sampled), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(workers[1].filter.n_frames), 1));
}

static void *run_a_thousand(void *argument)
{
    struct worker *worker = argument;
    struct limef_packet_frame packet = make_packet(0);

    for (int i = 0; i < 1000; i++)
        limef_probe_run(&worker->filter, &packet.frame);
    return NULL;
}

Test(probe, threads_measure_each_for_itself)
{
    pthread_t threads[2];

    make_worker(0, 1 * MS, 0);
    make_worker(1, 10 * MS, 0);
    limef_disconnect(&workers[0].filter);
    make_worker(2, 100 * MS, 0);
    make_worker(3, 1000 * (int64_t)MS, 0);
    limef_disconnect(&workers[2].filter);
    limef_connect(&workers[0].filter, &workers[2].filter);
    limef_connect(&workers[1].filter, &workers[3].filter);
    for (unsigned i = 0; i < 2; i++)
        cr_assert(eq(int, pthread_create(&threads[i], NULL, run_a_thousand, &workers[i]), 0));
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (int64_t i = 0, ns = MS; i < MAX_WORKERS; i++, ns *= 10) {
        cr_assert(eq(u64, LIMEF_COUNTED(probes[i].n_sampled), 1000));
        cr_assert(eq(u64, LIMEF_COUNTED(probes[i].sum_ns), (uint64_t)(1000 * ns)));
    }
}

Test(probe, a_filter_that_moves_to_another_thread_is_measured_there)
{
    struct limef_probe_reading reading;
    pthread_t thread;

    make_worker(0, MS, 0);
    make_worker(1, MS, 0);
    run(0);
    cr_assert(eq(int, pthread_create(&thread, NULL, run_a_thousand, &workers[0]), 0));
    pthread_join(thread, NULL);
    limef_probe_read(&workers[1].filter, &reading);
    cr_assert(eq(u64, reading.n_sampled, 1001));
}

Test(probe, waiting_for_room_is_no_cost)
{
    static struct limef_consumer consumer;
    static struct limef_stack_frame frames[4];
    static struct limef_input_filter input;
    struct limef_packet_frame packet = make_packet(0);
    struct limef_probe probe;

    limef_consumer_init(&consumer, NULL, NULL);
    limef_input_filter_init(&input, NULL, &consumer.fifo, frames, 4,
                            &(struct limef_lane_settings){.depth = 1, .block_us = 50000});
    probe_set_clock(NULL, 0);
    limef_probe_attach(&probe, &input.filter);
    cr_assert(eq(int, limef_probe_run(&input.filter, &packet.frame), 0));
    cr_assert(eq(int, limef_probe_run(&input.filter, &packet.frame), AVERROR(ETIMEDOUT)));
    cr_assert(ge(u64, LIMEF_COUNTED(probe.wait_ns), 40 * MS));
    limef_filter_clear(&input.filter);
    limef_consumer_clear(&consumer);
}
