/* SPDX-License-Identifier: MIT */
#include "base/memory_private.h"

#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>

static void *allocate_from_libc(void *context, size_t bytes)
{
    size_t lines = (bytes + LIMEF_CACHE_LINE_BYTES - 1) / LIMEF_CACHE_LINE_BYTES;

    (void)context;
    return aligned_alloc(LIMEF_CACHE_LINE_BYTES, lines * LIMEF_CACHE_LINE_BYTES);
}

static void release_to_libc(void *context, void *memory)
{
    (void)context;
    free(memory);
}

static const struct limef_allocator libc_allocator = {allocate_from_libc, release_to_libc, NULL};
static struct limef_allocator allocator = {allocate_from_libc, release_to_libc, NULL};
static _Atomic(uint64_t) n_allocations; /* relaxed: a count, it orders nothing */

void limef_memory_set_allocator(const struct limef_allocator *new_allocator)
{
    allocator = new_allocator ? *new_allocator : libc_allocator;
}

uint64_t limef_memory_n_allocations(void)
{
    return atomic_load_explicit(&n_allocations, memory_order_relaxed);
}

void *memory_allocate(size_t bytes)
{
    void *memory = allocator.allocate(allocator.context, bytes);

    if (!memory)
        return NULL;
    atomic_fetch_add_explicit(&n_allocations, 1, memory_order_relaxed);
    return memset(memory, 0, bytes);
}

void memory_release(void *memory)
{
    allocator.release(allocator.context, memory);
}

bool memory_permits_reference(void)
{
    void *probe;

    if (allocator.allocate == allocate_from_libc)
        return true;
    probe = allocator.allocate(allocator.context, 1);
    if (probe)
        allocator.release(allocator.context, probe);
    return probe;
}

bool memory_permits(void)
{
    if (!memory_permits_reference())
        return false;
    atomic_fetch_add_explicit(&n_allocations, 1, memory_order_relaxed);
    return true;
}

struct AVPacket *memory_new_packet(void)
{
    return memory_permits() ? av_packet_alloc() : NULL;
}

struct AVFrame *memory_new_av_frame(void)
{
    return memory_permits() ? av_frame_alloc() : NULL;
}

struct AVCodecParameters *memory_new_codec_parameters(void)
{
    return memory_permits() ? avcodec_parameters_alloc() : NULL;
}
