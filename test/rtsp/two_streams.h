/* SPDX-License-Identifier: MIT */
/* Sound and pictures of one camera in simulated time, packet by packet. */
#ifndef LIMEF_TEST_RTSP_TWO_STREAMS_H
#define LIMEF_TEST_RTSP_TWO_STREAMS_H

#include "rtsp/receiver.h"
#include "rtsp/sync.h"

#include "packets.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
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
    double ppm;      /* its clock is too fast by, and the one of its reports */
    int64_t jitter_us, arrived_us;
    int64_t not_before_us;  /* nothing arrives: the network is held up, or nobody is connected */
    bool is_between;        /* what comes is shown before what came last: slices of type B */
    int64_t report_each_us; /* 0: each second */
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

/* Another connection to the same camera. */
static inline void connect_anew(void)
{
    rtsp_sync_restart(&sync);
    close_streams();
    for (int i = 0; i < 2; i++)
        open_stream(&streams[i]);
}

/* By the stream's clock. */
static int64_t clock_us(const struct stream *stream, int64_t captured_us)
{
    return captured_us + llrint((double)captured_us * stream->ppm / 1e6);
}

static uint32_t timestamp_of(const struct stream *stream, int64_t captured_us)
{
    return stream->first_timestamp +
           (uint32_t)(clock_us(stream, captured_us) * stream->clock_hz / 1000000);
}

/* Held up by chance, but never so that another one overtakes it. */
static int64_t arrival_us(struct stream *stream, int64_t captured_us)
{
    static uint32_t random = 1;
    int64_t arrived_us = 1000000 + captured_us + stream->late_us;

    random = random * 1664525 + 1013904223;
    arrived_us += (int64_t)(random >> 8) * stream->jitter_us / (1 << 24);
    if (arrived_us < stream->not_before_us)
        arrived_us = stream->not_before_us;
    if (arrived_us > stream->arrived_us)
        stream->arrived_us = arrived_us;
    return stream->arrived_us;
}

/* What was captured then arrives. */
static void arrive(struct stream *stream, int64_t captured_us)
{
    uint8_t packet[64];
    size_t bytes = packet_write(packet, stream->sequence++, timestamp_of(stream, captured_us), true,
                                stream->is_between ? "\x01\xa8" : "\x41\x9a", 2);

    AV_WB32(packet + 8, stream->ssrc);
    stream->captured_us = captured_us;
    cr_assert(zero(
        int, rtsp_receiver_rtp(&stream->receiver, packet, bytes, arrival_us(stream, captured_us))));
}

static void report(struct stream *stream, int64_t captured_us)
{
    uint64_t wall_us = (uint64_t)(CAMERA_US + clock_us(stream, captured_us) + stream->off_us);
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
        rtsp_receiver_rtcp(&stream->receiver, data, sizeof(data), arrival_us(stream, captured_us));
}

static bool is_due(const struct stream *stream, int64_t now_us, int64_t each_us)
{
    int64_t captured_us = now_us - stream->late_us;

    return captured_us >= 0 && captured_us % each_us == 0;
}

/* Both streams from one time to another, each as much later as it is, with a report each second. */
static inline void play(int64_t from_us, int64_t to_us)
{
    for (int64_t now_us = from_us; now_us < to_us; now_us += 10000) {
        for (int i = 0; i < 2; i++) {
            if (is_due(&streams[i], now_us, i == VIDEO ? VIDEO_US : AUDIO_US))
                arrive(&streams[i], now_us - streams[i].late_us);
            if (is_due(&streams[i], now_us,
                       streams[i].report_each_us ? streams[i].report_each_us : 1000000))
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

#endif
