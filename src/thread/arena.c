/* SPDX-License-Identifier: MIT */
#include "thread/arena.h"

#include <string.h>

#define LINE LIMEF_CACHE_LINE_BYTES

static struct arena_block *end_of(struct arena_block *block)
{
    return (struct arena_block *)(void *)((char *)block + block->bytes);
}

void arena_init(struct arena *arena, void *memory, size_t bytes)
{
    size_t skip = (LINE - (uintptr_t)memory % LINE) % LINE;

    *arena = (struct arena){.bytes = bytes};
    if (bytes < skip + 2 * LINE)
        return;
    arena->free = (struct arena_block *)(void *)((char *)memory + skip);
    arena->free->bytes = (bytes - skip) / LINE * LINE;
    arena->free->next = NULL;
}

void *arena_get(struct arena *arena, size_t bytes)
{
    size_t needed = (bytes + LINE - 1) / LINE * LINE + LINE;
    struct arena_block **link = &arena->free, *block, *rest;

    if (needed < bytes)
        return NULL;
    while (*link && (*link)->bytes < needed)
        link = &(*link)->next;
    block = *link;
    if (!block)
        return NULL;
    if (block->bytes - needed >= 2 * LINE) {
        rest = (struct arena_block *)(void *)((char *)block + needed);
        rest->bytes = block->bytes - needed;
        rest->next = block->next;
        block->bytes = needed;
        *link = rest;
    } else {
        *link = block->next;
    }
    arena->used_bytes += block->bytes;
    if (arena->used_bytes > arena->max_used_bytes)
        arena->max_used_bytes = arena->used_bytes;
    return memset((char *)block + LINE, 0, block->bytes - LINE);
}

static void join_next(struct arena_block *block)
{
    if (block->next && end_of(block) == block->next) {
        block->bytes += block->next->bytes;
        block->next = block->next->next;
    }
}

void arena_put(struct arena *arena, void *pointer)
{
    struct arena_block *block, *before = NULL;

    if (!pointer)
        return;
    block = (struct arena_block *)(void *)((char *)pointer - LINE);
    arena->used_bytes -= block->bytes;
    for (struct arena_block *at = arena->free; at && at < block; at = at->next)
        before = at;
    block->next = before ? before->next : arena->free;
    if (before)
        before->next = block;
    else
        arena->free = block;
    join_next(block);
    if (before)
        join_next(before);
}
