/* SPDX-License-Identifier: MIT */
#include "frame/buffer_keeper.h"

#include <limef/base/log.h>

#include <libavutil/common.h>
#include <libavutil/error.h>

/* Bytes of all buffers at most: what is beyond them is decoded into ordinary memory. */
#define MAX_BYTES ((size_t)512 << 20)
#define PAGE_BYTES 4096
/* A buffer costs the presenter's thread up to a millisecond. */
#define MAKE_AT_ONCE 4

static void unmake(struct buffer_keeper *keeper, struct buffer *buffer)
{
    size_t bytes = atomic_load_explicit(&buffer->bytes, memory_order_relaxed);

    if (keeper->unmake)
        keeper->unmake(keeper, buffer);
    dmabuf_clear(&buffer->dmabuf);
    keeper->bytes -= FFMIN(keeper->bytes, bytes); /* it may be an earlier keeper's */
}

/* A place for a buffer of that size: a vacant one, or that of smaller ones. */
static struct buffer *find_place(struct buffer_keeper *keeper, size_t bytes)
{
    struct buffer *place =
        keeper->bytes + bytes <= MAX_BYTES ? buffer_pool_vacant(keeper->pool) : NULL;

    if (place)
        return place;
    do {
        place = buffer_pool_take_back(keeper->pool, bytes);
        if (place)
            unmake(keeper, place);
    } while (place && keeper->bytes + bytes > MAX_BYTES);
    return place;
}

static void make_buffer(struct buffer_keeper *keeper, size_t bytes, const char *name)
{
    struct buffer *place;

    bytes = FFALIGN(bytes, PAGE_BYTES);
    place = keeper->full ? NULL : find_place(keeper, bytes);
    if (!place)
        return;
    if (!keeper->make(keeper, place, bytes)) {
        keeper->full = true;
        limef_log(LIMEF_LOG_INFO, name, "no more buffers of the GPU than %zu bytes", keeper->bytes);
        return;
    }
    keeper->bytes += bytes;
    buffer_pool_add(place, place->data, bytes, place->id);
}

void buffer_keeper_tend(struct buffer_keeper *keeper, const char *name)
{
    size_t bytes;

    if (!keeper->pool)
        return;
    for (int i = 0; i < MAKE_AT_ONCE && (bytes = buffer_pool_next_missed(keeper->pool)); i++)
        make_buffer(keeper, bytes, name);
}

int buffer_keeper_close(struct buffer_keeper *keeper)
{
    struct buffer *buffer;

    if (!keeper->pool)
        return 0;
    buffer_pool_refuse(keeper->pool, "the output is closed");
    while ((buffer = buffer_pool_take_back(keeper->pool, SIZE_MAX)))
        unmake(keeper, buffer);
    if (buffer_pool_n_lent(keeper->pool))
        return AVERROR(EBUSY);
    *keeper = (struct buffer_keeper){0};
    return 0;
}
