/* SPDX-License-Identifier: MIT */
/*
 * Units that wait for those of another stream that go with them, and come later: first in, first
 * out for each stream. Memory for it comes with the first unit that has to wait.
 */
#ifndef LIMEF_SRC_RTSP_HOLD_H
#define LIMEF_SRC_RTSP_HOLD_H

#include "rtsp/receiver.h"

/* Two seconds of sound in pieces of 20 ms, and pictures of 60 Hz: more goes on at once. */
#define RTSP_HOLD_UNITS 128
/* Of them all: two seconds of 32 Mbit/s. One alone may be larger. */
#define RTSP_HOLD_BYTES ((size_t)8 * 1024 * 1024)

/* One that waits. */
struct rtsp_held {
    struct rtsp_receiver *receiver; /* borrowed */
    struct rtsp_arrival arrival;    /* its unit is the next member */
    struct rtsp_unit unit;          /* owned */
    int64_t due_us;
};

/* All-zero: empty, and without memory. */
struct rtsp_hold {
    struct rtsp_held *held; /* owned; a ring of RTSP_HOLD_UNITS */
    unsigned first, n;
    size_t bytes;   /* in them */
    int64_t due_us; /* of the last one */
};

/*
 * Takes what has to wait for arrival.hold_us, or comes behind something that does.
 *
 * arrival  its unit's buffer is taken if it waits.
 * Returns whether it waits; false: it is to be passed on now.
 */
bool rtsp_hold_take(struct rtsp_hold *hold, struct rtsp_receiver *receiver,
                    const struct rtsp_arrival *arrival);

/* Whether the first one has to go on, whatever it waits for, before so many bytes are taken. */
bool rtsp_hold_is_full(const struct rtsp_hold *hold, size_t bytes);

/* The first one that is due; until_us LIMEF_FOREVER: whatever it waits for. Its unit is the
 * caller's to take or to clear before the next call. NULL: none is. */
struct rtsp_held *rtsp_hold_next(struct rtsp_hold *hold, int64_t until_us);

/* When the first one is due; LIMEF_FOREVER: none waits. */
int64_t rtsp_hold_due_us(const struct rtsp_hold *hold);

/* All-zero afterwards. */
void rtsp_hold_clear(struct rtsp_hold *hold);

#endif
