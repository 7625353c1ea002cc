/* SPDX-License-Identifier: MIT */
/*
 * The connection to a camera: name, socket, TLS, and what waits to be read and
 * sent. Nothing here waits; a poll set of the camera says when to go on.
 */
#ifndef LIMEF_SRC_RTSP_STREAM_H
#define LIMEF_SRC_RTSP_STREAM_H

#include "rtsp/dial.h"
#include "rtsp/message.h"
#include "rtsp/tls.h"

#include <sys/socket.h>

/* Room that whoever receives lends for that long; most of the time nothing of it is left over. */
#define RTSP_STREAM_ROOM_BYTES (32 * 1024)
/* What may wait to be sent, at most. */
#define RTSP_STREAM_SEND_BYTES 16384

enum rtsp_stream_phase {
    RTSP_STREAM_CLOSED,
    RTSP_STREAM_RESOLVING,
    RTSP_STREAM_CONNECTING,
    RTSP_STREAM_CONNECTED, /* for a moment */
    RTSP_STREAM_TRUSTING,  /* whom TLS trusts is read */
    RTSP_STREAM_SHAKING_HANDS,
    RTSP_STREAM_OPEN,
};

/* Where to connect to. */
struct rtsp_stream_target {
    const char *host;
    uint16_t port;
    bool is_tls;
    const struct limef_rtsp_tls_settings *tls; /* borrowed; must outlive the stream */
};

/* All-zero and poll_fd: closed. */
struct rtsp_stream {
    int poll_fd; /* borrowed; an epoll instance */
    enum rtsp_stream_phase phase;
    enum rtsp_stream_phase failed_in; /* the phase that open or go_on failed in */
    struct rtsp_stream_target target;
    struct resolver *resolver;
    bool is_name_slow; /* nobody answered when it was asked for last */
    int64_t name_asked_us;
    uint64_t n_late_names, n_lost_names; /* found after RESOLVER_LATE_US; not at all */
    struct dial dial;                    /* while connecting */
    struct rtsp_trust *trust; /* one of its users, up to the end; NULL: no TLS was wanted */
    struct rtsp_tls *tls;
    int fd; /* once connected */
    bool waits_to_write;
    struct resolver_address peer;

    /* what came and was not taken yet: received[begin] to received[end] */
    uint8_t *received; /* in room that is lent, or kept */
    size_t begin, end, room_bytes;
    uint8_t *kept; /* owned; what is left over between two times of receiving; NULL: nothing */
    size_t kept_bytes;
    unsigned n_unused; /* times in a row that nothing was left over */

    uint64_t n_received; /* bytes, in all connections */

    uint8_t *to_send; /* owned; NULL: nothing waits */
    size_t n_to_send;
};

/* Begins to connect. Returns as rtsp_stream_go_on(). */
int rtsp_stream_open(struct rtsp_stream *stream, const struct rtsp_stream_target *target,
                     char why[RTSP_TLS_WHY_BYTES]);

/*
 * Goes on with what open began.
 *
 * why  written on failure.
 * Returns 0: open; AVERROR(EAGAIN); another negative AVERROR code, closed then: EACCES a
 * certificate that is not right, ENOENT no such host.
 */
int rtsp_stream_go_on(struct rtsp_stream *stream, char why[RTSP_TLS_WHY_BYTES]);

/* Whether its name was asked for, and is not answered. */
bool rtsp_stream_waits_for_name(const struct rtsp_stream *stream);

/* When to go on at the latest, to try another address; LIMEF_FOREVER. */
int64_t rtsp_stream_due_us(const struct rtsp_stream *stream);

/* Lends room of RTSP_STREAM_ROOM_BYTES to receive into, until it is taken back: that copies what is
 * left in it. */
void rtsp_stream_lend(struct rtsp_stream *stream, uint8_t *room);
/* Returns 0; AVERROR(ENOMEM): what was left is lost. */
int rtsp_stream_take_back(struct rtsp_stream *stream);

/* Reads what is there behind what was not taken yet; room is lent. Returns 0: all that was there;
 * 1: there may be more; AVERROR_EOF: the camera closed it; another negative AVERROR code. */
int rtsp_stream_receive(struct rtsp_stream *stream);

/* Sends now or when it can. Returns 0; AVERROR(ENOBUFS): too much waits; what the socket says. */
int rtsp_stream_send(struct rtsp_stream *stream, const void *data, size_t bytes);

/* Sends what waits. Returns 0, or what the socket says. */
int rtsp_stream_flush(struct rtsp_stream *stream);

/* Closes it; poll_fd and memory stay. */
void rtsp_stream_close(struct rtsp_stream *stream);

/* Releases the memory, too. */
void rtsp_stream_clear(struct rtsp_stream *stream);

#endif
