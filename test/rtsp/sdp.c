/* SPDX-License-Identifier: MIT */
#include "rtsp/sdp.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(rtsp_sdp, .timeout = 10);

static char text[4096];
static struct sdp sdp;

static int read_sdp(const char *description)
{
    strcpy(text, description);
    return sdp_read(&sdp, text, strlen(text));
}

Test(rtsp_sdp, reads_a_camera)
{
    const struct sdp_media *video = &sdp.media[0], *audio = &sdp.media[1];
    size_t bytes;
    const char *sets;

    cr_assert(
        eq(int,
           read_sdp("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=Camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
                    "a=control:*\r\na=range:npt=now-\r\n"
                    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
                    "a=fmtp:96 packetization-mode=1; profile-level-id=64001F; "
                    "sprop-parameter-sets=Z2QAH6w=,aM48gA==\r\n"
                    "a=framerate:25.0\r\na=cliprect:0,0,720,1280\r\na=control:trackID=1\r\n"
                    "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\n"
                    "a=control:trackID=2\r\n"),
           0));
    cr_assert(eq(u32, sdp.n_media, 2));
    cr_assert(eq(str, (char *)sdp.control, "*"));
    cr_assert(eq(str, (char *)sdp.range, "npt=now-"));
    cr_assert(eq(int, (int)video->kind, SDP_VIDEO));
    cr_assert(eq(int, video->payload_type, 96));
    cr_assert(eq(str, (char *)video->encoding, "H264"));
    cr_assert(eq(int, video->clock_hz, 90000));
    cr_assert(eq(int, video->width, 1280));
    cr_assert(eq(int, video->height, 720));
    cr_assert(epsilon_eq(dbl, video->frame_rate_hz, 25, 1e-9));
    sets = sdp_format_parameter(video, "sprop-parameter-sets", &bytes);
    cr_assert(eq(sz, bytes, strlen("Z2QAH6w=,aM48gA==")));
    cr_assert(eq(int, strncmp(sets, "Z2QAH6w=,aM48gA==", bytes), 0));
    cr_assert(eq(i64, sdp_format_number(video, "packetization-mode", -1), 1));
    cr_assert(eq(i64, sdp_format_number(video, "nothing", -1), -1));
    cr_assert(eq(int, audio->n_channels, 2));
    cr_assert(eq(int, audio->clock_hz, 48000));
}

Test(rtsp_sdp, takes_the_first_payload_type_that_is_known)
{
    cr_assert(zero(int, read_sdp("m=video 0 RTP/AVP 96 97 98\r\na=rtpmap:96 VP9/90000\r\n"
                                 "a=rtpmap:98 H264/90000\r\na=fmtp:97 of=97\r\n"
                                 "a= RTPMAP: 97 h265/90000\r\na=fmtp:98 of=98\r\n"
                                 "m=audio 0 RTP/AVP 3 99 8\r\na=rtpmap:99 SPEEX/16000\r\n"
                                 "m=video 0 RTP/AVP 96 97\r\n"
                                 "m=video 0 RTP/AVP 100 26\r\na=rtpmap:100 VP8/90000")));
    cr_assert(eq(int, sdp.media[0].payload_type, 97));
    cr_assert(eq(str, (char *)sdp.media[0].encoding, "h265"));
    cr_assert(eq(str, (char *)sdp.media[0].format, "of=97"));
    cr_assert(eq(int, sdp.media[1].payload_type, 8));
    cr_assert(eq(str, (char *)sdp.media[1].encoding, "PCMA"));
    cr_assert(eq(int, sdp.media[2].payload_type, 96)); /* none is: the next section is not its */
    cr_assert(eq(int, sdp.media[3].payload_type, 26));
    cr_assert(eq(str, (char *)sdp.media[3].encoding, "JPEG"));
}

Test(rtsp_sdp, keeps_what_else_is_known)
{
    const struct sdp_media *video = &sdp.media[0], *audio = &sdp.media[1];
    const struct sdp_format *other;

    cr_assert(zero(int, read_sdp("m=video 0 RTP/AVP 96 97 98 26\r\na=rtpmap:98 H265/90000\r\n"
                                 "a=rtpmap:97 VP9/90000\r\na=fmtp:98 of=98\r\n"
                                 "a=rtpmap:96 H264/90000\r\na=fmtp:96 of=96\r\n"
                                 "m=audio 0 RTP/AVP 0 8 9 10 11 97\r\na=rtpmap:97 PCMA/16000/2")));
    cr_assert(eq(uint, video->n_formats, 3));
    cr_assert(eq(int, video->payload_type, 96));
    cr_assert(eq(str, (char *)video->format, "of=96"));
    cr_assert(eq(ptr, (void *)sdp_find_format(video, 97), NULL));
    other = sdp_find_format(video, 98);
    cr_assert(eq(str, (char *)other->encoding, "H265"));
    cr_assert(eq(int, other->clock_hz, 90000));
    cr_assert(eq(str, (char *)other->parameters, "of=98"));
    cr_assert(eq(str, (char *)sdp_find_format(video, 26)->encoding, "JPEG"));
    cr_assert(eq(uint, audio->n_formats, SDP_MAX_FORMATS));
    cr_assert(eq(int, audio->payload_type, 0));
    cr_assert(eq(int, sdp_find_format(audio, 10)->clock_hz, 44100));
    sdp_use_format(&sdp.media[0], other);
    cr_assert(eq(int, video->payload_type, 98));
    cr_assert(eq(str, (char *)video->format, "of=98"));
}

Test(rtsp_sdp, knows_static_types_and_what_nobody_said)
{
    cr_assert(eq(int, read_sdp("m=audio 0 RTP/AVP 8\nm=video 0 RTP/AVP 26\n"), 0));
    cr_assert(eq(str, (char *)sdp.media[0].encoding, "PCMA"));
    cr_assert(eq(int, sdp.media[0].clock_hz, 8000));
    cr_assert(eq(str, (char *)sdp.media[1].encoding, "JPEG"));
    cr_assert(eq(str, (char *)sdp.media[1].control, ""));
}

Test(rtsp_sdp, takes_attributes_of_the_type_that_is_used)
{
    cr_assert(
        eq(int,
           read_sdp("m=video 0 RTP/AVP 96 97\na=rtpmap:97 H265/90000\na=rtpmap:96 H264/90000\n"
                    "a=fmtp:97 x=1\na=fmtp:96 x=2\n"),
           0));
    cr_assert(eq(str, (char *)sdp.media[0].encoding, "H264"));
    cr_assert(eq(i64, sdp_format_number(&sdp.media[0], "x", 0), 2));
}

Test(rtsp_sdp, knows_the_clock_of_a_type_that_does_not_say_it)
{
    cr_assert(zero(int, read_sdp("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264\r\n"
                                 "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 PCMA\r\n")));
    cr_assert(eq(str, (char *)sdp.media[0].encoding, "H264"));
    cr_assert(eq(int, sdp.media[0].clock_hz, 90000));
    cr_assert(eq(str, (char *)sdp.media[1].encoding, "PCMA"));
    cr_assert(eq(int, sdp.media[1].clock_hz, 8000));
}

Test(rtsp_sdp, knows_a_group_and_a_loudspeaker)
{
    cr_assert(eq(int,
                 read_sdp("c=IN IP4 239.1.2.3/16\nm=video 5000 RTP/AVP 96\n"
                          "m=audio 0 RTP/AVP 0\na=sendonly\n"
                          "m=video 0 RTP/AVP 26\na=sendonly\n"),
                 0));
    cr_assert(eq(str, (char *)sdp.media[0].address, "239.1.2.3"));
    cr_assert(eq(int, sdp.media[0].ttl, 16));
    cr_assert(eq(int, sdp.media[0].port, 5000));
    cr_assert(sdp.media[0].is_sent);
    cr_assert(not(sdp.media[1].is_sent));
    cr_assert(sdp.media[2].is_sent); /* as it is meant elsewhere */
}

Test(rtsp_sdp, counts_sections_that_it_has_no_room_for)
{
    char many[1024] = "";

    for (int i = 0; i < SDP_MAX_MEDIA + 3; i++)
        strcat(many, "m=video 0 RTP/AVP 96\n");
    cr_assert(eq(int, read_sdp(many), 0));
    cr_assert(eq(u32, sdp.n_media, SDP_MAX_MEDIA));
    cr_assert(eq(u32, sdp.n_skipped, 3));
}

Test(rtsp_sdp, refuses_what_describes_nothing)
{
    static const char *const texts[] = {"",
                                        "v=0\r\n",
                                        "m=",
                                        "m=video",
                                        "m=video 0 RTP/AVP x\n",
                                        "m=video 0 RTP/AVP 999\n",
                                        "\n\n\n",
                                        "<html></html>"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        cr_assert(eq(int, read_sdp(texts[i]), AVERROR_INVALIDDATA), "%s", texts[i]);
}

Test(rtsp_sdp, puts_controls_on_their_base)
{
    static const struct {
        const char *base, *control, *url;
    } cases[] = {
        {"rtsp://h/a", "", "rtsp://h/a"},
        {"rtsp://h/a", "*", "rtsp://h/a"},
        {"rtsp://h/a/", "trackID=1", "rtsp://h/a/trackID=1"},
        {"rtsp://h/a", "trackID=1", "rtsp://h/a/trackID=1"},
        {"rtsp://h/a", "/trackID=1", "rtsp://h/a/trackID=1"},
        {"rtsp://h/a", "rtsp://g/b", "rtsp://g/b"},
        {"rtsp://h/a", "?x=1", "rtsp://h/a?x=1"},
        {"rtsp://h/a?channel=1", "trackID=1", "rtsp://h/a?channel=1/trackID=1"},
    };
    char url[64];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert(eq(int, sdp_control_url(url, sizeof(url), cases[i].base, cases[i].control), 0));
        cr_assert(eq(str, url, (char *)cases[i].url));
    }
    cr_assert(eq(int, sdp_control_url(url, 8, "rtsp://h/a", "track"), AVERROR(ENOSPC)));
}

Test(rtsp_sdp, has_no_control_characters)
{
    strcpy(text, "v=0\r\nm=video 0 RTP/AVP 26\r\na=control:a\x1b[0m\r\n");
    cr_assert(eq(int, sdp_read(&sdp, text, strlen(text)), 0));
    cr_assert(eq(str, (char *)sdp.media[0].control, "a?[0m"));
}

Test(rtsp_sdp, tells_plain_rtp_from_what_is_encrypted_or_none)
{
    static const char *const plain[] = {"RTP/AVP", "rtp/avpf", "RTP/AVP/TCP", "TCP/RTP/AVP"};
    static const char *const others[] = {"RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVPF", "udp"};
    char line[64];

    for (size_t i = 0; i < 8; i++) {
        const char *protocol = i < 4 ? plain[i] : others[i - 4];

        snprintf(line, sizeof(line), "m=video 0 %s 96\r\n", protocol);
        cr_assert(zero(int, read_sdp(line)));
        cr_assert(eq(str, (char *)sdp.media[0].protocol, (char *)protocol));
        cr_assert(eq(int, sdp.media[0].is_plain, i < 4), "%s", protocol);
    }
}

#define GROUP_MEDIA(port, address) "m=video " port " RTP/AVP 96\r\nc=IN IP4 " address "/127\r\n"

/* RFC 4570 section 3. */
Test(rtsp_sdp, reads_who_is_heard_of_a_group)
{
    cr_assert(zero(int, read_sdp("v=0\r\na=source-filter: incl IN IP4 * 192.0.2.9\r\n"
                                 "a=source-filter:incl IN IP4 239.1.1.1 192.0.2.5 192.0.2.6\r\n"
                                 /* its own, which comes before its address */
                                 "m=video 1 RTP/AVP 96\r\n"
                                 "a=source-filter: excl IN IP4 239.1.1.2 192.0.2.7\r\n"
                                 "c=IN IP4 239.1.1.2\r\n" GROUP_MEDIA("2", "239.1.1.3"))));
    cr_assert(eq(str, (char *)sdp.media[0].sources, "192.0.2.7"));
    cr_assert(sdp.media[0].excludes);
    cr_assert(eq(str, (char *)sdp.media[1].sources, "192.0.2.9"));
    cr_assert(not(sdp.media[1].excludes));
    cr_assert(zero(int, read_sdp("v=0\r\n"
                                 "a=source-filter:incl IN IP4 239.1.1.1 192.0.2.5 192.0.2.6\r\n"
                                 "a=source-filter: incl IN IP4 * 192.0.2.9\r\n" GROUP_MEDIA(
                                     "2", "239.1.1.1"))));
    cr_assert(eq(str, (char *)sdp.media[0].sources, "192.0.2.5 192.0.2.6"));
}

Test(rtsp_sdp, hears_everybody_without_a_filter_that_says_otherwise)
{
    static const char *const filters[] = {"", "incl", "incl IN IP4", "incl IN IP4 239.1.1.1",
                                          "incl IN IP4 239.1.1.2 192.0.2.5"};

    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        char described[256];

        snprintf(described, sizeof(described), "%sa=source-filter:%s\r\n",
                 GROUP_MEDIA("2", "239.1.1.1"), filters[i]);
        cr_assert(zero(int, read_sdp(described)));
        cr_assert(eq(str, (char *)sdp.media[0].sources, ""), "%s", filters[i]);
    }
}
