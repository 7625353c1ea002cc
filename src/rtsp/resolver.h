/* SPDX-License-Identifier: MIT */
/*
 * Names to addresses without waiting: threads of its own ask the system,
 * whose answer may take as long as it likes. Who no longer wants it lets go.
 *
 * There are none while nothing is asked. A name is asked once at a time, whoever
 * wants it, and in the order in which names came, eight at the same time; but
 * those that hung when they were last asked come behind all others, four of them
 * at most: a name server that is dead does not keep the names from being found
 * that others know. A name that hangs for a second gives its place to the next
 * one; its thread stays with it, as long as there are no more than 32 of them.
 *
 * Thread: any, one at a time for each resolver.
 */
#ifndef LIMEF_SRC_RTSP_RESOLVER_H
#define LIMEF_SRC_RTSP_RESOLVER_H

#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* After which a name that is asked for is late. */
#define RESOLVER_LATE_US 1000000
/* Addresses of a name that are used; there are rarely more than two. */
#define RESOLVER_MOST 6

struct resolver;

struct resolver_address {
    struct sockaddr_storage address;
    socklen_t bytes;
};

struct resolver_addresses {
    unsigned n;
    struct resolver_address list[RESOLVER_MOST];
};

/*
 * Begins to ask.
 *
 * resolver  written; owned.
 * was_slow  nobody answered when it was asked for last.
 * Returns 0; AVERROR(ENOENT): no name is so long; AVERROR(ENOMEM), or what a descriptor or a thread
 * was refused with.
 */
int resolver_open(struct resolver **resolver, const char *host, uint16_t port, bool was_slow);

/* Whether the system was asked; false: other names have all places. */
bool resolver_is_asked(const struct resolver *resolver);

/* Readable once the answer is there. */
int resolver_fd(const struct resolver *resolver);

/*
 * Takes the answer.
 *
 * addresses  written: one or more, in the system's order (RFC 6724), but IPv6 and IPv4 in turn (RFC
 *            8305 section 4).
 * why        written on failure: for people, lives forever.
 * Returns 0; AVERROR(EAGAIN): not yet; AVERROR(ENOENT): no such name; AVERROR(EIO).
 */
int resolver_take(struct resolver *resolver, struct resolver_addresses *addresses,
                  const char **why);

/* Puts what the system found into the order of resolver_take(); found has one or more. */
void resolver_take_in_turn(struct resolver_addresses *addresses, const struct addrinfo *found);

/* Lets go, also in the middle; NULL does nothing. */
void resolver_close(struct resolver **resolver);

/* Instead of RESOLVER_LATE_US; LIMEF_FOREVER: none is late. For tests. */
void resolver_set_late_us(int64_t us);

/* An address that is written as a number. Returns 0, AVERROR(EINVAL): it is a name. */
int resolver_read_number(const char *host, uint16_t port, struct resolver_addresses *address);

#endif
