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
/* How many pictures go without, after no memory was to be had, until it is asked for again; doubled
 * each time that there is none. */
#define FIRST_REST 8
#define MAX_REST 256

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

    if (place || bytes > MAX_BYTES)
        return place;
    do {
        place = buffer_pool_take_back(keeper->pool, bytes);
        if (place)
            unmake(keeper, place);
    } while (place && keeper->bytes + bytes > MAX_BYTES);
    return place;
}

/* Asks less often from now on. A line for the first in a row. */
static void rest(struct buffer_keeper *keeper, int code, size_t bytes)
{
    char why[AV_ERROR_MAX_STRING_SIZE];

    if (!keeper->n_rest) {
        av_strerror(code, why, sizeof(why));
        limef_log(LIMEF_LOG_WARNING, keeper->name,
                  "no memory for a buffer of the GPU of %zu bytes, beside %zu (%s): pictures are "
                  "uploaded meanwhile",
                  bytes, keeper->bytes, why);
    }
    keeper->n_rest = keeper->n_rest ? FFMIN(2 * keeper->n_rest, MAX_REST) : FIRST_REST;
    keeper->n_left_out = keeper->n_rest;
    buffer_pool_note_failure(keeper->pool);
}

void buffer_keeper_open(struct buffer_keeper *keeper, struct buffer_pool *pool, bool at_once,
                        const char *name)
{
    keeper->pool = pool;
    keeper->name = name;
    pthread_mutex_lock(&pool->lock);
    pool->maker = at_once ? keeper : NULL;
    pthread_mutex_unlock(&pool->lock);
    atomic_store_explicit(&pool->is_kept, true, memory_order_relaxed);
}

bool buffer_keeper_make(struct buffer_keeper *keeper, size_t bytes)
{
    struct buffer *place;
    int ret;

    bytes = FFALIGN(bytes, PAGE_BYTES);
    if (keeper->n_left_out > 0) {
        keeper->n_left_out--;
        return false;
    }
    place = find_place(keeper, bytes);
    if (!place)
        return false;
    ret = keeper->make(keeper, place, bytes);
    if (ret < 0) {
        rest(keeper, ret, bytes);
        return false;
    }
    if (keeper->n_rest)
        limef_log(LIMEF_LOG_INFO, keeper->name, "there is memory for buffers of the GPU again");
    keeper->n_rest = 0;
    keeper->bytes += bytes;
    buffer_pool_add(place, place->data, bytes, place->id);
    return true;
}

void buffer_keeper_tend(struct buffer_keeper *keeper)
{
    size_t bytes;

    if (!keeper->pool || keeper->pool->maker) /* which is written by this thread alone */
        return;
    for (int i = 0; i < MAKE_AT_ONCE && (bytes = buffer_pool_next_missed(keeper->pool)); i++)
        buffer_keeper_make(keeper, bytes);
}

int buffer_keeper_close(struct buffer_keeper *keeper)
{
    struct buffer *buffer;

    if (!keeper->pool)
        return 0;
    buffer_pool_refuse(keeper->pool, "the output is closed");
    pthread_mutex_lock(&keeper->pool->lock);
    keeper->pool->maker = NULL;
    pthread_mutex_unlock(&keeper->pool->lock);
    while ((buffer = buffer_pool_take_back(keeper->pool, SIZE_MAX)))
        unmake(keeper, buffer);
    if (buffer_pool_n_lent(keeper->pool))
        return AVERROR(EBUSY);
    *keeper = (struct buffer_keeper){0};
    return 0;
}
