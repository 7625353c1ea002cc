/* SPDX-License-Identifier: MIT */
/* Streams that go on with another payload type of those that were described. */
#include "rtsp/receiver.h"

#include "packets.h"

#include "support/failing.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/codec_par.h>
#include <stdio.h>

#define FRAME_US 40000
#define FRAME_TICKS 3600
#define H264_KEY "\x65\x88"
#define H265_KEY "\x26\x01\x80"
#define PICTURES                                                                                   \
    "m=video 0 RTP/AVP 96 97 98 99\r\na=rtpmap:96 H264/90000\r\na=rtpmap:97 H265/90000\r\n"        \
    "a=rtpmap:98 ODD/90000\r\na=rtpmap:99 MPEG4-GENERIC/48000/2\r\na=fmtp:99 config=1190\r\n"
#define SOUND "m=audio 0 RTP/AVP 0 11 8\r\n"

static char description[512];
static struct sdp sdp;
static struct rtsp_receiver receiver;
static struct rtsp_sync sync;
static struct arrival {
    enum AVCodecID codec_id;
    int64_t pts_us;
    bool has_new_codec, follows_loss, is_key, is_damaged;
} arrivals[256];
static unsigned n_arrivals;
static int answer;

static int keep(void *context, struct rtsp_receiver *from, const struct rtsp_arrival *arrival)
{
    const struct rtsp_unit *unit = arrival->unit;

    (void)context;
    arrivals[n_arrivals++ % 256] =
        (struct arrival){.codec_id = from->depacketizer.parameters->codec_id,
                         .pts_us = arrival->pts_us,
                         .has_new_codec = unit->has_new_codec,
                         .follows_loss = unit->follows_loss,
                         .is_key = unit->is_key,
                         .is_damaged = unit->is_damaged};
    return answer;
}

static void open_receiver(const char *text)
{
    limef_log_set_level(LIMEF_LOG_ERROR);
    rtsp_sync_init(&sync, "camera");
    snprintf(description, sizeof(description), "%s", text);
    cr_assert(zero(int, sdp_read(&sdp, description, strlen(description))));
    cr_assert(zero(int, rtsp_receiver_open(&receiver, &sdp.media[0], &sync.clocks[0], keep, NULL)));
}

static void close_receiver(void)
{
    rtsp_receiver_clear(&receiver);
}

TestSuite(rtsp_formats, .fini = close_receiver, .timeout = 10);

static int arrive(uint8_t payload_type, uint16_t sequence, uint32_t timestamp, const char *payload,
                  int64_t now_us)
{
    uint8_t packet[32];
    size_t bytes = packet_write(packet, sequence, timestamp, true, payload, strlen(payload));

    packet[1] = 0x80 | payload_type;
    return rtsp_receiver_rtp(&receiver, packet, bytes, now_us);
}

/* A key picture, the n-th of the stream. */
static void show(unsigned n, uint8_t payload_type)
{
    cr_assert(zero(int, arrive(payload_type, (uint16_t)n, n * FRAME_TICKS,
                               payload_type == 97 ? H265_KEY : H264_KEY,
                               1000000 + (int64_t)n * FRAME_US)));
}

Test(rtsp_formats, of_pictures_change_without_a_hole)
{
    open_receiver(PICTURES);
    for (unsigned n = 0; n < 30; n++)
        show(n, n / 10 == 1 ? 97 : 96);
    cr_assert(eq(u32, n_arrivals, 30));
    for (unsigned n = 0; n < 30; n++) {
        const struct arrival *arrival = &arrivals[n];

        cr_assert(
            eq(int, (int)arrival->codec_id, n / 10 == 1 ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264));
        cr_assert(eq(i64, arrival->pts_us, (int64_t)n * FRAME_US));
        cr_assert(eq(int, arrival->has_new_codec, n == 10 || n == 20));
        cr_assert(arrival->is_key);
        cr_assert(not(arrival->is_damaged));
    }
    cr_assert(eq(u64, receiver.n_formats, 2));
    cr_assert(zero(u64, receiver.n_foreign));
    cr_assert(zero(u64, receiver.window.n_lost));
    cr_assert(zero(u64, sync.clocks[0].n_jumps));
}

/* Nothing says that the first is the one that is sent. */
Test(rtsp_formats, may_begin_with_any_of_them)
{
    open_receiver(PICTURES);
    show(0, 97);
    cr_assert(eq(u32, n_arrivals, 1));
    cr_assert(eq(int, (int)arrivals[0].codec_id, AV_CODEC_ID_HEVC));
    cr_assert(not(arrivals[0].is_damaged));
}

/* It would refer to pictures in the other encoding. */
Test(rtsp_formats, go_on_at_a_key)
{
    open_receiver(PICTURES);
    show(0, 96);
    cr_assert(zero(int, arrive(97, 1, FRAME_TICKS, "\x02\x01\x80", 1040000)));
    cr_assert(arrivals[1].follows_loss);
    cr_assert(not(arrivals[1].is_key));
}

Test(rtsp_formats, change_where_they_did_whatever_came_first)
{
    open_receiver(PICTURES);
    receiver.window.wait_us = 100000;
    show(0, 96);
    show(2, 97);
    cr_assert(eq(u32, n_arrivals, 1));
    show(1, 96);
    cr_assert(eq(u32, n_arrivals, 3));
    cr_assert(eq(int, (int)arrivals[1].codec_id, AV_CODEC_ID_H264));
    cr_assert(eq(int, (int)arrivals[2].codec_id, AV_CODEC_ID_HEVC));
    cr_assert(eq(u64, receiver.n_formats, 1));
}

Test(rtsp_formats, are_no_others_than_those_that_can_be_used)
{
    open_receiver(PICTURES);
    show(0, 96);
    show(1, 98); /* ODD */
    show(2, 35); /* nobody described it */
    show(1, 99); /* sound */
    cr_assert(eq(u64, receiver.n_foreign, 3));
    cr_assert(zero(u64, receiver.n_formats));
    show(2, 96);
    cr_assert(eq(u32, n_arrivals, 2));
    cr_assert(eq(int, (int)arrivals[1].codec_id, AV_CODEC_ID_H264));
}

Test(rtsp_formats, that_cannot_be_used_hide_no_loss_before_them)
{
    open_receiver(PICTURES);
    show(0, 96);
    show(2, 99);
    show(3, 96);
    for (unsigned n = 4; n_arrivals < 2; n++) /* 1 is given up */
        show(n, 96);
    cr_assert(eq(u64, receiver.n_foreign, 1));
    cr_assert(arrivals[1].follows_loss);
}

/* 8000 a second, then 44100: what timestamps are worth changes with them. */
Test(rtsp_formats, of_sound_have_clocks_of_their_own)
{
    uint32_t timestamp = 0;

    open_receiver(SOUND);
    for (unsigned n = 0; n < 200; n++) {
        bool is_fast = n / 50 % 2;

        cr_assert(zero(int, arrive(is_fast ? 11 : 0, (uint16_t)n, timestamp, "\1\2\3\4",
                                   1000000 + n * INT64_C(20000))));
        timestamp += is_fast ? 882 : 160;
    }
    cr_assert(eq(u32, n_arrivals, 200));
    for (unsigned n = 0; n < 200; n++) {
        cr_assert(eq(i64, arrivals[n].pts_us, n * INT64_C(20000)));
        cr_assert(eq(int, arrivals[n].has_new_codec, n > 0 && n % 50 == 0));
        cr_assert(eq(int, arrivals[n].follows_loss, n == 0)); /* before it nobody knows */
    }
    cr_assert(zero(u64, sync.clocks[0].n_jumps));
    cr_assert(lt(dbl, receiver.statistics.jitter_ticks, 1));
}

/* What stands behind was stopped; the unit before is lost, not the change. */
Test(rtsp_formats, change_though_nobody_takes_the_last_unit)
{
    uint8_t packet[32];

    open_receiver(PICTURES);
    packet_write(packet, 0, 0, false, H264_KEY, 2);
    cr_assert(zero(int, rtsp_receiver_rtp(&receiver, packet, 14, 1000000)));
    answer = AVERROR_EXIT;
    cr_assert(eq(int, arrive(97, 1, FRAME_TICKS, H265_KEY, 1040000), AVERROR_EXIT));
    answer = 0;
    show(2, 97);
    cr_assert(eq(int, (int)arrivals[n_arrivals - 1].codec_id, AV_CODEC_ID_HEVC));
    cr_assert(eq(u64, receiver.n_formats, 1));
}

Test(rtsp_formats, stay_as_they_are_without_memory_and_change_with_the_next_packet)
{
    bool failed = true;
    unsigned n = 1;

    open_receiver(PICTURES);
    show(0, 96);
    for (unsigned i = 1; failed; i++, n++) {
        failing_install(i);
        show(n, receiver.described.payload_type == 97 ? 96 : 97);
        failed = failing_failed();
        failing_remove();
        cr_assert(eq(u64, receiver.n_formats + receiver.n_foreign, n));
    }
    cr_assert(gt(u64, receiver.n_foreign, 0));
    cr_assert(gt(u64, receiver.n_formats, 0));
}
