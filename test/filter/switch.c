/* SPDX-License-Identifier: MIT */
#include <limef/filter/switch.h>

#include "support/failing.h"
#include "support/frames.h"
#include "support/sink.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavutil/error.h>
#include <limef/base/log.h>
#include <limef/base/memory.h>

#define SLOT 9

static struct limef_switch_filter choice;
static struct sink sink = {.filter = LIMEF_FILTER(&sink_ops, "sink", NULL)};
static struct limef_switch_input inputs[3] = {
    {.filter = LIMEF_FILTER(&limef_switch_input_ops, "a", &choice.filter)},
    {.filter = LIMEF_FILTER(&limef_switch_input_ops, "b", &choice.filter)},
    {.filter = LIMEF_FILTER(&limef_switch_input_ops, "c", &choice.filter)},
};
static struct limef_switch_filter choice = {
    .filter = LIMEF_FILTER(&limef_switch_ops, "choice", &sink.filter),
    .inputs = inputs,
    .n_inputs = 3,
    .slot = SLOT,
};

static void go_video(unsigned input, int64_t pts_us, uint32_t flags)
{
    struct limef_packet_frame packet = make_packet(pts_us, flags);

    packet.frame.slot = input;
    limef_go(&inputs[input].filter, &packet.frame);
}

static void go_audio(unsigned input, int64_t pts_us)
{
    struct limef_packet_frame packet = make_audio_packet(pts_us);

    limef_go(&inputs[input].filter, &packet.frame);
}

static void go_signal(unsigned input, uint32_t signal)
{
    struct limef_signal_frame frame = make_signal(signal, 0);

    limef_go(&inputs[input].filter, &frame.frame);
}

static int go_choose(int64_t number)
{
    struct limef_signal_frame frame = make_signal(LIMEF_SIGNAL_CHOOSE, number);

    return limef_go(&choice.filter, &frame.frame);
}

static int64_t last_pts_us(void)
{
    return sink.n_frames ? sink.frames[sink.n_frames - 1].frame.pts_us : -1;
}

Test(switch, static_data_passes_the_first_input_in_its_own_slot_and_counts_the_others)
{
    go_video(0, 10, 0);
    go_video(1, 20, LIMEF_FRAME_KEY);
    cr_assert(eq(u64, sink.n_frames, 1));
    cr_assert(eq(i64, last_pts_us(), 10));
    cr_assert(eq(u64, sink.frames[0].frame.slot, SLOT));
    cr_assert(eq(u64, limef_switch_n_withheld(&inputs[1]), 1));
}

Test(switch, goes_on_with_the_old_input_until_a_key_frame_of_the_chosen_one)
{
    go_choose(1);
    go_video(0, 10, 0);
    go_video(1, 11, 0);
    go_video(0, 20, 0);
    cr_assert(eq(i64, last_pts_us(), 20));
    cr_assert(eq(u64, limef_switch_on_air(&choice), 0));
    go_video(1, 21, LIMEF_FRAME_KEY);
    cr_assert(eq(i64, last_pts_us(), 21));
    cr_assert(eq(u64, limef_switch_on_air(&choice), 1));
    go_video(0, 30, LIMEF_FRAME_KEY);
    go_video(1, 31, 0);
    cr_assert(eq(i64, last_pts_us(), 31));
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_PACKET), 4));
    cr_assert(eq(u64, limef_switch_n_cuts(&choice), 1));
    cr_assert(eq(u64, limef_switch_n_withheld(&inputs[0]), 1));
}

Test(switch, passes_the_codec_of_the_chosen_input_before_its_key_frame)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);
    struct limef_codec_frame codec = make_codec(pool, 320, 240);
    const struct limef_frame *passed;

    codec.frame.slot = 1;
    limef_go(&inputs[1].filter, &codec.frame);
    limef_payload_unref(codec.frame.payload);
    cr_assert(eq(u64, sink.n_frames, 0));
    go_choose(1);
    go_video(1, 10, LIMEF_FRAME_KEY);
    passed = sink_nth(&sink, LIMEF_FRAME_CODEC, 0);
    cr_assert(eq(ptr, (void *)passed, &sink.frames[1].frame));
    cr_assert(eq(u64, passed->slot, SLOT));
    cr_assert(eq(u64, sink.n_frames, 3)); /* CHOOSE, codec, key frame */
    limef_filter_clear(&inputs[1].filter);
    limef_filter_clear(&sink.filter);
    limef_pool_release(pool);
}

Test(switch, passes_nothing_for_a_codec_that_it_had_no_memory_to_keep)
{
    struct AVCodecParameters parameters = {.codec_id = AV_CODEC_ID_H264}; /* nobody counts them */
    struct limef_codec_frame codec = {
        .frame = {.frame_class = LIMEF_FRAME_CODEC, .media = LIMEF_MEDIA_VIDEO, .slot = 1},
        .parameters = &parameters};

    limef_log_set_level(LIMEF_LOG_ERROR);
    failing_install(1);
    cr_assert(eq(int, limef_go(&inputs[1].filter, &codec.frame), AVERROR(ENOMEM)));
    failing_remove();
    go_choose(1);
    go_video(1, 10, LIMEF_FRAME_KEY);
    cr_assert(eq(u64, sink.n_frames, 2)); /* CHOOSE, key frame */
    cr_assert(eq(i64, last_pts_us(), 10));
    limef_filter_clear(&inputs[1].filter);
}

Test(switch, flags_the_first_frame_of_each_media_after_a_cut)
{
    go_choose(1);
    go_video(1, 10, LIMEF_FRAME_KEY);
    go_audio(1, 11);
    go_video(1, 12, 0);
    cr_assert(
        eq(u64, sink.frames[1].frame.flags & LIMEF_FRAME_DISCONTINUITY, LIMEF_FRAME_DISCONTINUITY));
    cr_assert(
        eq(u64, sink.frames[2].frame.flags & LIMEF_FRAME_DISCONTINUITY, LIMEF_FRAME_DISCONTINUITY));
    cr_assert(eq(u64, sink.frames[3].frame.flags & LIMEF_FRAME_DISCONTINUITY, 0));
}

Test(switch, an_input_without_video_goes_on_air_at_its_audio)
{
    go_choose(1);
    go_audio(1, 10);
    cr_assert(eq(u64, limef_switch_on_air(&choice), 1));
    go_video(1, 11, 0); /* then video comes, but cannot be decoded yet */
    cr_assert(eq(i64, last_pts_us(), 10));
    go_video(1, 12, LIMEF_FRAME_KEY);
    cr_assert(eq(i64, last_pts_us(), 12));
}

Test(switch, an_input_with_video_does_not_go_on_air_at_its_audio)
{
    go_video(1, 0, 0);
    go_choose(1);
    go_audio(1, 10);
    cr_assert(eq(u64, limef_switch_on_air(&choice), 0));
}

Test(switch, choosing_the_one_on_air_again_calls_off_the_wait)
{
    go_choose(1);
    go_choose(0);
    go_video(1, 10, LIMEF_FRAME_KEY);
    cr_assert(eq(u64, limef_switch_on_air(&choice), 0));
}

Test(switch, cuts_at_once_if_told_to)
{
    choice.cuts_at_once = true;
    go_choose(2);
    go_video(2, 10, 0);
    cr_assert(eq(i64, last_pts_us(), 10));
}

Test(switch, a_dead_input_goes_on_air_at_once_and_says_why)
{
    go_signal(1, LIMEF_SIGNAL_LOST);
    cr_assert(eq(u64, sink.n_frames, 0));
    go_choose(1);
    cr_assert(eq(u64, limef_switch_on_air(&choice), 1));
    cr_assert(eq(u64, sink.frames[0].signal.signal, LIMEF_SIGNAL_LOST));
    cr_assert(eq(u64, sink.frames[0].frame.slot, SLOT));
    go_signal(1, LIMEF_SIGNAL_START);
    go_video(1, 10, 0);
    go_video(1, 20, LIMEF_FRAME_KEY);
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_PACKET), 1));
}

Test(switch, an_input_that_dies_while_it_is_waited_for_goes_on_air)
{
    go_choose(1);
    go_signal(1, LIMEF_SIGNAL_END);
    cr_assert(eq(u64, limef_switch_on_air(&choice), 1));
    cr_assert(eq(u64, sink.frames[1].signal.signal, LIMEF_SIGNAL_END));
    cr_assert(eq(u64, sink.n_frames, 2));
}

Test(switch, the_end_of_an_input_off_air_is_not_the_end_of_the_stream)
{
    go_signal(1, LIMEF_SIGNAL_END);
    cr_assert(eq(u64, sink.n_frames, 0));
    go_signal(0, LIMEF_SIGNAL_END);
    cr_assert(eq(u64, sink.n_frames, 1));
}

Test(switch, passes_commands_whichever_way_they_come)
{
    go_signal(2, LIMEF_SIGNAL_SNAPSHOT);
    go_signal(0, LIMEF_SIGNAL_USER);
    go_choose(0);
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_SIGNAL), 3));
}

Test(switch, a_gap_is_of_the_input_on_air_alone)
{
    go_signal(1, LIMEF_SIGNAL_GAP);
    cr_assert(eq(u64, sink.n_frames, 0));
    cr_assert(eq(u64, limef_switch_n_withheld(&inputs[1]), 1));
    go_signal(0, LIMEF_SIGNAL_GAP);
    cr_assert(eq(u64, sink.n_frames, 1));
    cr_assert(eq(u32, sink.frames[0].frame.slot, SLOT));
}

Test(switch, a_gap_of_all_streams_stays_one_of_all)
{
    struct limef_signal_frame gap = make_signal(LIMEF_SIGNAL_GAP, 0);

    gap.frame.slot = UINT32_MAX;
    limef_go(&inputs[0].filter, &gap.frame);
    cr_assert(eq(u64, sink.n_frames, 1));
    cr_assert(eq(u32, sink.frames[0].frame.slot, UINT32_MAX));
}

Test(switch, an_input_obeys_choose_too)
{
    struct limef_signal_frame frame = make_signal(LIMEF_SIGNAL_CHOOSE, 2);

    limef_go(&inputs[0].filter, &frame.frame);
    go_video(2, 10, LIMEF_FRAME_KEY);
    cr_assert(eq(u64, limef_switch_on_air(&choice), 2));
}

Test(switch, refuses_an_input_that_does_not_exist)
{
    cr_assert(eq(int, go_choose(3), AVERROR(EINVAL)));
    cr_assert(eq(int, go_choose(-1), AVERROR(EINVAL)));
    go_video(0, 10, 0);
    cr_assert(eq(i64, last_pts_us(), 10));
}

Test(switch, init_connects_the_inputs_and_all_of_it_can_be_cleared)
{
    struct limef_switch_filter made = {0};
    struct limef_switch_input ways[2] = {0};
    struct limef_packet_frame packet = make_packet(5, 0);

    limef_filter_clear(&made.filter);
    limef_filter_clear(&ways[0].filter);
    limef_switch_filter_init(&made, NULL, ways, 2);
    limef_connect(&made.filter, &sink.filter);
    limef_go(&ways[0].filter, &packet.frame);
    cr_assert(eq(u64, sink.n_frames, 1));
    limef_filter_clear(&ways[0].filter);
    limef_filter_clear(&ways[1].filter);
    limef_filter_clear(&made.filter);
    cr_assert(eq(ptr, made.inputs, NULL));
}

Test(switch, allocates_nothing_per_frame)
{
    uint64_t before = limef_memory_n_allocations();

    sink.counts_only = true;
    for (int i = 0; i < 500; i++) {
        go_video(0, i, i % 10 ? 0 : LIMEF_FRAME_KEY);
        go_video(1, i, i % 10 ? 0 : LIMEF_FRAME_KEY);
        if (i % 50 == 5)
            go_choose(i / 50 % 2);
    }
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
    cr_assert(gt(u64, limef_switch_n_cuts(&choice), 5));
}

/* Two streams of one camera: the small one has media. */
static void begin_logical(void)
{
    choice.keeps_media = true;
    go_signal(0, LIMEF_SIGNAL_START);
    go_video(0, 10, LIMEF_FRAME_KEY);
    go_signal(1, LIMEF_SIGNAL_LOST); /* not connected */
}

Test(switch, a_logical_stream_goes_on_while_the_chosen_input_has_no_media_yet)
{
    begin_logical();
    go_choose(1);
    cr_assert(eq(u32, limef_switch_on_air(&choice), 0));
    go_signal(1, LIMEF_SIGNAL_LOST);
    go_video(0, 20, 0);
    cr_assert(eq(i64, last_pts_us(), 20));
    go_signal(1, LIMEF_SIGNAL_START);
    go_video(1, 25, 0);
    cr_assert(eq(i64, last_pts_us(), 20));
    go_video(1, 30, LIMEF_FRAME_KEY);
    cr_assert(eq(i64, last_pts_us(), 30));
    cr_assert(eq(u32, limef_switch_on_air(&choice), 1));
    for (unsigned i = 0; i < sink.n_frames; i++) {
        const struct limef_signal_frame *signal = limef_signal_frame_from(&sink.frames[i].frame);

        cr_assert(not(signal && signal->signal == LIMEF_SIGNAL_LOST));
    }
}

Test(switch, a_logical_stream_whose_input_dies_shows_the_other_until_that_is_back)
{
    begin_logical();
    go_choose(1);
    go_signal(1, LIMEF_SIGNAL_START);
    go_video(1, 20, LIMEF_FRAME_KEY);
    sink_empty(&sink);
    go_signal(1, LIMEF_SIGNAL_LOST);
    go_video(0, 30, 0);
    cr_assert(eq(u64, sink.n_frames, 0));
    go_video(0, 40, LIMEF_FRAME_KEY);
    cr_assert(eq(i64, last_pts_us(), 40));
    cr_assert(eq(u32, limef_switch_on_air(&choice), 0));
    go_signal(1, LIMEF_SIGNAL_START);
    go_video(1, 50, LIMEF_FRAME_KEY);
    cr_assert(eq(i64, last_pts_us(), 50));
    cr_assert(eq(u32, limef_switch_on_air(&choice), 1));
}

Test(switch, a_logical_stream_without_any_media_says_so)
{
    begin_logical();
    go_signal(0, LIMEF_SIGNAL_LOST);
    cr_assert(eq(u32, limef_signal_frame_from(&sink.frames[sink.n_frames - 1].frame)->signal,
                 LIMEF_SIGNAL_LOST));
}

Test(switch, says_whose_turn_it_is_again_if_nobody_heard_and_waits_for_a_key_frame)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);
    struct limef_codec_frame codec = make_codec(pool, 320, 240);

    codec.frame.slot = 1;
    go_signal(1, LIMEF_SIGNAL_START);
    limef_go(&inputs[1].filter, &codec.frame);
    limef_payload_unref(codec.frame.payload);
    go_choose(1);
    sink.answer = AVERROR_EXIT;
    go_video(1, 10, LIMEF_FRAME_KEY);
    go_video(1, 11, 0);
    sink.answer = 0;
    sink_empty(&sink);
    go_video(1, 12, 0); /* its key frame was lost */
    go_video(1, 20, LIMEF_FRAME_KEY);
    cr_assert(eq(u64, limef_switch_n_cuts(&choice), 1));
    cr_assert(eq(u64, sink.n_frames, 3));
    cr_assert(eq(u32, sink.frames[0].signal.signal, LIMEF_SIGNAL_START));
    cr_assert(eq(int, (int)sink.frames[1].frame.frame_class, LIMEF_FRAME_CODEC));
    cr_assert(eq(i64, last_pts_us(), 20));
    cr_assert(ne(u32, sink.frames[2].frame.flags & LIMEF_FRAME_DISCONTINUITY, 0));
    limef_filter_clear(&inputs[1].filter);
    limef_filter_clear(&sink.filter);
    limef_pool_release(pool);
}

Test(switch, says_again_why_the_input_on_air_is_dead_whatever_comes_next)
{
    go_signal(1, LIMEF_SIGNAL_LOST);
    sink.answer = AVERROR_EXIT;
    go_choose(1);
    sink.answer = 0;
    sink_empty(&sink);
    go_video(0, 1, LIMEF_FRAME_KEY);
    cr_assert(eq(u64, sink.n_frames, 1));
    cr_assert(eq(u32, sink.frames[0].signal.signal, LIMEF_SIGNAL_LOST));
}

Test(switch, says_codec_and_state_of_the_input_on_air_again_once_if_nobody_heard)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);
    struct limef_codec_frame codec = make_codec(pool, 320, 240);

    go_video(0, 1, LIMEF_FRAME_KEY);
    sink.answer = AVERROR_EXIT;
    limef_go(&inputs[0].filter, &codec.frame);
    limef_payload_unref(codec.frame.payload);
    go_signal(0, LIMEF_SIGNAL_END);
    sink.answer = 0;
    sink_empty(&sink);
    go_signal(0, LIMEF_SIGNAL_END); /* as who was told that nobody heard it does */
    cr_assert(eq(u64, sink.n_frames, 2));
    cr_assert(eq(u32, sink.frames[0].signal.signal, LIMEF_SIGNAL_END));
    cr_assert(eq(int, (int)sink.frames[1].frame.frame_class, LIMEF_FRAME_CODEC));
    limef_filter_clear(&inputs[0].filter);
    limef_filter_clear(&sink.filter);
    limef_pool_release(pool);
}
