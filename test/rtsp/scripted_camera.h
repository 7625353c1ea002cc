/* SPDX-License-Identifier: MIT */
/* A camera in the thread of the test that answers as it is told, and the client that asks it. */
#ifndef LIMEF_TEST_RTSP_SCRIPTED_CAMERA_H
#define LIMEF_TEST_RTSP_SCRIPTED_CAMERA_H

#include "rtsp/camera.h"

#include "packets.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEADLINE_US 30000000
#define TIMEOUT_US 20000000
#define VIDEO "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:v\r\n"
#define AUDIO "m=audio 0 RTP/AVP 0\r\na=control:a\r\n"
#define EVENTS                                                                                     \
    "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:e\r\n"

static struct rtsp_camera camera;
static int listener, peer;
static uint16_t port;
static struct in6_addr address6 = IN6ADDR_LOOPBACK_INIT;
static int version = 1;  /* of RTSP, that it answers in */
static char asked[8192]; /* the last request */
static enum limef_rtsp_state state;
static char why[160];
static unsigned n_units;

static inline int note_state(void *context, enum limef_rtsp_state now, int code, const char *text)
{
    (void)context;
    (void)code;
    if (state == LIMEF_RTSP_LOST || now != LIMEF_RTSP_WAITING)
        snprintf(why, sizeof(why), "%s", text);
    state = now;
    return 0;
}

static inline int note_unit(void *context, struct rtsp_receiver *receiver,
                            const struct rtsp_arrival *arrival)
{
    (void)context;
    (void)receiver;
    n_units += !arrival->unit->is_damaged;
    return 0;
}

static inline void note_over(void *context)
{
    (void)context;
}

/* A port that somebody listens at. */
static inline void listen_by(int family)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 at6 = {.sin6_family = AF_INET6, .sin6_addr = address6};
    bool is_6 = family == AF_INET6;
    struct sockaddr *any =
        is_6 ? (struct sockaddr *)(void *)&at6 : (struct sockaddr *)(void *)&address;
    socklen_t bytes = is_6 ? sizeof(at6) : sizeof(address);

    listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (is_6 && (listener < 0 || bind(listener, any, bytes) < 0))
        cr_skip_test("no IPv6 here");
    cr_assert(is_6 || bind(listener, any, bytes) == 0);
    cr_assert(zero(int, listen(listener, 8)));
    cr_assert(zero(int, getsockname(listener, any, &bytes)));
    port = ntohs(is_6 ? at6.sin6_port : address.sin_port);
}

static inline void open_client(const char *login, const char *host)
{
    char url[80];

    snprintf(url, sizeof(url), "rtsp://%s%s:%u/s", login, host, port);
    cr_assert(zero(int, rtsp_camera_open(
                            &camera, "camera",
                            &(struct limef_rtsp_source_settings){
                                .url = url, .transport = LIMEF_RTSP_TCP, .timeout_us = TIMEOUT_US},
                            &(struct rtsp_camera_events){note_state, note_unit, note_over, NULL})));
    rtsp_camera_start(&camera);
}

static inline void open_camera(void)
{
    limef_log_set_level(LIMEF_LOG_ERROR);
    listen_by(AF_INET);
    open_client("user:s3cr3t@", "127.0.0.1");
}

static inline void close_camera(void)
{
    camera.events.state = note_state;
    rtsp_camera_clear(&camera);
    close(peer);
    close(listener);
}

static inline void step(void)
{
    int64_t due_us;

    rtsp_camera_step(&camera, &due_us);
}

static inline bool has_come(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};

    return poll(&pollfd, 1, 1) == 1;
}

static inline void meet(void)
{
    int64_t end_us = limef_now_us() + DEADLINE_US;

    for (step(); !has_come(listener); step())
        cr_assert(lt(i64, limef_now_us(), end_us));
    if (peer)
        close(peer);
    peer = accept(listener, NULL, NULL);
    cr_assert(ge(int, peer, 0));
}

/* The next request is this one. */
static inline void expect(const char *method)
{
    int64_t end_us = limef_now_us() + DEADLINE_US;
    size_t n = 0;

    for (asked[0] = '\0'; !strstr(asked, "\r\n\r\n"); step()) {
        cr_assert(lt(i64, limef_now_us(), end_us), "%s does not come", method);
        if (!has_come(peer))
            continue;
        cr_assert(eq(int, (int)recv(peer, asked + n, 1, 0), 1));
        asked[++n] = '\0';
        if (asked[0] == '$') { /* a report */
            uint8_t report[256];

            cr_assert(eq(int, (int)recv(peer, report, 3, MSG_WAITALL), 3));
            recv(peer, report, AV_RB16(report + 1), MSG_WAITALL);
            n = 0;
        }
    }
    cr_assert(zero(int, strncmp(asked, method, strlen(method))), "%s instead of %s", asked, method);
}

static inline void answer_as(int status, const char *headers, const char *body)
{
    char text[4096];
    int n = snprintf(text, sizeof(text),
                     "RTSP/%d.0 %d X\r\nCSeq: %d\r\n%sContent-Length: %zu\r\n\r\n%s", version,
                     status, atoi(strstr(asked, "CSeq: ") + 6), headers, strlen(body), body);

    cr_assert(eq(int, (int)send(peer, text, (size_t)n, MSG_NOSIGNAL), n));
}

static inline void answer(const char *headers)
{
    answer_as(200, headers, "");
}

/* Up to the answer to PLAY. */
static inline void greet(const char *session, const char *media)
{
    char sdp[512], headers[128];
    unsigned n_tracks = 0;

    for (const char *at = media; (at = strstr(at, "m=")); at++)
        n_tracks++;
    snprintf(sdp, sizeof(sdp), "v=0\r\n%s", media);
    meet();
    expect("DESCRIBE");
    answer_as(200, "", sdp);
    for (unsigned i = 0; i < n_tracks; i++) {
        expect("SETUP");
        snprintf(headers, sizeof(headers), "%sTransport: RTP/AVP/TCP;interleaved=%u-%u\r\n",
                 session, 2 * i, 2 * i + 1);
        answer(headers);
    }
    expect("PLAY");
    answer("");
    while (camera.pending != RTSP_NO_REQUEST)
        step();
}

static inline void send_packet(uint8_t channel, uint8_t type, uint16_t sequence,
                               const char *payload)
{
    uint8_t data[64] = {'$', channel};
    size_t bytes = packet_write(data + 4, sequence, sequence * 3600u, true, payload, 2);

    data[5] = 0x80 | type;
    AV_WB16(data + 2, bytes);
    cr_assert(eq(int, (int)send(peer, data, 4 + bytes, MSG_NOSIGNAL), (int)(4 + bytes)));
}

#endif
