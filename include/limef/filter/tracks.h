/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Numbers the tracks (slot, media, track) that a filter meets, so that what it
 * knows of each lies in an array of its own.
 */
#ifndef LIMEF_FILTER_TRACKS_H
#define LIMEF_FILTER_TRACKS_H

#include <limef/frame/frame.h>

LIMEF_BEGIN_DECLS

/** Most tracks that one filter tells apart. */
#define LIMEF_MAX_TRACKS 16

/** All-zero is empty. */
struct limef_tracks {
    uint64_t keys[LIMEF_MAX_TRACKS]; /**< slot, media and track of the frames */
    unsigned n;                      /**< how many were met */
    unsigned latest;                 /**< whom the last frame belonged to */
};

/**
 * The number of a frame's track; a new one gets the next.
 *
 * @return 0..LIMEF_MAX_TRACKS-1, or AVERROR(ENOSPC).
 * Thread: the filter's
 */
LIMEF_API int limef_tracks_find(struct limef_tracks *tracks, const struct limef_frame *frame);

LIMEF_END_DECLS

#endif
