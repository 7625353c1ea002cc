/* SPDX-License-Identifier: MIT */
#include "camera/camera_private.h"

#include <arpa/inet.h>
#include <libavutil/md5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_BYTES 24576
#define REALM "test"
#define GROUP_PORT 16300

/* A request, cut out of what came. */
struct request {
    char method[32], url[512];
    char authorization[1024], transport[256];
    unsigned sequence;
};

static void copy_header(const char *text, const char *name, char *to, size_t to_bytes)
{
    const char *at = strstr(text, name), *end;

    *to = '\0';
    if (!at)
        return;
    at += strlen(name);
    end = strstr(at, "\r\n");
    if (end && (size_t)(end - at) < to_bytes) {
        memcpy(to, at, (size_t)(end - at));
        to[end - at] = '\0';
    }
}

static void read_request(struct request *request, const char *text)
{
    char number[16];

    memset(request, 0, sizeof(*request));
    sscanf(text, "%31s %511s", request->method, request->url);
    copy_header(text, "\r\nAuthorization: ", request->authorization,
                sizeof(request->authorization));
    copy_header(text, "\r\nTransport: ", request->transport, sizeof(request->transport));
    copy_header(text, "\r\nCSeq: ", number, sizeof(number));
    request->sequence = (unsigned)atoi(number);
}

static void sum(char hex[33], const char *text)
{
    uint8_t bytes[16];

    av_md5_sum(bytes, (const uint8_t *)text, strlen(text));
    for (int i = 0; i < 16; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

/* RFC 2617 without qop: what most cameras ask for. */
static bool is_authorized(const struct session *session, const struct request *request)
{
    char nonce[16], text[1200], ha1[33], ha2[33], response[33], expected[64];
    bool is_wrong = session->fault.kind == FAULT_WRONG_PASSWORD;

    snprintf(nonce, sizeof(nonce), "\"%08x\"", session->nonce);
    snprintf(text, sizeof(text), "%s:%s:%s%s", CAMERA_USER, REALM, CAMERA_PASSWORD,
             is_wrong ? "x" : "");
    sum(ha1, text);
    snprintf(text, sizeof(text), "%s:%s", request->method, request->url);
    sum(ha2, text);
    snprintf(text, sizeof(text), "%s:%08x:%s", ha1, session->nonce, ha2);
    sum(response, text);
    snprintf(expected, sizeof(expected), "response=\"%s\"", response);
    return strstr(request->authorization, nonce) && strstr(request->authorization, expected);
}

static bool wants_password(const struct session *session)
{
    const struct camera *camera = session->camera;

    return session->fault.kind == FAULT_WRONG_PASSWORD ||
           session->fault.kind == FAULT_STALE_NONCE ||
           (camera->cameras->settings.wants_password && camera->number % 2);
}

/* Sends an answer as the session's fault has it. rest: status, blank, headers. */
static void answer_with(struct session *session, const struct request *request, const char *rest,
                        const char *body, size_t body_bytes)
{
    struct camera *camera = session->camera;
    char text[ANSWER_BYTES];
    size_t n = (size_t)snprintf(
        text, sizeof(text), "RTSP/1.0 %.3s %s\r\n%s %u\r\n%s%s", rest, rest[0] == '2' ? "OK" : "No",
        session->fault.kind == FAULT_FOLDED ? "cseq:\r\n\t" : "CSeq:", request->sequence,
        session->fault.kind == FAULT_FOLDED ? "Public: DESCRIBE,\r\n\tSETUP\r\n" : "", rest + 4);

    if (body_bytes > 0)
        memcpy(text + n, body, body_bytes);
    n += body_bytes;
    if (session->fault.kind == FAULT_FOLDED)
        session_write(session, "$\7\0\3abc\r\n$\11\0\0", 13);
    if (session->fault.kind == FAULT_HALF_ANSWER) {
        n = camera_random(camera->cameras) % n;
        session->closes_when_sent = true;
    }
    if (session->fault.kind == FAULT_LATE)
        session->send_after_us = session->next_us + session->fault.us;
    session_write(session, text, n);
    if (session->fault.kind == FAULT_TWICE)
        session_write(session, text, n);
}

static void answer(struct session *session, const struct request *request, const char *rest)
{
    answer_with(session, request, rest, NULL, 0);
}

static void ask_for_password(struct session *session, const struct request *request, bool is_stale)
{
    char text[256];

    snprintf(text, sizeof(text),
             "401 WWW-Authenticate: Digest realm=\"" REALM "\", nonce=\"%08x\"%s\r\n\r\n",
             session->nonce, is_stale ? ", stale=true" : "");
    answer(session, request, text);
}

static int describe(const struct session *session, char *sdp, size_t bytes)
{
    const struct camera *camera = session->camera;
    bool is_group = camera->cameras->settings.is_multicast;

    return snprintf(sdp, bytes,
                    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\na=control:*\r\n"
                    "m=video %u RTP/AVP 96\r\n%s"
                    "a=rtpmap:96 H264/90000\r\n"
                    "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=%s\r\n"
                    "a=control:track1\r\n",
                    is_group ? GROUP_PORT + 2 * camera->number : 0,
                    is_group ? "c=IN IP4 " CAMERA_GROUP "/1\r\n" : "",
                    camera->cameras->clips[session->clip].parameter_sets);
}

/* Descriptions that are wrong, or nearly right. Returns their length. */
static size_t spoil(struct session *session, char *sdp, size_t length, size_t room)
{
    struct cameras *cameras = session->camera->cameras;

    switch (session->fault.variant) {
    case 0:
        return 0;
    case 1:
        return (size_t)snprintf(sdp, room, "v=0\r\ns=nothing\r\n");
    case 2:
        return (size_t)snprintf(sdp, room, "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 X/1\r\n");
    case 3:
        memset(sdp, 'a', 12000);
        return 12000;
    case 4:
        for (length = 0; length < 15000;)
            length += (size_t)snprintf(sdp + length, room - length, "m=video 0 RTP/AVP 96\r\n");
        return length;
    case 5:
        memset(sdp + length / 3, 0, length / 3);
        return length;
    case 6:
        for (int i = 0; i < 8; i++)
            sdp[camera_random(cameras) % length] ^= (char)(1 << camera_random(cameras) % 8);
        return length;
    case 7:
        return camera_random(cameras) % length;
    case 8:
        return (size_t)snprintf(sdp, room,
                                "v=0\r\nm=video 99999999999 RTP/AVP -4 96\r\n"
                                "a=rtpmap:96 H264/99999999999999\r\na=framerate:1e999\r\n"
                                "a=cliprect:0,0,-1,4294967295\r\n");
    case 9:
        return (size_t)snprintf(sdp, room,
                                "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
                                "a=fmtp:96 sprop-parameter-sets=Z,Z///,====,,Z2dn\r\n");
    case 10:
        length = (size_t)snprintf(sdp, room, "v=0\r\nm=video 0 RTP/AVP 96\r\na=control:");
        memset(sdp + length, 'c', 8000);
        return length + 8000;
    default:
        for (size_t i = 0; i < 4000; i++)
            sdp[i] = (char)camera_random(cameras);
        return 4000;
    }
}

static void take_describe(struct session *session, const struct request *request)
{
    char sdp[16384], text[256];
    size_t length = (size_t)describe(session, sdp, sizeof(sdp));

    if (session->fault.kind == FAULT_SDP)
        length = spoil(session, sdp, length, sizeof(sdp));
    snprintf(text, sizeof(text),
             "200 Content-Type: application/sdp\r\nContent-Base: rtsp%s://127.0.0.1:%u/stream/\r\n"
             "Content-Length: %zu\r\n\r\n",
             session->camera->is_secure ? "s" : "", session->camera->port, length);
    answer_with(session, request, text, sdp, length);
}

static uint16_t open_datagrams(struct session *session)
{
    uint16_t first = 0;

    for (int i = 0; i < 2; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t bytes = sizeof(address);
        int size = 1 << 20;

        if (session->udp_fds[i] == 0)
            session->udp_fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (session->udp_fds[i] < 0 ||
            bind(session->udp_fds[i], (struct sockaddr *)&address, sizeof(address)) < 0 ||
            getsockname(session->udp_fds[i], (struct sockaddr *)&address, &bytes) < 0)
            abort();
        setsockopt(session->udp_fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        if (i == 0)
            first = ntohs(address.sin_port);
    }
    return first;
}

static void take_group(struct session *session, const struct request *request)
{
    unsigned port = GROUP_PORT + 2 * session->camera->number;
    struct in_addr loopback = {.s_addr = htonl(INADDR_LOOPBACK)};
    char text[256];

    open_datagrams(session);
    for (unsigned i = 0; i < 2; i++) {
        session->clients[i] = (struct sockaddr_in){.sin_family = AF_INET,
                                                   .sin_addr.s_addr = inet_addr(CAMERA_GROUP),
                                                   .sin_port = htons((uint16_t)(port + i))};
        setsockopt(session->udp_fds[i], IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof(loopback));
    }
    session->is_udp = session->is_group = true;
    snprintf(text, sizeof(text),
             "200 Session: 4711\r\nTransport: RTP/AVP;multicast;destination=" CAMERA_GROUP ";"
             "port=%u-%u;ttl=1\r\n\r\n",
             port, port + 1);
    answer(session, request, text);
}

static void take_setup(struct session *session, const struct request *request)
{
    static const char *const odd_transports[] = {
        "", "Transport: RTP/AVP/TCP;interleaved=300-301\r\n",
        "Transport: RTP/AVP/TCP;interleaved=;;=,\"\r\n",
        "Transport: RTP/AVP;unicast;client_port=70000-1;server_port=0-0\r\n"};
    static const char *const odd_sessions[] = {"", "Session: 1;timeout=0\r\n",
                                               "Session: 4711 ; timeout = -99999999999\r\n"};
    struct camera *camera = session->camera;
    bool is_tcp = strstr(request->transport, "TCP") != NULL;
    const char *port = strstr(request->transport, "client_port=");
    const char *id = session->fault.kind == FAULT_ODD_SESSION
                         ? odd_sessions[session->fault.variant % 3]
                         : "Session: 4711;timeout=60\r\n";
    char text[512];

    if (is_tcp ? camera->refuses_tcp : camera->refuses_udp) {
        answer(session, request, "461 \r\n");
        return;
    }
    if (strstr(request->transport, "multicast")) {
        take_group(session, request);
        return;
    }
    if (session->fault.kind == FAULT_ODD_TRANSPORT) {
        snprintf(text, sizeof(text), "200 %s%s\r\n", id,
                 odd_transports[session->fault.variant % 4]);
    } else if (is_tcp || !port) {
        snprintf(text, sizeof(text), "200 %sTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n",
                 id);
    } else {
        unsigned first = (unsigned)atoi(port + 12), own = open_datagrams(session);

        for (unsigned i = 0; i < 2; i++)
            session->clients[i] = (struct sockaddr_in){.sin_family = AF_INET,
                                                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                                       .sin_port = htons((uint16_t)(first + i))};
        snprintf(text, sizeof(text),
                 "200 %sTransport: RTP/AVP;unicast;client_port=%u-%u;server_port=%u-%u\r\n\r\n", id,
                 first, first + 1, own, own + 1);
    }
    session->is_udp = !is_tcp;
    answer(session, request, text);
}

static void take_request(struct session *session, const struct request *request, int64_t now_us)
{
    static const char *const mute[] = {"DESCRIBE", "SETUP", "PLAY"};
    static const char *const statuses[CAMERA_N_STATUS] = {"404", "403", "503", "454", "500", "301"};
    const struct fault *fault = &session->fault;
    bool is_setup = !strcmp(request->method, "SETUP");
    char text[256];

    session->next_us = now_us;
    if (fault->kind == FAULT_MUTE && !strcmp(request->method, mute[fault->variant % 3]))
        return;
    if (wants_password(session) && !is_authorized(session, request)) {
        ask_for_password(session, request, false);
    } else if (fault->kind == FAULT_STALE_NONCE && is_setup && session->n_refused++ == 0) {
        session->nonce = camera_random(session->camera->cameras);
        ask_for_password(session, request, true);
    } else if (fault->kind == FAULT_STATUS) {
        snprintf(text, sizeof(text), "%s \r\n", statuses[fault->variant % CAMERA_N_STATUS]);
        answer(session, request, text);
    } else if (fault->kind == FAULT_REDIRECT || fault->kind == FAULT_CIRCLE) {
        snprintf(text, sizeof(text), "302 Location: rtsp%s://127.0.0.1:%u/elsewhere\r\n\r\n",
                 session->camera->is_secure ? "s" : "", session->camera->port);
        answer(session, request, text);
    } else if (!strcmp(request->method, "DESCRIBE")) {
        take_describe(session, request);
    } else if (is_setup) {
        take_setup(session, request);
    } else {
        answer(session, request, "200 Session: 4711\r\n\r\n");
        if (!strcmp(request->method, "PLAY") && fault->kind != FAULT_NO_MEDIA)
            session_play(session, now_us);
        if (!strcmp(request->method, "TEARDOWN"))
            session->closes_when_sent = true;
    }
}

void session_take(struct session *session, int64_t now_us)
{
    while (session->fd && session->n_in > 0) {
        struct request request;
        char *end;
        size_t taken;

        if (session->in[0] == '$') {
            taken = 4 + ((size_t)(uint8_t)session->in[2] << 8 | (uint8_t)session->in[3]);
            if (session->n_in < 4 || session->n_in < taken)
                return;
        } else {
            session->in[session->n_in] = '\0';
            end = strstr(session->in, "\r\n\r\n");
            if (!end)
                return;
            taken = (size_t)(end + 4 - session->in);
            end[2] = '\0';
            if (strncmp(session->in, "RTSP/", 5) != 0) { /* else an answer to FAULT_QUESTIONS */
                read_request(&request, session->in);
                take_request(session, &request, now_us);
            }
        }
        if (session->fd == 0)
            return;
        session->n_in -= taken;
        memmove(session->in, session->in + taken, session->n_in);
        session_flush(session, now_us);
    }
}

static void write_many(struct session *session, const char *text, size_t bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        session_write(session, text, bytes);
}

static void be_hostile(struct session *session)
{
    struct cameras *cameras = session->camera->cameras;

    switch (session->fault.variant % CAMERA_N_HOSTILE) {
    case 0:
        session_write_text(session, "HTTP/1.1 400 Bad Request\r\n\r\n");
        break;
    case 1:
        write_many(session, "\x16\x03\x01\x02\x00", 5, 100);
        break;
    case 2:
        session_write_text(session, "RTSP/1.0 200 OK\r\nX: ");
        write_many(session, "aaaaaaaaaaaaaaaa", 16, 5000);
        break;
    case 3:
        session_write_text(session, "RTSP/1.0 200 OK\r\nContent-Length: 4294967295\r\n\r\n");
        break;
    case 4:
        session_write_text(session, "RTSP/1.0 200 OK\r\nContent-Length: 30000\r\n\r\nv=0");
        break;
    case 5:
        session_write(session, "$\0\xff\xff", 4);
        write_many(session, "$$$$$$$$$$$$$$$$", 16, 8000);
        break;
    case 6:
        write_many(session, "RTSP/1.0 200 OK\r\n", 17, 1000);
        break;
    case 7:
        write_many(session, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, 12000);
        break;
    case 8:
        write_many(session, "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", 28, 500);
        break;
    case 9:
        session_write_text(session, "RTSP/1.0 200 OK\r\nContent-Length: -1\r\nCSeq: 1\r\n\r\n");
        break;
    case 10:
        session_write_text(session, "RTSP/1.0 -99 \r\nCSeq: 99999999999999999999\r\n\r\n");
        break;
    case 11:
        for (int i = 0; i < 3000; i++) {
            uint32_t word = camera_random(cameras);

            session_write(session, &word, sizeof(word));
        }
        break;
    case 12:
        session_write_text(session, "RTSP/1.0 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n"
                                    "CSeq: 1\r\n\r\nabcde");
        break;
    default:
        session_write_text(session, "RTSP/1.0 200 OK\r\n");
        write_many(session, ":\r\n \r\n\t;\r\n", 11, 900);
        session_write_text(session, "\r\n\r\n");
        break;
    }
}

bool session_misbehave(struct session *session, int64_t now_us)
{
    switch (session->fault.kind) {
    case FAULT_SILENT:
        return true;
    case FAULT_HOSTILE:
        be_hostile(session);
        session_flush(session, now_us);
        return true;
    case FAULT_ENDLESS:
        if (session->n_out == 0)
            session_write_text(session, "RTSP/1.0 200 OK\r\n");
        if (session->n_out < ENDLESS_BYTES)
            write_many(session, "X-Header: aaaaa\r\n", 17, 200);
        session_flush(session, now_us);
        return true;
    default:
        return false;
    }
}
