/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The library's own heap use: few, counted, and replaceable. Filters, fifos and
 * threads lie in the caller's memory; what is allocated are payloads of pools,
 * the memory of adaptive frames, and what open() sets up.
 */
#ifndef LIMEF_BASE_MEMORY_H
#define LIMEF_BASE_MEMORY_H

#include <limef/base/api.h>

LIMEF_BEGIN_DECLS

/** Where the library's memory comes from. */
struct limef_allocator {
    /** `bytes` > 0, aligned for any type and to a cache line; NULL when there is none. */
    void *(*allocate)(void *context, size_t bytes);
    /** Frees what allocate gave; NULL does nothing. */
    void (*release)(void *context, void *memory);
    void *context; /**< borrowed; must outlive the library's last use of it */
};

/**
 * Replaces the allocator.
 *
 * libavcodec objects that the library makes (AVPacket, AVFrame, ...) come from
 * libavutil's allocator; `allocate` is asked for one byte first, and given it
 * back, so that a failing allocator makes those fail as well.
 *
 * @param allocator  copied; NULL: the C library's.
 * Thread: the controlling one, before anything else of limef lives
 */
LIMEF_API void limef_memory_set_allocator(const struct limef_allocator *allocator);

/**
 * How often the library allocated since the process began, libavcodec objects
 * that it made included, libavcodec's own inner allocations not.
 *
 * Thread: any
 */
LIMEF_API uint64_t limef_memory_n_allocations(void);

LIMEF_END_DECLS

#endif
