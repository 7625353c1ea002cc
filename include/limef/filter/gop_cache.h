/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Keeps what a live stream can be joined with in the middle: the latest codec
 * frame of each track, and its packets since the last key frame. Everything
 * passes; a branch that is attached later to the split behind the cache gets
 * what was kept in one burst, and shows a picture long before the next key
 * frame.
 */
#ifndef LIMEF_FILTER_GOP_CACHE_H
#define LIMEF_FILTER_GOP_CACHE_H

#include <limef/filter/codecs.h>

LIMEF_BEGIN_DECLS

/** How much may be kept. All-zero is sane. */
struct limef_gop_cache_settings {
    size_t max_bytes; /**< payload of all that is kept; 0: 64 MiB */
    int64_t max_us;   /**< stream time from a key frame to the newest packet; 0: 30 s */
};

/** What a cache has done so far. */
struct limef_gop_cache_counters {
    uint64_t n_packets;   /**< kept at this moment */
    uint64_t bytes;       /**< in them */
    uint64_t n_bursts;    /**< given so far */
    uint64_t n_overflows; /**< groups that were too large and given up: the next key frame begins a
                               new one */
    uint64_t n_uncounted; /**< packets that nobody counts, and that end the group for that */
    uint64_t n_failed;    /**< bursts that there was no memory for */
};

/**
 * Kind "gop cache". As static data: `.filter = LIMEF_FILTER(&limef_gop_cache_ops, "cache",
 * &split.filter)`.
 */
struct limef_gop_cache_filter {
    struct limef_filter filter;
    struct limef_gop_cache_settings settings;

    /* the filter's thread */
    struct limef_codecs codecs;
    struct limef_tracks tracks;         /**< of video: whose bits `open` has */
    uint32_t open;                      /**< bits: tracks with a whole group so far */
    struct limef_packet_frame *packets; /**< in the order in which they came; one reference each;
                                             owned, grown by need */
    unsigned n_packets, max_packets;
    uint64_t bytes;

    /* any reads */
    LIMEF_ATOMIC(uint64_t) n_kept, kept_bytes, n_bursts, n_overflows, n_uncounted, n_failed;
};

/**
 * The cache's type. Directly behind it stands a split, on the same thread; a graph sees to that.
 *
 * A packet is kept by reference: no byte is copied, nothing is allocated but for a group that is
 * longer than all before it. Of a slot's audio what came since the latest key frame is kept. A
 * codec frame, FLUSH, START, STOP, END, LOST and a LIMEF_FRAME_DISCONTINUITY end the group.
 */
extern LIMEF_API const struct limef_filter_ops limef_gop_cache_ops;

/**
 * @param cache     written; must be all-zero.
 * @param settings  copied; NULL: the defaults.
 * Thread: the controlling one
 */
LIMEF_API void limef_gop_cache_filter_init(struct limef_gop_cache_filter *cache, const char *name,
                                           const struct limef_gop_cache_settings *settings);

/**
 * Gives what was kept to a filter: codec frames, then packets in the order in which they came. All
 * packets but the last of each track have LIMEF_FRAME_BURST. A boundary gets the packets as one
 * frame, whatever its bounds.
 *
 * @return 0, or the first error of `to`.
 * Thread: the filter's
 */
LIMEF_API int limef_gop_cache_go(struct limef_gop_cache_filter *cache, struct limef_filter *to);

/**
 * Gives the burst to the split's branches that joined since the last frame, instead of with the
 * next one. For limef_graph_call() with the cache's filter, after limef_graph_connect().
 *
 * @param cache  a struct limef_gop_cache_filter.
 * @return 0; AVERROR(EINVAL): no split is behind it.
 * Thread: the filter's
 */
LIMEF_API int limef_gop_cache_serve(void *cache);

/**
 * Reads the counters.
 *
 * @param counters  written.
 * Thread: any
 */
LIMEF_API void limef_gop_cache_get_counters(const struct limef_gop_cache_filter *cache,
                                            struct limef_gop_cache_counters *counters);

LIMEF_END_DECLS

#endif
