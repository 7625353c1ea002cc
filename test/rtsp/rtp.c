/* SPDX-License-Identifier: MIT */
#include "rtsp/rtp.h"

#include "packets.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>

TestSuite(rtsp_rtp, .timeout = 10);

static struct rtp_statistics statistics;

static bool count(uint16_t sequence, uint32_t timestamp, int64_t arrived, int64_t *whole)
{
    struct rtp_packet packet = {.sequence = sequence, .timestamp = timestamp, .ssrc = 7};
    bool is_new = rtp_statistics_count(&statistics, &packet, whole);

    rtp_statistics_time(&statistics, &packet, arrived);
    return is_new;
}

Test(rtsp_rtp, reads_a_packet_with_everything)
{
    static const uint8_t data[] = {0xb1, 0xe0, 0x12, 0x34, 0, 0, 0, 9,
                                   1,    2,    3,    4,    5, 6, 7, 8, /* a contributing source */
                                   0xbe, 0xde, 0,    1,    9, 9, 9, 9, /* an extension */
                                   'x',  'y',  0,    2 /* padding */};
    struct rtp_packet packet;

    cr_assert(eq(int, rtp_packet_read(&packet, data, sizeof(data)), 0));
    cr_assert(eq(u16, packet.sequence, 0x1234));
    cr_assert(eq(u32, packet.timestamp, 9));
    cr_assert(eq(u32, packet.ssrc, 0x01020304));
    cr_assert(eq(int, packet.payload_type, 0x60));
    cr_assert(packet.marker);
    cr_assert(eq(sz, packet.payload_bytes, 2));
    cr_assert(eq(int, packet.payload[0], 'x'));
}

Test(rtsp_rtp, believes_no_length)
{
    uint8_t data[64] = {0x80, 96};
    struct rtp_packet packet;

    for (size_t bytes = 0; bytes < 12; bytes++)
        cr_assert(eq(int, rtp_packet_read(&packet, data, bytes), AVERROR_INVALIDDATA));
    data[0] = 0x8f; /* 15 contributing sources: 60 bytes more */
    cr_assert(eq(int, rtp_packet_read(&packet, data, sizeof(data)), AVERROR_INVALIDDATA));
    data[0] = 0x90; /* an extension of 65535 words */
    data[14] = data[15] = 0xff;
    cr_assert(eq(int, rtp_packet_read(&packet, data, sizeof(data)), AVERROR_INVALIDDATA));
    data[0] = 0xa0; /* padding of more than there is, and of none */
    data[63] = 53;
    cr_assert(eq(int, rtp_packet_read(&packet, data, sizeof(data)), AVERROR_INVALIDDATA));
    data[63] = 0;
    cr_assert(eq(int, rtp_packet_read(&packet, data, sizeof(data)), AVERROR_INVALIDDATA));
    data[0] = 0x40; /* another version */
    cr_assert(eq(int, rtp_packet_read(&packet, data, sizeof(data)), AVERROR_INVALIDDATA));
}

Test(rtsp_rtp, counts_on_past_16_and_32_bits)
{
    int64_t whole;

    statistics = (struct rtp_statistics){.has_begun = false};
    cr_assert(count(65534, UINT32_MAX - 10, 0, &whole));
    cr_assert(eq(i64, whole, 65534));
    cr_assert(not(count(65535, UINT32_MAX, 0, &whole)));
    cr_assert(not(count(1, 20, 0, &whole)));
    cr_assert(eq(i64, whole, 65537));
    cr_assert(eq(i64, rtp_statistics_timestamp(&statistics, 20), (INT64_C(1) << 32) + 20));
    cr_assert(not(count(0, 10, 0, &whole)));
    cr_assert(eq(i64, whole, 65536));
    cr_assert(eq(u64, rtp_statistics_n_lost(&statistics), 0));
    cr_assert(eq(i64, rtp_statistics_timestamp(&statistics, UINT32_MAX), UINT32_MAX));
}

Test(rtsp_rtp, tells_loss_from_another_stream)
{
    int64_t whole;

    statistics = (struct rtp_statistics){.has_begun = false};
    count(10, 0, 0, &whole);
    cr_assert(not(count(15, 0, 0, &whole)));
    cr_assert(eq(u64, rtp_statistics_n_lost(&statistics), 4));
    cr_assert(count(40000, 0, 0, &whole));
    cr_assert(eq(i64, whole, 40000));
    cr_assert(eq(u64, rtp_statistics_n_lost(&statistics), 0));
}

/* A packet every 10 ms at 90 kHz, each other one 2 ms late: transit changes by 180 ticks each. */
Test(rtsp_rtp, measures_jitter_as_rfc_3550_does)
{
    int64_t whole;

    statistics = (struct rtp_statistics){.has_begun = false};
    for (int i = 0; i < 400; i++)
        count((uint16_t)i, (uint32_t)i * 900, i * 900 + i % 2 * 180, &whole);
    cr_assert(epsilon_eq(dbl, statistics.jitter_ticks, 180, 1));
}
