/* SPDX-License-Identifier: MIT */
/*
 * Names to addresses without waiting: a thread of its own asks the system,
 * whose answer may take as long as it likes. Who no longer wants it lets go.
 */
#ifndef LIMEF_SRC_RTSP_RESOLVER_H
#define LIMEF_SRC_RTSP_RESOLVER_H

#include <stdint.h>
#include <sys/socket.h>

struct resolver;

/*
 * Begins to ask.
 *
 * resolver  written; owned.
 * Returns 0; AVERROR(ENOMEM), or what a thread was refused with.
 */
int resolver_open(struct resolver **resolver, const char *host, uint16_t port);

/* Readable once the answer is there. */
int resolver_fd(const struct resolver *resolver);

/*
 * Takes the answer: the first address.
 *
 * address, bytes  written.
 * why             written on failure: for people, lives forever.
 * Returns 0; AVERROR(EAGAIN): not yet; AVERROR(ENOENT): no such name; AVERROR(EIO).
 */
int resolver_take(struct resolver *resolver, struct sockaddr_storage *address, socklen_t *bytes,
                  const char **why);

/* Lets go, also in the middle; NULL does nothing. */
void resolver_close(struct resolver **resolver);

/* An address that is written as a number. Returns 0, AVERROR(EINVAL): it is a name. */
int resolver_read_number(const char *host, uint16_t port, struct sockaddr_storage *address,
                         socklen_t *bytes);

#endif
