/* SPDX-License-Identifier: MIT */
#include "frame/buffer_keeper.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <stdint.h>
#include <unistd.h>

#define PAGE_BYTES 4096
/* A buffer costs the presenter's thread up to a millisecond. */
#define MAKE_AT_ONCE 4
/* How often those are looked for that are out of use, and how often a buffer is seen unused. */
#define LOOK_US 1000000
#define MAX_UNUSED 10
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
    keeper->bytes -= bytes;
    keeper->n_buffers--;
}

/* Decoders would have the memory otherwise: a buffer takes the place of their own. */
static size_t most_bytes(void)
{
    long n_pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    uint64_t bytes =
        n_pages > 0 && page_bytes > 0 ? (uint64_t)n_pages / 2 * (uint64_t)page_bytes : SIZE_MAX / 2;

    return (size_t)FFMIN(bytes, SIZE_MAX / 2);
}

static bool has_room(const struct buffer_keeper *keeper, size_t bytes)
{
    return bytes <= keeper->max_bytes && keeper->bytes <= keeper->max_bytes - bytes &&
           keeper->n_buffers < keeper->max_buffers;
}

/* A place for a buffer of that size: a vacant one, or that of smaller ones. */
static struct buffer *find_place(struct buffer_keeper *keeper, size_t bytes)
{
    struct buffer *place = has_room(keeper, bytes) ? buffer_pool_vacant(keeper->pool) : NULL;

    if (place || bytes > keeper->max_bytes)
        return place;
    do {
        place = buffer_pool_take_back(keeper->pool, bytes);
        if (place)
            unmake(keeper, place);
    } while (place && !has_room(keeper, bytes));
    return place;
}

/* There are as many as may be, and nobody has a smaller one to spare. A line for the first time. */
static void note_full(struct buffer_keeper *keeper, size_t bytes)
{
    if (!keeper->was_full)
        limef_log(
            LIMEF_LOG_WARNING, keeper->name,
            "no room for a buffer of the GPU of %zu bytes: there are %u of %zu bytes, and may "
            "be %u of %zu; pictures for which none is free are uploaded",
            bytes, keeper->n_buffers, keeper->bytes, keeper->max_buffers, keeper->max_bytes);
    keeper->was_full = true;
    buffer_pool_note_failure(keeper->pool,
                             "decoded while the GPU's buffers were as many as there may be");
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
    buffer_pool_note_failure(keeper->pool,
                             "decoded while there was no memory for another buffer of the GPU");
}

void buffer_keeper_note_no_access(struct buffer_keeper *keeper)
{
    if (!keeper->was_refused)
        limef_log(LIMEF_LOG_WARNING, keeper->name,
                  "the kernel gives the CPU no access to a buffer of the GPU: another one is "
                  "taken, or pictures are uploaded");
    keeper->was_refused = true;
    LIMEF_COUNT(keeper->pool->n_failed, 1);
}

/* Those that decoders have of a keeper before are this one's. */
static void take_over(struct buffer_keeper *keeper, const struct buffer_pool *pool)
{
    keeper->bytes = 0;
    keeper->n_buffers = 0;
    for (unsigned i = 0; i < BUFFER_POOL_MAX; i++)
        if (atomic_load_explicit(&pool->buffers[i].state, memory_order_relaxed) != BUFFER_NONE) {
            keeper->bytes += atomic_load_explicit(&pool->buffers[i].bytes, memory_order_relaxed);
            keeper->n_buffers++;
        }
}

void buffer_keeper_open(struct buffer_keeper *keeper, struct buffer_pool *pool, bool at_once,
                        const char *name)
{
    keeper->pool = pool;
    keeper->name = name;
    if (!keeper->max_bytes)
        keeper->max_bytes = most_bytes();
    if (!keeper->max_buffers)
        keeper->max_buffers = BUFFER_POOL_MAX;
    pthread_mutex_lock(&pool->lock);
    take_over(keeper, pool);
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
    if (!place) {
        note_full(keeper, bytes);
        return false;
    }
    ret = keeper->make(keeper, place, bytes);
    if (ret < 0) {
        rest(keeper, ret, bytes);
        return false;
    }
    if (keeper->n_rest)
        limef_log(LIMEF_LOG_INFO, keeper->name, "there is memory for buffers of the GPU again");
    keeper->n_rest = 0;
    keeper->bytes += bytes;
    keeper->n_buffers++;
    buffer_pool_add(place, place->data, bytes, place->id);
    return true;
}

/* A stream has ended, or a decoder has fewer references now. What is made at once is made on
 * another thread, which may hold the lock for long: then it is left for later. Returns when to look
 * again. */
static int64_t give_up_unused(struct buffer_keeper *keeper, int64_t now_us)
{
    struct buffer_pool *pool = keeper->pool;
    struct buffer *buffer;
    bool is_empty;

    if (now_us < keeper->look_us)
        return keeper->look_us;
    if (pthread_mutex_trylock(&pool->lock) != 0)
        return now_us + LOOK_US;
    LIMEF_COUNT(pool->age, 1);
    keeper->look_us = now_us + LOOK_US;
    for (int i = 0; i < MAKE_AT_ONCE && (buffer = buffer_pool_take_unused(pool, MAX_UNUSED)); i++)
        unmake(keeper, buffer);
    is_empty = keeper->n_buffers == 0;
    pthread_mutex_unlock(&pool->lock);
    return is_empty ? LIMEF_FOREVER : keeper->look_us;
}

int64_t buffer_keeper_tend(struct buffer_keeper *keeper, int64_t now_us)
{
    int64_t due_us;
    size_t bytes;

    if (!keeper->pool)
        return LIMEF_FOREVER;
    due_us = give_up_unused(keeper, now_us);
    if (keeper->pool->maker) /* which is written by this thread alone */
        return due_us;
    for (int i = 0; i < MAKE_AT_ONCE && (bytes = buffer_pool_next_missed(keeper->pool)); i++)
        buffer_keeper_make(keeper, bytes);
    return due_us;
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
