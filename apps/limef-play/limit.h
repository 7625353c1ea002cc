/* SPDX-License-Identifier: MIT */
/*
 * Ends a stream after so many pictures, or so much of its time: the filter
 * behind --frames and --duration.
 */
#ifndef LIMEF_PLAY_LIMIT_H
#define LIMEF_PLAY_LIMIT_H

#include <limef/filter/filter.h>

struct play_limit {
    struct limef_filter filter;
    uint32_t media;      /* what it ends: pictures, LIMEF_MEDIA_VIDEO, or blocks of sound */
    int64_t n_frames;    /* pass so many; -1: all */
    int64_t duration_us; /* pass what begins within this of the first; -1: all */

    int64_t n_passed;
    int64_t first_us; /* LIMEF_NO_TIME: none came yet */
    int64_t next_us;  /* where the last one ends */
    bool reached;
};

void play_limit_init(struct play_limit *limit, const char *name, uint32_t media, int64_t n_frames,
                     int64_t duration_us);

#endif
