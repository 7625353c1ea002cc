/* SPDX-License-Identifier: MIT */
#include "rtsp/stream.h"

#include "base/memory_private.h"

#include <limef/base/clock.h>

#include <errno.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Space that a read should have; less of it, and what is there is moved. */
#define READ_BYTES 16384
/* Room for any item, and to read on behind it. */
#define MOST_BYTES (RTSP_MAX_ITEM_BYTES + READ_BYTES)
/* A part of a packet fits; what is larger goes once it was not needed so many times. */
#define LEAST_BYTES 2048
#define UNUSED_TIMES 256
/* Times that a camera that goes on sending is read before it is left. */
#define MOST_UNREAD 256

static int watch(const struct rtsp_stream *stream, int operation, int fd, bool writes)
{
    struct epoll_event event = {.events = writes ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.fd = fd};

    return epoll_ctl(stream->poll_fd, operation, fd, &event) < 0 ? AVERROR(errno) : 0;
}

static void wait_to_write(struct rtsp_stream *stream, bool waits)
{
    if (stream->waits_to_write != waits)
        watch(stream, EPOLL_CTL_MOD, stream->fd, waits);
    stream->waits_to_write = waits;
}

static int fail(struct rtsp_stream *stream, int code, char why[RTSP_TLS_WHY_BYTES])
{
    if (why && !*why)
        av_strerror(code, why, RTSP_TLS_WHY_BYTES);
    stream->failed_in = stream->phase;
    rtsp_stream_close(stream);
    return code;
}

static int shake_hands(struct rtsp_stream *stream, char why[RTSP_TLS_WHY_BYTES])
{
    const struct rtsp_stream_target *target = &stream->target;
    int ret = rtsp_trust_look(stream->trust, why);

    if (ret == AVERROR(EAGAIN))
        return ret;
    watch(stream, EPOLL_CTL_DEL, rtsp_trust_fd(stream->trust), false);
    stream->phase = RTSP_STREAM_SHAKING_HANDS;
    if (ret >= 0)
        ret =
            rtsp_tls_open(&stream->tls, stream->fd, target->host, target->tls, stream->trust, why);
    return ret < 0 ? fail(stream, ret, why) : rtsp_stream_go_on(stream, why);
}

static int begin_tls(struct rtsp_stream *stream, char why[RTSP_TLS_WHY_BYTES])
{
    int ret = 0;

    wait_to_write(stream, false);
    if (!stream->target.is_tls) {
        stream->phase = RTSP_STREAM_OPEN;
        return 0;
    }
    if (!stream->trust)
        ret = rtsp_trust_take(&stream->trust, stream->target.tls);
    if (ret == AVERROR(ENOSYS))
        rtsp_trust_look(NULL, why);
    if (ret >= 0)
        ret = watch(stream, EPOLL_CTL_ADD, rtsp_trust_fd(stream->trust), false);
    if (ret < 0)
        return fail(stream, ret, why);
    stream->phase = RTSP_STREAM_TRUSTING;
    return shake_hands(stream, why);
}

/* A new connection, to whichever address answers first. */
static int connect_to(struct rtsp_stream *stream, char why[RTSP_TLS_WHY_BYTES])
{
    int fd = dial_go_on(&stream->dial, stream->poll_fd, limef_now_us());

    stream->phase = RTSP_STREAM_CONNECTING;
    if (fd < 0)
        return fd == AVERROR(EAGAIN) ? fd : fail(stream, fd, why);
    stream->fd = fd;
    stream->phase = RTSP_STREAM_CONNECTED;
    stream->waits_to_write = true;
    stream->peer.bytes = sizeof(stream->peer.address);
    if (getpeername(fd, (struct sockaddr *)&stream->peer.address, &stream->peer.bytes) < 0)
        return fail(stream, AVERROR(errno), why);
    return begin_tls(stream, why);
}

int rtsp_stream_open(struct rtsp_stream *stream, const struct rtsp_stream_target *target,
                     char why[RTSP_TLS_WHY_BYTES])
{
    int ret;

    *why = '\0';
    stream->target = *target;
    if (target->is_tls) /* until it is connected that is done */
        rtsp_trust_take(&stream->trust, target->tls);
    if (resolver_read_number(target->host, target->port, &stream->dial.addresses) >= 0)
        return connect_to(stream, why);
    stream->name_asked_us = limef_now_us();
    ret = resolver_open(&stream->resolver, target->host, target->port, stream->is_name_slow);
    if (ret < 0)
        return fail(stream, ret, why);
    stream->phase = RTSP_STREAM_RESOLVING;
    ret = watch(stream, EPOLL_CTL_ADD, resolver_fd(stream->resolver), false);
    return ret < 0 ? fail(stream, ret, why) : AVERROR(EAGAIN);
}

static void forget_name(struct rtsp_stream *stream)
{
    if (!stream->resolver)
        return;
    watch(stream, EPOLL_CTL_DEL, resolver_fd(stream->resolver), false);
    resolver_close(&stream->resolver);
}

static int take_addresses(struct rtsp_stream *stream, char why[RTSP_TLS_WHY_BYTES])
{
    const char *reason = "";
    int ret = resolver_take(stream->resolver, &stream->dial.addresses, &reason);

    if (ret == AVERROR(EAGAIN))
        return ret;
    stream->is_name_slow = ret == AVERROR(EIO);
    stream->n_lost_names += ret < 0;
    stream->n_late_names += ret >= 0 && limef_now_us() - stream->name_asked_us >= RESOLVER_LATE_US;
    forget_name(stream);
    if (ret < 0) {
        snprintf(why, RTSP_TLS_WHY_BYTES, "%s", reason);
        return fail(stream, ret, why);
    }
    return connect_to(stream, why);
}

bool rtsp_stream_waits_for_name(const struct rtsp_stream *stream)
{
    return stream->resolver && resolver_is_asked(stream->resolver);
}

static int go_on_with_hands(struct rtsp_stream *stream, char why[RTSP_TLS_WHY_BYTES])
{
    bool wants_write = false;
    int ret = rtsp_tls_shake_hands(stream->tls, &wants_write, why);

    if (ret == AVERROR(EAGAIN)) {
        wait_to_write(stream, wants_write);
        return ret;
    }
    if (ret < 0)
        return fail(stream, ret, why);
    stream->phase = RTSP_STREAM_OPEN;
    wait_to_write(stream, false);
    return 0;
}

int rtsp_stream_go_on(struct rtsp_stream *stream, char why[RTSP_TLS_WHY_BYTES])
{
    *why = '\0';
    switch (stream->phase) {
    case RTSP_STREAM_RESOLVING:
        return take_addresses(stream, why);
    case RTSP_STREAM_CONNECTING:
        return connect_to(stream, why);
    case RTSP_STREAM_TRUSTING:
        return shake_hands(stream, why);
    case RTSP_STREAM_SHAKING_HANDS:
        return go_on_with_hands(stream, why);
    case RTSP_STREAM_OPEN:
        return 0;
    default:
        return AVERROR(ENOTCONN);
    }
}

int64_t rtsp_stream_due_us(const struct rtsp_stream *stream)
{
    return stream->phase == RTSP_STREAM_CONNECTING ? dial_due_us(&stream->dial) : LIMEF_FOREVER;
}

/* Room for what is left over, which moves there. */
static int keep(struct rtsp_stream *stream, size_t bytes)
{
    size_t n = stream->end - stream->begin;
    uint8_t *kept = stream->kept;

    if (bytes > stream->kept_bytes && !(kept = memory_allocate(bytes)))
        return AVERROR(ENOMEM);
    memmove(kept, stream->received + stream->begin, n);
    if (kept != stream->kept) {
        memory_release(stream->kept);
        stream->kept = kept;
        stream->kept_bytes = bytes;
    }
    stream->received = kept;
    stream->room_bytes = stream->kept_bytes;
    stream->begin = 0;
    stream->end = n;
    return 0;
}

static void forget_kept(struct rtsp_stream *stream)
{
    memory_release(stream->kept);
    stream->kept = NULL;
    stream->kept_bytes = 0;
    stream->n_unused = 0;
}

void rtsp_stream_lend(struct rtsp_stream *stream, uint8_t *room)
{
    size_t n = stream->end - stream->begin;

    if (n + READ_BYTES > RTSP_STREAM_ROOM_BYTES)
        return; /* a large item: it grows where it is */
    if (n > 0)
        memcpy(room, stream->received + stream->begin, n);
    stream->received = room;
    stream->room_bytes = RTSP_STREAM_ROOM_BYTES;
    stream->begin = 0;
    stream->end = n;
}

int rtsp_stream_take_back(struct rtsp_stream *stream)
{
    size_t n = stream->end - stream->begin, bytes = LEAST_BYTES;
    int ret = 0;

    if (n > 0) {
        stream->n_unused = 0;
        while (bytes < n)
            bytes *= 2;
        ret = keep(stream, bytes);
    } else if (stream->kept_bytes > LEAST_BYTES && ++stream->n_unused > UNUSED_TIMES) {
        forget_kept(stream);
    }
    if (n > 0 && ret >= 0)
        return 0;
    stream->received = NULL;
    stream->begin = stream->end = stream->room_bytes = 0;
    return ret;
}

static int make_room(struct rtsp_stream *stream)
{
    size_t n = stream->end - stream->begin;

    if (n == 0)
        stream->begin = stream->end = 0;
    if (stream->room_bytes - stream->end >= READ_BYTES)
        return 0;
    if (stream->room_bytes - n < READ_BYTES)
        return keep(stream, MOST_BYTES);
    memmove(stream->received, stream->received + stream->begin, n);
    stream->begin = 0;
    stream->end = n;
    return 0;
}

int rtsp_stream_receive(struct rtsp_stream *stream)
{
    int ret = make_room(stream);
    size_t room = stream->room_bytes - stream->end;
    ssize_t n;

    if (ret < 0)
        return ret;
    if (room == 0)
        return AVERROR(EMSGSIZE);
    if (stream->tls) {
        n = rtsp_tls_receive(stream->tls, stream->received + stream->end, room);
    } else {
        n = recv(stream->fd, stream->received + stream->end, room, 0);
        if (n < 0)
            n = errno == EINTR || errno == EWOULDBLOCK ? AVERROR(EAGAIN) : AVERROR(errno);
    }
    if (n == AVERROR(EAGAIN))
        return 0;
    if (n <= 0)
        return n < 0 ? (int)n : AVERROR_EOF;
    stream->end += (size_t)n;
    stream->n_received += (size_t)n;
    return stream->tls ? 1 : (size_t)n == room;
}

/* Sends what can be sent now. Returns how much of it; what the socket says. */
static ssize_t send_now(struct rtsp_stream *stream, const uint8_t *data, size_t bytes)
{
    size_t sent = 0;

    while (sent < bytes) {
        ssize_t n;

        if (stream->tls) {
            n = rtsp_tls_send(stream->tls, data + sent, bytes - sent);
        } else {
            n = send(stream->fd, data + sent, bytes - sent, MSG_NOSIGNAL);
            if (n < 0)
                n = errno == EINTR || errno == EWOULDBLOCK ? AVERROR(EAGAIN) : AVERROR(errno);
        }
        if (n == AVERROR(EAGAIN))
            break;
        if (n < 0)
            return n;
        sent += (size_t)n;
    }
    return (ssize_t)sent;
}

static void forget_to_send(struct rtsp_stream *stream)
{
    if (stream->to_send)
        explicit_bzero(stream->to_send, RTSP_STREAM_SEND_BYTES); /* may hold a password */
    memory_release(stream->to_send);
    stream->to_send = NULL;
    stream->n_to_send = 0;
}

int rtsp_stream_flush(struct rtsp_stream *stream)
{
    ssize_t n = send_now(stream, stream->to_send, stream->n_to_send);

    if (n < 0)
        return (int)n;
    stream->n_to_send -= (size_t)n;
    if (stream->n_to_send > 0)
        memmove(stream->to_send, stream->to_send + n, stream->n_to_send);
    else if (stream->to_send)
        forget_to_send(stream);
    wait_to_write(stream, stream->n_to_send > 0);
    return 0;
}

int rtsp_stream_send(struct rtsp_stream *stream, const void *data, size_t bytes)
{
    ssize_t n = 0;

    if (stream->phase != RTSP_STREAM_OPEN)
        return AVERROR(ENOTCONN);
    if (bytes > RTSP_STREAM_SEND_BYTES - stream->n_to_send)
        return AVERROR(ENOBUFS);
    if (stream->n_to_send == 0)
        n = send_now(stream, data, bytes);
    if (n < 0 || (size_t)n == bytes)
        return n < 0 ? (int)n : 0;
    if (!stream->to_send && !(stream->to_send = memory_allocate(RTSP_STREAM_SEND_BYTES)))
        return AVERROR(ENOMEM);
    memcpy(stream->to_send + stream->n_to_send, (const uint8_t *)data + n, bytes - (size_t)n);
    stream->n_to_send += bytes - (size_t)n;
    wait_to_write(stream, true);
    return 0;
}

/* A connection that is closed with bytes unread is reset (RFC 1122 section 4.2.2.13), which may
 * take with it what was sent last and not read there yet: TEARDOWN. What is here is thrown away. */
static void end_in_peace(int fd)
{
    uint8_t unread[RTSP_STREAM_ROOM_BYTES];

    shutdown(fd, SHUT_WR);
    for (int i = 0; i < MOST_UNREAD; i++)
        if (recv(fd, unread, sizeof(unread), MSG_TRUNC | MSG_DONTWAIT) <= 0)
            break;
}

void rtsp_stream_close(struct rtsp_stream *stream)
{
    stream->is_name_slow |= rtsp_stream_waits_for_name(stream);
    stream->n_lost_names += stream->resolver != NULL;
    forget_name(stream);
    rtsp_tls_close(&stream->tls);
    if (stream->phase == RTSP_STREAM_TRUSTING)
        watch(stream, EPOLL_CTL_DEL, rtsp_trust_fd(stream->trust), false);
    dial_close(&stream->dial);
    if (stream->phase == RTSP_STREAM_OPEN)
        end_in_peace(stream->fd);
    if (stream->phase >= RTSP_STREAM_CONNECTED)
        close(stream->fd); /* which takes it out of the poll set */
    stream->phase = RTSP_STREAM_CLOSED;
    stream->begin = stream->end = 0;
    forget_to_send(stream);
}

void rtsp_stream_clear(struct rtsp_stream *stream)
{
    rtsp_stream_close(stream);
    rtsp_trust_leave(&stream->trust);
    forget_kept(stream);
    stream->received = NULL;
}
