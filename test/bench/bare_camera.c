/* SPDX-License-Identifier: MIT */
/*
 * The floor of receiving a camera: sockets and nothing else, by TCP, without a password, of a
 * server that does as it should.
 *
 *   bare_camera URL N      one epoll loop splits what N connections bring into RTP packets, until
 *                          SIGINT; {"units": ...}: packets with the marker
 *   bare_camera URL first  one connection; ends behind one picture of H.264 that libavcodec decoded
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/base64.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MAX_CONNECTIONS 512
#define ROOM_BYTES 65540 /* the largest packet with what is before it */
#define UNIT_BYTES (4 << 20)

struct connection {
    int fd;
    size_t n_bytes; /* that are not split yet */
    uint8_t bytes[ROOM_BYTES];
};

static unsigned long n_units;
static volatile sig_atomic_t is_over;
static AVCodecContext *decoder; /* NULL: it only counts */
static AVPacket *packet;
static AVFrame *picture;
static uint8_t unit[UNIT_BYTES];
static size_t n_unit;

static void end(int number)
{
    (void)number;
    is_over = 1;
}

static int fail(const char *what)
{
    fprintf(stderr, "bare_camera: %s\n", what);
    return -1;
}

/* rtsp://127.0.0.1:PORT/... */
static int open_connection(const char *url)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char host[64];
    unsigned port;

    if (sscanf(url, "rtsp://%63[0-9.]:%u/", host, &port) != 2 ||
        inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return fail("the URL");
    address.sin_port = htons((uint16_t)port);
    return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? fail("no server") : fd;
}

/* Sends a request; its answer, with a body, is in text; 0 bytes: it is not waited for. */
static int ask(int fd, const char *request, char *text, size_t n_text)
{
    size_t n = 0, body = 0;
    const char *head_end = NULL, *length;

    if (write(fd, request, strlen(request)) < 0)
        return fail("cannot ask");
    while (n_text > 0 && (!head_end || n < (size_t)(head_end - text) + 4 + body)) {
        ssize_t got = n + 1 < n_text ? read(fd, text + n, n_text - 1 - n) : 0;

        if (got <= 0)
            return fail("no answer");
        n += (size_t)got;
        text[n] = '\0';
        head_end = strstr(text, "\r\n\r\n");
        length = strcasestr(text, "Content-Length:");
        body = length ? strtoul(length + 15, NULL, 10) : 0;
    }
    return 0;
}

/* What is behind a name, up to one of the ends. */
static const char *find(const char *text, const char *name, const char *ends, char value[1024])
{
    const char *at = text ? strcasestr(text, name) : NULL;

    *value = '\0';
    if (at) {
        at += strlen(name);
        snprintf(value, 1024, "%.*s", (int)strcspn(at, ends), at);
    }
    return at;
}

static void append(const void *data, size_t n)
{
    if (n > UNIT_BYTES - n_unit)
        n = UNIT_BYTES - n_unit;
    memcpy(unit + n_unit, data, n);
    n_unit += n;
}

static void append_nal(const uint8_t *data, size_t n)
{
    append("\0\0\0\1", 4);
    append(data, n);
}

/* "sprop-parameter-sets=Z2QAH6w=,aM48gA==" */
static void append_sets(const char *description)
{
    char sets[1024], *rest = sets, *set;
    uint8_t bytes[1024];

    find(description, "sprop-parameter-sets=", "; \r\n", sets);
    while ((set = strsep(&rest, ","))) {
        int n = av_base64_decode(bytes, set, sizeof(bytes));

        if (n > 0)
            append_nal(bytes, (size_t)n);
    }
}

static int play(struct connection *connection, const char *url)
{
    static char text[65536], request[4096];
    char base[1024], control[1024], session[1024];
    const char *video;

    connection->fd = open_connection(url);
    if (connection->fd < 0)
        return -1;
    snprintf(request, sizeof(request),
             "DESCRIBE %s RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n", url);
    if (ask(connection->fd, request, text, sizeof(text)) < 0)
        return -1;
    video = strstr(text, "m=video");
    if (!find(text, "Content-Base: ", "\r\n", base))
        snprintf(base, sizeof(base), "%s/", url);
    find(video, "a=control:", "\r\n", control);
    if (decoder)
        append_sets(video);
    snprintf(request, sizeof(request),
             "SETUP %s%s RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
             "\r\n",
             strncmp(control, "rtsp:", 5) ? base : "", control);
    if (ask(connection->fd, request, text, sizeof(text)) < 0 ||
        !find(text, "Session: ", ";\r\n", session))
        return fail("no session");
    snprintf(request, sizeof(request),
             "PLAY %s RTSP/1.0\r\nCSeq: 3\r\nSession: %s\r\nRange: npt=0-\r\n\r\n", base, session);
    return ask(connection->fd, request, NULL, 0);
}

static void decode(void)
{
    packet->data = unit;
    packet->size = (int)n_unit;
    if (avcodec_send_packet(decoder, packet) >= 0 && avcodec_send_packet(decoder, NULL) >= 0 &&
        avcodec_receive_frame(decoder, picture) >= 0)
        is_over = 1;
    n_unit = 0;
}

/* RFC 6184, the three kinds that servers send. */
static void put_together(const uint8_t *data, size_t n)
{
    unsigned type = data[0] & 31;

    if (type == 24) {
        for (size_t at = 1, nal; at + 2 < n; at += 2 + nal) {
            nal = (size_t)data[at] << 8 | data[at + 1];
            if (at + 2 + nal > n)
                return;
            append_nal(data + at + 2, nal);
        }
    } else if (type == 28) {
        uint8_t head = (uint8_t)((data[0] & 0xe0) | (data[1] & 31));

        if (data[1] & 0x80)
            append_nal(&head, 1);
        append(data + 2, n - 2);
    } else {
        append_nal(data, n);
    }
}

static void take_packet(const uint8_t *data, size_t n)
{
    size_t head = n >= 12 ? 12 + 4 * (size_t)(data[0] & 15) : n;

    if (n > head && data[0] & 0x10)
        head += n >= head + 4 ? 4 + 4 * ((size_t)data[head + 2] << 8 | data[head + 3]) : 0;
    if (n < head + 2)
        return;
    n_units += data[1] >> 7;
    if (!decoder || is_over)
        return;
    put_together(data + head, n - head);
    if (data[1] & 0x80)
        decode();
}

/* Returns 0, or -1: it ended. */
static int receive(struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->bytes + connection->n_bytes,
                       ROOM_BYTES - connection->n_bytes, MSG_DONTWAIT);
    const uint8_t *at = connection->bytes, *end, *next;

    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    end = at + connection->n_bytes + (size_t)got;
    for (; end - at >= 4; at = next) {
        if (*at == '$') {
            next = at + 4 + ((size_t)at[2] << 8 | at[3]);
            if (next > end)
                break;
            if (at[1] == 0)
                take_packet(at + 4, (size_t)(next - at - 4));
        } else { /* an answer without a body */
            next = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
            if (!next)
                break;
            next += 4;
        }
    }
    connection->n_bytes = (size_t)(end - at);
    memmove(connection->bytes, at, connection->n_bytes);
    return 0;
}

static int open_decoder(void)
{
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_H264);

    decoder = avcodec_alloc_context3(codec);
    packet = av_packet_alloc();
    picture = av_frame_alloc();
    if (!decoder || !packet || !picture)
        return -1;
    decoder->thread_count = 1;
    return avcodec_open2(decoder, codec, NULL);
}

int main(int n_arguments, char **arguments)
{
    bool is_first = n_arguments == 3 && !strcmp(arguments[2], "first");
    int n = is_first ? 1 : n_arguments == 3 ? atoi(arguments[2]) : 0;
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct connection *connections =
        n > 0 && n <= MAX_CONNECTIONS ? calloc((size_t)n, sizeof(*connections)) : NULL;

    if (!connections)
        return fail("bare_camera URL N|first"), 1;
    sigaction(SIGINT, &(struct sigaction){.sa_handler = end}, NULL);
    if (is_first && open_decoder() < 0)
        return fail("no decoder"), 1;
    for (int i = 0; i < n; i++)
        if (play(&connections[i], arguments[1]) < 0 ||
            epoll_ctl(poll_fd, EPOLL_CTL_ADD, connections[i].fd,
                      &(struct epoll_event){.events = EPOLLIN, .data.ptr = &connections[i]}) < 0)
            return 1;
    while (!is_over) {
        struct epoll_event events[64];
        int n_events = epoll_wait(poll_fd, events, 64, -1);

        for (int i = 0; i < n_events; i++)
            if (receive(events[i].data.ptr) < 0)
                return fail("it ended"), 1;
    }
    if (!is_first)
        printf("{\"units\": %lu}\n", n_units);
    return 0;
}
