/* SPDX-License-Identifier: MIT */
#include "filter/shout_socket.h"

#include "rtsp/resolver.h"

#include <dirent.h>
#include <errno.h>
#include <libavutil/error.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

/* The next socket of an open /proc/self/fd; -1: there is none any more. */
static int next_socket(DIR *folder, ino_t *inode)
{
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        int fd = (int)strtol(entry->d_name, NULL, 10);
        struct stat file;

        if (*entry->d_name == '.' || fstat(fd, &file) < 0 || !S_ISSOCK(file.st_mode))
            continue;
        *inode = file.st_ino;
        return fd;
    }
    return -1;
}

static const struct shout_sockets_one *find(const struct shout_sockets *sockets, ino_t inode)
{
    for (size_t i = 0; i < sockets->n; i++)
        if (sockets->list[i].inode == inode)
            return &sockets->list[i];
    return NULL;
}

static int add(struct shout_sockets *sockets, ino_t inode, bool is_own)
{
    if (sockets->n == sockets->n_room) {
        size_t n_room = 2 * sockets->n_room + 64;
        void *list = realloc(sockets->list, n_room * sizeof(sockets->list[0]));

        if (!list)
            return AVERROR(ENOMEM);
        sockets->list = list;
        sockets->n_room = n_room;
    }
    sockets->list[sockets->n++] = (struct shout_sockets_one){inode, is_own};
    return 0;
}

void shout_sockets_look(struct shout_sockets *sockets, bool are_own)
{
    DIR *folder = opendir("/proc/self/fd");
    ino_t inode;
    int ret = folder ? 0 : AVERROR(errno);

    while (ret >= 0 && next_socket(folder, &inode) >= 0)
        if (!find(sockets, inode))
            ret = add(sockets, inode, are_own);
    if (folder)
        closedir(folder);
    if (sockets->error >= 0)
        sockets->error = ret;
}

void shout_sockets_clear(struct shout_sockets *sockets)
{
    free(sockets->list);
    *sockets = (struct shout_sockets){0};
}

int shout_sockets_limit(const struct shout_sockets *sockets,
                        const struct resolver_addresses *addresses, int64_t timeout_us)
{
    unsigned timeout_ms = (unsigned)(timeout_us / 1000);
    DIR *folder = sockets->error < 0 ? NULL : opendir("/proc/self/fd");
    int ret = AVERROR(ENOENT), fd;
    ino_t inode;

    if (!folder)
        return sockets->error < 0 ? sockets->error : AVERROR(errno);
    while ((fd = next_socket(folder, &inode)) >= 0) {
        const struct shout_sockets_one *seen = find(sockets, inode);

        if (seen && seen->is_own && is_connected_to(fd, addresses))
            ret = setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms))
                      ? AVERROR(errno)
                      : 0;
    }
    closedir(folder);
    return ret;
}
