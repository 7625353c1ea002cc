/* SPDX-License-Identifier: MIT */
/*
 * libshout does not say which socket is its own. What is sent to a server that reads nothing any
 * more waits in that, some megabytes, which are minutes of sound.
 */
#ifndef LIMEF_SRC_FILTER_SHOUT_SOCKET_H
#define LIMEF_SRC_FILTER_SHOUT_SOCKET_H

#include <stdint.h>

struct resolver_addresses;

/*
 * Has what this process has connected to one of these addresses end, with an error, when the other
 * side acknowledges nothing of what was sent, or has no room for it, for so long (TCP_USER_TIMEOUT,
 * RFC 5482).
 */
void shout_socket_limit(const struct resolver_addresses *addresses, int64_t timeout_us);

#endif
