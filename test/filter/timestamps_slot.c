/* SPDX-License-Identifier: MIT */
/* What the tracks of a slot have to do with each other. */
#include <limef/filter/timestamps.h>

#include "support/frames.h"
#include "support/sink.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define FRAME_US 40000
#define SOUND_US 20000
#define SECOND_US 1000000LL
#define HOUR_US (3600 * SECOND_US)

static struct sink sink = {.filter = LIMEF_FILTER(&sink_ops, "sink", NULL)};
static struct limef_timestamps_filter timestamps = {
    .filter = LIMEF_FILTER(&limef_timestamps_ops, "timestamps", &sink.filter)};

/* What came out last. */
static const struct limef_packet_frame *last(void)
{
    return &sink.frames[sink.n_frames - 1].packet;
}

static int64_t go(struct limef_packet_frame packet, int64_t duration_us)
{
    sink.n_frames = 0;
    packet.frame.duration_us = duration_us;
    limef_go(&timestamps.filter, &packet.frame);
    return last()->dts_us;
}

static int64_t go_video(int64_t time_us)
{
    return go(make_packet(time_us, 0), FRAME_US);
}

static int64_t go_audio(int64_t time_us)
{
    return go(make_audio_packet(time_us), SOUND_US);
}

static struct limef_timestamps_counters counted(void)
{
    struct limef_timestamps_counters counters;

    limef_timestamps_get_counters(&timestamps, &counters);
    return counters;
}

static bool is_flagged(void)
{
    return last()->frame.flags & LIMEF_FRAME_DISCONTINUITY;
}

Test(timestamps_slot, a_pause_of_one_track_is_not_a_jump_while_the_other_goes_on)
{
    int64_t time_us;

    go_video(0);
    for (time_us = 0; time_us < 60 * SECOND_US; time_us += SOUND_US) {
        go_audio(time_us);
    }
    cr_assert(eq(i64, go_video(60 * SECOND_US), 60 * SECOND_US));
    cr_assert(eq(u64, counted().n_jumps, 0));
}

Test(timestamps_slot, audio_follows_video_over_a_jump_with_the_same_offset)
{
    int64_t video, audio;

    for (int i = 0; i < 50; i++) {
        go_video(HOUR_US + i * FRAME_US);
        go_audio(HOUR_US + 2 * i * SOUND_US);
        go_audio(HOUR_US + (2 * i + 1) * SOUND_US);
    }
    video = go_video(0) - 0;
    audio = go_audio(0) - 0;
    cr_assert(is_flagged());
    for (int i = 1; i < 20; i++) {
        audio = go_audio(i * SOUND_US) - i * SOUND_US;
        if (i % 2 == 0)
            video = go_video(i / 2 * FRAME_US) - i / 2 * FRAME_US;
    }
    cr_assert(eq(i64, audio, video));
    cr_assert(eq(u64, counted().n_jumps, 1));
    cr_assert(eq(u64, counted().n_followed, 1));
    cr_assert(eq(u64, counted().n_backward, 0));
}

/* Audio lies behind video in the file, so the old timeline comes a little longer with it. */
Test(timestamps_slot, audio_that_comes_late_over_a_jump_stays_on_the_old_time_until_it_jumps_too)
{
    int64_t video, audio, before = LIMEF_NO_TIME;

    go_video(HOUR_US);
    go_audio(HOUR_US - 3 * SOUND_US);
    go_video(FRAME_US);
    cr_assert(eq(i64, go_audio(HOUR_US - 2 * SOUND_US), HOUR_US - 2 * SOUND_US));
    cr_assert(eq(i64, go_audio(HOUR_US - SOUND_US), HOUR_US - SOUND_US));
    video = go_video(2 * FRAME_US) - 2 * FRAME_US;
    for (int i = 0; i < 5; i++) {
        audio = go_audio(i * SOUND_US);
        cr_assert(gt(i64, audio, before));
        before = audio;
        audio -= i * SOUND_US;
    }
    video = go_video(3 * FRAME_US) - 3 * FRAME_US;
    cr_assert(eq(i64, audio, video));
}

/* Audio is ahead of video here, behind it there: what follows overlaps what was passed on. */
Test(timestamps_slot, tracks_stay_in_step_and_never_go_back_when_their_jumps_overlap)
{
    static const int lead[] = {-5, 10, -15, 0};
    int64_t last_video = LIMEF_NO_TIME, last_audio = LIMEF_NO_TIME;

    for (int round = 0; round < 20; round++) {
        int64_t from_us = round % 2 ? 0 : HOUR_US, video = 0, audio = 0;

        for (int i = 0; i < 20; i++) {
            int sound = i + lead[round % 4];

            if (i % 2 == 0) {
                video = go_video(from_us + i * SOUND_US);
                cr_assert(gt(i64, video, last_video));
                last_video = video;
            }
            audio = go_audio(from_us + sound * SOUND_US);
            cr_assert(gt(i64, audio, last_audio));
            last_audio = audio;
        }
        cr_assert(eq(i64, video - audio, -(1 + lead[round % 4]) * SOUND_US), "round %d", round);
    }
    cr_assert(eq(u64, counted().n_jumps, 19));
    cr_assert(eq(u64, counted().n_followed, 19));
    cr_assert(eq(u64, counted().n_backward, 0));
    /* each round lasts 400 ms; what overlapped cost at most as much again */
    cr_assert(lt(i64, last_video - HOUR_US, 20 * 800000));
}

Test(timestamps_slot, a_jump_by_which_nothing_overlaps_leaves_no_gap)
{
    for (int i = 0; i < 10; i++) {
        go_video(HOUR_US + i * FRAME_US);
        go_audio(HOUR_US + i * FRAME_US + 10 * SOUND_US);
        go_audio(HOUR_US + i * FRAME_US + 11 * SOUND_US);
    }
    cr_assert(eq(i64, go_video(0), HOUR_US + 10 * FRAME_US));
    cr_assert(eq(i64, go_audio(10 * SOUND_US), HOUR_US + 10 * FRAME_US + 10 * SOUND_US));
}

Test(timestamps_slot, slots_do_not_share_an_offset)
{
    struct limef_packet_frame other = make_packet(5 * SECOND_US, 0);

    other.frame.slot = 1;
    go_video(HOUR_US);
    limef_go(&timestamps.filter, &other.frame);
    go_video(0);
    other.frame.pts_us = other.dts_us = 6 * SECOND_US;
    limef_go(&timestamps.filter, &other.frame);
    cr_assert(eq(i64, last()->dts_us, 6 * SECOND_US));
}

Test(timestamps_slot, other_media_goes_along_with_its_slot)
{
    struct limef_packet_frame title = make_packet(0, 0);

    title.frame.media = LIMEF_MEDIA_OTHER;
    title.frame.track = 2;
    go_video(HOUR_US);
    go_video(0);
    limef_go(&timestamps.filter, &title.frame);
    cr_assert(eq(i64, last()->frame.pts_us, HOUR_US + FRAME_US));
    title.frame.pts_us = LIMEF_NO_TIME;
    limef_go(&timestamps.filter, &title.frame);
    cr_assert(eq(i64, last()->frame.pts_us, LIMEF_NO_TIME));
}

Test(timestamps_slot, more_tracks_than_it_knows_pass_as_they_are)
{
    for (unsigned i = 0; i < LIMEF_MAX_TRACKS + 2; i++) {
        struct limef_packet_frame packet = make_packet(LIMEF_NO_TIME, 0);

        packet.frame.slot = i;
        limef_go(&timestamps.filter, &packet.frame);
    }
    cr_assert(eq(i64, last()->dts_us, LIMEF_NO_TIME));
    cr_assert(eq(u64, counted().n_untracked, 2));
}

Test(timestamps_slot, a_track_whose_times_go_on_does_not_follow_the_jump_of_another)
{
    go_video(HOUR_US);
    go_audio(HOUR_US);
    go_video(HOUR_US - 2 * SECOND_US);
    cr_assert(eq(i64, go_audio(HOUR_US + SOUND_US), HOUR_US + SOUND_US));
    cr_assert(not(is_flagged()));
    cr_assert(eq(i64, go_video(HOUR_US - 2 * SECOND_US + FRAME_US), HOUR_US + 2 * FRAME_US));
    cr_assert(eq(u64, counted().n_followed, 0));
}
