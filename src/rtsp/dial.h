/* SPDX-License-Identifier: MIT */
/*
 * TCP connections to the addresses of one name, of which the first that stands is kept (RFC 8305
 * section 5). The next address is tried when those before failed, or have not answered for a while;
 * these may answer nevertheless. Nothing here waits.
 */
#ifndef LIMEF_SRC_RTSP_DIAL_H
#define LIMEF_SRC_RTSP_DIAL_H

#include "rtsp/resolver.h"

/* RFC 8305 section 8: Connection Attempt Delay. */
#define DIAL_DELAY_US 250000

/* All-zero: nothing is tried. */
struct dial {
    struct resolver_addresses addresses; /* written by the caller before dial_go_on() */
    unsigned n_begun;                    /* addresses that were tried */
    int fds[RESOLVER_MOST];              /* of those; -1: it failed */
    int64_t next_us;                     /* when the next one is tried, whatever the others do */
    int code;                            /* what the last one failed with */
};

/*
 * Goes on; the first time as well.
 *
 * poll_fd  an epoll instance, in which the sockets are, with EPOLLIN | EPOLLOUT.
 * Returns the descriptor of the connection that stands, the caller's, and the others are closed;
 * AVERROR(EAGAIN); what the last address failed with, that is more than that there is no way.
 */
int dial_go_on(struct dial *dial, int poll_fd, int64_t now_us);

/* When to go on at the latest; LIMEF_FOREVER. */
int64_t dial_due_us(const struct dial *dial);

/* Closes all that is tried. */
void dial_close(struct dial *dial);

#endif
