/* SPDX-License-Identifier: MIT */
/*
 * Waiting for descriptors: of sources that say when there is something to do,
 * and of what wakes the thread itself. Of one thread.
 */
#ifndef LIMEF_SRC_THREAD_POLLING_H
#define LIMEF_SRC_THREAD_POLLING_H

#include <stdbool.h>
#include <stdint.h>

/* All-zero: nothing is waited for. */
struct polling {
    int fd;           /* epoll instance; 0: none */
    unsigned n;       /* descriptors in it */
    int64_t woken_us; /* when something was last readable */
    bool gathers;     /* that happened twice within a short time */
};

/* What is done with the context of a descriptor that is readable. */
typedef void polling_ready_fn(void *context);

/* Adds a descriptor. Returns 0, or a negative AVERROR code. */
int polling_add(struct polling *polling, int fd, void *context);
void polling_remove(struct polling *polling, int fd);

/* Waits until a descriptor is readable or the deadline, which is rounded up to a millisecond. Where
 * several sources send all the time, what comes within a millisecond is handled at once: it is the
 * waking up that costs. */
void polling_wait(struct polling *polling, int64_t deadline_us, polling_ready_fn *ready);

/* All-zero afterwards. */
void polling_clear(struct polling *polling);

#endif
