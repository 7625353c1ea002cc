/* SPDX-License-Identifier: MIT */
#include <limef/filter/latency.h>

#include "support/chain.h"
#include "support/frames.h"
#include "support/sink.h"

#include <limef/filter/tap.h>
#include <limef/thread/report.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define FRAME_US 40000
/* More than any pause of a slow machine, so that only what the test makes late is late. */
#define BUDGET_US 60000000
#define LATE_US (3 * BUDGET_US)
#define GOP 10

static struct sink sink;
static struct limef_latency_filter latency;
static int64_t begun_us;

static void set_up(void)
{
    sink_init(&sink);
    limef_latency_filter_init(&latency, "latency", BUDGET_US);
    limef_connect(&latency.filter, &sink.filter);
    begun_us = limef_now_us() - 10000 * (int64_t)1000000;
}

static void tear_down(void)
{
    limef_filter_clear(&latency.filter);
    limef_filter_clear(&sink.filter);
}

TestSuite(latency, .init = set_up, .fini = tear_down, .timeout = 60);

/* A packet that is `late_us` behind the camera's time. */
static void go(int64_t late_us, uint32_t flags)
{
    struct limef_packet_frame packet =
        make_packet(limef_now_us() - begun_us - late_us, flags | LIMEF_FRAME_LIVE);

    limef_go(&latency.filter, &packet.frame);
}

static void go_sound(int64_t late_us)
{
    struct limef_packet_frame packet = make_audio_packet(limef_now_us() - begun_us - late_us);

    packet.frame.flags = LIMEF_FRAME_LIVE;
    limef_go(&latency.filter, &packet.frame);
}

static struct limef_latency_counters counters(void)
{
    struct limef_latency_counters now;

    limef_latency_get_counters(&latency, &now);
    return now;
}

static uint32_t last_flags(void)
{
    return sink.frames[sink.n_frames - 1].frame.flags;
}

Test(latency, what_is_within_the_budget_passes_as_it_is)
{
    go(0, LIMEF_FRAME_KEY);
    go(BUDGET_US / 2, 0);
    go(0, 0);
    cr_assert(eq(uint, sink.n_frames, 3));
    cr_assert(eq(u32, last_flags() & LIMEF_FRAME_DISCONTINUITY, 0));
    cr_assert(eq(u64, counters().n_dropped, 0));
    cr_assert(ge(i64, counters().max_late_us, BUDGET_US / 3));
}

#define PERIOD_US 200000

/* A camera that needs so much longer for a period than it says, until its clock is behind by three
 * budgets. Real time stands still, nearly: the filter's time of the last frame is set back. */
static void go_slowly(int64_t ppm, int64_t first_waited_us, int64_t waited_us)
{
    int64_t behind_us = PERIOD_US * ppm / 1000000, now_us = limef_now_us();
    int64_t n = behind_us ? 3 * BUDGET_US / behind_us : 10000;

    for (int64_t i = 0; i < n; i++) {
        struct limef_packet_frame packet = make_packet(
            now_us - begun_us - i * behind_us, LIMEF_FRAME_LIVE | (i % GOP ? 0 : LIMEF_FRAME_KEY));

        latency.states[0].based_at_us -= PERIOD_US + behind_us;
        packet.frame.entered_us = limef_now_us() - (i ? waited_us : first_waited_us);
        limef_go(&latency.filter, &packet.frame);
    }
    cr_assert(gt(i64, n, 1000));
}

Test(latency, a_clock_that_is_half_a_percent_slow_is_not_late)
{
    go_slowly(5000, 0, 0);
    cr_assert(eq(u64, counters().n_late, 0));
    cr_assert(lt(i64, counters().max_late_us, BUDGET_US / 4));
}

Test(latency, a_clock_that_is_right_is_not_late)
{
    go_slowly(0, 0, 0);
    cr_assert(eq(u64, counters().n_late, 0));
    cr_assert(lt(i64, counters().max_late_us, BUDGET_US / 4));
}

Test(latency, what_grows_faster_than_a_clock_can_be_slow_is_late)
{
    go_slowly(20000, 0, 0);
    cr_assert(ge(u64, counters().n_late, 1));
}

/* A consumer that is half a percent too slow. */
Test(latency, what_waited_here_is_not_excused_by_a_slow_clock)
{
    go_slowly(5000, 0, BUDGET_US / 4);
    cr_assert(ge(u64, counters().n_late, 1));
}

/* Pictures that wait for the sound that goes with them. */
Test(latency, a_slow_clock_is_told_where_each_frame_is_held_back)
{
    go_slowly(5000, BUDGET_US / 4, BUDGET_US / 4);
    cr_assert(eq(u64, counters().n_late, 0));
}

Test(latency, a_stall_after_a_slow_clock_is_made_up_for_at_a_key_frame)
{
    go_slowly(5000, 0, 0);
    begun_us += 3 * BUDGET_US; /* it is that much behind, and on time */
    go(LATE_US, LIMEF_FRAME_KEY);
    go(LATE_US / 2, 0);
    cr_assert(eq(u64, counters().n_dropped, 2));
    go(0, LIMEF_FRAME_KEY);
    cr_assert(eq(u64, counters().n_dropped, 2));
    cr_assert(eq(u64, counters().n_late, 1));
}

Test(latency, what_piled_up_is_dropped_up_to_a_key_frame_in_time)
{
    go(0, LIMEF_FRAME_KEY);
    go(LATE_US, 0);
    go(LATE_US - FRAME_US, LIMEF_FRAME_KEY); /* late as well */
    go(LATE_US / 2, 0);
    go(0, 0); /* in time, but refers to what is gone */
    cr_assert(eq(uint, sink.n_frames, 1));
    go(0, LIMEF_FRAME_KEY);
    cr_assert(eq(uint, sink.n_frames, 2));
    cr_assert(last_flags() & LIMEF_FRAME_KEY && last_flags() & LIMEF_FRAME_DISCONTINUITY);
    go(0, 0);
    cr_assert(eq(uint, sink.n_frames, 3));
    cr_assert(eq(u32, last_flags() & LIMEF_FRAME_DISCONTINUITY, 0));
    cr_assert(eq(u64, counters().n_late, 1));
    cr_assert(eq(u64, counters().n_dropped, 4));
    cr_assert(eq(u64, counters().n_slower, 0));
}

Test(latency, sound_goes_on_with_what_is_in_time)
{
    go_sound(0);
    go_sound(LATE_US);
    go_sound(LATE_US - FRAME_US);
    go_sound(0);
    cr_assert(eq(uint, sink.n_frames, 2));
    cr_assert(eq(u64, counters().n_dropped, 2));
}

Test(latency, a_way_that_has_become_longer_is_natural_after_a_budget_of_it_was_dropped)
{
    int64_t late_us = LATE_US;

    go(0, LIMEF_FRAME_KEY);
    go(late_us, 0);
    begun_us -= BUDGET_US / 2; /* the camera's time goes on, as late as before */
    go(late_us + BUDGET_US / 2, LIMEF_FRAME_KEY);
    cr_assert(eq(uint, sink.n_frames, 1));
    latency.states[0].begun_pts_us -= BUDGET_US + 1; /* a budget of stream time ago */
    go(late_us + BUDGET_US / 2, LIMEF_FRAME_KEY);
    cr_assert(eq(uint, sink.n_frames, 2));
    cr_assert(eq(u64, counters().n_slower, 1));
    go(late_us + BUDGET_US / 2, 0);
    cr_assert(eq(uint, sink.n_frames, 3));
}

Test(latency, a_new_start_and_a_jump_of_the_source_begin_anew)
{
    struct limef_signal_frame start = make_signal(LIMEF_SIGNAL_START, 0);

    go(0, LIMEF_FRAME_KEY);
    limef_go(&latency.filter, &start.frame);
    go(LATE_US, LIMEF_FRAME_KEY);
    go(2 * LATE_US, LIMEF_FRAME_KEY | LIMEF_FRAME_DISCONTINUITY);
    cr_assert(eq(uint, sink.n_frames, 4));
    cr_assert(eq(u64, counters().n_dropped, 0));
}

Test(latency, a_hole_makes_what_is_behind_it_no_less_late)
{
    struct limef_packet_frame packet = make_packet(1000, LIMEF_FRAME_KEY | LIMEF_FRAME_LIVE);
    int64_t end_us = limef_now_us() + 50000;

    latency.budget_us = 20000;
    limef_go(&latency.filter, &packet.frame);
    while (limef_now_us() < end_us) /* it is late by so much, or more */
        continue;
    packet = make_packet(2000, LIMEF_FRAME_KEY | LIMEF_FRAME_LIVE | LIMEF_FRAME_DISCONTINUITY);
    limef_go(&latency.filter, &packet.frame);
    cr_assert(eq(uint, sink.n_frames, 1));
    cr_assert(eq(u64, counters().n_dropped, 1));
}

Test(latency, what_refers_to_dropped_frames_does_not_pass_behind_a_stall_either)
{
    struct limef_signal_frame lost = make_signal(LIMEF_SIGNAL_LOST, 0);
    struct limef_signal_frame start = make_signal(LIMEF_SIGNAL_START, 0);

    go(0, LIMEF_FRAME_KEY);
    go(LATE_US, 0);
    limef_go(&latency.filter, &lost.frame);
    limef_go(&latency.filter, &start.frame);
    go(0, 0);
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_PACKET), 1));
    go(0, LIMEF_FRAME_KEY);
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_PACKET), 2));
    cr_assert(ne(u32, last_flags() & LIMEF_FRAME_DISCONTINUITY, 0));
}

Test(latency, files_and_bursts_are_as_late_as_they_like)
{
    struct limef_packet_frame packet = make_packet(0, LIMEF_FRAME_KEY);

    go(0, LIMEF_FRAME_KEY);
    limef_go(&latency.filter, &packet.frame);
    go(LATE_US, LIMEF_FRAME_BURST);
    cr_assert(eq(uint, sink.n_frames, 3));
}

/* So that there are few of them: each may cost a sleep. */
#define LONG_PERIOD_US 20000000

/* A source on whose thread the filter runs, of a clock that seems half a percent slow. */
struct slow_source {
    struct limef_source source;
    bool runs_dry; /* before each frame */
    bool is_dry;
    int64_t number, now_us;
    LIMEF_ATOMIC(int) is_over;
};

static int slow_source_step(struct limef_source *base, int64_t *due_us)
{
    struct slow_source *source = LIMEF_CONTAINER_OF(base, struct slow_source, source);
    int64_t behind_us = LONG_PERIOD_US / 200;
    struct limef_packet_frame packet =
        make_packet(source->now_us - begun_us - source->number * behind_us,
                    LIMEF_FRAME_LIVE | (source->number % GOP ? 0 : LIMEF_FRAME_KEY));

    *due_us = limef_now_us();
    if (atomic_load(&source->is_over))
        return AVERROR_EOF;
    source->is_dry = source->runs_dry && !source->is_dry;
    if (source->is_dry)
        return AVERROR(EAGAIN);
    latency.states[0].based_at_us -= LONG_PERIOD_US + behind_us;
    packet.frame.entered_us = limef_now_us();
    limef_pass(&base->filter, &packet.frame);
    atomic_store(&source->is_over, ++source->number * behind_us > 3 * BUDGET_US);
    return 0;
}

static void drive_slowly(bool runs_dry)
{
    static const struct limef_filter_ops slow_source_ops = {
        .kind = "slow source", .flags = LIMEF_FILTER_SOURCE, .go = number_source_go};
    static struct slow_source source;
    static struct limef_producer producer;

    limef_filter_init(&source.source.filter, &slow_source_ops, NULL);
    source.source.step = slow_source_step;
    source.runs_dry = runs_dry;
    source.now_us = limef_now_us();
    limef_connect(&source.source.filter, &latency.filter);
    limef_producer_init(&producer, &source.source, NULL);
    cr_assert(eq(int, limef_thread_start(&producer.thread), 0));
    ASSERT_COMES(atomic_load(&source.is_over));
    cr_assert(eq(int, limef_thread_stop(&producer.thread, TOO_LONG_US), 0));
    limef_producer_clear(&producer);
}

Test(latency, a_slow_clock_is_told_where_the_source_runs_dry_between_frames)
{
    drive_slowly(true);
    cr_assert(eq(u64, counters().n_late, 0));
}

/* Who is half a percent too slow to read what comes: the rest of it waits in the kernel. */
Test(latency, what_waits_before_a_source_that_never_runs_dry_is_not_excused_by_a_slow_clock)
{
    drive_slowly(false);
    cr_assert(ge(u64, counters().n_late, 1));
}

/* A camera whose time is what the test says, and a consumer that the test holds. */

struct camera {
    struct limef_source source;
    LIMEF_ATOMIC(int64_t) n_allowed, n_passed;
};

static struct camera camera;
static LIMEF_ATOMIC(int) is_held;
static LIMEF_ATOMIC(int64_t) n_tapped, last_tapped;
static LIMEF_ATOMIC(uint32_t) flags_of_first_after;

static int camera_step(struct limef_source *source, int64_t *due_us)
{
    int64_t number = atomic_load(&camera.n_passed);
    struct limef_packet_frame packet = packet_frame(
        number, LIMEF_MEDIA_VIDEO, LIMEF_FRAME_LIVE | (number % GOP ? 0 : LIMEF_FRAME_KEY));

    if (number == atomic_load(&camera.n_allowed)) {
        *due_us = limef_now_us() + 1000;
        return AVERROR(EAGAIN);
    }
    packet.frame.pts_us = number * FRAME_US;
    limef_pass(&source->filter, &packet.frame);
    atomic_store(&camera.n_passed, number + 1);
    return 0;
}

static const struct limef_filter_ops camera_ops = {
    .kind = "camera", .flags = LIMEF_FILTER_SOURCE, .go = number_source_go};

static int slow_go(struct limef_filter *filter, const struct limef_frame *in)
{
    const struct limef_packet_frame *packet = limef_packet_frame_from(in);

    if (!packet)
        return limef_pass(filter, in);
    if (in->flags & LIMEF_FRAME_DISCONTINUITY || packet->dts_us != atomic_load(&last_tapped) + 1)
        atomic_store(&flags_of_first_after, in->flags);
    atomic_store(&last_tapped, packet->dts_us);
    atomic_fetch_add(&n_tapped, 1);
    while (atomic_load(&is_held))
        sched_yield();
    return limef_pass(filter, in);
}

/* Waits for a device, as far as a graph knows: it gets a thread of its own. */
static const struct limef_filter_ops slow_ops = {
    .kind = "slow", .flags = LIMEF_FILTER_BLOCKING, .go = slow_go};

Test(latency, in_a_graph_a_consumer_that_stalled_goes_on_at_a_new_key_frame_untold)
{
    static _Alignas(LIMEF_CACHE_LINE_BYTES) char memory[LIMEF_GRAPH_BYTES(8)];
    struct limef_graph graph = {.inside = NULL};
    struct limef_graph_boundary_look look[4];
    struct limef_filter slow = LIMEF_FILTER(&slow_ops, "slow", NULL);
    size_t n_looks = 4;
    int64_t newest;

    limef_filter_init(&camera.source.filter, &camera_ops, NULL);
    camera.source.step = camera_step;
    atomic_store(&camera.source.is_live, 1);
    atomic_store(&last_tapped, -1);
    limef_connect(&camera.source.filter, &slow);
    limef_graph_init(&graph, memory, sizeof(memory),
                     &(struct limef_graph_settings){.latency_us = 5 * FRAME_US});
    cr_assert(eq(int, limef_graph_add(&graph, &camera.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    atomic_store(&is_held, 1);
    atomic_store(&camera.n_allowed, 5 * GOP + 3);
    /* the camera is never held up */
    ASSERT_COMES(atomic_load(&camera.n_passed) == 5 * GOP + 3);
    atomic_store(&is_held, 0);
    ASSERT_COMES(atomic_load(&last_tapped) == 5 * GOP + 2);
    newest = atomic_load(&n_tapped);
    cr_assert(ne(u32, atomic_load(&flags_of_first_after) & LIMEF_FRAME_KEY, 0));
    cr_assert(ne(u32, atomic_load(&flags_of_first_after) & LIMEF_FRAME_DISCONTINUITY, 0));
    cr_assert(le(i64, newest, 1 + 6 + GOP)); /* what it had, a budget, no more than a group */
    cr_assert(eq(int, limef_graph_look(&graph, NULL, NULL, look, &n_looks), 0));
    cr_assert(eq(int, look[0].overflow, LIMEF_OVERFLOW_DROP_TO_KEY));
    cr_assert(eq(u64, look[0].counters.n_dropped_to_key, (uint64_t)(5 * GOP + 3 - newest)));
    limef_graph_stop(&graph, TOO_LONG_US);
    limef_graph_clear(&graph);
}
