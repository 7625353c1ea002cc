/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Begins a chain with the sound that is written into a broadcast ring: one more of its
 * readers, on a thread of its own, for files and the network.
 *
 *     ring source - encode - writer      AAC, Opus into a file
 *     ring source - encode - shout       a stream of Icecast
 *
 * doc/filter/ring_source.md
 */
#ifndef LIMEF_FILTER_RING_SOURCE_H
#define LIMEF_FILTER_RING_SOURCE_H

#include <limef/fifo/broadcast_ring.h>
#include <limef/thread/producer.h>

LIMEF_BEGIN_DECLS

struct AVBufferPool;
struct limef_pool;

/** All-zero but ring is sane. */
struct limef_ring_source_settings {
    const struct limef_broadcast_ring *ring; /**< borrowed; must outlive the source */
    uint32_t rate;                           /**< of what is in it, frames a second; 0: 48000 */
    uint32_t slot;
    uint32_t block_frames; /**< in a block: 16..48000; 0: 20 ms */
    bool planar;           /**< a plane for each channel, as AAC's encoder wants, not interleaved */
};

/** What a ring source has done so far. */
struct limef_ring_source_counters {
    uint64_t n_blocks;  /**< passed on */
    uint64_t n_frames;  /**< in them, one sample per channel; n_silence included */
    uint64_t n_missed;  /**< overwritten in the ring before they were read */
    uint64_t n_silence; /**< passed on in place of those; soon as many */
};

/** Memory of a ring source; kind "ring source". All-zero and limef_ring_source_init(). */
struct limef_ring_source {
    struct limef_source source;
    struct limef_ring_source_settings settings;

    /* the thread that runs it */
    struct limef_broadcast_reader reader;
    float *samples;     /**< room for a block, interleaved; owned */
    unsigned n_waiting; /**< frames in it that are not passed on yet */
    struct limef_pool *blocks;
    struct AVBufferPool *buffers;
    struct limef_decoded_frame out;
    LIMEF_ATOMIC(uint64_t) n_blocks, n_frames, n_silence; /**< any reads */
};

/**
 * Makes a source of what is written into the ring from now on.
 *
 * Its blocks are floats, live, and their times count the frames of the ring from 0: what it missed
 * is silence of the same length, before what came after it.
 *
 * @param ring      written; must be all-zero.
 * @param name      as limef_filter_init().
 * @param settings  copied; what it points to is borrowed.
 * @return 0; AVERROR(EINVAL): no ring, or a number out of range; AVERROR(ENOMEM). Logged.
 * Thread: the controlling one
 */
LIMEF_API int limef_ring_source_init(struct limef_ring_source *ring, const char *name,
                                     const struct limef_ring_source_settings *settings);

/**
 * Passes on what waits in the ring, then END: a file behind it is complete. Nothing if it is
 * all-zero.
 *
 * @return 0, or what the filter behind said to END.
 * Thread: the source's, or the controlling one while that does not run
 */
LIMEF_API int limef_ring_source_end(struct limef_ring_source *ring);

/** Reads the counters. @param counters  written. Thread: any */
LIMEF_API void limef_ring_source_get_counters(const struct limef_ring_source *ring,
                                              struct limef_ring_source_counters *counters);

LIMEF_END_DECLS

#endif
