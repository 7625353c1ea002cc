/* SPDX-License-Identifier: MIT */
/*
 * Blocks of any size out of memory that the caller gave. First fit, neighbours that are free are
 * joined. Not for the media path. Thread: one at a time
 */
#ifndef LIMEF_SRC_THREAD_ARENA_H
#define LIMEF_SRC_THREAD_ARENA_H

#include <limef/base/api.h>

/* What is free, by rising address. */
struct arena_block {
    size_t bytes; /* with this header's line; of a block that is out likewise */
    struct arena_block *next;
};

struct arena {
    struct arena_block *free;
    size_t bytes; /* that it was given */
    size_t used_bytes, max_used_bytes;
};

/* Prepares memory; what does not fill a cache line is left over. */
void arena_init(struct arena *arena, void *memory, size_t bytes);

/* Zeroed, aligned to a cache line; NULL: there is not so much in one piece. */
void *arena_get(struct arena *arena, size_t bytes);

/* Takes a block back; NULL does nothing. */
void arena_put(struct arena *arena, void *block);

#endif
