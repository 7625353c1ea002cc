/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A ring of sound samples that one thread writes and any number of threads read, each
 * at its own pace: speaker, recorder, network. The writer knows of nobody and waits for
 * nobody; it costs the same without readers and with a hundred. A reader that sleeps too
 * long learns exactly how many frames it missed, and goes on with what is there. What it
 * gets is never torn: what was overwritten while it was copied is taken back.
 * (Boehm, Can seqlocks get along with programming language memory models?, MSPC 2012.)
 * doc/broadcast_ring.md
 */
#ifndef LIMEF_FIFO_BROADCAST_RING_H
#define LIMEF_FIFO_BROADCAST_RING_H

#include <limef/base/api.h>

LIMEF_BEGIN_DECLS

/** Two samples in memory that is shared; LIMEF_BROADCAST_WORDS() of them make a ring. */
typedef LIMEF_ATOMIC(uint64_t) limef_broadcast_word;

/** How many words a ring takes. */
#define LIMEF_BROADCAST_WORDS(n_frames, n_channels) (((size_t)(n_frames) * (n_channels) + 1) / 2)

/** Memory of a ring. All-zero and limef_broadcast_ring_init(). */
struct limef_broadcast_ring {
    limef_broadcast_word *words; /**< borrowed */
    uint32_t n_frames;           /**< a power of two */
    uint32_t n_channels;

    /* the writer; readers look */
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    LIMEF_ATOMIC(uint64_t) head;     /**< frames written so far; release */
    LIMEF_ATOMIC(uint64_t) reserved; /**< frames whose writing has begun; before head's fence */
};

/** One reader. All-zero and limef_broadcast_reader_init(); its thread's alone. */
struct limef_broadcast_reader {
    const struct limef_broadcast_ring *ring; /**< borrowed */
    uint64_t position;                       /**< of the frame that is read next */
    LIMEF_ATOMIC(uint64_t) n_missed;         /**< overwritten before they were read; any reads it */
    LIMEF_ATOMIC(uint64_t) n_skipped;        /**< it did not want them; any reads it */
};

/**
 * Makes a ring in given memory.
 *
 * @param words       LIMEF_BROADCAST_WORDS(n_frames, n_channels); borrowed; must outlive the ring.
 * @param n_frames    a power of two, 4 or more.
 * @param n_channels  1 or more.
 * @return 0, or AVERROR(EINVAL) (logged).
 * Thread: the controlling one
 */
LIMEF_API int limef_broadcast_ring_init(struct limef_broadcast_ring *ring,
                                        limef_broadcast_word *words, unsigned n_frames,
                                        unsigned n_channels);

/**
 * Writes frames over the oldest ones.
 *
 * @param samples   channels interleaved; borrowed.
 * @param n_frames  more than half of what the ring holds is written in several goes.
 * Thread: the writer. Wait-free
 */
LIMEF_API void limef_broadcast_write(struct limef_broadcast_ring *ring, const float *samples,
                                     unsigned n_frames);

/**
 * Makes a reader that gets what is written from now on.
 *
 * @param ring  borrowed; must outlive the reader.
 * Thread: the reader
 */
LIMEF_API void limef_broadcast_reader_init(struct limef_broadcast_reader *reader,
                                           const struct limef_broadcast_ring *ring);

/**
 * Reads frames, the oldest that it has not read and that are still there. Afterwards
 * reader->position is that of the next one; what was missed before the returned ones is in
 * reader->n_missed.
 *
 * @param samples  written: room for n_frames; contiguous in the ring.
 * @return how many there are; 0: none was written since, or all were overwritten meanwhile.
 * Thread: the reader. Wait-free
 */
LIMEF_API unsigned limef_broadcast_read(struct limef_broadcast_reader *reader, float *samples,
                                        unsigned n_frames);

/**
 * Skips to what is newest.
 *
 * @param keep  how many frames may remain to be read.
 * Thread: the reader. Wait-free
 */
LIMEF_API void limef_broadcast_skip(struct limef_broadcast_reader *reader, unsigned keep);

/** How many frames wait for a reader; more than the ring holds if it has missed some. Thread: the
 * reader */
LIMEF_API uint64_t limef_broadcast_waiting(const struct limef_broadcast_reader *reader);

LIMEF_END_DECLS

#endif
