/* SPDX-License-Identifier: MIT */
/* What is counted of a stream that was away for a while, came twice, or began anew. */
#include "rtsp/receiver.h"

#include "packets.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define FRAME_US 40000
#define FRAME_TICKS 3600
#define WAIT_US 100000

static struct rtsp_receiver receiver;
static struct rtsp_sync sync;
static unsigned n_arrivals, n_discontinuous;

static int count(void *context, struct rtsp_receiver *from, const struct rtsp_arrival *arrival)
{
    (void)context;
    (void)from;
    n_arrivals++;
    n_discontinuous += arrival->is_discontinuous;
    return 0;
}

static void open_receiver(void)
{
    struct sdp_media media = {
        .kind = SDP_VIDEO, .payload_type = 96, .encoding = "H264", .clock_hz = 90000, .format = ""};

    rtsp_sync_init(&sync, "camera");
    cr_assert(zero(int, rtsp_receiver_open(&receiver, &media, &sync.clocks[0], count, NULL)));
    receiver.window.wait_us = WAIT_US;
}

static void close_receiver(void)
{
    rtsp_receiver_clear(&receiver);
}

TestSuite(rtsp_gaps, .init = open_receiver, .fini = close_receiver, .timeout = 10);

static void arrive(uint16_t sequence, uint32_t timestamp, int64_t now_us)
{
    uint8_t packet[16];
    size_t bytes = packet_write(packet, sequence, timestamp, true, "\x65\x88", 2);

    cr_assert(zero(int, rtsp_receiver_rtp(&receiver, packet, bytes, now_us)));
}

/* A radio that is away for 1.4 s while 25 Mbit/s are sent. */
Test(rtsp_gaps, all_that_is_lost_in_a_long_one_is_counted)
{
    arrive(64000, 9000, 1000000);
    arrive(64001, 9000 + FRAME_TICKS, 1000000 + FRAME_US);
    arrive(3601, 9000 + 36 * FRAME_TICKS, 1000000 + 36 * FRAME_US);
    arrive(3602, 9000 + 37 * FRAME_TICKS, 1000000 + 37 * FRAME_US);
    cr_assert(eq(u64, receiver.window.n_lost, 65536 - 64002 + 3601));
    cr_assert(eq(u64, rtp_statistics_n_lost(&receiver.statistics), receiver.window.n_lost));
    cr_assert(eq(i64, receiver.statistics.first, 64000));
    cr_assert(eq(u32, n_arrivals, 4));
    cr_assert(eq(u32, n_discontinuous, 2)); /* the first one, and the one behind the gap */
    cr_assert(eq(u64, sync.clocks[0].n_jumps, 0));
}

/* What waited for the packets that are lost in it comes before what is behind it. */
Test(rtsp_gaps, what_waits_is_not_lost_in_a_long_one)
{
    arrive(1, 9000, 1000000);
    arrive(3, 9000 + 2 * FRAME_TICKS, 1000000 + 2 * FRAME_US);
    cr_assert(eq(u32, n_arrivals, 1));
    arrive(5003, 9000 + 30 * FRAME_TICKS, 1000000 + 30 * FRAME_US);
    arrive(5004, 9000 + 31 * FRAME_TICKS, 1000000 + 31 * FRAME_US);
    cr_assert(eq(u32, n_arrivals, 4));
    cr_assert(eq(u64, receiver.window.n_lost, 1 + 4999));
}

/* Its times tell nothing of how long it was away. */
Test(rtsp_gaps, a_camera_that_begins_anew_has_lost_nothing)
{
    arrive(1, 9000, 1000000);
    arrive(30001, 9000 + 90000 * 60, 2000000);
    arrive(30002, 9000 + 90000 * 60 + FRAME_TICKS, 2000000 + FRAME_US);
    cr_assert(zero(u64, receiver.window.n_lost));
    cr_assert(eq(i64, receiver.statistics.first, 30001));
    arrive(10001, 9000 + 90000 * 60 + 2 * FRAME_TICKS, 2000000 + 2 * FRAME_US);
    arrive(10002, 9000 + 90000 * 60 + 3 * FRAME_TICKS, 2000000 + 3 * FRAME_US);
    cr_assert(zero(u64, receiver.window.n_lost)); /* nobody sends so many in one picture's time */
}

Test(rtsp_gaps, what_waits_when_a_camera_begins_anew_is_handed_out)
{
    arrive(1, 9000, 1000000);
    arrive(3, 9000 + 2 * FRAME_TICKS, 1000000 + 2 * FRAME_US);
    arrive(30001, 0, 1000000 + 3 * FRAME_US);
    arrive(30002, FRAME_TICKS, 1000000 + 4 * FRAME_US);
    cr_assert(eq(u32, n_arrivals, 4));
    cr_assert(eq(u64, receiver.window.n_lost, 1));
}

Test(rtsp_gaps, what_waits_and_is_forgotten_is_lost)
{
    arrive(1, 9000, 1000000);
    arrive(3, 9000 + 2 * FRAME_TICKS, 1000000 + 2 * FRAME_US);
    rtp_window_restart(&receiver.window);
    cr_assert(eq(u64, receiver.window.n_lost, 1));
}

/* A switch that sends each packet again, 8 ms later. */
Test(rtsp_gaps, packets_that_come_twice_are_no_jitter)
{
    for (int i = 0; i < 200; i++) {
        uint32_t timestamp = (uint32_t)i * FRAME_TICKS;

        arrive((uint16_t)i, timestamp, 1000000 + i * FRAME_US);
        arrive((uint16_t)i, timestamp, 1000000 + i * FRAME_US + 8000);
    }
    cr_assert(eq(u64, receiver.window.n_duplicates, 200));
    cr_assert(lt(dbl, receiver.statistics.jitter_ticks, 1));
}
