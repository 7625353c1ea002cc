/* SPDX-License-Identifier: MIT */
/* A pair of UDP sockets for RTP and RTCP of one stream, unicast or multicast. */
#ifndef LIMEF_SRC_RTSP_DATAGRAMS_H
#define LIMEF_SRC_RTSP_DATAGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Gets each datagram. Returns 0, or an error that stops the reading. */
typedef int datagram_fn(void *context, const uint8_t *data, size_t bytes);

/* All-zero: closed. */
struct datagrams {
    int is_open;
    int fds[2];                         /* RTP, RTCP */
    uint16_t port;                      /* of RTP; RTCP has the next one */
    struct sockaddr_storage servers[2]; /* where the camera sends from, and wants reports */
    socklen_t server_bytes;             /* 0: not known yet */
    struct sockaddr_storage other;      /* it may send from there as well; AF_UNSPEC: it does not */
    int is_group;                       /* anybody may send, but for: */
    int is_chosen;                      /* by its sources, nobody else is heard */
    int is_heard; /* the camera's own address was: nobody else is taken from then on */
    uint64_t n_kernel_drops, n_foreign;
    uint32_t drops_before[2];
    uint64_t n_small; /* in a row that would have fitted into little room; none came that did not */
    int has_large;    /* one came that did not: there is room for each from then on */
};

/*
 * Opens a pair on an even port and the next one (RFC 3550 section 11).
 *
 * peer  the camera, as the RTSP connection knows it; what comes from others is counted and dropped.
 * Returns 0, or a negative AVERROR code.
 */
int datagrams_open(struct datagrams *datagrams, int poll_fd, const struct sockaddr_storage *peer,
                   socklen_t peer_bytes);

/* A group, and who of those that send to it is heard (RFC 3376, RFC 3810). Numbers; borrowed. */
struct datagrams_group {
    const char *address; /* of IPv4 or IPv6 */
    uint16_t port;
    const char *sources; /* of its kind, blanks between; "": anybody; others are not looked at */
    int excludes;        /* the sources are those that are not heard, else nobody else is */
    int ttl;             /* of what is sent there; 0: as the system has it */
    const struct sockaddr_storage *camera; /* as the RTSP connection knows it; NULL: nobody does */
};

/*
 * Joins a group on its port instead. Where its sources are not known, anybody who sends there is
 * heard until the camera itself does.
 *
 * own    our address on the network that the camera is in; AF_UNSPEC leaves the choice to the
 *        routes, of which a loopback interface or a network of cameras may have none.
 */
int datagrams_join(struct datagrams *datagrams, int poll_fd, const struct datagrams_group *group,
                   const struct sockaddr_storage *own);

/* Whether it can send to a group: a number, of the same kind, and of one host. */
bool datagrams_can_send(const char *source, const char *group);

/* Whether what is taken is the camera's for certain; so it is where no sockets are open. */
bool datagrams_know_sender(const struct datagrams *datagrams);

/* Whether anybody's reports are taken: those of a group, unless it was joined for some senders
 * alone. */
bool datagrams_are_shared(const struct datagrams *datagrams);

/*
 * Its packets may come from another address as well: that of another host, or one that is nothing
 * to us, as that of a camera behind a router. Once they do, reports go there.
 *
 * host  a number; anything else is ignored.
 */
void datagrams_allow(struct datagrams *datagrams, const char *host);

/* Notes the camera's ports, and opens the way back to here through firewalls. */
void datagrams_greet(struct datagrams *datagrams, uint16_t rtp_port, uint16_t rtcp_port);

/* Reads what is there from one of the two. Returns 0: nothing was there; 1: all that was there; 2:
 * there may be more; what take said. */
int datagrams_receive(struct datagrams *datagrams, unsigned which, datagram_fn *take,
                      void *context);

/* Sends a report, if the camera's port is known; to all of a group. */
void datagrams_report(struct datagrams *datagrams, const void *data, size_t bytes);

/* All-zero afterwards. */
void datagrams_close(struct datagrams *datagrams);

#endif
