/* SPDX-License-Identifier: MIT */
/* The source, with a camera in the same thread that sends what it is told. */
#include <limef/filter/rtsp_source.h>

#include <limef/base/clock.h>
#include <limef/base/log.h>
#include <limef/frame/packet.h>

#include "rtsp/packets.h"
#include "support/sink.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/codec_par.h>
#include <libavcodec/packet.h>
#include <libavutil/error.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEADLINE_US 60000000
#define FRAME_TICKS 3600
#define DESCRIPTION                                                                                \
    "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=control:v\r\n"                     \
    "m=audio 0 RTP/AVP 0\r\na=control:a\r\n"
#define IDR "\x28\1\x80"
#define CRA "\x2a\1\x80"
#define TRAIL "\x02\1\x80"
#define RASL "\x10\1\x80"

static struct limef_rtsp_source camera;
static struct sink sink;
static int listener, peer;
static char asked[2048];
static size_t n_asked;
static bool is_playing;
static uint16_t sequence;

static void open_all(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(address);
    char url[64];

    limef_log_set_level(LIMEF_LOG_ERROR);
    sink_init(&sink);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    cr_assert(zero(int, bind(listener, (struct sockaddr *)&address, bytes)));
    cr_assert(zero(int, listen(listener, 8)));
    cr_assert(zero(int, getsockname(listener, (struct sockaddr *)&address, &bytes)));
    snprintf(url, sizeof(url), "rtsp://127.0.0.1:%u/s", ntohs(address.sin_port));
    cr_assert(
        zero(int, limef_rtsp_source_init(
                      &camera, NULL,
                      &(struct limef_rtsp_source_settings){
                          .url = url, .transport = LIMEF_RTSP_TCP, .timeout_us = DEADLINE_US})));
    limef_connect(&camera.source.filter, &sink.filter);
}

static void close_all(void)
{
    limef_filter_clear(&camera.source.filter);
    sink_empty(&sink);
    close(peer);
    close(listener);
}

TestSuite(filter_rtsp_source, .init = open_all, .fini = close_all, .timeout = 120);

static void send_all(const void *data, size_t bytes)
{
    cr_assert(eq(i64, send(peer, data, bytes, MSG_NOSIGNAL), (int64_t)bytes));
}

static void answer(void)
{
    static unsigned n_tracks;
    char text[1024], headers[128] = "Session: 1\r\n";
    const char *body = "";

    if (!strncmp(asked, "DESCRIBE", 8)) {
        body = DESCRIPTION;
        n_tracks = 0;
    } else if (!strncmp(asked, "SETUP", 5)) {
        snprintf(headers, sizeof(headers),
                 "Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=%u-%u\r\n", 2 * n_tracks,
                 2 * n_tracks + 1);
        n_tracks++;
    }
    is_playing |= !strncmp(asked, "PLAY", 4);
    send_all(text,
             (size_t)snprintf(text, sizeof(text),
                              "RTSP/1.0 200 OK\r\nCSeq: %d\r\n%sContent-Length: %zu\r\n\r\n%s",
                              atoi(strstr(asked, "CSeq: ") + 6), headers, strlen(body), body));
}

/* One step of the source, and what the camera does about it. */
static void step(void)
{
    struct pollfd pollfd = {.fd = peer ? peer : listener, .events = POLLIN};
    int64_t due_us;

    camera.source.step(&camera.source, &due_us);
    if (poll(&pollfd, 1, 1) != 1 || is_playing)
        return;
    if (!peer) {
        peer = accept(listener, NULL, NULL);
        n_asked = 0;
        return;
    }
    cr_assert(eq(i64, recv(peer, asked + n_asked, 1, 0), 1));
    asked[++n_asked] = '\0';
    if (!strstr(asked, "\r\n\r\n"))
        return;
    answer();
    n_asked = 0;
}

static void play(void)
{
    int64_t end_us = limef_now_us() + DEADLINE_US;

    for (is_playing = false; !is_playing; step())
        cr_assert(lt(i64, limef_now_us(), end_us));
}

static void hang_up(void)
{
    close(peer);
    peer = 0;
}

/* Goes on until that is noticed. */
static struct limef_rtsp_source_counters hang_up_and_be_lost(void)
{
    struct limef_rtsp_source_counters counters;
    int64_t end_us = limef_now_us() + DEADLINE_US;

    hang_up();
    do {
        cr_assert(lt(i64, limef_now_us(), end_us));
        step();
        limef_rtsp_source_get_counters(&camera, &counters);
    } while (counters.state == LIMEF_RTSP_PLAYING);
    return counters;
}

/* A sender report: so many milliseconds of the camera's wall clock, at a time of the stream. */
static void send_report(uint8_t channel, uint32_t timestamp, uint32_t wall_ms)
{
    uint8_t data[4 + 28] = {'$', (uint8_t)(channel + 1), 0, 28, 0x80, 200, 0, 6, 0x11, 0x22, 0x33,
                            0x44};

    AV_WB32(data + 12, 0xe0000000u + wall_ms / 1000);
    AV_WB32(data + 16, (uint32_t)(((uint64_t)(wall_ms % 1000) << 32) / 1000));
    AV_WB32(data + 20, timestamp);
    send_all(data, sizeof(data));
}

static void send_payload(uint8_t channel, uint8_t type, uint32_t timestamp, const void *payload,
                         size_t payload_bytes)
{
    uint8_t data[64] = {'$', channel};
    size_t bytes = packet_write(data + 4, sequence++, timestamp, true, payload, payload_bytes);

    data[5] = 0x80 | type;
    AV_WB16(data + 2, bytes);
    send_all(data, 4 + bytes);
}

static void send_unit(uint8_t channel, uint8_t type, uint32_t timestamp, const char *payload)
{
    send_payload(channel, type, timestamp, payload, 3);
}

static void send_picture(const char *kind, uint32_t number)
{
    send_unit(0, 96, 90000 + number * FRAME_TICKS, kind);
}

/* One with a parameter set before it, in a packet of both. */
static void send_picture_with(char set, const char *kind, uint32_t number)
{
    uint8_t payload[] = {0x60, 1, 0, 3, 0x42, 1, (uint8_t)set, 0, 3, 0, 0, 0};

    memcpy(payload + 9, kind, 3);
    send_payload(0, 96, 90000 + number * FRAME_TICKS, payload, sizeof(payload));
}

/* Up to so many units, passed on or dropped. */
static struct limef_rtsp_source_counters count_to(uint64_t n)
{
    struct limef_rtsp_source_counters counters = {.n_units = 0};
    int64_t end_us = limef_now_us() + DEADLINE_US;

    while (counters.n_units + counters.n_dropped_units < n) {
        cr_assert(lt(i64, limef_now_us(), end_us));
        step();
        limef_rtsp_source_get_counters(&camera, &counters);
    }
    return counters;
}

/* The last so many pictures that were passed on, as a letter each. */
static const char *passed(void)
{
    static char text[SINK_MAX_FRAMES];
    unsigned n = 0;

    for (unsigned i = 0; i < sink_count(&sink, LIMEF_FRAME_PACKET); i++) {
        const struct limef_frame *frame = sink_nth(&sink, LIMEF_FRAME_PACKET, i);
        const struct limef_packet_frame *packet = limef_packet_frame_from(frame);
        bool is_new = frame->flags & LIMEF_FRAME_DISCONTINUITY;

        switch (packet->data[4]) {
        case 0x28:
        case 0x2a:
            text[n++] = is_new ? 'K' : 'k';
            break;
        case 0x02:
            text[n++] = is_new ? 'T' : 't';
            break;
        default:
            text[n++] = 'l';
        }
    }
    text[n] = '\0';
    return text;
}

Test(filter_rtsp_source, counts_pictures_apart_from_sound)
{
    struct limef_rtsp_source_counters counters;

    play();
    send_picture(IDR, 0);
    for (uint32_t i = 0; i < 3; i++)
        send_unit(2, 0, i * 3, "abc");
    counters = count_to(4);
    cr_assert(eq(u64, counters.n_units, 4));
    cr_assert(eq(u64, counters.n_pictures, 1));
}

Test(filter_rtsp_source, says_why_with_each_state)
{
    const struct limef_signal_frame *last = NULL;
    struct limef_rtsp_source_counters counters;

    play();
    send_picture(IDR, 0);
    count_to(1);
    counters = hang_up_and_be_lost();
    cr_assert(eq(int, (int)counters.reason, LIMEF_RTSP_REASON_BROKEN));
    for (unsigned i = 0; i < sink_count(&sink, LIMEF_FRAME_SIGNAL); i++) {
        const struct limef_signal_frame *signal =
            limef_signal_frame_from(sink_nth(&sink, LIMEF_FRAME_SIGNAL, i));

        if (signal->signal != LIMEF_SIGNAL_STATE)
            continue;
        if (signal->value == LIMEF_RTSP_PLAYING)
            cr_assert(eq(u32, signal->serial, LIMEF_RTSP_REASON_NONE));
        last = signal;
    }
    cr_assert(eq(int, (int)last->value, LIMEF_RTSP_WAITING));
    cr_assert(eq(u32, last->serial, LIMEF_RTSP_REASON_BROKEN));
}

/* They change with a picture that nobody gets, as the key before it was lost; with the next key
 * they are not new any more. */
Test(filter_rtsp_source, passes_parameters_of_units_that_are_cut_with_the_next_one)
{
    const struct limef_codec_frame *codec;

    play();
    send_picture_with('a', IDR, 0);
    send_picture_with('a', TRAIL, 1);
    sequence++;
    send_picture_with('b', TRAIL, 3);
    send_picture_with('b', IDR, 4);
    send_picture_with('b', TRAIL, 5);
    count_to(5);
    cr_assert(eq(u32, sink_count(&sink, LIMEF_FRAME_CODEC), 2));
    codec = (const void *)sink_nth(&sink, LIMEF_FRAME_CODEC, 1);
    cr_assert(eq(int, codec->parameters->extradata[6], 'b'));
    cr_assert(eq(u32, sink_count(&sink, LIMEF_FRAME_PACKET), 4));
}

/* What they refer to was lost, and a decoder would make something of them. */
Test(filter_rtsp_source, drops_what_leads_a_key_behind_a_loss)
{
    play();
    send_picture(IDR, 0);
    send_picture(CRA, 3);
    send_picture(RASL, 2);
    send_picture(TRAIL, 4);
    sequence++;
    send_picture(TRAIL, 6);
    send_picture(CRA, 9);
    send_picture(RASL, 7);
    send_picture(RASL, 8);
    send_picture(TRAIL, 10);
    count_to(9);
    cr_assert(eq(str, (char *)passed(), "KkltKt"));
}

Test(filter_rtsp_source, drops_what_leads_the_first_key_of_another_connection)
{
    play();
    send_picture(IDR, 0);
    count_to(1);
    hang_up();
    play();
    send_picture(CRA, 3);
    send_picture(RASL, 2);
    send_picture(TRAIL, 4);
    count_to(4);
    cr_assert(eq(str, (char *)passed(), "KKt"));
}

/* Sound waits for pictures that come later. Then the camera is lost, and who is behind stops: what
 * waits goes with the stream that it is of, and does not turn up in the next connection. */
Test(filter_rtsp_source, forgets_what_waits_and_nobody_takes_when_the_camera_is_lost)
{
    struct limef_rtsp_source_counters counters = {.n_packets = 0};
    int64_t end_us = limef_now_us() + DEADLINE_US;

    limef_rtsp_source_hold(&camera);
    play();
    send_report(0, 90000, 1000);
    send_picture(IDR, 0);
    send_report(2, 0, 2900); /* captured so much later than the picture, and here already */
    for (uint32_t i = 0; i < 4; i++)
        send_unit(2, 0, i * 3, "abc");
    while (counters.n_packets < 5) {
        cr_assert(lt(i64, limef_now_us(), end_us));
        step();
        limef_rtsp_source_get_counters(&camera, &counters);
    }
    cr_assert(eq(u64, counters.n_units, 1));
    sink.answer = AVERROR_EXIT; /* to what is told of sound before its first unit, too */
    hang_up_and_be_lost();
    sink.answer = 0;
    play();
    send_picture(IDR, 0);
    count_to(2);
    hang_up_and_be_lost();
    cr_assert(eq(u32, sink_count(&sink, LIMEF_FRAME_PACKET), 2));
}

static unsigned count_signals(enum limef_signal signal)
{
    unsigned n = 0;

    for (unsigned i = 0; i < sink_count(&sink, LIMEF_FRAME_SIGNAL); i++)
        n += limef_signal_frame_from(sink_nth(&sink, LIMEF_FRAME_SIGNAL, i))->signal == signal;
    return n;
}

Test(filter_rtsp_source, says_again_what_nobody_heard_and_begins_at_a_key)
{
    struct limef_rtsp_source_counters counters;

    sink.answer = AVERROR_EXIT;
    play();
    send_picture(IDR, 0);
    send_picture(TRAIL, 1);
    counters = count_to(2);
    cr_assert(eq(u64, counters.n_units, 0));
    cr_assert(eq(u64, counters.n_dropped_units, 2));
    sink.answer = 0;
    sink_empty(&sink);
    send_picture(TRAIL, 2);
    send_picture(IDR, 3);
    send_picture(TRAIL, 4);
    count_to(5);
    cr_assert(eq(u32, sink.frames[0].signal.signal, LIMEF_SIGNAL_STATE));
    cr_assert(eq(i64, sink.frames[0].signal.value, LIMEF_RTSP_PLAYING));
    cr_assert(eq(int, (int)sink.frames[1].frame.frame_class, LIMEF_FRAME_CODEC));
    cr_assert(eq(str, (char *)passed(), "Kt"));
}

Test(filter_rtsp_source, says_again_that_it_is_lost_if_nobody_heard)
{
    play();
    send_picture(IDR, 0);
    count_to(1);
    sink.answer = AVERROR_EXIT;
    hang_up_and_be_lost();
    sink.answer = 0;
    sink_empty(&sink);
    step();
    cr_assert(eq(uint, count_signals(LIMEF_SIGNAL_LOST), 1));
    play();
    send_picture(IDR, 1);
    count_to(2);
    cr_assert(eq(uint, count_signals(LIMEF_SIGNAL_START), 1));
}
