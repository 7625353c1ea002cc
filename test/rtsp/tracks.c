/* SPDX-License-Identifier: MIT */
#include "rtsp/camera.h"

#include <limef/base/log.h>

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct rtsp_camera camera;

static int ignore_state(void *context, enum limef_rtsp_state state, int code, const char *text)
{
    (void)context;
    (void)state;
    (void)code;
    (void)text;
    return 0;
}

static int ignore_unit(void *context, struct rtsp_receiver *receiver,
                       const struct rtsp_arrival *arrival)
{
    (void)context;
    (void)receiver;
    (void)arrival;
    return 0;
}

static unsigned n_ends;

static void count_end(void *context)
{
    (void)context;
    n_ends++;
}

static void open_camera(void)
{
    cr_assert(
        zero(int, rtsp_camera_open(
                      &camera, "camera", &(struct limef_rtsp_source_settings){.url = "rtsp://h/s"},
                      &(struct rtsp_camera_events){ignore_state, ignore_unit, count_end, NULL})));
    strcpy(camera.base, "rtsp://h/s/");
}

static void clear_camera(void)
{
    rtsp_camera_clear(&camera);
}

TestSuite(rtsp_tracks, .init = open_camera, .fini = clear_camera, .timeout = 10);

static int describe(const char *text)
{
    return rtsp_camera_describe(&camera, text, strlen(text));
}

#define VIDEO "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"

Test(rtsp_tracks, begin_where_the_answer_does)
{
    cr_assert(zero(int, describe("v=0\r\na=control:*\r\n" VIDEO)));
    cr_assert(eq(str, camera.aggregate, "rtsp://h/s/"));
    cr_assert(eq(str, camera.tracks[0]->control, "rtsp://h/s/track1"));
    cr_assert(zero(int, describe("v=0\r\na=control:live\r\n" VIDEO)));
    cr_assert(eq(str, camera.aggregate, "rtsp://h/s/live"));
    cr_assert(eq(str, camera.tracks[0]->control, "rtsp://h/s/track1"));
}

Test(rtsp_tracks, begin_where_the_session_says_that_it_is)
{
    cr_assert(zero(int, describe("v=0\r\na=control:rtsp://g:554/live/ch1/\r\n" VIDEO)));
    cr_assert(eq(str, camera.aggregate, "rtsp://g:554/live/ch1/"));
    cr_assert(eq(str, camera.tracks[0]->control, "rtsp://g:554/live/ch1/track1"));
}

/* What is behind would take its pictures for sound. */
Test(rtsp_tracks, are_none_that_are_not_what_they_say)
{
    static const char *const sections[] = {
        "m=audio 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n",
        "m=audio 0 RTP/AVP 26\r\n",
        "m=application 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\n",
        "m=video 0 RTP/AVP 96\r\na=rtpmap:96 MPEG4-GENERIC/48000/2\r\na=fmtp:96 config=1190\r\n",
        ("m=application 0 RTP/AVP 96\r\na=rtpmap:96 MP4A-LATM/48000\r\n"
         "a=fmtp:96 cpresent=0;config=40002420\r\n"),
    };

    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
        cr_assert(eq(int, describe(sections[i]), AVERROR(ENOSYS)), "%s", sections[i]);
    cr_assert(zero(int, describe("m=video 0 RTP/AVP 96\r\na=rtpmap:96 MPEG4-GENERIC/48000/2\r\n"
                                 "a=fmtp:96 config=1190\r\n" VIDEO)));
    cr_assert(eq(u32, camera.n_tracks, 1));
    cr_assert(zero(int, describe("m=application 0 RTP/AVP 96\r\n"
                                 "a=rtpmap:96 vnd.onvif.metadata/90000\r\n")));
}

Test(rtsp_tracks, count_what_comes_where_nobody_asked_for_it)
{
    static const uint8_t packet[12] = {0x80, 96};
    struct rtsp_item item = {
        .kind = RTSP_ITEM_MEDIA, .data = packet, .data_bytes = sizeof(packet), .channel = 7};

    cr_assert(zero(int, describe("v=0\r\n" VIDEO)));
    cr_assert(zero(int, rtsp_camera_take_media(&camera, &item, 1)));
    cr_assert(eq(u64, camera.past.n_foreign, 1));
    item.channel = 0;
    cr_assert(zero(int, rtsp_camera_take_media(&camera, &item, 1)));
    cr_assert(eq(u64, camera.past.n_foreign, 2)); /* nor there, up to the answer to SETUP */
    camera.tracks[0]->is_set_up = true;
    cr_assert(zero(int, rtsp_camera_take_media(&camera, &item, 1)));
    cr_assert(eq(u64, camera.past.n_foreign, 2));
    cr_assert(eq(u64, camera.tracks[0]->receiver.n_packets, 1));
}

static void take(uint8_t channel, const uint8_t *data, size_t bytes)
{
    struct rtsp_item item = {
        .kind = RTSP_ITEM_MEDIA, .data = data, .data_bytes = bytes, .channel = channel};

    cr_assert(zero(int, rtsp_camera_take_media(&camera, &item, 1)));
}

/* Some cameras give both the same: reports have no payload type, but a sender. */
Test(rtsp_tracks, on_one_channel_are_reported_by_who_sends_them)
{
    uint8_t pictures[16] = {0x80, 96, [11] = 1}, sound[16] = {0x80, 0, [11] = 2};
    uint8_t report[28] = {0x80, 200, 0, 6, [7] = 2, [8] = 1};

    cr_assert(zero(int, describe("v=0\r\n" VIDEO "m=audio 0 RTP/AVP 0\r\na=control:a\r\n")));
    for (unsigned i = 0; i < 2; i++) {
        camera.tracks[i]->channel = 0;
        camera.tracks[i]->is_set_up = true;
    }
    take(0, pictures, sizeof(pictures));
    take(0, sound, sizeof(sound));
    take(1, report, sizeof(report));
    cr_assert(eq(u32, camera.tracks[1]->receiver.last_report.ssrc, 2));
    cr_assert(zero(u32, camera.tracks[0]->receiver.last_report.ssrc));
    cr_assert(not(camera.tracks[0]->receiver.early.is_there));
    report[7] = 1;
    take(1, report, sizeof(report));
    cr_assert(eq(u32, camera.tracks[0]->receiver.last_report.ssrc, 1));
    cr_assert(eq(u32, camera.tracks[1]->receiver.last_report.ssrc, 2));
}

/* Where both have a payload type it is who sent it last, else who has it. */
Test(rtsp_tracks, on_one_channel_are_told_by_the_payload_types_that_they_have)
{
    uint8_t packet[16] = {0x80, 97, [11] = 1};

    cr_assert(zero(int, describe("v=0\r\nm=video 0 RTP/AVP 96 97\r\na=rtpmap:96 H264/90000\r\n"
                                 "a=rtpmap:97 H265/90000\r\na=control:v\r\n"
                                 "m=audio 0 RTP/AVP 97 0\r\na=rtpmap:97 PCMA/8000\r\n"
                                 "a=control:a\r\n")));
    for (unsigned i = 0; i < 2; i++) {
        camera.tracks[i]->channel = 0;
        camera.tracks[i]->is_set_up = true;
    }
    take(0, packet, sizeof(packet));
    cr_assert(eq(u64, camera.tracks[1]->receiver.n_packets, 1));
    packet[1] = 0;
    packet[3] = 1;
    take(0, packet, sizeof(packet));
    cr_assert(eq(u64, camera.tracks[1]->receiver.n_packets, 2));
    cr_assert(eq(u64, camera.tracks[1]->receiver.n_formats, 1));
    packet[1] = 96;
    packet[11] = 2;
    take(0, packet, sizeof(packet));
    cr_assert(eq(u64, camera.tracks[0]->receiver.n_packets, 1));
    cr_assert(zero(u64, camera.tracks[0]->receiver.n_formats));
}

static int bind_loopback(struct sockaddr_in *address)
{
    socklen_t bytes = sizeof(*address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert(zero(int, bind(fd, (struct sockaddr *)address, bytes)));
    cr_assert(zero(int, getsockname(fd, (struct sockaddr *)address, &bytes)));
    return fd;
}

/* Whether the next datagram is RTCP of that type; it comes, or the test is over. */
static bool gets(int fd, uint8_t type)
{
    uint8_t data[256];

    return recv(fd, data, sizeof(data), 0) >= 2 && data[1] == type;
}

/* server_port=a-b, of which b is not a + 1. */
Test(rtsp_tracks, report_to_the_port_that_the_camera_says)
{
    char transport[RTSP_TRANSPORT_BYTES];
    struct sockaddr_in rtp, rtcp, to = {.sin_family = AF_INET};
    int rtp_fd = bind_loopback(&rtp), rtcp_fd = bind_loopback(&rtcp);
    uint8_t report[28] = {0x80, 200, 0, 6, [7] = 2, [8] = 1};
    struct rtsp_track *track;

    cr_assert(zero(int, describe("v=0\r\n" VIDEO)));
    track = camera.tracks[0];
    camera.is_udp = true;
    memcpy(&camera.stream.peer.address, &rtp, sizeof(rtp));
    camera.stream.peer.bytes = sizeof(rtp);
    cr_assert(zero(int, rtsp_track_ask(track, transport)));
    snprintf(transport, sizeof(transport), "RTP/AVP;unicast;server_port=%u-%u", ntohs(rtp.sin_port),
             ntohs(rtcp.sin_port));
    cr_assert(zero(int, rtsp_track_take(track, transport)));
    cr_assert(gets(rtp_fd, 0)); /* both ways are opened */
    cr_assert(gets(rtcp_fd, 201));
    rtsp_camera_report(&camera, 1);
    cr_assert(gets(rtcp_fd, 201));
    to.sin_addr = rtp.sin_addr;
    to.sin_port = htons((uint16_t)(track->datagrams.port + 1));
    cr_assert(eq(i64,
                 sendto(rtcp_fd, report, sizeof(report), 0, (struct sockaddr *)&to, sizeof(to)),
                 (int64_t)sizeof(report)));
    while (rtsp_camera_receive_datagrams(&camera, 1, 1) == 0)
        ;
    cr_assert(eq(u32, track->receiver.early.ssrc, 2));
    close(rtp_fd);
    close(rtcp_fd);
}

/* Or pictures would go on where sound was. */
Test(rtsp_tracks, keep_their_clocks_in_whatever_order_they_are_described)
{
    static const char audio[] = "m=audio 0 RTP/AVP 0\r\na=control:a\r\n";
    struct rtsp_clock *pictures, *sound;
    char text[256];

    snprintf(text, sizeof(text), "v=0\r\n%s%s", VIDEO, audio);
    cr_assert(zero(int, describe(text)));
    pictures = camera.tracks[0]->receiver.clock;
    sound = camera.tracks[1]->receiver.clock;
    snprintf(text, sizeof(text), "v=0\r\n%s%s", audio, VIDEO);
    cr_assert(zero(int, describe(text)));
    cr_assert(eq(ptr, camera.tracks[0]->receiver.clock, sound));
    cr_assert(eq(ptr, camera.tracks[1]->receiver.clock, pictures));
}

/* Units of it may wait for those of the other one. */
Test(rtsp_tracks, are_over_before_a_refused_one_goes)
{
    struct rtsp_clock *clock;

    cr_assert(zero(int, describe("v=0\r\n" VIDEO "m=audio 0 RTP/AVP 0\r\na=control:a\r\n")));
    cr_assert(eq(u32, camera.n_tracks, 2));
    clock = camera.tracks[1]->receiver.clock;
    rtsp_clock_anchor(clock, 0, 1);
    camera.asked_track = 1;
    n_ends = 0;
    rtsp_camera_drop_track(&camera);
    cr_assert(eq(uint, n_ends, 1));
    cr_assert(eq(u32, camera.n_tracks, 1));
    cr_assert(not(clock->is_anchored));
}

#define AUDIO "m=audio 0 RTP/AVP 0\r\na=control:a\r\n"
#define ODD "m=video 0 RTP/AVP 96\r\na=rtpmap:96 ODD/90000\r\n"
#define ENCRYPTED "m=video 0 RTP/SAVP 96\r\na=rtpmap:96 H264/90000\r\n"

static unsigned n_heard;
static char heard[160];

static void hear(void *context, enum limef_log_level level, const char *name, const char *text)
{
    (void)context;
    (void)level;
    (void)name;
    n_heard++;
    snprintf(heard, sizeof(heard), "%s", text);
}

Test(rtsp_tracks, say_once_why_they_are_without_pictures)
{
    limef_log_set_sink(hear, NULL);
    for (int i = 0; i < 2; i++) {
        cr_assert(zero(int, describe("v=0\r\n" AUDIO ODD)));
        cr_assert(eq(u32, camera.n_tracks, 1));
    }
    cr_assert(eq(u32, n_heard, 1));
    cr_assert(ne(ptr, strstr(heard, "without video: encoding ODD is not known"), NULL), "%s",
              heard);
    cr_assert(zero(int, describe("v=0\r\n" AUDIO VIDEO ODD)));
    cr_assert(eq(u32, n_heard, 1));
    cr_assert(zero(int, describe("v=0\r\n" ENCRYPTED AUDIO)));
    cr_assert(ne(ptr, strstr(heard, "without video: RTP/SAVP is not known"), NULL), "%s", heard);
    camera.settings.media = LIMEF_MEDIA_AUDIO;
    cr_assert(zero(int, describe("v=0\r\n" ODD AUDIO)));
    cr_assert(eq(u32, n_heard, 2));
    limef_log_set_sink(NULL, NULL);
}

Test(rtsp_tracks, say_once_why_they_are_without_sound)
{
    limef_log_set_sink(hear, NULL);
    for (int i = 0; i < 2; i++)
        cr_assert(zero(int, describe("v=0\r\n" VIDEO "m=audio 0 RTP/AVP 97\r\n"
                                     "a=rtpmap:97 mpeg4-generic/48000/2\r\n"
                                     "a=fmtp:97 config=1190;maxDisplacement=3072\r\n")));
    cr_assert(eq(u32, n_heard, 1));
    cr_assert(
        ne(ptr, strstr(heard, "without sound: mpeg4-generic is sent out of order too far"), NULL),
        "%s", heard);
    limef_log_set_sink(NULL, NULL);
}
