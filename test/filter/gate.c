/* SPDX-License-Identifier: MIT */
#include <limef/filter/gate.h>

#include "support/frames.h"
#include "support/sink.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <limef/base/memory.h>

#define FRAME_US 40000

static struct sink sink = {.filter = LIMEF_FILTER(&sink_ops, "sink", NULL)};
static struct limef_gate_filter gate = {.filter =
                                            LIMEF_FILTER(&limef_gate_ops, "gate", &sink.filter)};

static void go_signal(int64_t value)
{
    struct limef_signal_frame signal = make_signal(LIMEF_SIGNAL_GATE, value);

    limef_go(&gate.filter, &signal.frame);
}

static void go_video(int64_t pts_us, uint32_t flags)
{
    struct limef_packet_frame packet = make_packet(pts_us, flags);

    limef_go(&gate.filter, &packet.frame);
}

static void go_audio(int64_t pts_us)
{
    struct limef_packet_frame packet = make_audio_packet(pts_us);

    limef_go(&gate.filter, &packet.frame);
}

static int64_t nth_pts_us(unsigned n)
{
    const struct limef_frame *frame = sink_nth(&sink, LIMEF_FRAME_PACKET, n);

    return frame ? frame->pts_us : LIMEF_NO_TIME;
}

Test(gate, all_zero_is_shut_and_counts_what_it_withholds)
{
    go_video(0, LIMEF_FRAME_KEY);
    go_video(FRAME_US, 0);
    cr_assert(eq(u64, sink.n_frames, 0));
    cr_assert(eq(u64, limef_gate_n_withheld(&gate), 2));
}

Test(gate, opens_at_the_next_key_frame_after_it_was_told)
{
    go_signal(1);
    go_video(0, 0);
    cr_assert(eq(int, (int)limef_gate_get_state(&gate), LIMEF_GATE_WAITING));
    go_video(FRAME_US, LIMEF_FRAME_KEY);
    go_video(2 * FRAME_US, 0);
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_PACKET), 2));
    cr_assert(eq(i64, nth_pts_us(0), FRAME_US));
    cr_assert(eq(u64, limef_gate_n_withheld(&gate), 1));
}

Test(gate, told_again_while_open_stays_open)
{
    go_signal(1);
    go_video(0, LIMEF_FRAME_KEY);
    go_signal(1);
    go_video(FRAME_US, 0);
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_PACKET), 2));
}

static uint32_t nth_flags(unsigned n)
{
    const struct limef_frame *frame = sink_nth(&sink, LIMEF_FRAME_PACKET, n);

    return frame ? frame->flags : 0;
}

Test(gate, what_passes_first_each_time_it_opens_is_a_discontinuity)
{
    for (int i = 0; i < 2; i++) {
        go_signal(1);
        go_video(10 * i * FRAME_US, LIMEF_FRAME_KEY);
        go_video((10 * i + 1) * FRAME_US, 0);
        go_signal(0);
        cr_assert(ne(u32, nth_flags(2 * (unsigned)i) & LIMEF_FRAME_DISCONTINUITY, 0));
        cr_assert(eq(u32, nth_flags(2 * (unsigned)i + 1) & LIMEF_FRAME_DISCONTINUITY, 0));
    }
}

Test(gate, shuts_at_once_and_opens_again_with_the_codec)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);
    struct limef_codec_frame codec = make_codec(pool, 320, 240);

    limef_go(&gate.filter, &codec.frame);
    limef_payload_unref(codec.frame.payload);
    cr_assert(eq(u64, sink.n_frames, 0));
    go_signal(1);
    go_video(0, LIMEF_FRAME_KEY);
    go_signal(0);
    go_video(FRAME_US, LIMEF_FRAME_KEY);
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_PACKET), 1));
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_CODEC), 1));
    go_signal(1);
    go_video(2 * FRAME_US, LIMEF_FRAME_KEY);
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_PACKET), 2));
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_CODEC), 2));
    cr_assert(eq(int, (int)sink.frames[1].frame.frame_class, LIMEF_FRAME_CODEC));
    limef_filter_clear(&gate.filter);
    limef_filter_clear(&sink.filter);
    limef_pool_release(pool);
}

Test(gate, passes_a_codec_that_changes_while_it_is_open)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);
    struct limef_codec_frame codec = make_codec(pool, 320, 240);

    go_signal(1);
    go_video(0, LIMEF_FRAME_KEY);
    limef_go(&gate.filter, &codec.frame);
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_CODEC), 1));
}

Test(gate, rebases_both_times_to_the_key_frame_it_opened_at)
{
    struct limef_packet_frame key = make_packet(10 * FRAME_US, LIMEF_FRAME_KEY);
    const struct limef_packet_frame *out;

    gate.rebase = true;
    key.dts_us = 8 * FRAME_US;
    go_signal(1);
    limef_go(&gate.filter, &key.frame);
    go_audio(10 * FRAME_US + 5);
    out = limef_packet_frame_from(sink_nth(&sink, LIMEF_FRAME_PACKET, 0));
    cr_assert(eq(i64, out->frame.pts_us, 0));
    cr_assert(eq(i64, out->dts_us, -2 * FRAME_US));
    cr_assert(eq(i64, nth_pts_us(1), 5));
    cr_assert(eq(i64, key.frame.pts_us, 10 * FRAME_US)); /* borrowed, not written */
}

Test(gate, rebases_anew_each_time_it_opens)
{
    gate.rebase = true;
    go_signal(1);
    go_video(5 * FRAME_US, LIMEF_FRAME_KEY);
    go_signal(0);
    go_signal(1);
    go_video(9 * FRAME_US, LIMEF_FRAME_KEY);
    cr_assert(eq(i64, nth_pts_us(0), 0));
    cr_assert(eq(i64, nth_pts_us(1), 0));
}

Test(gate, leaves_missing_times_missing)
{
    struct limef_packet_frame packet = make_packet(LIMEF_NO_TIME, 0);

    gate.rebase = true;
    go_signal(1);
    go_video(FRAME_US, LIMEF_FRAME_KEY);
    limef_go(&gate.filter, &packet.frame);
    cr_assert(eq(i64, nth_pts_us(1), LIMEF_NO_TIME));
}

Test(gate, withholds_leading_pictures_and_earlier_samples)
{
    go_signal(1);
    go_video(10 * FRAME_US, LIMEF_FRAME_KEY);
    go_video(10 * FRAME_US, 0); /* its second field */
    go_video(9 * FRAME_US, 0);  /* leading */
    go_audio(10 * FRAME_US - 1);
    go_audio(10 * FRAME_US + 1);
    go_video(11 * FRAME_US, 0);
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_PACKET), 4));
    cr_assert(eq(u64, limef_gate_n_withheld(&gate), 2));
}

Test(gate, does_not_shut_when_times_jump_back_later)
{
    go_signal(1);
    go_video(100 * FRAME_US, LIMEF_FRAME_KEY);
    go_video(101 * FRAME_US, 0);
    go_video(0, 0);
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_PACKET), 3));
}

Test(gate, without_video_opens_at_audio)
{
    go_signal(1);
    go_audio(7);
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_PACKET), 1));
}

Test(gate, with_video_does_not_open_at_audio)
{
    go_video(0, 0);
    go_signal(1);
    go_audio(7);
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_PACKET), 0));
}

Test(gate, opens_at_any_decoded_picture)
{
    struct limef_decoded_frame picture = make_decoded(NULL, 0);

    go_signal(1);
    limef_go(&gate.filter, &picture.frame);
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_DECODED), 1));
}

Test(gate, waiting_from_the_start_opens_without_being_told)
{
    struct limef_gate_filter made = {0};
    struct limef_packet_frame packet = make_packet(0, LIMEF_FRAME_KEY);

    limef_gate_filter_init(&made, NULL, LIMEF_GATE_WAITING, false);
    limef_connect(&made.filter, &sink.filter);
    limef_go(&made.filter, &packet.frame);
    cr_assert(eq(u64, sink.n_frames, 1));
    limef_filter_clear(&made.filter);
    limef_filter_clear(&made.filter);
    cr_assert(eq(ptr, (void *)made.filter.ops, NULL));
}

Test(gate, shut_passes_all_signals)
{
    struct limef_signal_frame end = make_signal(LIMEF_SIGNAL_END, 0);

    limef_go(&gate.filter, &end.frame);
    go_signal(0);
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_SIGNAL), 2));
}

Test(gate, allocates_nothing_per_frame)
{
    uint64_t before = limef_memory_n_allocations();

    gate.rebase = true;
    sink.counts_only = true;
    go_signal(1);
    for (int i = 0; i < 1000; i++)
        go_video(i * FRAME_US, i % 25 ? 0 : LIMEF_FRAME_KEY);
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
    cr_assert(eq(u64, sink.n_frames, 1001));
}

Test(gate, opens_at_the_next_key_frame_if_nobody_took_what_it_opened_with)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);
    struct limef_codec_frame codec = make_codec(pool, 320, 240);

    limef_go(&gate.filter, &codec.frame);
    limef_payload_unref(codec.frame.payload);
    go_signal(1);
    sink.answer = AVERROR_EXIT;
    go_video(0, LIMEF_FRAME_KEY);
    cr_assert(eq(int, (int)limef_gate_get_state(&gate), LIMEF_GATE_WAITING));
    sink.answer = 0;
    sink_empty(&sink);
    go_video(FRAME_US, 0);
    go_video(2 * FRAME_US, LIMEF_FRAME_KEY);
    cr_assert(eq(u64, sink.n_frames, 2));
    cr_assert(eq(int, (int)sink.frames[0].frame.frame_class, LIMEF_FRAME_CODEC));
    cr_assert(eq(i64, nth_pts_us(0), 2 * FRAME_US));
    cr_assert(ne(u32, nth_flags(0) & LIMEF_FRAME_DISCONTINUITY, 0));
    limef_filter_clear(&gate.filter);
    limef_filter_clear(&sink.filter);
    limef_pool_release(pool);
}

Test(gate, gives_a_codec_that_nobody_took_before_it_goes_on)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);
    struct limef_codec_frame codec = make_codec(pool, 320, 240);

    go_signal(1);
    go_video(0, LIMEF_FRAME_KEY);
    sink.answer = AVERROR_EXIT;
    limef_go(&gate.filter, &codec.frame);
    limef_payload_unref(codec.frame.payload);
    sink.answer = 0;
    sink_empty(&sink);
    go_video(FRAME_US, 0);
    go_video(2 * FRAME_US, 0);
    cr_assert(eq(u64, sink.n_frames, 3));
    cr_assert(eq(int, (int)sink.frames[0].frame.frame_class, LIMEF_FRAME_CODEC));
    limef_filter_clear(&gate.filter);
    limef_filter_clear(&sink.filter);
    limef_pool_release(pool);
}
