/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A ring of sound samples between two threads: one writes, one reads, neither ever
 * waits, locks or allocates. It holds frames: one float for each channel.
 *
 * When it is full the oldest frames are dropped for the newest, and counted. What
 * the reader is looking at in that moment cannot be dropped: the writer looks again
 * for some microseconds, and if the reader is still there the new ones are refused,
 * and counted apart. A reader that finds too little gets silence for the
 * rest, and that is counted too:
 *
 *     head position = read + n_skipped + n_dropped + what waits in the ring
 *
 * Samples are looked at only by the one who owns them at that moment, so none is ever
 * torn, and both sides may work on them in place. doc/sample_ring.md
 */
#ifndef LIMEF_FIFO_SAMPLE_RING_H
#define LIMEF_FIFO_SAMPLE_RING_H

#include <limef/base/api.h>

#include <string.h>

LIMEF_BEGIN_DECLS

/** Most channels of a frame. */
#define LIMEF_SAMPLE_RING_MAX_CHANNELS 8

/** In limef_sample_ring.tail: the reader is at work, nothing may be dropped. */
#define LIMEF_SAMPLE_RING_READING 1u

/** Copies floats by cache lines, in place: of memcpy() such a thread would wait for the code, too.
 */
#define LIMEF_SAMPLE_RING_COPY(to, from, n)                                                        \
    do {                                                                                           \
        float *to_ = (to);                                                                         \
        const float *from_ = (from);                                                               \
        size_t n_ = (n);                                                                           \
                                                                                                   \
        for (; n_ >= 16; n_ -= 16, to_ += 16, from_ += 16)                                         \
            memcpy(to_, from_, 16 * sizeof(float));                                                \
        if (n_)                                                                                    \
            memcpy(to_, from_, n_ * sizeof(float));                                                \
    } while (0)

/** A stretch of a ring: up to two pieces of memory, since it may go round the end. */
struct limef_sample_slices {
    float *first;
    unsigned n_first; /**< frames */
    float *second;
    unsigned n_second; /**< frames; 0: first is all */
};

/** What happened to a ring so far, in frames unless it says otherwise. */
struct limef_sample_ring_counters {
    uint64_t n_written;   /**< went in */
    uint64_t n_dropped;   /**< the oldest, for newer ones */
    uint64_t n_refused;   /**< new ones: the reader was interrupted at its work in a full ring,
                               or it holds fewer */
    uint64_t n_overflows; /**< writes for which something was lost */
    uint64_t n_skipped;   /**< the reader did not want them */
    uint64_t n_silent;    /**< silence that was read where there were none */
    uint64_t n_underruns; /**< reads that got some */
};

/** Where a ring's frames lie. */
struct limef_sample_memory {
    float *samples;    /**< borrowed */
    uint32_t n_frames; /**< a power of two */
    uint32_t n_channels;
};

/** Memory of a ring. All-zero and limef_sample_ring_init(). */
struct limef_sample_ring {
    float *samples;    /**< borrowed */
    uint32_t n_frames; /**< a power of two */
    uint32_t n_channels;

    /* Each side has that once more beside its position: a block touches one cache line less. */

    /* the writer; any reads the counters */
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    LIMEF_ATOMIC(uint64_t) head;   /**< frames written so far; release, pairs with the reader */
    uint64_t tail_cache;           /**< the reader's position as last seen */
    struct limef_sample_memory to; /**< where it writes */
    LIMEF_ATOMIC(uint64_t) n_dropped, n_refused, n_overflows;

    /* the reader, and the writer when it drops what is oldest */
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    LIMEF_ATOMIC(uint64_t) tail;     /**< twice its position, plus 1 in a read; release, as head */
    struct limef_sample_memory from; /**< where it reads */
    LIMEF_ATOMIC(uint64_t) n_skipped, n_silent, n_underruns; /**< the reader's; any reads */
};

/**
 * Makes a ring in given memory.
 *
 * @param samples     n_frames * n_channels floats; borrowed; must outlive the ring.
 * @param n_frames    a power of two, 2 or more.
 * @param n_channels  1..LIMEF_SAMPLE_RING_MAX_CHANNELS.
 * @return 0, or AVERROR(EINVAL) (logged).
 * Thread: the controlling one
 */
LIMEF_API int limef_sample_ring_init(struct limef_sample_ring *ring, float *samples,
                                     unsigned n_frames, unsigned n_channels);

/** The rest of limef_sample_ring_write(): there is no room, or they go round the end. Thread: the
 * writer. Wait-free */
LIMEF_API unsigned limef_sample_ring_write_pieces(struct limef_sample_ring *ring,
                                                  const float *samples, unsigned n_frames);

/** The rest of limef_sample_ring_read(), behind its addition. Thread: the reader. Wait-free */
LIMEF_API unsigned limef_sample_ring_read_pieces(struct limef_sample_ring *ring, float *samples,
                                                 unsigned n_frames);

/**
 * Writes frames; drops the oldest if there is no room.
 *
 * The usual case of it, and of limef_sample_ring_read(), is compiled into the caller: a thread that
 * slept since the block before waits for each page of code and each table of addresses that it has
 * to go through, longer than for the samples.
 *
 * @param samples  n_frames frames, channels interleaved; borrowed. Of more than the ring holds the
 *                 last are written.
 * @return how many frames were lost for it, old and new.
 * Thread: the writer. Wait-free
 */
LIMEF_API inline unsigned limef_sample_ring_write(struct limef_sample_ring *ring,
                                                  const float *samples, unsigned n_frames)
{
    uint32_t n_channels = ring->to.n_channels, size = ring->to.n_frames;
    uint64_t head = LIMEF_COUNTED(ring->head);
    size_t at = (size_t)(head & (size - 1));

    if (head - ring->tail_cache + n_frames > size)
        /* acquire: the reader is done with what is before; pairs with the release of its reads */
        ring->tail_cache = LIMEF_LOAD_ACQUIRE(ring->tail) >> 1;
    if (head - ring->tail_cache + n_frames > size || at + n_frames > size)
        return limef_sample_ring_write_pieces(ring, samples, n_frames);
    LIMEF_SAMPLE_RING_COPY(ring->to.samples + at * n_channels, samples,
                           (size_t)n_frames * n_channels);
    /* release: the samples; pairs with the acquire of a read */
    LIMEF_STORE_RELEASE(ring->head, head + n_frames);
    return 0;
}

/**
 * Begins to write in place; drops the oldest frames if there is no room.
 *
 * @param slices  written: where to put the frames.
 * @return how many frames they take: n_frames, or fewer if the ring holds fewer or the reader
 *         stays at work in a full ring. The others are refused, and counted as such: who can wait
 * with them asks limef_sample_ring_room() first. Thread: the writer. Wait-free
 */
LIMEF_API unsigned limef_sample_ring_write_begin(struct limef_sample_ring *ring, unsigned n_frames,
                                                 struct limef_sample_slices *slices);

/**
 * Publishes what was written in place.
 *
 * @param n_frames  at most what limef_sample_ring_write_begin() returned.
 * Thread: the writer. Wait-free
 */
LIMEF_API void limef_sample_ring_write_end(struct limef_sample_ring *ring, unsigned n_frames);

/** How many frames can be written before one is dropped. Thread: the writer. Wait-free */
LIMEF_API unsigned limef_sample_ring_room(struct limef_sample_ring *ring);

/**
 * Reads frames, and silence where there are none.
 *
 * @param samples  written: n_frames frames.
 * @return how many of them were in the ring.
 * Thread: the reader. Wait-free
 */
LIMEF_API inline unsigned limef_sample_ring_read(struct limef_sample_ring *ring, float *samples,
                                                 unsigned n_frames)
{
    /* A processor waits at the addition for all that came before it, and does nothing meanwhile
     * that needs its result or a load behind it. So all that copying needs is worked out before,
     * from where the reader left off: it is still there unless a writer found the ring full. */
    uint64_t expected = LIMEF_COUNTED(ring->tail) >> 1;
    size_t at = (size_t)(expected & (ring->from.n_frames - 1));
    const float *from = ring->from.samples + at * ring->from.n_channels;
    size_t n = (size_t)n_frames * ring->from.n_channels;
    bool whole = at + n_frames <= ring->from.n_frames;

    /* acquire: head behind it is not before what the writer dropped up to; pairs with its
     * compare-and-swap. Then: the samples; pairs with the release of a write */
    if (LIMEF_FETCH_ADD_ACQUIRE(ring->tail, LIMEF_SAMPLE_RING_READING) >> 1 != expected || !whole ||
        LIMEF_LOAD_ACQUIRE(ring->head) - expected < n_frames)
        return limef_sample_ring_read_pieces(ring, samples, n_frames);
    LIMEF_SAMPLE_RING_COPY(samples, from, n);
    /* release: they were copied; pairs with the acquire of a writer */
    LIMEF_STORE_RELEASE(ring->tail, 2 * (expected + n_frames));
    return n_frames;
}

/**
 * Begins to read in place. Until limef_sample_ring_read_end() nothing is dropped, so that has to
 * come soon.
 *
 * @param slices    written: where the frames are.
 * @return how many there are, 0..n_frames. Also after 0 limef_sample_ring_read_end() is due.
 * Thread: the reader. Wait-free
 */
LIMEF_API unsigned limef_sample_ring_read_begin(struct limef_sample_ring *ring, unsigned n_frames,
                                                struct limef_sample_slices *slices);

/**
 * Gives back what was read in place.
 *
 * @param n_frames  how many are done with: at most what limef_sample_ring_read_begin() returned.
 * Thread: the reader. Wait-free
 */
LIMEF_API void limef_sample_ring_read_end(struct limef_sample_ring *ring, unsigned n_frames);

/** Counts silence that a reader in place made up. Thread: the reader. Wait-free */
LIMEF_API void limef_sample_ring_count_silence(struct limef_sample_ring *ring, unsigned n_frames);

/**
 * Skips to what is newest.
 *
 * @param keep  how many frames may stay.
 * @return how many were skipped.
 * Thread: the reader. Wait-free
 */
LIMEF_API unsigned limef_sample_ring_skip(struct limef_sample_ring *ring, unsigned keep);

/** Skips what comes before a position. @return how many frames were skipped. Thread: the reader.
 * Wait-free */
LIMEF_API unsigned limef_sample_ring_skip_to(struct limef_sample_ring *ring, uint64_t position);

/** How many frames wait. Thread: any; a moment's value */
LIMEF_API unsigned limef_sample_ring_fill(const struct limef_sample_ring *ring);

/** Frames written since the beginning, which is the next one's position. Thread: any */
static inline uint64_t limef_sample_ring_head(const struct limef_sample_ring *ring)
{
    return LIMEF_COUNTED(ring->head);
}

/** The position of the frame that is read next. Thread: any; exact for the reader while it reads */
static inline uint64_t limef_sample_ring_tail(const struct limef_sample_ring *ring)
{
    return LIMEF_COUNTED(ring->tail) >> 1;
}

/** Reads the counters. @param counters  written. Thread: any */
LIMEF_API void limef_sample_ring_get_counters(const struct limef_sample_ring *ring,
                                              struct limef_sample_ring_counters *counters);

LIMEF_END_DECLS

#endif
