/* SPDX-License-Identifier: MIT */
#include "rtsp/rtp_info.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

TestSuite(rtp_info, .timeout = 10);

#define BASE "rtsp://h/s/"

static void assert_first(const char *info, const char *control, int sequence, int64_t timestamp)
{
    struct rtsp_first first = rtp_info_read(info, control, false);

    cr_assert(eq(int, first.sequence, sequence), "%s", info);
    cr_assert(eq(i64, first.has_timestamp ? (int64_t)first.timestamp : -1, timestamp), "%s", info);
}

Test(rtp_info, tells_the_first_packet_of_each_stream)
{
    static const char info[] =
        "url=" BASE "track12;seq=7;rtptime=8, url=" BASE "track1;seq=65535;rtptime=4294967295,"
        "url=" BASE "track2/;seq=9";

    assert_first(info, BASE "track1", 65535, 4294967295);
    assert_first(info, BASE "track12", 7, 8);
    assert_first(info, BASE "track2", 9, -1);
    assert_first(info, BASE "track3", -1, -1);
}

Test(rtp_info, tells_it_in_rtsp_2_as_well)
{
    static const char info[] =
        "url=\"" BASE "audio,left\" ssrc=0A13C760:seq=45102;rtptime=12345678, "
        "url=\"" BASE "video\" ssrc=9A9DE123:seq=30211;rtptime=29567112 ssrc=1:seq=2;rtptime=3";

    assert_first(info, BASE "audio,left", 45102, 12345678);
    assert_first(info, BASE "video", 30211, 29567112);
    assert_first("url=\"" BASE "video\" ssrc=9A9DE123", BASE "video", -1, -1);
    assert_first("url=\"" BASE "video\";seq=3", BASE "video", 3, -1); /* 1.0, with quotes */
}

Test(rtp_info, is_of_the_only_stream_whatever_its_url)
{
    cr_assert(eq(int, rtp_info_read("seq=5", BASE "v", true).sequence, 5));
    cr_assert(eq(int, rtp_info_read("url=\"x\" ssrc=1:seq=5", BASE "v", true).sequence, 5));
    cr_assert(eq(int, rtp_info_read("", BASE "v", true).sequence, -1));
    cr_assert(eq(int, rtp_info_read("\",;=:\"url=", BASE "v", true).sequence, -1));
}
