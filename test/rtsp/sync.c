/* SPDX-License-Identifier: MIT */
#include "rtsp/sync.h"

#include "rtsp/receiver.h"

#include "packets.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

/* Two streams of one camera: pictures of 90 kHz, each 40 ms, and sound of 8 kHz, each 20 ms. Times
 * are those of the camera's clock; how much later each stream arrives is the test's. */
#define VIDEO 0
#define AUDIO 1
#define VIDEO_US 40000
#define AUDIO_US 20000
#define CAMERA_US INT64_C(1600000000000000)
#define NTP_OF_1970 UINT64_C(2208988800)
#define HOUR_US INT64_C(3600000000)

static struct rtsp_sync sync;
static struct limef_rtsp_source_counters counters;
static struct stream {
    struct rtsp_receiver receiver;
    uint32_t ssrc, first_timestamp;
    uint16_t sequence;
    int clock_hz;
    int64_t late_us; /* it arrives so much later than it was captured */
    int64_t off_us;  /* its reports are wrong by so much */
    bool reports, reports_no_time;
    const char *cname;           /* of four letters */
    int64_t captured_us, pts_us; /* of the last unit that arrived */
    int64_t hold_us, most_hold_step_us;
    unsigned n_back, n_units;
    int64_t most_apart_us; /* of its time's pace and the camera's, between two units */
} streams[2];

static int keep(void *context, struct rtsp_receiver *receiver, const struct rtsp_arrival *arrival)
{
    struct stream *stream = context;
    static int64_t last_captured_us[2];
    int64_t *last_us = &last_captured_us[stream - streams];

    (void)receiver;
    if (stream->n_units++) {
        int64_t went_us = arrival->pts_us - stream->pts_us;
        int64_t apart_us = llabs(went_us - (stream->captured_us - *last_us));

        stream->n_back += went_us <= 0;
        if (apart_us > stream->most_apart_us)
            stream->most_apart_us = apart_us;
        if (arrival->hold_us - stream->hold_us > stream->most_hold_step_us)
            stream->most_hold_step_us = arrival->hold_us - stream->hold_us;
    }
    stream->hold_us = arrival->hold_us;
    *last_us = stream->captured_us;
    stream->pts_us = arrival->pts_us;
    return 0;
}

static void open_stream(struct stream *stream)
{
    bool is_video = stream == &streams[VIDEO];
    struct sdp_media media = {.kind = is_video ? SDP_VIDEO : SDP_AUDIO,
                              .payload_type = 96,
                              .encoding = is_video ? "H264" : "PCMA",
                              .clock_hz = is_video ? 90000 : 8000,
                              .n_channels = 1,
                              .format = ""};

    stream->clock_hz = media.clock_hz;
    cr_assert(zero(int, rtsp_receiver_open(&stream->receiver, &media,
                                           &sync.clocks[stream - streams], keep, stream)));
}

static void open_streams(void)
{
    rtsp_sync_init(&sync, "camera");
    streams[VIDEO] = (struct stream){.ssrc = 1, .first_timestamp = UINT32_MAX - 90000};
    streams[AUDIO] = (struct stream){.ssrc = 2, .first_timestamp = 5};
    for (int i = 0; i < 2; i++) {
        streams[i].reports = true;
        streams[i].cname = "cam1";
        open_stream(&streams[i]);
    }
}

static void close_streams(void)
{
    for (int i = 0; i < 2; i++)
        rtsp_receiver_clear(&streams[i].receiver);
}

TestSuite(rtsp_sync, .init = open_streams, .fini = close_streams, .timeout = 10);

static uint32_t timestamp_of(const struct stream *stream, int64_t captured_us)
{
    return stream->first_timestamp + (uint32_t)(captured_us * stream->clock_hz / 1000000);
}

/* What was captured then arrives. */
static void arrive(struct stream *stream, int64_t captured_us)
{
    uint8_t packet[64];
    size_t bytes = packet_write(packet, stream->sequence++, timestamp_of(stream, captured_us), true,
                                "\x41\x9a", 2);

    AV_WB32(packet + 8, stream->ssrc);
    stream->captured_us = captured_us;
    cr_assert(zero(int, rtsp_receiver_rtp(&stream->receiver, packet, bytes,
                                          1000000 + captured_us + stream->late_us)));
}

static void report(struct stream *stream, int64_t captured_us)
{
    uint64_t wall_us = (uint64_t)(CAMERA_US + captured_us + stream->off_us);
    uint8_t data[28 + 16] = {[0] = 0x80, 200, 0, 6, [28] = 0x81, 202, 0, 3, [36] = 1, 4};

    AV_WB32(data + 4, stream->ssrc);
    AV_WB32(data + 32, stream->ssrc);
    memcpy(data + 38, stream->cname, 4);
    AV_WB32(data + 8, (uint32_t)(wall_us / 1000000 + NTP_OF_1970));
    AV_WB32(data + 12, (uint32_t)((wall_us % 1000000 << 32) / 1000000));
    if (stream->reports_no_time)
        AV_WB64(data + 8, 0);
    AV_WB32(data + 16, timestamp_of(stream, captured_us));
    if (stream->reports)
        rtsp_receiver_rtcp(&stream->receiver, data, sizeof(data),
                           1000000 + captured_us + stream->late_us);
}

static bool is_due(const struct stream *stream, int64_t now_us, int64_t each_us)
{
    int64_t captured_us = now_us - stream->late_us;

    return captured_us >= 0 && captured_us % each_us == 0;
}

/* Both streams from one time to another, each as much later as it is, with a report each second. */
static void play(int64_t from_us, int64_t to_us)
{
    for (int64_t now_us = from_us; now_us < to_us; now_us += 10000) {
        for (int i = 0; i < 2; i++) {
            if (is_due(&streams[i], now_us, i == VIDEO ? VIDEO_US : AUDIO_US))
                arrive(&streams[i], now_us - streams[i].late_us);
            if (is_due(&streams[i], now_us, 1000000))
                report(&streams[i], now_us - streams[i].late_us);
        }
    }
    counters = (struct limef_rtsp_source_counters){.n_jumps = 0};
    rtsp_sync_count(&sync, &counters);
}

/* How much later sound has its time than the pictures of the same moment. */
static int64_t apart_us(void)
{
    return (streams[AUDIO].pts_us - streams[AUDIO].captured_us) -
           (streams[VIDEO].pts_us - streams[VIDEO].captured_us);
}

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
