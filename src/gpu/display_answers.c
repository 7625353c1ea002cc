/* SPDX-License-Identifier: MIT */
#include "gpu/display_answers.h"

#include <limef/base/clock.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define X11_FIRST_PORT 6000
#define MAX_X11_NUMBER (65535 - X11_FIRST_PORT)

/* A connected socket, or -errno. A server that accepts nobody is waited for as long as one that
 * says nothing. */
static int connect_to(const struct sockaddr *address, socklen_t n_bytes, int64_t timeout_us)
{
    struct timeval timeout = {.tv_sec = timeout_us / 1000000, .tv_usec = timeout_us % 1000000};
    int fd, ret = 0;

    if (timeout_us <= 0)
        return -EAGAIN; /* 0 would be endless */
    fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
        connect(fd, address, n_bytes) < 0)
        ret = -errno;
    if (ret < 0)
        close(fd);
    return ret < 0 ? ret : fd;
}

/* What a failure to connect says about the server. */
static enum display_answer judge(int error)
{
    return error == -EAGAIN || error == -EINPROGRESS || error == -ETIMEDOUT ? DISPLAY_SILENT
                                                                            : DISPLAY_ABSENT;
}

/* Sends a request, and takes whatever comes, a hang-up as well, for an answer. Closes the socket.
 */
static enum display_answer ask(int fd, const void *request, size_t n_bytes, int64_t deadline_us)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    int n;

    send(fd, request, n_bytes, MSG_NOSIGNAL); /* what fails here, poll hears of as well */
    do {
        int64_t left_us = deadline_us - limef_now_us();

        n = left_us > 0 ? poll(&pollfd, 1, (int)((left_us + 999) / 1000)) : 0;
    } while (n < 0 && errno == EINTR);
    close(fd);
    return n > 0 ? DISPLAY_ANSWERS : DISPLAY_SILENT;
}

/* abstract: Linux's names without a file, where X servers are looked for first. */
static int connect_to_path(const char *path, bool abstract, int64_t timeout_us)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n_bytes = strlen(path);

    if (n_bytes + 1 >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path + abstract, path, n_bytes);
    return connect_to((struct sockaddr *)&address,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n_bytes + 1),
                      timeout_us);
}

static int connect_to_port(unsigned port, int64_t timeout_us)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 address6 = {.sin6_family = AF_INET6,
                                    .sin6_port = htons((uint16_t)port),
                                    .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = connect_to((struct sockaddr *)&address, sizeof(address), timeout_us);

    return fd == -ECONNREFUSED
               ? connect_to((struct sockaddr *)&address6, sizeof(address6), timeout_us)
               : fd;
}

static enum display_answer ask_x11_path(unsigned number, int64_t deadline_us)
{
    /* byte order, then the version 0.0 and no authorization */
    static const unsigned char setup[12] = {'l'};
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "/tmp/.X11-unix/X%u", number);
    fd = connect_to_path(path, true, deadline_us - limef_now_us());
    if (fd < 0 && judge(fd) == DISPLAY_ABSENT)
        fd = connect_to_path(path, false, deadline_us - limef_now_us());
    return fd < 0 ? judge(fd) : ask(fd, setup, sizeof(setup), deadline_us);
}

static enum display_answer ask_x11_port(unsigned number, int64_t deadline_us)
{
    int fd = connect_to_port(X11_FIRST_PORT + number, deadline_us - limef_now_us());

    if (fd < 0)
        return judge(fd);
    close(fd);
    return DISPLAY_ANSWERS;
}

static bool is_host(const char *display, size_t n, const char *host)
{
    return n == strlen(host) && strncmp(display, host, n) == 0;
}

enum display_answer display_x11_answers(const char *display, int64_t timeout_us)
{
    int64_t deadline_us = limef_deadline_us(timeout_us);
    const char *colon = display ? strrchr(display, ':') : NULL;
    enum display_answer answer = DISPLAY_ABSENT;
    unsigned long number;
    size_t n_host;
    char *end;

    if (!display || !*display)
        return DISPLAY_ABSENT;
    if (!colon || colon[1] < '0' || colon[1] > '9')
        return DISPLAY_ANSWERS; /* of a form that is not known here */
    number = strtoul(colon + 1, &end, 10);
    n_host = (size_t)(colon - display);
    if (number > MAX_X11_NUMBER || (*end && *end != '.'))
        return DISPLAY_ANSWERS;
    if (is_host(display, n_host, "unix"))
        return ask_x11_path((unsigned)number, deadline_us);
    if (n_host == 0)
        answer = ask_x11_path((unsigned)number, deadline_us);
    if (answer == DISPLAY_ABSENT && (n_host == 0 || is_host(display, n_host, "localhost") ||
                                     is_host(display, n_host, "127.0.0.1")))
        return ask_x11_port((unsigned)number, deadline_us);
    return n_host == 0 ? answer : DISPLAY_ANSWERS;
}

enum display_answer display_wayland_answers(const char *folder, const char *name,
                                            int64_t timeout_us)
{
    /* object 1, wl_display; 12 bytes, opcode 0, sync; the new object 2; in the host's byte order */
    static const uint32_t sync[] = {1, 12 << 16, 2};
    int64_t deadline_us = limef_deadline_us(timeout_us);
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    int n, fd;

    if (!name || !*name)
        name = "wayland-0";
    if (name[0] != '/' && !folder)
        return DISPLAY_ABSENT;
    n = name[0] == '/' ? snprintf(path, sizeof(path), "%s", name)
                       : snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (n >= (int)sizeof(path))
        return DISPLAY_ABSENT;
    fd = connect_to_path(path, false, timeout_us);
    return fd < 0 ? judge(fd) : ask(fd, sync, sizeof(sync), deadline_us);
}
