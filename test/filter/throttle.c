/* SPDX-License-Identifier: MIT */
#include <limef/filter/throttle.h>

#include "support/frames.h"
#include "support/sink.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/packet.h>
#include <limef/base/memory.h>

#define FRAME_US 40000
#define TEN_A_SECOND_US 100000

static struct sink sink = {.filter = LIMEF_FILTER(&sink_ops, "sink", NULL)};
static struct limef_throttle_filter throttle = {
    .filter = LIMEF_FILTER(&limef_throttle_ops, "throttle", &sink.filter),
    .interval_us = TEN_A_SECOND_US,
};

static void go_pictures(unsigned n, int64_t from_us, int64_t step_us)
{
    for (unsigned i = 0; i < n; i++) {
        struct limef_decoded_frame picture = make_decoded(NULL, from_us + i * step_us);

        limef_go(&throttle.filter, &picture.frame);
    }
}

static void go_packet(int64_t pts_us, uint32_t flags)
{
    struct limef_packet_frame packet = make_packet(pts_us, flags);

    limef_go(&throttle.filter, &packet.frame);
}

Test(throttle, all_zero_but_static_passes_everything)
{
    throttle.interval_us = 0;
    go_pictures(100, 0, 1);
    cr_assert(eq(u64, sink.n_frames, 100));
}

Test(throttle, holds_pictures_to_the_rate)
{
    go_pictures(250, 0, FRAME_US); /* 10 s of 25 fps */
    cr_assert(ge(u64, sink.n_frames, 100));
    cr_assert(le(u64, sink.n_frames, 101)); /* one may be half an interval early */
    cr_assert(eq(u64, limef_throttle_n_dropped(&throttle), 250 - sink.n_frames));
}

Test(throttle, passes_all_of_a_stream_that_keeps_the_rate_with_jitter)
{
    throttle.interval_us = FRAME_US;
    for (int i = 0; i < 250; i++)
        go_packet(i * FRAME_US + (i % 3 - 1) * 15000, i ? 0 : LIMEF_FRAME_KEY);
    cr_assert(eq(u64, sink.n_frames, 250));
}

Test(throttle, after_a_dropped_packet_drops_up_to_the_next_key_frame)
{
    for (int i = 0; i < 25; i++)
        go_packet(i * FRAME_US, i % 12 ? 0 : LIMEF_FRAME_KEY);
    cr_assert(eq(u64, sink.n_frames, 3));
    for (unsigned i = 0; i < 3; i++)
        cr_assert(eq(u64, sink.frames[i].frame.flags & LIMEF_FRAME_KEY, LIMEF_FRAME_KEY));
    cr_assert(eq(u64, limef_throttle_n_dropped(&throttle), 22));
}

Test(throttle, a_key_frame_too_early_takes_its_group_along)
{
    go_packet(0, LIMEF_FRAME_KEY);
    go_packet(FRAME_US, LIMEF_FRAME_KEY);
    go_packet(4 * FRAME_US, 0);
    cr_assert(eq(u64, sink.n_frames, 1));
}

Test(throttle, drops_disposable_packets_one_by_one)
{
    AVPacket *av = av_packet_alloc();

    av->flags = AV_PKT_FLAG_DISPOSABLE;
    go_packet(0, LIMEF_FRAME_KEY);
    for (int i = 1; i < 20; i++) {
        struct limef_packet_frame packet = make_packet(i * TEN_A_SECOND_US / 2, 0);

        packet.av = i % 2 ? av : NULL;
        packet.dts_us += i % 2 ? -1 : 0; /* not a moment too early: half an interval is on time */
        limef_go(&throttle.filter, &packet.frame);
    }
    cr_assert(eq(u64, sink.n_frames, 10));
    av_packet_free(&av);
}

Test(throttle, audio_and_signals_pass)
{
    struct limef_signal_frame end = make_signal(LIMEF_SIGNAL_END, 0);

    for (int i = 0; i < 50; i++) {
        struct limef_packet_frame audio = make_audio_packet(i * 1000);

        limef_go(&throttle.filter, &audio.frame);
    }
    limef_go(&throttle.filter, &end.frame);
    cr_assert(eq(u64, sink.n_frames, 51));
}

Test(throttle, tracks_do_not_share_a_rate)
{
    for (unsigned i = 0; i < 20; i++) {
        struct limef_decoded_frame picture = make_decoded(NULL, i / 2 * TEN_A_SECOND_US);

        picture.frame.slot = i % 2;
        limef_go(&throttle.filter, &picture.frame);
    }
    cr_assert(eq(u64, sink.n_frames, 20));
}

Test(throttle, goes_on_after_times_jump_back_or_ahead)
{
    go_pictures(1, 3600LL * 1000000, FRAME_US);
    go_pictures(1, 0, FRAME_US);
    go_pictures(1, 7200LL * 1000000, FRAME_US);
    cr_assert(eq(u64, sink.n_frames, 3));
}

Test(throttle, without_timestamps_goes_by_the_clock)
{
    int64_t began_us = limef_now_us();

    throttle.interval_us = 3600LL * 1000000;
    for (int i = 0; i < 10; i++)
        go_packet(LIMEF_NO_TIME, LIMEF_FRAME_KEY);
    cr_assert(eq(u64, sink.n_frames, 1));
    cr_assert(ge(i64, throttle.states[0].due_us, began_us + throttle.interval_us));
}

Test(throttle, init_and_clear)
{
    struct limef_throttle_filter made = {0};

    limef_filter_clear(&made.filter);
    limef_throttle_filter_init(&made, NULL, 5);
    cr_assert(eq(i64, made.interval_us, 5));
    limef_filter_clear(&made.filter);
    cr_assert(eq(i64, made.interval_us, 0));
}

Test(throttle, allocates_nothing_per_frame)
{
    uint64_t before = limef_memory_n_allocations();

    sink.counts_only = true;
    go_pictures(1000, 0, FRAME_US);
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
}
