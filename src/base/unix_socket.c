/* SPDX-License-Identifier: MIT */
#include "base/unix_socket.h"

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/error.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Connections that wait to be accepted. */
#define BACKLOG 16

static int new_socket(int type)
{
    return socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Whether a path is a socket that nobody serves: its server was killed. */
static bool is_abandoned(int type, const struct sockaddr_un *address)
{
    struct stat file;
    bool refused;
    int probe;

    if (lstat(address->sun_path, &file) < 0 || !S_ISSOCK(file.st_mode))
        return false;
    probe = new_socket(type);
    if (probe < 0)
        return false;
    refused = connect(probe, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
              errno == ECONNREFUSED;
    close(probe);
    return refused;
}

/* Gives a socket its path; that of a server that was killed is taken over. */
static int link_to(const char *bound, int type, const struct sockaddr_un *address)
{
    if (link(bound, address->sun_path) == 0)
        return 0;
    if (errno != EEXIST)
        return AVERROR(errno);
    if (!is_abandoned(type, address))
        return AVERROR(EADDRINUSE);
    if (unlink(address->sun_path) < 0 || link(bound, address->sun_path) < 0)
        return AVERROR(errno);
    return 0;
}

/*
 * Bound and listening under a name of its own, and only then linked to the path that is asked for:
 * who sees that path can connect, and nobody gets in before it has its permissions.
 */
static int serve_at(int fd, int type, unsigned permissions, const struct sockaddr_un *address)
{
    struct sockaddr_un bound = {.sun_family = AF_UNIX};
    int ret = 0;

    if (snprintf(bound.sun_path, sizeof(bound.sun_path), "%s.%d", address->sun_path, gettid()) >=
        (int)sizeof(bound.sun_path))
        return AVERROR(ENAMETOOLONG);
    unlink(bound.sun_path); /* of a thread that had this number and was killed right here */
    if (bind(fd, (const struct sockaddr *)&bound, sizeof(bound)) < 0)
        return AVERROR(errno);
    if (chmod(bound.sun_path, permissions) < 0 || listen(fd, BACKLOG) < 0)
        ret = AVERROR(errno);
    if (ret == 0)
        ret = link_to(bound.sun_path, type, address);
    unlink(bound.sun_path);
    return ret;
}

int unix_socket_open(const char *path, int type, unsigned permissions, struct stat *file,
                     const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, ret = 0;

    if (strlen(path) >= sizeof(address.sun_path))
        return limef_fail(AVERROR(ENAMETOOLONG), name, "%s", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = new_socket(type);
    if (fd < 0)
        return limef_fail(AVERROR(errno), name, "socket");
    /* Linux gives the path what the socket has, less the umask */
    if (fchmod(fd, 0600) < 0)
        ret = AVERROR(errno);
    if (ret == 0)
        ret = serve_at(fd, type, permissions, &address);
    if (ret == 0 && lstat(path, file) < 0)
        ret = AVERROR(errno);
    if (ret == 0)
        return fd;
    close(fd);
    return limef_fail(ret, name, "%s: cannot serve there", path);
}

void unix_socket_close(int socket, const char *path, const struct stat *file)
{
    struct stat now;

    if (socket < 0)
        return;
    if (lstat(path, &now) == 0 && now.st_ino == file->st_ino && now.st_dev == file->st_dev)
        unlink(path);
    close(socket);
}
