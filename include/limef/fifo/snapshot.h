/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A snapshot: a small struct that one thread writes again and again and any thread
 * reads as a whole. The writer never waits; who reads tries again if a newer state came
 * meanwhile, and never waits for a writer that was stopped in the middle: that writes
 * beside the latest state. (A seqlock, Boehm, MSPC 2012, with two copies.)
 */
#ifndef LIMEF_FIFO_SNAPSHOT_H
#define LIMEF_FIFO_SNAPSHOT_H

#include <limef/base/api.h>

LIMEF_BEGIN_DECLS

/** Words of 8 bytes that a snapshot holds. */
#define LIMEF_SNAPSHOT_N_WORDS 7

/** Memory of a snapshot. All-zero, it holds zeros. */
struct limef_snapshot {
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    LIMEF_ATOMIC(uint32_t) sequence;                         /**< of the latest state */
    LIMEF_ATOMIC(uint64_t) words[2][LIMEF_SNAPSHOT_N_WORDS]; /**< of this state at its parity */
};

/**
 * Writes a new state.
 *
 * @param data   borrowed.
 * @param bytes  up to 8 * LIMEF_SNAPSHOT_N_WORDS, a multiple of 8; always the same.
 * Thread: the one that writes this snapshot. Wait-free
 */
LIMEF_API void limef_snapshot_write(struct limef_snapshot *snapshot, const void *data,
                                    size_t bytes);

/**
 * Reads the latest state.
 *
 * @param data   written; as one call of limef_snapshot_write() had it, or zeros before the first.
 * @param bytes  as there.
 * Thread: any. Lock-free
 */
LIMEF_API void limef_snapshot_read(const struct limef_snapshot *snapshot, void *data, size_t bytes);

LIMEF_END_DECLS

#endif
