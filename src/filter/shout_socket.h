/* SPDX-License-Identifier: MIT */
/*
 * libshout does not say which socket is its own. What is sent to a server that reads nothing any
 * more waits in that, some megabytes, which are minutes of sound.
 *
 * Its own are those that there are after a call of libshout's, and were not there before. By their
 * inodes: the number of a descriptor is soon another one's.
 */
#ifndef LIMEF_SRC_FILTER_SHOUT_SOCKET_H
#define LIMEF_SRC_FILTER_SHOUT_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct resolver_addresses;

struct shout_sockets_one {
    ino_t inode;
    bool is_own;
};

/* All sockets of the process that were seen. All-zero: none. */
struct shout_sockets {
    struct shout_sockets_one *list; /* owned */
    size_t n, n_room;
    int error; /* of the first look that failed: what is its own is not known */
};

/* Looks for sockets. are_own: those that were not seen before are libshout's. */
void shout_sockets_look(struct shout_sockets *sockets, bool are_own);

/* Forgets all; all-zero then. */
void shout_sockets_clear(struct shout_sockets *sockets);

/*
 * Has its own sockets that are connected to one of these addresses end, with an error, when the
 * other side acknowledges nothing of what was sent, or has no room for it, for so long
 * (TCP_USER_TIMEOUT, RFC 5482). Returns 0, or a negative AVERROR code: there is no /proc, none is
 * known, or what the system said.
 */
int shout_sockets_limit(const struct shout_sockets *sockets,
                        const struct resolver_addresses *addresses, int64_t timeout_us);

#endif
