/* SPDX-License-Identifier: MIT */
#include "rtsp/dial.h"

#include <limef/base/clock.h>

#include <errno.h>
#include <libavutil/error.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

/* That we have no IPv6, or no IPv4, tells nothing of the camera. */
static void note(struct dial *dial, int code)
{
    if (!dial->code || (code != AVERROR(ENETUNREACH) && code != AVERROR(EAFNOSUPPORT) &&
                        code != AVERROR(EADDRNOTAVAIL)))
        dial->code = code;
}

/* Returns a socket that connects, or why there is none. */
static int begin(const struct resolver_address *to, int poll_fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT};
    int one = 1, error, fd;

    fd = socket(to->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return AVERROR(errno);
    event.data.fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if ((connect(fd, (const struct sockaddr *)&to->address, to->bytes) == 0 ||
         errno == EINPROGRESS) &&
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
        return fd;
    error = errno;
    close(fd);
    return AVERROR(error);
}

/* Returns 0: it stands; AVERROR(EAGAIN); why it never will. */
static int look(int fd)
{
    struct sockaddr_storage peer;
    socklen_t peer_bytes = sizeof(peer), error_bytes = sizeof(int);
    int error = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_bytes) < 0)
        error = errno;
    if (error)
        return AVERROR(error);
    if (getpeername(fd, (struct sockaddr *)&peer, &peer_bytes) < 0)
        return errno == ENOTCONN ? AVERROR(EAGAIN) : AVERROR(errno);
    return 0;
}

static void give_up(struct dial *dial, unsigned i)
{
    close(dial->fds[i]); /* which takes it out of the poll set */
    dial->fds[i] = -1;
}

/* Looks at all that were begun. Returns the descriptor of one that stands; AVERROR(EAGAIN): some
 * may; AVERROR(ENOTCONN): none does. */
static int look_at_all(struct dial *dial)
{
    int ret = AVERROR(ENOTCONN);

    for (unsigned i = 0; i < dial->n_begun; i++) {
        int fd = dial->fds[i], how = fd < 0 ? AVERROR(ENOTCONN) : look(fd);

        if (how == 0) {
            dial->fds[i] = -1;
            return fd;
        }
        if (how == AVERROR(EAGAIN)) {
            ret = how;
        } else if (fd >= 0) {
            note(dial, how);
            give_up(dial, i);
        }
    }
    return ret;
}

int dial_go_on(struct dial *dial, int poll_fd, int64_t now_us)
{
    int ret = look_at_all(dial);

    while (dial->n_begun < dial->addresses.n &&
           (ret == AVERROR(ENOTCONN) || (ret == AVERROR(EAGAIN) && now_us >= dial->next_us))) {
        int fd = begin(&dial->addresses.list[dial->n_begun], poll_fd);

        if (fd < 0)
            note(dial, fd);
        dial->fds[dial->n_begun++] = fd < 0 ? -1 : fd;
        if (fd >= 0)
            ret = AVERROR(EAGAIN);
        dial->next_us = now_us + (fd >= 0 ? DIAL_DELAY_US : 0);
    }
    if (ret == AVERROR(ENOTCONN))
        ret = dial->code ? dial->code : ret;
    if (ret >= 0)
        dial_close(dial);
    return ret;
}

int64_t dial_due_us(const struct dial *dial)
{
    return dial->n_begun < dial->addresses.n ? dial->next_us : LIMEF_FOREVER;
}

void dial_close(struct dial *dial)
{
    for (unsigned i = 0; i < dial->n_begun; i++)
        if (dial->fds[i] >= 0)
            give_up(dial, i);
    dial->n_begun = dial->addresses.n = 0;
    dial->code = 0;
}
