/* SPDX-License-Identifier: MIT */
#include <limef/filter/statistics.h>

#include "support/frames.h"
#include "support/sink.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <limef/base/memory.h>

#define FRAME_US 40000
#define SECOND_US 1000000

static struct sink sink = {.filter = LIMEF_FILTER(&sink_ops, "sink", NULL)};
static struct limef_statistics_filter statistics = {
    .filter = LIMEF_FILTER(&limef_statistics_ops, "statistics", &sink.filter)};
static struct limef_statistics seen;

static void go_video(int64_t pts_us, uint32_t flags, size_t size_bytes)
{
    struct limef_packet_frame packet = make_packet(pts_us, flags);

    packet.size_bytes = size_bytes;
    limef_go(&statistics.filter, &packet.frame);
}

Test(statistics, all_zero_has_no_track_and_can_be_cleared)
{
    struct limef_statistics_filter made = {0};

    cr_assert(eq(int, limef_statistics_get(&statistics, 0, &seen), AVERROR(ENOENT)));
    cr_assert(eq(int, limef_statistics_get(&statistics, 99, &seen), AVERROR(ENOENT)));
    limef_filter_clear(&made.filter);
    limef_statistics_filter_init(&made, NULL);
    limef_filter_clear(&made.filter);
    cr_assert(eq(ptr, (void *)made.filter.ops, NULL));
}

Test(statistics, counts_frames_bytes_and_flags)
{
    int64_t before_us = limef_now_us();

    go_video(0, LIMEF_FRAME_KEY, 1000);
    go_video(FRAME_US, LIMEF_FRAME_CORRUPT, 300);
    go_video(2 * FRAME_US, 0, 200);
    cr_assert(eq(int, limef_statistics_get(&statistics, 0, &seen), 0));
    cr_assert(eq(u64, seen.n_frames, 3));
    cr_assert(eq(u64, seen.n_bytes, 1500));
    cr_assert(eq(u64, seen.n_key, 1));
    cr_assert(eq(u64, seen.n_corrupt, 1));
    cr_assert(eq(u64, seen.last_bytes, 200));
    cr_assert(eq(u64, seen.max_bytes, 1000));
    cr_assert(eq(i64, seen.pts_us, 2 * FRAME_US));
    cr_assert(ge(i64, seen.seen_us, before_us));
    cr_assert(eq(u64, sink.n_frames, 3));
}

Test(statistics, knows_the_distance_of_key_frames)
{
    for (int i = 0; i < 26; i++)
        go_video(i * FRAME_US, i % 12 ? 0 : LIMEF_FRAME_KEY, 10);
    limef_statistics_get(&statistics, 0, &seen);
    cr_assert(eq(u64, seen.key_interval_frames, 12));
    cr_assert(eq(i64, seen.key_interval_us, 12 * FRAME_US));
}

Test(statistics, tells_tracks_apart)
{
    struct limef_packet_frame audio = make_audio_packet(5);

    audio.frame.slot = 4;
    go_video(0, 0, 10);
    limef_go(&statistics.filter, &audio.frame);
    cr_assert(eq(int, limef_statistics_get(&statistics, 1, &seen), 0));
    cr_assert(eq(u64, seen.slot, 4));
    cr_assert(eq(u64, seen.media, LIMEF_MEDIA_AUDIO));
    cr_assert(eq(u64, seen.track, 1));
    cr_assert(eq(u64, seen.n_frames, 1));
    cr_assert(eq(int, limef_statistics_get(&statistics, 2, &seen), AVERROR(ENOENT)));
}

Test(statistics, rates_are_those_of_a_full_second)
{
    go_video(0, 0, 1000);
    for (int i = 1; i < 50; i++)
        go_video(i * FRAME_US, 0, 1000);
    limef_statistics_get(&statistics, 0, &seen);
    cr_assert(eq(dbl, seen.fps, 0.0));
    statistics.states[0].second_began_us -= 2 * SECOND_US; /* as if it had taken so long */
    go_video(50 * FRAME_US, 0, 1000);
    limef_statistics_get(&statistics, 0, &seen);
    /* 50 frames after the first in 2 s and what the test took, which is far below 8 s */
    cr_assert(gt(dbl, seen.fps, 5.0));
    cr_assert(le(dbl, seen.fps, 25.0));
    cr_assert(gt(dbl, seen.bits_per_s, 40000.0));
    cr_assert(le(dbl, seen.bits_per_s, 200000.0));
}

Test(statistics, a_stream_that_stopped_has_no_rate)
{
    go_video(0, 0, 1000);
    statistics.states[0].second_began_us -= 2 * SECOND_US;
    go_video(1, 0, 1000);
    atomic_store(&statistics.states[0].seen_us, limef_now_us() - 3 * SECOND_US);
    limef_statistics_get(&statistics, 0, &seen);
    cr_assert(eq(dbl, seen.fps, 0.0));
}

Test(statistics, knows_ages_from_entering_the_process_and_from_capture)
{
    struct limef_packet_frame packet = make_packet(0, 0);

    packet.frame.entered_us = limef_now_us() - 10000;
    packet.frame.wall_us = limef_wall_us() - 50000;
    limef_go(&statistics.filter, &packet.frame);
    limef_statistics_get(&statistics, 0, &seen);
    cr_assert(ge(i64, seen.age_p50_us, 10000));
    cr_assert(ge(i64, seen.age_p99_us, seen.age_p50_us));
    cr_assert(ge(i64, seen.wall_age_p50_us, 50000));
}

Test(statistics, without_those_times_has_no_ages)
{
    go_video(0, 0, 10);
    limef_statistics_get(&statistics, 0, &seen);
    cr_assert(eq(i64, seen.age_p99_us, 0));
    cr_assert(eq(i64, seen.wall_age_p99_us, 0));
}

Test(statistics, passes_signals_uncounted)
{
    struct limef_signal_frame end = make_signal(LIMEF_SIGNAL_END, 0);

    limef_go(&statistics.filter, &end.frame);
    cr_assert(eq(u64, sink.n_frames, 1));
    cr_assert(eq(int, limef_statistics_get(&statistics, 0, &seen), AVERROR(ENOENT)));
}

Test(statistics, allocates_nothing_per_frame)
{
    uint64_t before = limef_memory_n_allocations();

    sink.counts_only = true;
    for (int i = 0; i < 1000; i++)
        go_video(i, 0, 10);
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
}
