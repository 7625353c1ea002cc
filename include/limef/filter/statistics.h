/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What goes by: rates, sizes, ages, key frames, of each track. Read from any
 * thread while frames flow, without a lock.
 */
#ifndef LIMEF_FILTER_STATISTICS_H
#define LIMEF_FILTER_STATISTICS_H

#include <limef/base/histogram.h>
#include <limef/filter/filter.h>
#include <limef/filter/tracks.h>

LIMEF_BEGIN_DECLS

/** One track at one moment. Rates are of the last full second by the monotonic clock. */
struct limef_statistics {
    uint32_t slot;
    uint16_t media; /**< enum limef_media */
    uint16_t track;
    uint64_t n_frames;  /**< packets and decoded frames */
    uint64_t n_bytes;   /**< of packets */
    uint64_t n_key;     /**< flagged LIMEF_FRAME_KEY */
    uint64_t n_corrupt; /**< flagged LIMEF_FRAME_CORRUPT */
    double fps; /**< frames a second; 0 before the first second, and 2 s after the last frame */
    double bits_per_s;            /**< of packets; likewise */
    uint64_t last_bytes;          /**< of the last packet */
    uint64_t max_bytes;           /**< of the largest packet */
    uint64_t key_interval_frames; /**< between the last two key frames; 0: not yet known */
    int64_t key_interval_us;      /**< the same in the stream's time */
    int64_t pts_us;               /**< of the last frame */
    int64_t seen_us;              /**< when it came by, on limef_now_us()'s clock */
    int64_t age_p50_us,
        age_p99_us; /**< from entering the process to here, since the start; 0: unknown */
    int64_t wall_age_p50_us, wall_age_p99_us; /**< from capture to here, where that is known */
};

/** What is counted of a track: the sequence and what it guards, then the filter's own. */
struct limef_statistics_track {
    /** Odd while the members below are written; 0: no frame yet. Release; pairs with acquire. */
    LIMEF_ATOMIC(uint64_t) sequence;
    LIMEF_ATOMIC(uint64_t) key; /**< slot, media and track */
    LIMEF_ATOMIC(uint64_t) n_frames, n_bytes, n_key, n_corrupt;
    LIMEF_ATOMIC(uint64_t) last_bytes, max_bytes, key_interval_frames;
    LIMEF_ATOMIC(int64_t) key_interval_us, pts_us, seen_us;
    LIMEF_ATOMIC(uint64_t) milli_fps, bits_per_s;

    struct limef_histogram age, wall_age; /**< consistent by themselves */

    /* the filter's thread */
    int64_t second_began_us;
    uint64_t second_frames, second_bytes;
    uint64_t key_at_frame;
    int64_t key_at_pts_us;
};

/** Kind "statistics". As static data: `.filter = LIMEF_FILTER(&limef_statistics_ops, "statistics",
 * NULL)`. */
struct limef_statistics_filter {
    struct limef_filter filter;
    struct limef_tracks tracks; /**< the filter's thread */
    struct limef_statistics_track states[LIMEF_MAX_TRACKS];
};

/** The type. Passes all frames; frames of tracks beyond LIMEF_MAX_TRACKS are not counted. */
extern LIMEF_API const struct limef_filter_ops limef_statistics_ops;

/** @param filter  written; must be all-zero. Thread: the controlling one */
LIMEF_API void limef_statistics_filter_init(struct limef_statistics_filter *filter,
                                            const char *name);

/**
 * Reads the figures of one track; they belong together.
 *
 * @param n           0 for the track that was met first, and so on.
 * @param statistics  written.
 * @return 0; AVERROR(ENOENT): so many tracks were not met yet; AVERROR(EAGAIN): the filter's
 *         thread was in the middle of writing all the time (it was put to sleep there), try again.
 * Thread: any
 */
LIMEF_API int limef_statistics_get(const struct limef_statistics_filter *filter, unsigned n,
                                   struct limef_statistics *statistics);

LIMEF_END_DECLS

#endif
