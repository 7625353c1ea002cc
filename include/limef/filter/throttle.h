/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Passes at most so many video frames a second, and drops the rest in a way
 * that decoders survive.
 */
#ifndef LIMEF_FILTER_THROTTLE_H
#define LIMEF_FILTER_THROTTLE_H

#include <limef/filter/filter.h>
#include <limef/filter/tracks.h>

LIMEF_BEGIN_DECLS

/** What is known of a track. The filter's thread. */
struct limef_throttle_track {
    int64_t due_us; /**< when the next frame is welcome */
    bool started;
    bool by_clock; /**< due_us is on limef_now_us()'s clock, for want of timestamps */
    bool broken;   /**< a packet was dropped: nothing decodes up to the next key frame */
};

/** Kind "throttle". As static data: `.filter = LIMEF_FILTER(&limef_throttle_ops, "throttle",
 * NULL)`. */
struct limef_throttle_filter {
    struct limef_filter filter;
    int64_t interval_us; /**< one frame in this time: 1000000 / N for N a second; 0: pass all */

    /* the filter's thread; the counter is read by any */
    LIMEF_ATOMIC(uint64_t) n_dropped;
    struct limef_tracks tracks;
    struct limef_throttle_track states[LIMEF_MAX_TRACKS];
};

/**
 * The throttle's type.
 *
 * Each video track is held to its own rate by the stream's time (decoding time of packets,
 * presentation time of pictures), by the monotonic clock where that is missing; a frame up to half
 * an interval early is on time, so that jitter costs nothing while the average holds. Pictures are
 * dropped one by one. Of packets, disposable ones are; once another one was, all up to the next
 * key frame are. Everything but video passes, as do signals, codec frames, and tracks beyond
 * LIMEF_MAX_TRACKS.
 */
extern LIMEF_API const struct limef_filter_ops limef_throttle_ops;

/**
 * @param throttle     written; must be all-zero.
 * @param interval_us  as the member.
 * Thread: the controlling one
 */
LIMEF_API void limef_throttle_filter_init(struct limef_throttle_filter *throttle, const char *name,
                                          int64_t interval_us);

/** How many frames were dropped. Thread: any */
LIMEF_API uint64_t limef_throttle_n_dropped(const struct limef_throttle_filter *throttle);

LIMEF_END_DECLS

#endif
