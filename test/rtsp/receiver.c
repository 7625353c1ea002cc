/* SPDX-License-Identifier: MIT */
#include "rtsp/receiver.h"

#include "packets.h"

#include <limef/base/clock.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

#define MAX_ARRIVALS 64
#define FRAME_US 40000
#define FRAME_TICKS 3600

static struct rtsp_receiver receiver;
static struct rtsp_sync sync;
static struct rtsp_clock *const stream_clock = &sync.clocks[0];
static struct {
    int64_t pts_us, wall_us;
    bool is_discontinuous, is_damaged;
} arrivals[MAX_ARRIVALS];
static unsigned n_arrivals;

static int keep(void *context, struct rtsp_receiver *from, const struct rtsp_arrival *arrival)
{
    (void)context;
    (void)from;
    arrivals[n_arrivals % MAX_ARRIVALS].pts_us = arrival->pts_us;
    arrivals[n_arrivals % MAX_ARRIVALS].wall_us = arrival->wall_us;
    arrivals[n_arrivals % MAX_ARRIVALS].is_discontinuous = arrival->is_discontinuous;
    arrivals[n_arrivals++ % MAX_ARRIVALS].is_damaged = arrival->unit->is_damaged;
    return 0;
}

static void open_receiver(void)
{
    struct sdp_media media = {
        .kind = SDP_VIDEO, .payload_type = 96, .encoding = "H264", .clock_hz = 90000, .format = ""};

    cr_assert(eq(int, rtsp_receiver_open(&receiver, &media, stream_clock, keep, NULL), 0));
    receiver.window.wait_us = 100000;
}

static void open_first(void)
{
    rtsp_sync_init(&sync, "camera");
    n_arrivals = 0;
    open_receiver();
}

static void close_receiver(void)
{
    rtsp_receiver_clear(&receiver);
}

TestSuite(rtsp_receiver, .init = open_first, .fini = close_receiver, .timeout = 10);

static void arrive_as(const char *slice, uint16_t sequence, uint32_t timestamp, int64_t now_us)
{
    uint8_t packet[16];
    size_t bytes = packet_write(packet, sequence, timestamp, true, slice, 2);

    cr_assert(eq(int, rtsp_receiver_rtp(&receiver, packet, bytes, now_us), 0));
}

/* A picture that refers to earlier ones. */
static void arrive(uint16_t sequence, uint32_t timestamp, int64_t now_us)
{
    arrive_as("\x41\x9a", sequence, timestamp, now_us);
}

/* A picture of another source. */
static void arrive_from(uint8_t ssrc, uint16_t sequence, uint32_t timestamp, int64_t now_us)
{
    uint8_t packet[16];
    size_t bytes = packet_write(packet, sequence, timestamp, true, "\x41\x9a", 2);

    packet[11] = ssrc;
    cr_assert(eq(int, rtsp_receiver_rtp(&receiver, packet, bytes, now_us), 0));
}

/* A server with other clients says where these began. */
Test(rtsp_receiver, a_first_packet_of_another_time_is_not_waited_for)
{
    struct rtsp_first first = {.sequence = 100, .has_timestamp = true, .timestamp = 9000};

    cr_assert(eq(int, rtsp_receiver_begin(&receiver, &first), 0));
    arrive_as("\x65\x88", 115, 9000 + 15 * FRAME_TICKS, 1000);
    arrive(116, 9000 + 16 * FRAME_TICKS, 2000);
    cr_assert(ge(u32, n_arrivals, 1));
    cr_assert(zero(u64, receiver.window.n_lost));
    cr_assert(eq(i64, rtsp_receiver_due_us(&receiver), LIMEF_FOREVER));
}

Test(rtsp_receiver, what_is_missing_of_the_first_time_is_waited_for)
{
    struct rtsp_first first = {.sequence = 100, .has_timestamp = true, .timestamp = 9000};

    cr_assert(eq(int, rtsp_receiver_begin(&receiver, &first), 0));
    arrive_as("\x65\x88", 101, 9000, 1000);
    cr_assert(zero(u32, n_arrivals));
    cr_assert(eq(i64, rtsp_receiver_due_us(&receiver), 101000));
}

Test(rtsp_receiver, a_later_picture_that_overtakes_the_first_is_not_the_first)
{
    struct rtsp_first first = {.sequence = 100, .has_timestamp = true, .timestamp = 9000};

    receiver.window.is_held = true;
    arrive(103, 9000 + 3 * FRAME_TICKS, 1000); /* before the answer to PLAY */
    cr_assert(eq(int, rtsp_receiver_begin(&receiver, &first), 0));
    arrive(101, 9000 + FRAME_TICKS, 2000);
    cr_assert(zero(u32, n_arrivals));
    arrive_as("\x65\x88", 100, 9000, 3000);
    arrive(102, 9000 + 2 * FRAME_TICKS, 4000);
    cr_assert(eq(u32, n_arrivals, 4));
    cr_assert(zero(u64, receiver.window.n_lost));
    cr_assert(zero(u64, receiver.window.n_late));
}

Test(rtsp_receiver, nothing_is_missing_in_a_tcp_connection_before_what_comes_first)
{
    struct rtsp_first first = {.sequence = 100};

    receiver.window.wait_us = 0;
    cr_assert(eq(int, rtsp_receiver_begin(&receiver, &first), 0));
    arrive_as("\x65\x88", 115, 9000, 1000);
    arrive(116, 9000 + FRAME_TICKS, 2000);
    cr_assert(zero(u64, receiver.window.n_lost));
}

Test(rtsp_receiver, gives_the_cameras_time_from_zero_on)
{
    for (int i = 0; i < 10; i++)
        arrive((uint16_t)(65530 + i), (uint32_t)(UINT32_MAX - 5 * FRAME_TICKS + i * FRAME_TICKS),
               1000000 + i * FRAME_US + i % 3 * 5000);
    cr_assert(eq(u32, n_arrivals, 10));
    for (int i = 0; i < 10; i++)
        cr_assert(eq(i64, arrivals[i].pts_us, i * FRAME_US));
    cr_assert(zero(u64, stream_clock->n_jumps));
}

Test(rtsp_receiver, repairs_jumps_of_the_cameras_clock)
{
    static const int64_t jumps_s[] = {60, -60, 86400, -3600};
    int64_t now_us = 1000000, last_us = -1;
    uint32_t timestamp = 0;
    uint16_t sequence = 0;

    for (size_t jump = 0; jump < sizeof(jumps_s) / sizeof(jumps_s[0]); jump++) {
        for (int i = 0; i < 10; i++) {
            arrive(sequence++, timestamp += FRAME_TICKS, now_us += FRAME_US);
            cr_assert(gt(i64, arrivals[(n_arrivals - 1) % MAX_ARRIVALS].pts_us, last_us));
            cr_assert(le(i64, arrivals[(n_arrivals - 1) % MAX_ARRIVALS].pts_us - last_us,
                         last_us < 0 ? INT64_MAX : 2 * FRAME_US));
            last_us = arrivals[(n_arrivals - 1) % MAX_ARRIVALS].pts_us;
        }
        timestamp += (uint32_t)(jumps_s[jump] * 90000);
    }
    cr_assert(eq(u64, stream_clock->n_jumps, 3));
}

Test(rtsp_receiver, lets_pictures_out_of_order_be)
{
    arrive(0, 3 * FRAME_TICKS, 1000000);
    arrive_as("\x01\xa8", 1, 1 * FRAME_TICKS, 1040000); /* slices of type B */
    arrive_as("\x01\xa8", 2, 2 * FRAME_TICKS, 1080000);
    cr_assert(eq(i64, arrivals[1].pts_us, arrivals[0].pts_us - 2 * FRAME_US));
    cr_assert(zero(u64, stream_clock->n_jumps));
}

Test(rtsp_receiver, lets_no_other_picture_go_back_by_however_little)
{
    arrive(0, 90000, 1000000);
    arrive(1, 90000 - 900, 1040000);
    arrive(2, 90000 - 900 + FRAME_TICKS, 1080000);
    cr_assert(eq(i64, arrivals[1].pts_us, arrivals[0].pts_us + FRAME_US));
    cr_assert(eq(i64, arrivals[2].pts_us, arrivals[1].pts_us + FRAME_US));
    cr_assert(eq(u64, stream_clock->n_jumps, 1));
}

Test(rtsp_receiver, takes_what_piled_up_in_the_network_as_it_was_sent)
{
    for (int i = 0; i < 10; i++)
        arrive((uint16_t)i, (uint32_t)(i * FRAME_TICKS), 1000000);
    cr_assert(eq(i64, arrivals[9].pts_us, 9 * FRAME_US));
    for (int i = 10; i < 40; i++) /* five seconds late */
        arrive((uint16_t)i, (uint32_t)(i * FRAME_TICKS), 6000000);
    cr_assert(eq(i64, arrivals[39].pts_us, 39 * FRAME_US));
    cr_assert(zero(u64, stream_clock->n_jumps));
}

Test(rtsp_receiver, goes_on_in_time_after_a_reconnection)
{
    arrive(0, 1000, 1000000);
    arrive(1, 1000 + FRAME_TICKS, 1040000);
    rtsp_receiver_clear(&receiver);
    open_receiver();
    arrive(500, 77, 9000000);
    cr_assert(eq(i64, arrivals[2].pts_us, 8000000));
    cr_assert(arrivals[2].is_discontinuous);
    cr_assert(arrivals[0].is_discontinuous);
    cr_assert(not(arrivals[1].is_discontinuous));
}

Test(rtsp_receiver, puts_into_order_and_gives_up_in_time)
{
    arrive(0, 0, 1000000);
    arrive(2, 2 * FRAME_TICKS, 1000010);
    cr_assert(eq(u32, n_arrivals, 1));
    arrive(1, FRAME_TICKS, 1000020);
    cr_assert(eq(u32, n_arrivals, 3));
    arrive(4, 4 * FRAME_TICKS, 1000030);
    cr_assert(eq(i64, rtsp_receiver_due_us(&receiver), 1100030));
    cr_assert(eq(int, rtsp_receiver_tick(&receiver, 1100030), 0));
    cr_assert(eq(u32, n_arrivals, 4));
    cr_assert(arrivals[3].is_discontinuous);
    cr_assert(eq(u64, receiver.window.n_lost, 1));
}

Test(rtsp_receiver, begins_anew_when_the_camera_does)
{
    arrive(0, 0, 1000000);
    arrive_from(0x45, 40000, 5, 1040000);
    arrive_from(0x45, 40001, 5 + FRAME_TICKS, 1080000);
    cr_assert(eq(u32, n_arrivals, 3));
    cr_assert(arrivals[1].is_discontinuous);
    cr_assert(not(arrivals[2].is_discontinuous));
    cr_assert(eq(i64, arrivals[1].pts_us, 40000));
    cr_assert(eq(i64, arrivals[2].pts_us, 80000));
    cr_assert(zero(u64, receiver.n_foreign));
}

/* Of another viewer, of a session that is over, of two cameras in one group. */
Test(rtsp_receiver, stays_with_its_stream_when_others_send_as_well)
{
    for (uint16_t i = 0; i < 8; i++) {
        arrive(i, i * FRAME_TICKS, 1000000 + i * FRAME_US);
        arrive_from(0x45, (uint16_t)(40000 + i), 5, 1010000 + i * FRAME_US);
    }
    arrive(8, 8 * FRAME_TICKS, 1000000 + 8 * FRAME_US);
    arrive(30000, 0, 1000000 + 8 * FRAME_US); /* its number is far from all others */
    arrive(9, 9 * FRAME_TICKS, 1000000 + 9 * FRAME_US);
    cr_assert(eq(u32, n_arrivals, 10));
    for (unsigned i = 1; i < 10; i++)
        cr_assert(not(arrivals[i].is_discontinuous));
    cr_assert(eq(u64, receiver.n_foreign, 9));
    cr_assert(zero(u64, receiver.window.n_lost));
}

/* A crystal that is 80 millionths too fast, on a way that holds up most packets. */
Test(rtsp_receiver, tells_the_drift_of_a_camera_that_sends_no_reports_by_arrival)
{
    for (int64_t i = 0; i < 100 * 25; i++) {
        int64_t sent_us = i * FRAME_US - i * FRAME_US * 80 / 1000000;

        arrive((uint16_t)i, (uint32_t)(i * FRAME_TICKS), 1000000 + sent_us + i * 7919 % 30000);
        if (i < 25 * 25)
            cr_assert(zero(dbl, rtsp_receiver_drift_ppm(&receiver)));
    }
    cr_assert(gt(dbl, rtsp_receiver_drift_ppm(&receiver), 70));
    cr_assert(lt(dbl, rtsp_receiver_drift_ppm(&receiver), 90));
}

Test(rtsp_receiver, counts_what_is_none_of_its_packets)
{
    uint8_t packet[16];
    size_t bytes = packet_write(packet, 0, 0, true, "\x41\x9a", 2);

    rtsp_receiver_rtp(&receiver, packet, 3, 0);
    packet[1] = 97;
    rtsp_receiver_rtp(&receiver, packet, bytes, 0);
    rtsp_receiver_rtcp(&receiver, packet, 3, 0);
    cr_assert(eq(u64, receiver.n_malformed, 2));
    cr_assert(eq(u64, receiver.n_foreign, 1));
    cr_assert(zero(u32, n_arrivals));
}

static void take_goodbye(uint32_t ssrc)
{
    uint8_t goodbye[8] = {0x81, 203, 0, 1};

    AV_WB32(goodbye + 4, ssrc);
    rtsp_receiver_rtcp(&receiver, goodbye, sizeof(goodbye), 2000);
}

/* In a group others leave as well. */
Test(rtsp_receiver, ends_with_its_senders_goodbye_alone)
{
    arrive(1, 0, 1000);
    take_goodbye(0x55667788);
    cr_assert(zero(i64, receiver.left_us));
    take_goodbye(0x11223344);
    cr_assert(eq(i64, receiver.left_us, 2000));
    arrive(30000, 0, 3000); /* numbers begin anew: it goes on */
    arrive(30001, FRAME_TICKS, 3000);
    cr_assert(zero(i64, receiver.left_us));
}

/* Who looks at a group says goodbye there as well, perhaps without a word of who it is. */
Test(rtsp_receiver, ends_with_nobodys_goodbye_but_where_its_sender_is_alone)
{
    static const uint8_t goodbye[] = {0x80, 203, 0, 0};
    uint8_t of_viewer[12] = {0x80, 201, 0, 1, [8] = 0x80, 203, 0, 0};

    receiver.is_shared = true;
    rtsp_receiver_rtcp(&receiver, goodbye, sizeof(goodbye), 500); /* before it has begun */
    arrive(1, 0, 1000);
    rtsp_receiver_rtcp(&receiver, goodbye, sizeof(goodbye), 2000);
    rtsp_receiver_rtcp(&receiver, of_viewer, sizeof(of_viewer), 2000);
    cr_assert(zero(i64, receiver.left_us));
    AV_WB32(of_viewer + 4, 0x11223344); /* the sender, that is */
    rtsp_receiver_rtcp(&receiver, of_viewer, sizeof(of_viewer), 3000);
    cr_assert(eq(i64, receiver.left_us, 3000));
    receiver.left_us = 0;
    receiver.is_shared = false;
    rtsp_receiver_rtcp(&receiver, goodbye, sizeof(goodbye), 4000);
    cr_assert(eq(i64, receiver.left_us, 4000));
}

static void open_h265(void)
{
    struct sdp_media media = {
        .kind = SDP_VIDEO, .payload_type = 96, .encoding = "H265", .clock_hz = 90000, .format = ""};

    rtsp_receiver_clear(&receiver);
    cr_assert(eq(int, rtsp_receiver_open(&receiver, &media, stream_clock, keep, NULL), 0));
    receiver.window.wait_us = 100000;
}

static void arrive_h265(uint16_t sequence, uint32_t timestamp, int64_t now_us)
{
    uint8_t packet[16];
    size_t bytes = packet_write(packet, sequence, timestamp, true, "\x02\x01\x80", 3);

    cr_assert(eq(int, rtsp_receiver_rtp(&receiver, packet, bytes, now_us), 0));
}

/* Whose slices do not tell what they refer to. */
Test(rtsp_receiver, lets_no_picture_of_h265_go_back_but_behind_a_later_one)
{
    static const uint32_t frames[] = {0, 4, 2, 1, 3, 8, 6, 5, 7, 9, 10};
    uint32_t timestamp = 900000;
    unsigned n = sizeof(frames) / sizeof(frames[0]);
    int64_t last_us;

    open_h265();
    for (unsigned i = 0; i < n; i++)
        arrive_h265((uint16_t)i, timestamp + frames[i] * FRAME_TICKS, 1000000 + i * FRAME_US);
    cr_assert(zero(u64, stream_clock->n_jumps));
    last_us = arrivals[n - 1].pts_us;
    cr_assert(eq(i64, last_us, 10 * FRAME_US));
    arrive_h265((uint16_t)n, timestamp + 11 * FRAME_TICKS - 45000, 1000000 + n * FRAME_US);
    arrive_h265((uint16_t)(n + 1), timestamp + 12 * FRAME_TICKS - 45000, 1000000 + n * FRAME_US);
    cr_assert(eq(u64, stream_clock->n_jumps, 1));
    cr_assert(gt(i64, arrivals[n].pts_us, last_us));
    cr_assert(eq(i64, arrivals[n + 1].pts_us, arrivals[n].pts_us + FRAME_US));
}

#define NTP_OF_1970 UINT64_C(2208988800)

/* A sender report: the camera's wall clock, in microseconds since 1970, at a time of its stream. */
static void report(uint32_t timestamp, int64_t wall_us, int64_t now_us)
{
    uint8_t data[28] = {0x80, 200, 0, 6, 0x11, 0x22, 0x33, 0x44};

    AV_WB32(data + 8, (uint32_t)((uint64_t)wall_us / 1000000 + NTP_OF_1970));
    AV_WB32(data + 12, (uint32_t)(((uint64_t)wall_us % 1000000 << 32) / 1000000));
    AV_WB32(data + 16, timestamp);
    rtsp_receiver_rtcp(&receiver, data, sizeof(data), now_us);
}

#define CAMERA_US INT64_C(1600000000000000)

/* What our next report says of the camera's last one (RFC 3550 6.4.1); 0: that there was none. */
static uint32_t last_told(void)
{
    uint8_t data[RTCP_REPORT_BYTES];

    rtcp_report_write(data, &receiver.statistics, 1, "limef", &receiver.last_report, 5000);
    return AV_RB32(data + 24);
}

Test(rtsp_receiver, tells_nothing_of_reports_of_the_sender_before)
{
    arrive(1, 9000, 1000);
    report(9000, CAMERA_US, 1000);
    cr_assert(ne(u32, last_told(), 0));
    arrive(30000, 9000, 2000); /* numbers begin anew: it is the same sender */
    arrive(30001, 9000 + FRAME_TICKS, 2000);
    cr_assert(ne(u32, last_told(), 0));
    arrive_from(0x45, 1, 9000, 3000);
    arrive_from(0x45, 2, 9000 + FRAME_TICKS, 3000);
    cr_assert(eq(u32, receiver.statistics.ssrc, 0x11223345));
    cr_assert(zero(u32, last_told()));
    report(9000, CAMERA_US, 4000); /* of the one before */
    cr_assert(zero(u32, last_told()));
}

Test(rtsp_receiver, tells_of_a_report_that_came_before_the_first_packet_of_its_sender)
{
    report(9000, CAMERA_US, 1000);
    arrive_from(0x45, 1, 9000, 2000); /* of another one */
    cr_assert(zero(u32, last_told()));
    report(9000, CAMERA_US, 3000);
    arrive(1, 9000, 4000);
    arrive(2, 9000 + FRAME_TICKS, 4000);
    cr_assert(ne(u32, last_told(), 0));
}

Test(rtsp_receiver, tells_the_cameras_wall_clock_from_the_first_packet_on_if_it_was_reported_before)
{
    report(9000, CAMERA_US, 1000);
    arrive(1, 9000 + FRAME_TICKS, 2000);
    cr_assert(le(i64, llabs(arrivals[0].wall_us - (CAMERA_US + FRAME_US)), 2));
    report(9000 + 2 * FRAME_TICKS, CAMERA_US + 70000, 3000); /* it knows better now */
    arrive(2, 9000 + 2 * FRAME_TICKS, 4000);
    cr_assert(le(i64, llabs(arrivals[1].wall_us - (CAMERA_US + 70000)), 2));
}

Test(rtsp_receiver, tells_no_wall_clock_by_a_report_of_another_time)
{
    report(9000 + 90000 * 60, CAMERA_US, 1000);
    arrive(1, 9000, 2000);
    cr_assert(zero(i64, arrivals[0].wall_us));
}

Test(rtsp_receiver, tells_no_wall_clock_behind_a_jump_until_it_is_reported)
{
    arrive(1, 9000, 1000);
    report(9000, CAMERA_US, 1000);
    arrive(2, 9000 + FRAME_TICKS, 1000 + FRAME_US);
    cr_assert(gt(i64, arrivals[1].wall_us, CAMERA_US));
    arrive(3, 9000 + 90000 * 60, 1000 + 2 * FRAME_US);
    cr_assert(eq(u64, stream_clock->n_jumps, 1));
    cr_assert(zero(i64, arrivals[2].wall_us));
    report(9000 + 90000 * 60, CAMERA_US + 2 * FRAME_US, 1000 + 2 * FRAME_US);
    arrive(4, 9000 + 90000 * 60 + FRAME_TICKS, 1000 + 3 * FRAME_US);
    cr_assert(le(i64, llabs(arrivals[3].wall_us - (CAMERA_US + 3 * FRAME_US)), 2));
}

/* Its clock is 100 millionths too fast; then somebody sets it. */
Test(rtsp_receiver, tells_the_drift_of_a_camera_by_its_reports)
{
    arrive(1, 9000, 1000);
    for (int64_t i = 0; i <= 12; i++)
        report(9000, CAMERA_US + i * 5000500, 1000 + i * 5000000);
    cr_assert(gt(dbl, rtsp_receiver_drift_ppm(&receiver), 99));
    cr_assert(lt(dbl, rtsp_receiver_drift_ppm(&receiver), 101));
    report(9000, CAMERA_US + 66000000, 1000 + 65000000);
    cr_assert(zero(dbl, rtsp_receiver_drift_ppm(&receiver)));
    for (int64_t i = 0; i <= 12; i++)
        report(9000, CAMERA_US + 66000000 + i * 5000500, 1000 + 65000000 + i * 5000000);
    cr_assert(gt(dbl, rtsp_receiver_drift_ppm(&receiver), 99));
    cr_assert(lt(dbl, rtsp_receiver_drift_ppm(&receiver), 101));
}

/* One that never ends, of a camera that wants to harm us. */
Test(rtsp_receiver, takes_a_unit_that_is_too_large_for_damaged)
{
    static uint8_t packet[60000] = {0};
    uint16_t n = 300;

    for (uint16_t i = 0; i < n; i++) {
        packet_write(packet, i, 9000, false, i == 0 ? "\x7c\x85\x80" : "\x7c\x05\x80", 3);
        cr_assert(zero(int, rtsp_receiver_rtp(&receiver, packet, sizeof(packet), 1000)));
    }
    cr_assert(gt(u64, receiver.depacketizer.n_malformed, 0));
    arrive(n, 9000 + FRAME_TICKS, 2000);
    cr_assert(eq(u32, n_arrivals, 2));
    cr_assert(arrivals[0].is_damaged);
    cr_assert(not(arrivals[1].is_damaged));
}
