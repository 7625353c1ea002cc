/* SPDX-License-Identifier: MIT */
/* Sockets that have a path. */
#ifndef LIMEF_SRC_BASE_UNIX_SOCKET_H
#define LIMEF_SRC_BASE_UNIX_SOCKET_H

#include <sys/stat.h>

/*
 * A socket that listens and does not block; the path of a server that was killed is taken over.
 *
 * type  SOCK_STREAM or SOCK_SEQPACKET.
 * file  written, what its path is.
 * Returns a descriptor, or a negative AVERROR code, logged.
 */
int unix_socket_open(const char *path, int type, unsigned permissions, struct stat *file,
                     const char *name);

/* Closes it, and removes its path if that is still it. Negative: nothing. */
void unix_socket_close(int socket, const char *path, const struct stat *file);

#endif
