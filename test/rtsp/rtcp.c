/* SPDX-License-Identifier: MIT */
#include "rtsp/rtcp.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <libavutil/intreadwrite.h>
#include <stdio.h>
#include <string.h>

TestSuite(rtsp_rtcp, .timeout = 10);

Test(rtsp_rtcp, reads_a_sender_report_and_a_goodbye)
{
    uint8_t data[28 + 8] = {0x80, 200, 0, 6};
    struct rtcp_news news;

    AV_WB32(data + 4, 77);
    AV_WB32(data + 8, 2208988800u + 1000); /* 1000 s after 1970 */
    AV_WB32(data + 12, 0x80000000u);       /* and a half */
    AV_WB32(data + 16, 4711);
    data[28] = 0x81;
    data[29] = 203;
    data[31] = 1;
    cr_assert(eq(int, rtcp_read(&news, data, sizeof(data)), 0));
    cr_assert(news.has_report);
    cr_assert(news.has_left);
    cr_assert(eq(u32, news.ssrc, 77));
    cr_assert(eq(i64, news.wall_us, INT64_C(1000500000)));
    cr_assert(eq(u32, news.timestamp, 4711));
}

/* A report, and chunks of two sources, of which the second one is the sender. */
Test(rtsp_rtcp, reads_what_the_sender_is_called)
{
    uint8_t data[28 + 4 + 12 + 16] = {[0] = 0x80, 200, 0, 6, [28] = 0x82, 202, 0, 7};
    struct rtcp_news news, other;

    AV_WB32(data + 4, 77);
    memcpy(data + 32, "\0\0\0\5\1\3abc\0\0\0", 12);
    memcpy(data + 44, "\0\0\0\x4d\2\1x\1\4cam1\0\0\0", 16);
    cr_assert(zero(int, rtcp_read(&news, data, sizeof(data))));
    cr_assert(ne(u64, news.source, 0));
    data[56] = '2';
    cr_assert(zero(int, rtcp_read(&other, data, sizeof(data))));
    cr_assert(ne(u64, other.source, news.source));
    data[52] = 255; /* a length that lies */
    cr_assert(zero(int, rtcp_read(&other, data, sizeof(data))));
    cr_assert(zero(u64, other.source));
    data[4] = 1; /* somebody else sends */
    cr_assert(zero(int, rtcp_read(&other, data, sizeof(data))));
    cr_assert(zero(u64, other.source));
}

Test(rtsp_rtcp, tells_whose_goodbye_it_is)
{
    uint8_t data[] = {0x82, 203, 0, 2, 0, 0, 0, 5, 0, 0, 0, 6, 0x80, 203, 0, 0};
    struct rtcp_news news;

    cr_assert(eq(int, rtcp_read(&news, data, 12), 0));
    cr_assert(rtcp_has_left(&news, 5));
    cr_assert(rtcp_has_left(&news, 6));
    cr_assert(not(rtcp_has_left(&news, 7)));
    data[0] = 0x9f; /* more than there are */
    cr_assert(eq(int, rtcp_read(&news, data, 12), 0));
    cr_assert(eq(u32, news.n_left, 2));
    cr_assert(eq(int, rtcp_read(&news, data + 12, 4), 0));
    cr_assert(news.has_left);
    cr_assert(not(rtcp_has_left(&news, 7))); /* nobody knows whose it is */
}

/* A report, of a sender or a receiver, tells whose the packet is, and so its goodbye. */
Test(rtsp_rtcp, tells_whose_goodbye_without_a_source_it_is)
{
    uint8_t data[] = {0x80, 201, 0, 1, 0, 0, 0, 7, 0x80, 203, 0, 0};
    struct rtcp_news news;

    cr_assert(eq(int, rtcp_read(&news, data, sizeof(data)), 0));
    cr_assert(rtcp_has_left(&news, 7));
    cr_assert(not(rtcp_has_left(&news, 5)));
    data[8] = 0x81; /* its source was cut off */
    cr_assert(eq(int, rtcp_read(&news, data, sizeof(data)), 0));
    cr_assert(not(rtcp_has_left(&news, 5)));
    data[3] = 0; /* and that of the report */
    cr_assert(eq(int, rtcp_read(&news, data, 4), 0));
    cr_assert(not(news.has_reporter));
}

Test(rtsp_rtcp, goes_on_past_2036)
{
    uint8_t data[28] = {0x80, 200, 0, 6};
    struct rtcp_news news;

    AV_WB32(data + 8, 1); /* 7 February 2036, 06:28:17 */
    rtcp_read(&news, data, sizeof(data));
    cr_assert(eq(i64, news.wall_us / 1000000, INT64_C(2085978497)));
}

Test(rtsp_rtcp, believes_no_length)
{
    uint8_t data[28] = {0x80, 200, 0, 7};
    struct rtcp_news news;

    cr_assert(eq(int, rtcp_read(&news, data, sizeof(data)), AVERROR_INVALIDDATA));
    cr_assert(eq(int, rtcp_read(&news, data, 3), AVERROR_INVALIDDATA));
    data[3] = 0; /* a report without the report */
    cr_assert(eq(int, rtcp_read(&news, data, 4), 0));
    cr_assert(not(news.has_report));
}

Test(rtsp_rtcp, reports_loss_and_delay)
{
    struct rtp_statistics statistics = {.has_begun = true,
                                        .ssrc = 5,
                                        .first = 65530,
                                        .highest = 65629, /* 100 expected */
                                        .n_received = 75,
                                        .jitter_ticks = 33.7};
    struct rtcp_last last = {.ssrc = 5, .ntp_middle = 0xabcdef01, .arrived_us = 1000000};
    uint8_t report[RTCP_REPORT_BYTES];
    size_t bytes = rtcp_report_write(report, &statistics, 9, "limef", &last, 3000000);

    cr_assert(eq(int, report[1], 201));
    cr_assert(eq(int, AV_RB16(report + 2), 7));
    cr_assert(eq(u32, AV_RB32(report + 4), 9));
    cr_assert(eq(u32, AV_RB32(report + 8), 5));
    cr_assert(eq(int, report[12], 64)); /* a quarter of 256 */
    cr_assert(eq(u32, AV_RB24(report + 13), 25));
    cr_assert(eq(u32, AV_RB32(report + 16), 65629));
    cr_assert(eq(u32, AV_RB32(report + 20), 33));
    cr_assert(eq(u32, AV_RB32(report + 24), 0xabcdef01));
    cr_assert(eq(u32, AV_RB32(report + 28), 2 * 65536));
    cr_assert(eq(int, report[33], 202));
    cr_assert(eq(int, memcmp(report + 42, "limef", 5), 0));
    cr_assert(zero(sz, bytes % 4));
    /* nothing was lost since */
    statistics.highest += 50;
    statistics.n_received += 50;
    rtcp_report_write(report, &statistics, 9, "limef", &last, 3000000);
    cr_assert(zero(int, report[12]));
    cr_assert(eq(u32, AV_RB32(report + 24), 0xabcdef01));
    /* another sender, of which nothing was reported yet */
    statistics.ssrc = 6;
    rtcp_report_write(report, &statistics, 9, "limef", &last, 3000000);
    cr_assert(eq(u32, AV_RB32(report + 8), 6));
    cr_assert(zero(u32, AV_RB32(report + 24)));
    cr_assert(zero(u32, AV_RB32(report + 28)));
}

Test(rtsp_rtcp, reports_before_anything_came)
{
    struct rtp_statistics none = {.has_begun = false};
    struct rtcp_last last = {.ntp_middle = 0};
    uint8_t report[RTCP_REPORT_BYTES];
    struct rtcp_news news;
    size_t bytes = rtcp_report_write(report, &none, 9, "limef", &last, 0);

    cr_assert(eq(int, rtcp_read(&news, report, bytes), 0));
    cr_assert(eq(int, report[0], 0x80));
}

Test(rtsp_rtcp, says_goodbye_behind_a_report_with_its_name)
{
    uint8_t goodbye[RTCP_REPORT_BYTES];
    struct rtcp_news news;
    size_t bytes = rtcp_goodbye_write(goodbye, 9, "name");

    cr_assert(zero(int, rtcp_read(&news, goodbye, bytes)));
    cr_assert(eq(u32, news.reporter, 9));
    cr_assert(eq(u32, news.n_left, 1));
    cr_assert(rtcp_has_left(&news, 9));
    cr_assert(eq(int, goodbye[9], 202));
}

Test(rtsp_rtcp, has_a_name_by_chance_that_stays)
{
    char name[32];

    snprintf(name, sizeof(name), "%s", rtcp_own_cname());
    cr_assert(eq(sz, strlen(name), 16));
    cr_assert(eq(str, (char *)rtcp_own_cname(), name));
}
