/* SPDX-License-Identifier: MIT */
#include "two_streams.h"

TestSuite(rtsp_sync, .init = open_streams, .fini = close_streams, .timeout = 10);

static void assert_smooth(void)
{
    for (int i = 0; i < 2; i++) {
        cr_assert(zero(u32, streams[i].n_back));
        cr_assert(le(i64, streams[i].most_apart_us, (i == VIDEO ? VIDEO_US : AUDIO_US) / 10 + 2));
    }
}

Test(rtsp_sync, without_reports_streams_are_in_step_by_arrival)
{
    streams[VIDEO].late_us = 250000;
    streams[VIDEO].reports = streams[AUDIO].reports = false;
    play(0, 4000000);
    cr_assert(eq(i64, apart_us(), -250000));
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_ARRIVAL));
    cr_assert(zero(i64, counters.skew_us));
    cr_assert(zero(u64, counters.n_corrections));
}

Test(rtsp_sync, reports_put_sound_in_step_with_pictures_that_come_late)
{
    streams[VIDEO].late_us = 250000;
    play(0, 700000);
    cr_assert(lt(i64, apart_us(), -150000)); /* not at once: it plays already */
    play(700000, 6000000);
    cr_assert(le(i64, llabs(apart_us()), 5));
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_REPORTS));
    cr_assert(le(i64, llabs(counters.skew_us + 250000), 5));
    cr_assert(eq(u64, counters.n_corrections, 1));
    cr_assert(le(i64, llabs((int64_t)counters.corrected_us - 250000), 5));
    /* what comes last has its time by arrival still: nothing is late by being in step */
    cr_assert(eq(i64, streams[VIDEO].pts_us, streams[VIDEO].captured_us + 250000));
    assert_smooth();
}

Test(rtsp_sync, reports_put_pictures_in_step_with_sound_that_comes_late)
{
    streams[AUDIO].late_us = 250000;
    play(0, 6000000);
    cr_assert(le(i64, llabs(apart_us()), 5));
    cr_assert(le(i64, llabs(counters.skew_us - 250000), 5));
    cr_assert(eq(i64, streams[AUDIO].pts_us, streams[AUDIO].captured_us + 250000));
    assert_smooth();
}

Test(rtsp_sync, what_is_known_before_anything_came_is_used_at_once)
{
    streams[AUDIO].late_us = 250000;
    report(&streams[VIDEO], 0);
    report(&streams[AUDIO], 0);
    arrive(&streams[VIDEO], 0);
    arrive(&streams[VIDEO], 5 * VIDEO_US);
    arrive(&streams[AUDIO], AUDIO_US);
    cr_assert(le(i64, llabs(apart_us()), 5));
    rtsp_sync_count(&sync, &counters);
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_REPORTS));
}

Test(rtsp_sync, no_time_is_before_the_beginning)
{
    streams[AUDIO].late_us = 250000;
    report(&streams[VIDEO], 0);
    report(&streams[AUDIO], 0);
    arrive(&streams[VIDEO], 5 * VIDEO_US);
    arrive(&streams[AUDIO], 0);
    cr_assert(zero(i64, streams[AUDIO].pts_us));
    play(250000, 6000000);
    cr_assert(le(i64, llabs(apart_us()), 5));
}

Test(rtsp_sync, reports_that_are_an_hour_apart_are_not_believed)
{
    streams[VIDEO].late_us = 250000;
    streams[AUDIO].off_us = HOUR_US;
    play(0, 6000000);
    cr_assert(eq(i64, apart_us(), -250000));
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_ARRIVAL));
    cr_assert(zero(i64, counters.skew_us));
    cr_assert(eq(u64, counters.n_refused_reports, 1));
    assert_smooth();
    streams[AUDIO].off_us = 0; /* somebody sets it */
    play(6000000, 12000000);
    cr_assert(le(i64, llabs(apart_us()), 5));
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_REPORTS));
}

Test(rtsp_sync, reports_of_one_stream_alone_say_nothing)
{
    streams[VIDEO].late_us = 250000;
    streams[AUDIO].reports = false;
    play(0, 6000000);
    cr_assert(eq(i64, apart_us(), -250000));
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_ARRIVAL));
    cr_assert(sync.is_silence_said);
}

Test(rtsp_sync, reports_without_a_wall_clock_say_nothing)
{
    streams[VIDEO].late_us = 250000;
    streams[AUDIO].reports_no_time = true;
    play(0, 4000000);
    cr_assert(eq(i64, apart_us(), -250000));
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_ARRIVAL));
    cr_assert(zero(u64, counters.n_refused_reports));
}

/* The camera's clock is set, which its streams tell one after the other. */
Test(rtsp_sync, a_clock_that_is_set_moves_nothing)
{
    streams[VIDEO].late_us = 250000;
    play(0, 6000000);
    streams[VIDEO].off_us = streams[AUDIO].off_us = 60000000;
    play(6000000, 12000000);
    cr_assert(le(i64, llabs(apart_us()), 5));
    cr_assert(eq(u64, counters.n_corrections, 1));
    cr_assert(zero(u64, counters.n_refused_reports));
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_REPORTS));
    assert_smooth();
}

/* The camera's clock is set, and one of its streams is not reported any more. */
Test(rtsp_sync, a_stream_that_is_reported_no_more_is_not_waited_for)
{
    streams[VIDEO].late_us = 250000;
    play(0, 6000000);
    streams[VIDEO].off_us = 60000000;
    streams[AUDIO].reports = false;
    play(6000000, 12000000);
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_ARRIVAL));
    streams[AUDIO].off_us = 60000000;
    streams[AUDIO].reports = true;
    play(12000000, 14000000);
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_REPORTS));
    cr_assert(le(i64, llabs(apart_us()), 5));
    assert_smooth();
}

/* RFC 3550 6.5.1: streams of one source have one name. Others are near by chance. */
Test(rtsp_sync, reports_of_two_sources_are_believed_less)
{
    streams[VIDEO].late_us = 250000;
    streams[AUDIO].off_us = 1000000;
    streams[AUDIO].cname = "mic2";
    play(0, 6000000);
    cr_assert(eq(i64, apart_us(), -250000));
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_ARRIVAL));
    cr_assert(eq(u64, counters.n_refused_reports, 1));
    streams[AUDIO].off_us = 0; /* many cameras call each stream by a name of its own */
    play(6000000, 12000000);
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_REPORTS));
    cr_assert(le(i64, llabs(apart_us()), 5));
}

Test(rtsp_sync, one_clock_that_jumps_a_minute_moves_nothing)
{
    streams[VIDEO].late_us = 250000;
    play(0, 6000000);
    streams[AUDIO].off_us = 60000000;
    play(6000000, 12000000);
    cr_assert(le(i64, llabs(apart_us()), 5));
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_ARRIVAL));
    cr_assert(eq(u64, counters.n_refused_reports, 1));
    assert_smooth();
}

/* Timestamps jump: the stream goes on by arrival, and stays in step as it was. */
Test(rtsp_sync, a_jump_of_the_timestamps_is_repaired_in_step)
{
    streams[VIDEO].late_us = 250000;
    play(0, 6000000);
    streams[VIDEO].first_timestamp += 60 * 90000;
    play(6000000, 12000000);
    cr_assert(le(i64, llabs(apart_us()), 1000));
    cr_assert(eq(u64, counters.n_jumps, 1));
    cr_assert(zero(u32, streams[VIDEO].n_back + streams[AUDIO].n_back));
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_REPORTS));
}

/* The last report before a step back is no report from behind it, however near its timestamp is. */
Test(rtsp_sync, pictures_whose_timestamps_step_back_stay_in_step_with_sound)
{
    streams[VIDEO].late_us = 250000;
    play(0, 6900000);
    streams[VIDEO].first_timestamp -= 27000;
    for (int64_t now_us = 6900000; now_us < 9000000; now_us += 100000) {
        play(now_us, now_us + 100000);
        cr_assert(le(i64, llabs(apart_us()), 5000));
    }
    cr_assert(eq(u64, counters.n_jumps, 1));
    cr_assert(zero(u32, streams[VIDEO].n_back + streams[AUDIO].n_back));
}

/* Pictures are captured 20 ms apart and come as 0 3 1 2 6 4 5. */
Test(rtsp_sync, pictures_out_of_order_keep_their_order_while_they_are_put_in_step)
{
    static const int order[] = {3, -1, -1};
    struct stream *video = &streams[VIDEO];
    int64_t highest_us = -1, times[3];

    streams[AUDIO].late_us = 250000;
    arrive(video, 0);
    arrive(&streams[AUDIO], 0);
    for (int i = 1; i < 300; i += 3) {
        if (i == 31) {
            report(video, (int64_t)i * AUDIO_US);
            report(&streams[AUDIO], (int64_t)i * AUDIO_US);
        }
        for (int k = 0; k < 3; k++) {
            int number = i + k + (k == 0 ? 2 : order[k]);
            uint8_t packet[16];
            size_t bytes = packet_write(packet, video->sequence++,
                                        timestamp_of(video, (int64_t)number * AUDIO_US), true,
                                        k == 0 ? "\x41\x9a" : "\x01\xa8", 2);

            AV_WB32(packet + 8, video->ssrc);
            cr_assert(zero(int, rtsp_receiver_rtp(&video->receiver, packet, bytes,
                                                  1000000 + (int64_t)(i + k) * AUDIO_US)));
            times[k] = video->pts_us;
        }
        cr_assert(gt(i64, times[1], highest_us));
        cr_assert(gt(i64, times[2], times[1]));
        cr_assert(gt(i64, times[0], times[2]));
        highest_us = times[0];
    }
    rtsp_sync_count(&sync, &counters);
    cr_assert(zero(u64, counters.n_jumps));
    cr_assert(eq(u64, counters.n_corrections, 1));
    cr_assert(le(i64, llabs(video->pts_us - (299 * AUDIO_US - 2 * AUDIO_US + 250000)), 40000));
}

/* The camera connects again and again: what all wait for does not grow. */
Test(rtsp_sync, connections_one_after_the_other_do_not_add_up)
{
    int64_t now_us = 0;

    for (int i = 0; i < 30; i++) {
        streams[VIDEO].late_us = i % 2 ? 250000 : 300000;
        streams[AUDIO].late_us = i % 3 ? 0 : 100000;
        play(now_us, now_us + 8000000);
        cr_assert(le(i64, llabs(apart_us()), 1000));
        now_us += 10000000;
        cr_assert(lt(i64, streams[VIDEO].pts_us, streams[VIDEO].captured_us + 600000));
        rtsp_sync_restart(&sync);
        for (int k = 0; k < 2; k++) {
            rtsp_receiver_clear(&streams[k].receiver);
            open_stream(&streams[k]);
        }
    }
    cr_assert(zero(u32, streams[VIDEO].n_back + streams[AUDIO].n_back));
}

Test(rtsp_sync, nothing_is_held_unless_somebody_wants_it)
{
    streams[VIDEO].late_us = 250000;
    play(0, 6000000);
    cr_assert(zero(i64, streams[AUDIO].hold_us));
    cr_assert(zero(i64, streams[VIDEO].hold_us));
}

Test(rtsp_sync, what_comes_first_is_held_until_the_last_comes)
{
    sync.holds = true;
    streams[VIDEO].late_us = 250000;
    play(0, 6000000);
    cr_assert(le(i64, llabs(streams[AUDIO].hold_us - 250000), 5));
    cr_assert(zero(i64, streams[VIDEO].hold_us));
    cr_assert(le(i64, streams[AUDIO].most_hold_step_us, AUDIO_US / 10 + 1));
}

/* Nor are its times before those by arrival, which would look as if it were late. */
Test(rtsp_sync, pictures_are_held_by_and_by_when_sound_begins_later)
{
    sync.holds = true;
    streams[AUDIO].late_us = 250000;
    report(&streams[VIDEO], 0);
    report(&streams[AUDIO], 0);
    play(0, 300000);
    cr_assert(le(i64, streams[VIDEO].hold_us, 30000));
    play(300000, 6000000);
    cr_assert(le(i64, llabs(streams[VIDEO].hold_us - 250000), 5));
    cr_assert(zero(i64, streams[AUDIO].hold_us));
    cr_assert(eq(i64, streams[AUDIO].pts_us, streams[AUDIO].captured_us + 250000));
    cr_assert(le(i64, streams[VIDEO].most_hold_step_us, VIDEO_US / 10 + 1));
    cr_assert(le(i64, llabs(apart_us()), 5));
}

static void tell(struct stream *stream, int64_t begins_us)
{
    struct rtsp_first first = {
        .sequence = 0, .has_timestamp = true, .timestamp = timestamp_of(stream, begins_us)};

    cr_assert(zero(int, rtsp_receiver_begin(&stream->receiver, &first)));
}

Test(rtsp_sync, the_answer_to_play_puts_streams_in_step_before_reports)
{
    streams[VIDEO].reports = streams[AUDIO].reports = false;
    streams[VIDEO].late_us = 250000;
    tell(&streams[VIDEO], 0);
    tell(&streams[AUDIO], 0);
    arrive(&streams[AUDIO], AUDIO_US);
    arrive(&streams[VIDEO], VIDEO_US);
    cr_assert(le(i64, llabs(apart_us()), 20000)); /* no time is before the beginning */
    rtsp_sync_count(&sync, &counters);
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_RTP_INFO));
    cr_assert(le(i64, llabs(counters.skew_us + 250000), 125));
}

Test(rtsp_sync, an_answer_to_play_that_names_first_packets_alone_says_nothing)
{
    streams[VIDEO].late_us = 250000;
    tell(&streams[VIDEO], 0);
    tell(&streams[AUDIO], 100000);
    arrive(&streams[AUDIO], 100000);
    arrive(&streams[VIDEO], 0);
    cr_assert(eq(i64, apart_us(), -250000));
    rtsp_sync_count(&sync, &counters);
    cr_assert(eq(int, (int)counters.sync, LIMEF_RTSP_SYNC_ARRIVAL));
}

Test(rtsp_sync, an_answer_to_play_for_others_says_nothing)
{
    streams[VIDEO].late_us = 250000;
    tell(&streams[VIDEO], -60000000);
    tell(&streams[AUDIO], 0);
    arrive(&streams[AUDIO], AUDIO_US);
    arrive(&streams[VIDEO], VIDEO_US);
    cr_assert(eq(i64, apart_us(), -250000));
}

/* It was ahead of arrival, and is at arrival in this one. */
Test(rtsp_sync, what_held_a_stream_in_the_connection_before_holds_it_no_more)
{
    struct rtsp_clock *sound = &sync.clocks[AUDIO];

    sync.holds = true;
    rtsp_clock_anchor(&sync.clocks[VIDEO], 0, 1000000);
    rtsp_clock_anchor(sound, 0, 1000000);
    rtsp_clock_hold_us(sound, 8000000);
    rtsp_sync_restart(&sync);
    rtsp_clock_anchor(&sync.clocks[VIDEO], 0, 2000000);
    rtsp_clock_anchor(sound, 0, 2000000);
    cr_assert(zero(i64, rtsp_clock_hold_us(sound, 1000000)));
    sound->shift_us = sound->end_shift_us = 500000;
    cr_assert(eq(i64, rtsp_clock_hold_us(sound, 2000000), 100000));
}
