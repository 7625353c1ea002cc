/* SPDX-License-Identifier: MIT */
#include "filter/shout_socket.h"

#include "rtsp/resolver.h"

#include <dirent.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

/* Address and port; neither the scope nor what fills up the struct. */
static bool is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
    const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    return a->ss_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
           !memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr));
}

static bool is_connected_to(int fd, const struct resolver_addresses *addresses)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t bytes = sizeof(peer);

    if (getpeername(fd, (struct sockaddr *)&peer, &bytes) < 0)
        return false;
    for (unsigned i = 0; i < addresses->n; i++)
        if (is_same(&peer, &addresses->list[i].address))
            return true;
    return false;
}

void shout_socket_limit(const struct resolver_addresses *addresses, int64_t timeout_us)
{
    unsigned timeout_ms = (unsigned)(timeout_us / 1000);
    DIR *folder = opendir("/proc/self/fd");

    if (!folder)
        return;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        int fd = (int)strtol(entry->d_name, NULL, 10);

        if (fd > 0 && is_connected_to(fd, addresses))
            setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
    }
    closedir(folder);
}
