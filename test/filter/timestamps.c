/* SPDX-License-Identifier: MIT */
#include <limef/filter/timestamps.h>

#include "support/frames.h"
#include "support/sink.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <limef/base/memory.h>

#define FRAME_US 40000
#define SOUND_US 20000
#define SECOND_US 1000000LL
#define HOUR_US (3600 * SECOND_US)
#define MPEG_TS_WRAP_US 95443717689LL
#define RTP_WRAP_US 47721858844LL

static struct sink sink = {.filter = LIMEF_FILTER(&sink_ops, "sink", NULL)};
static struct limef_timestamps_filter timestamps = {
    .filter = LIMEF_FILTER(&limef_timestamps_ops, "timestamps", &sink.filter)};

/* What came out last. */
static const struct limef_packet_frame *last(void)
{
    return &sink.frames[sink.n_frames - 1].packet;
}

static int64_t go(int64_t pts_us, int64_t dts_us, int64_t duration_us)
{
    struct limef_packet_frame packet = make_packet(pts_us, 0);

    packet.dts_us = dts_us;
    packet.frame.duration_us = duration_us;
    limef_go(&timestamps.filter, &packet.frame);
    return last()->dts_us;
}

static int64_t go_video(int64_t time_us)
{
    return go(time_us, time_us, FRAME_US);
}

static int64_t go_audio(int64_t time_us)
{
    struct limef_packet_frame packet = make_audio_packet(time_us);

    packet.frame.duration_us = SOUND_US;
    limef_go(&timestamps.filter, &packet.frame);
    return last()->dts_us;
}

static int64_t go_decoded(int64_t pts_us)
{
    struct limef_decoded_frame picture = make_decoded(NULL, pts_us);

    picture.frame.duration_us = FRAME_US;
    limef_go(&timestamps.filter, &picture.frame);
    return last()->frame.pts_us;
}

static void go_codec(int delay, int rate)
{
    AVCodecParameters *parameters = avcodec_parameters_alloc();
    struct limef_codec_frame codec = {
        .frame = {.frame_class = LIMEF_FRAME_CODEC, .media = LIMEF_MEDIA_VIDEO},
        .parameters = parameters,
        .frame_rate_num = rate,
        .frame_rate_den = 1,
    };

    parameters->video_delay = delay;
    limef_go(&timestamps.filter, &codec.frame);
    avcodec_parameters_free(&parameters);
    sink.n_frames = 0;
}

static struct limef_timestamps_counters counted(void)
{
    struct limef_timestamps_counters counters;

    limef_timestamps_get_counters(&timestamps, &counters);
    return counters;
}

static uint64_t n_repairs(void)
{
    struct limef_timestamps_counters c = counted();

    return c.n_missing + c.n_derived + c.n_backward + c.n_jumps + c.n_followed + c.n_wraps +
           c.n_order + c.n_untracked;
}

static bool is_flagged(void)
{
    return last()->frame.flags & LIMEF_FRAME_DISCONTINUITY;
}

Test(timestamps, leaves_a_sound_stream_alone)
{
    for (int i = 0; i < 100; i++) {
        cr_assert(eq(i64, go_video(HOUR_US + i * FRAME_US), HOUR_US + i * FRAME_US));
        cr_assert(eq(i64, last()->frame.pts_us, HOUR_US + i * FRAME_US));
        cr_assert(eq(i64, go_audio(HOUR_US + i * SOUND_US), HOUR_US + i * SOUND_US));
    }
    cr_assert(eq(u64, n_repairs(), 0));
}

Test(timestamps, leaves_b_frames_in_their_order)
{
    static const int64_t pts[] = {0, 3, 1, 2, 6, 4, 5, 9, 7, 8};

    for (int i = 0; i < 10; i++) {
        cr_assert(eq(i64, go(pts[i] * FRAME_US, (i - 1) * FRAME_US, FRAME_US), (i - 1) * FRAME_US));
        cr_assert(eq(i64, last()->frame.pts_us, pts[i] * FRAME_US));
    }
    cr_assert(eq(u64, n_repairs(), 0));
}

Test(timestamps, leaves_a_short_pause_alone)
{
    go_video(0);
    cr_assert(eq(i64, go_video(9 * SECOND_US), 9 * SECOND_US));
    cr_assert(eq(u64, n_repairs(), 0));
}

Test(timestamps, does_not_write_the_frame_it_was_given)
{
    struct limef_packet_frame packet = make_packet(LIMEF_NO_TIME, 0);

    limef_go(&timestamps.filter, &packet.frame);
    cr_assert(eq(i64, packet.dts_us, LIMEF_NO_TIME));
    cr_assert(eq(i64, last()->dts_us, 0));
}

Test(timestamps, fills_missing_times_by_duration)
{
    go_video(SECOND_US);
    cr_assert(eq(i64, go(LIMEF_NO_TIME, LIMEF_NO_TIME, FRAME_US), SECOND_US + FRAME_US));
    cr_assert(eq(i64, last()->frame.pts_us, SECOND_US + FRAME_US));
    cr_assert(eq(i64, go_video(SECOND_US + 2 * FRAME_US), SECOND_US + 2 * FRAME_US));
    cr_assert(eq(u64, counted().n_missing, 1));
    cr_assert(eq(u64, n_repairs(), 1));
}

Test(timestamps, gives_a_stream_without_any_times_its_frame_rate)
{
    go_codec(0, 50);
    for (int i = 0; i < 10; i++)
        cr_assert(eq(i64, go(LIMEF_NO_TIME, LIMEF_NO_TIME, 0), i * 20000));
    cr_assert(eq(u64, counted().n_missing, 10));
}

Test(timestamps, without_a_frame_rate_goes_by_the_distance_seen)
{
    go(0, 0, 0);
    go(33000, 33000, 0);
    cr_assert(eq(i64, go(LIMEF_NO_TIME, LIMEF_NO_TIME, 0), 66000));
}

Test(timestamps, derives_a_decoding_time_where_pictures_are_not_reordered)
{
    go_codec(0, 25);
    for (int i = 0; i < 5; i++) {
        cr_assert(eq(i64, go(i * FRAME_US, LIMEF_NO_TIME, 0), i * FRAME_US));
        cr_assert(eq(i64, last()->frame.pts_us, i * FRAME_US));
    }
    cr_assert(eq(u64, counted().n_derived, 5));
    cr_assert(eq(u64, n_repairs(), 5));
}

Test(timestamps, derives_decoding_times_of_b_frames)
{
    static const int64_t pts[] = {0, 3, 1, 2, 6, 4, 5, 9, 7, 8};
    int64_t before = LIMEF_NO_TIME;

    go_codec(1, 25);
    for (int i = 0; i < 10; i++) {
        int64_t dts = go(pts[i] * FRAME_US, LIMEF_NO_TIME, 0);

        cr_assert(gt(i64, dts, before));
        cr_assert(le(i64, dts, pts[i] * FRAME_US));
        cr_assert(eq(i64, last()->frame.pts_us, pts[i] * FRAME_US));
        before = dts;
    }
    cr_assert(eq(u64, counted().n_backward, 0));
}

Test(timestamps, learns_reordering_that_nobody_announced_and_keeps_the_order)
{
    static const int64_t pts[] = {0, 3, 1, 2, 6, 4, 5};
    int64_t before = LIMEF_NO_TIME, dts = 0;

    for (int i = 0; i < 70; i++) {
        int64_t in = (i / 7 * 6 + pts[i % 7]) * FRAME_US;

        if (i % 7 == 0 && i) /* 0 of this round was 6 of the last one */
            continue;
        dts = go(in, LIMEF_NO_TIME, FRAME_US);
        cr_assert(gt(i64, dts, before));
        cr_assert(eq(i64, last()->frame.pts_us, in));
        before = dts;
    }
    cr_assert(le(i64, dts, last()->frame.pts_us));
    cr_assert(eq(u64, counted().n_jumps, 0));
}

Test(timestamps, derives_a_presentation_time_only_where_pictures_are_not_reordered)
{
    go(LIMEF_NO_TIME, FRAME_US, FRAME_US);
    cr_assert(eq(i64, last()->frame.pts_us, FRAME_US));
    go_codec(2, 25);
    go(LIMEF_NO_TIME, 2 * FRAME_US, FRAME_US);
    cr_assert(eq(i64, last()->frame.pts_us, LIMEF_NO_TIME));
    cr_assert(eq(u64, counted().n_derived, 1));
}

Test(timestamps, mends_a_single_step_back)
{
    go_video(0);
    go_video(FRAME_US);
    cr_assert(eq(i64, go_video(FRAME_US - 10), FRAME_US + 1000));
    cr_assert(eq(i64, last()->frame.pts_us, FRAME_US + 1000));
    cr_assert(eq(i64, go_video(3 * FRAME_US), 3 * FRAME_US));
    cr_assert(eq(u64, counted().n_backward, 1));
    cr_assert(eq(u64, n_repairs(), 1));
}

Test(timestamps, mends_equal_times)
{
    go_video(0);
    cr_assert(gt(i64, go_video(0), 0));
    cr_assert(eq(u64, counted().n_backward, 1));
}

Test(timestamps, a_step_back_that_stays_becomes_a_new_offset)
{
    int64_t before, out;

    for (int i = 0; i < 10; i++)
        go_video(i * FRAME_US);
    go_video(2 * FRAME_US);
    before = go_video(3 * FRAME_US);
    out = go_video(4 * FRAME_US);
    cr_assert(eq(i64, out, before + FRAME_US));
    cr_assert(eq(u64, counted().n_backward, 1));
    cr_assert(eq(u64, counted().n_jumps, 1));
}

Test(timestamps, goes_on_after_a_jump_back_and_flags_it)
{
    go_video(HOUR_US);
    cr_assert(eq(i64, go_video(0), HOUR_US + FRAME_US));
    cr_assert(is_flagged());
    cr_assert(eq(i64, last()->frame.pts_us, HOUR_US + FRAME_US));
    cr_assert(eq(i64, go_video(FRAME_US), HOUR_US + 2 * FRAME_US));
    cr_assert(not(is_flagged()));
    cr_assert(eq(u64, counted().n_jumps, 1));
    cr_assert(eq(u64, n_repairs(), 1));
}

Test(timestamps, goes_on_after_a_jump_ahead)
{
    go_video(0);
    cr_assert(eq(i64, go_video(HOUR_US), FRAME_US));
    cr_assert(is_flagged());
    cr_assert(eq(u64, counted().n_jumps, 1));
}

Test(timestamps, takes_the_gap_that_it_was_told_for_a_pause)
{
    timestamps.max_gap_us = 2 * HOUR_US;
    go_video(0);
    cr_assert(eq(i64, go_video(HOUR_US), HOUR_US));
}

Test(timestamps, a_picture_that_stands_long_is_not_a_jump)
{
    go(0, 0, 60 * SECOND_US);
    cr_assert(eq(i64, go_video(60 * SECOND_US), 60 * SECOND_US));
    cr_assert(eq(u64, n_repairs(), 0));
}

Test(timestamps, goes_on_over_the_wrap_of_mpeg_ts_without_a_discontinuity)
{
    int64_t from_us = MPEG_TS_WRAP_US - 2 * FRAME_US - FRAME_US / 2;

    for (int i = 0; i < 100; i++) {
        int64_t time_us = from_us + i * FRAME_US;

        cr_assert(eq(i64, go_video(time_us % MPEG_TS_WRAP_US), time_us));
        cr_assert(not(is_flagged()));
        cr_assert(eq(i64, go_audio(time_us % MPEG_TS_WRAP_US), time_us));
    }
    cr_assert(eq(u64, counted().n_wraps, 2));
    cr_assert(eq(u64, n_repairs(), 2));
}

Test(timestamps, goes_on_when_presentation_times_wrap_before_decoding_times)
{
    for (int i = 0; i < 20; i++) {
        int64_t dts = MPEG_TS_WRAP_US - 5 * FRAME_US + i * FRAME_US, pts = dts + 3 * FRAME_US;

        cr_assert(eq(i64, go(pts % MPEG_TS_WRAP_US, dts % MPEG_TS_WRAP_US, FRAME_US), dts));
        cr_assert(eq(i64, last()->frame.pts_us, pts));
    }
    cr_assert(eq(u64, n_repairs(), 1));
}

Test(timestamps, goes_on_over_the_wraps_of_rtp_with_b_frames_and_no_decoding_times)
{
    static const int64_t order[] = {0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11, 15, 13, 14};
    int64_t before = LIMEF_NO_TIME;

    go_codec(1, 25);
    for (int i = 0; i < 16; i++) {
        int64_t pts = RTP_WRAP_US - 6 * FRAME_US - 7 + order[i] * FRAME_US;
        int64_t dts = go(pts % RTP_WRAP_US, LIMEF_NO_TIME, FRAME_US);

        cr_assert(gt(i64, dts, before));
        cr_assert(eq(i64, last()->frame.pts_us, pts), "picture %d", i);
        before = dts;
    }
    cr_assert(eq(u64, counted().n_jumps, 0));
}

Test(timestamps, mends_a_presentation_time_before_its_decoding_time)
{
    go_video(0);
    go(FRAME_US - 5000, FRAME_US, FRAME_US);
    cr_assert(eq(i64, last()->frame.pts_us, FRAME_US));
    cr_assert(eq(u64, counted().n_order, 1));
}

Test(timestamps, repairs_decoded_pictures_by_presentation_time)
{
    cr_assert(eq(i64, go_decoded(0), 0));
    cr_assert(eq(i64, go_decoded(LIMEF_NO_TIME), FRAME_US));
    cr_assert(eq(i64, go_decoded(2 * FRAME_US), 2 * FRAME_US));
    cr_assert(eq(i64, go_decoded(HOUR_US), 3 * FRAME_US));
    cr_assert(gt(i64, go_decoded(HOUR_US), 3 * FRAME_US));
}

Test(timestamps, garbage_is_a_missing_time)
{
    go_video(0);
    cr_assert(eq(i64, go(INT64_MAX, INT64_MAX - 1, FRAME_US), FRAME_US));
    cr_assert(eq(i64, go(-INT64_MAX, -INT64_MAX, INT64_MAX), 2 * FRAME_US));
    cr_assert(eq(u64, counted().n_missing, 2));
}

Test(timestamps, whatever_comes_goes_out_growing)
{
    uint64_t random = 12345;
    int64_t before[2] = {LIMEF_NO_TIME, LIMEF_NO_TIME};

    for (int i = 0; i < 200000; i++) {
        int64_t times_us[2], out_us;

        for (int n = 0; n < 2; n++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            times_us[n] = (int64_t)(random >> (random >> 58)) - (int64_t)(random >> 40);
            if (random >> 32 & 1)
                times_us[n] = LIMEF_NO_TIME;
        }
        out_us = random >> 33 & 1 ? go(times_us[0], times_us[1], (int64_t)(random >> 34))
                                  : go_audio(times_us[0]);
        cr_assert(gt(i64, out_us, before[last()->frame.track]));
        before[last()->frame.track] = out_us;
        sink.n_frames = 0;
    }
}

Test(timestamps, a_flush_starts_the_slot_anew_with_the_times_of_the_source)
{
    struct limef_signal_frame flush = make_signal(LIMEF_SIGNAL_FLUSH, LIMEF_NO_TIME);

    go_video(HOUR_US);
    go_video(0);
    limef_go(&timestamps.filter, &flush.frame);
    cr_assert(eq(u64, sink_count(&sink, LIMEF_FRAME_SIGNAL), 1));
    cr_assert(eq(i64, go_video(10 * SECOND_US), 10 * SECOND_US));
    cr_assert(not(is_flagged()));
}

Test(timestamps, init_and_clear)
{
    struct limef_timestamps_filter made = {0};

    limef_filter_clear(&made.filter);
    limef_timestamps_filter_init(&made, NULL, 5);
    cr_assert(eq(str, (char *)made.filter.name, "timestamps"));
    limef_filter_clear(&made.filter);
    cr_assert(eq(i64, made.max_gap_us, 0));
}

Test(timestamps, allocates_nothing_per_frame)
{
    uint64_t before = limef_memory_n_allocations();

    sink.counts_only = true;
    for (int i = 0; i < 1000; i++) {
        struct limef_packet_frame packet = make_packet(i % 100 * FRAME_US, 0);

        limef_go(&timestamps.filter, &packet.frame);
    }
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
}
