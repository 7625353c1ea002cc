/* SPDX-License-Identifier: MIT */
#include "thread/polling.h"

#include <limef/base/clock.h>

#include <errno.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <limits.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define MAX_EVENTS 64
/* Wake-ups of a thread with several sources lie so far apart at least, once they are many. */
#define GATHER_US 1000
/* A source and the fifo: nobody else's data is waited for. */
#define FEW 2

static int open_instance(struct polling *polling)
{
    int fd;

    if (polling->fd)
        return 0;
    fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd == 0) { /* standard input was closed; 0 means none here */
        fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
        close(0);
    }
    if (fd < 0)
        return AVERROR(errno);
    polling->fd = fd;
    return 0;
}

int polling_add(struct polling *polling, int fd, void *context)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = context};
    int ret = open_instance(polling);

    if (ret >= 0 && epoll_ctl(polling->fd, EPOLL_CTL_ADD, fd, &event) < 0)
        ret = AVERROR(errno);
    polling->n += ret >= 0;
    return ret;
}

void polling_remove(struct polling *polling, int fd)
{
    if (polling->fd && epoll_ctl(polling->fd, EPOLL_CTL_DEL, fd, NULL) == 0)
        polling->n--;
}

static int milliseconds_until(int64_t deadline_us)
{
    int64_t left_us;

    if (deadline_us == LIMEF_FOREVER)
        return -1;
    left_us = deadline_us - limef_now_us();
    if (left_us <= 0)
        return 0;
    return left_us / 1000 < INT_MAX ? (int)((left_us + 999) / 1000) : INT_MAX;
}

static void gather(const struct polling *polling, int64_t deadline_us)
{
    int64_t until_us = polling->woken_us + GATHER_US;
    struct timespec until;

    if (until_us > deadline_us)
        until_us = deadline_us;
    until = (struct timespec){.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL); /* of no harm if interrupted */
}

static void note_wake(struct polling *polling)
{
    int64_t now_us = limef_now_us();

    polling->gathers = polling->n > FEW && now_us - polling->woken_us < 2 * GATHER_US;
    polling->woken_us = now_us;
}

void polling_wait(struct polling *polling, int64_t deadline_us, polling_ready_fn *ready)
{
    struct epoll_event events[MAX_EVENTS];
    int n;

    if (polling->gathers)
        gather(polling, deadline_us);
    n = epoll_wait(polling->fd, events, MAX_EVENTS, milliseconds_until(deadline_us));
    if (n > 0)
        note_wake(polling);
    for (int i = 0; i < n; i++)
        ready(events[i].data.ptr);
}

void polling_clear(struct polling *polling)
{
    if (polling->fd)
        close(polling->fd);
    *polling = (struct polling){.fd = 0};
}
