/* SPDX-License-Identifier: MIT */
#include "rtsp/receiver.h"

#include "packets.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct rtsp_receiver receiver;
static struct rtsp_sync sync;
static unsigned n_whole, n_damaged;

static int count(void *context, struct rtsp_receiver *from, const struct rtsp_arrival *arrival)
{
    (void)context;
    (void)from;
    n_damaged += arrival->unit->is_damaged;
    n_whole += !arrival->unit->is_damaged;
    return 0;
}

static void close_receiver(void)
{
    rtsp_receiver_clear(&receiver);
}

TestSuite(rtsp_metadata, .fini = close_receiver, .timeout = 10);

static void open_receiver(int64_t wait_us)
{
    struct sdp_media media = {.kind = SDP_APPLICATION,
                              .payload_type = 96,
                              .encoding = "VND.ONVIF.METADATA",
                              .clock_hz = 90000,
                              .format = ""};

    rtsp_sync_init(&sync, "camera");
    cr_assert(eq(int, rtsp_receiver_open(&receiver, &media, &sync.clocks[0], count, NULL), 0));
    receiver.window.wait_us = wait_us;
}

static void arrive(uint16_t sequence, int64_t now_us)
{
    uint8_t packet[16];
    size_t bytes = packet_write(packet, sequence, sequence * 9000U, true, "<a/>", 4);

    cr_assert(eq(int, rtsp_receiver_rtp(&receiver, packet, bytes, now_us), 0));
}

/* It has the state of all that events tell of from then on. */
Test(rtsp_metadata, first_unit_by_tcp_is_whole)
{
    open_receiver(0);
    arrive(100, 1000);
    arrive(101, 2000);
    cr_assert(eq(u32, n_whole, 2));
    cr_assert(zero(u32, n_damaged));
}

Test(rtsp_metadata, first_unit_is_whole_where_its_packet_was_told)
{
    struct rtsp_first first = {.sequence = 100};

    open_receiver(100000);
    cr_assert(eq(int, rtsp_receiver_begin(&receiver, &first), 0));
    arrive(100, 1000);
    cr_assert(eq(u32, n_whole, 1));
    cr_assert(zero(u32, n_damaged));
}

Test(rtsp_metadata, unit_behind_what_is_missing_is_damaged)
{
    struct rtsp_first first = {.sequence = 100};

    open_receiver(100000);
    cr_assert(eq(int, rtsp_receiver_begin(&receiver, &first), 0));
    arrive(101, 1000);
    cr_assert(eq(int, rtsp_receiver_tick(&receiver, 200000), 0));
    arrive(103, 201000);
    cr_assert(eq(int, rtsp_receiver_tick(&receiver, 400000), 0));
    cr_assert(eq(u32, n_damaged, 2));
    arrive(104, 401000);
    cr_assert(eq(u32, n_whole, 1));
}

/* Nobody knows whether it is the end of one that others got the beginning of. */
Test(rtsp_metadata, first_unit_of_which_nothing_was_told_is_damaged)
{
    struct rtsp_first first = {.sequence = -1};

    open_receiver(100000);
    cr_assert(eq(int, rtsp_receiver_begin(&receiver, &first), 0));
    arrive(100, 1000);
    cr_assert(eq(u32, n_damaged, 1));
}
