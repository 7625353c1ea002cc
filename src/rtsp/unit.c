/* SPDX-License-Identifier: MIT */
#include "rtsp/unit.h"

#include "base/memory_private.h"

#include <limef/base/api.h>
#include <limef/base/clock.h>

#include <libavcodec/defs.h>
#include <libavutil/buffer.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>
#include <pthread.h>
#include <string.h>

/* Buffers of 2 KB, 4 KB, ... up to the largest. */
#define LEAST_BYTES ((size_t)2048)
#define N_SIZES 14
/* One size after the other: each in ten minutes. */
#define RENEW_EACH_US (600 * INT64_C(1000000) / N_SIZES)
/* Up to here an empty unit keeps what it has, whatever comes next. */
#define KEPT_BYTES ((size_t)64 * 1024)

static struct {
    pthread_mutex_t lock;
    unsigned n_units;
    int64_t renewed_us; /* when the last size was; 0: nothing began yet */
    unsigned next_size;

    /* made with the first unit, gone with the last; NULL: it is renewed */
    AVBufferPool *pools[N_SIZES];

    LIMEF_ATOMIC(size_t) bytes; /* relaxed: nothing hangs on it */
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void release_buffer(void *opaque, uint8_t *data)
{
    atomic_fetch_sub_explicit(&shared.bytes, (size_t)(uintptr_t)opaque, memory_order_relaxed);
    av_free(data);
}

static AVBufferRef *make_buffer(size_t bytes)
{
    uint8_t *data = memory_permits() ? av_malloc(bytes) : NULL;
    AVBufferRef *made =
        data ? av_buffer_create(data, bytes, release_buffer, (void *)(uintptr_t)bytes, 0) : NULL;

    if (made)
        atomic_fetch_add_explicit(&shared.bytes, bytes, memory_order_relaxed);
    else
        av_free(data);
    return made;
}

size_t rtsp_units_bytes(void)
{
    return atomic_load_explicit(&shared.bytes, memory_order_relaxed);
}

static AVBufferPool *make_pool(unsigned size)
{
    return memory_permits() ? av_buffer_pool_init(LEAST_BYTES << size, make_buffer) : NULL;
}

static void close_pools(void)
{
    for (unsigned i = 0; i < N_SIZES; i++)
        av_buffer_pool_uninit(&shared.pools[i]);
}

static int open_pools(void)
{
    _Static_assert(LEAST_BYTES << (N_SIZES - 1) == RTSP_MAX_UNIT_BYTES, "up to the largest unit");
    for (unsigned i = 0; i < N_SIZES; i++) {
        shared.pools[i] = make_pool(i);
        if (!shared.pools[i]) {
            close_pools();
            return AVERROR(ENOMEM);
        }
    }
    return 0;
}

static int share(struct rtsp_unit *unit)
{
    int ret = 0;

    pthread_mutex_lock(&shared.lock);
    if (shared.n_units == 0)
        ret = open_pools();
    unit->shares = ret >= 0;
    shared.n_units += unit->shares;
    pthread_mutex_unlock(&shared.lock);
    return ret;
}

static void share_no_more(struct rtsp_unit *unit)
{
    if (!unit->shares)
        return;
    pthread_mutex_lock(&shared.lock);
    if (--shared.n_units == 0)
        close_pools();
    pthread_mutex_unlock(&shared.lock);
}

/* What somebody has of the old pool is released when that one has done with it. Locked. */
static void renew(int64_t now_us)
{
    if (!shared.renewed_us)
        shared.renewed_us = now_us;
    if (now_us - shared.renewed_us < RENEW_EACH_US)
        return;
    av_buffer_pool_uninit(&shared.pools[shared.next_size]);
    shared.next_size = (shared.next_size + 1) % N_SIZES;
    shared.renewed_us = now_us;
}

void rtsp_units_renew(int64_t now_us)
{
    pthread_mutex_lock(&shared.lock);
    renew(now_us);
    pthread_mutex_unlock(&shared.lock);
}

static AVBufferRef *get_buffer(unsigned size)
{
    AVBufferRef *buffer = NULL;

    pthread_mutex_lock(&shared.lock);
    renew(limef_now_us());
    if (!shared.pools[size])
        shared.pools[size] = make_pool(size);
    if (shared.pools[size])
        buffer = av_buffer_pool_get(shared.pools[size]);
    pthread_mutex_unlock(&shared.lock);
    return buffer;
}

/* A larger buffer. */
static int grow(struct rtsp_unit *unit, size_t bytes)
{
    size_t wanted = FFMAX(bytes, unit->usual_bytes);
    AVBufferRef *larger;
    unsigned size = 0;

    if (!unit->shares && share(unit) < 0)
        return AVERROR(ENOMEM);
    while (LEAST_BYTES << size < wanted)
        size++;
    larger = get_buffer(size);
    if (!larger)
        return AVERROR(ENOMEM);
    if (unit->buffer)
        memcpy(larger->data, unit->buffer->data, unit->bytes);
    av_buffer_unref(&unit->buffer);
    unit->buffer = larger;
    return 0;
}

uint8_t *rtsp_unit_extend(struct rtsp_unit *unit, size_t bytes)
{
    size_t wanted = unit->bytes + bytes + AV_INPUT_BUFFER_PADDING_SIZE;

    if (bytes > RTSP_MAX_UNIT_BYTES || wanted > RTSP_MAX_UNIT_BYTES ||
        ((!unit->buffer || wanted > unit->buffer->size) && grow(unit, wanted) < 0)) {
        unit->is_damaged = true;
        return NULL;
    }
    unit->bytes += bytes;
    return unit->buffer->data + unit->bytes - bytes;
}

int rtsp_unit_append(struct rtsp_unit *unit, const void *data, size_t bytes)
{
    uint8_t *to = rtsp_unit_extend(unit, bytes);

    if (!to)
        return unit->bytes + bytes > RTSP_MAX_UNIT_BYTES ? AVERROR(EMSGSIZE) : AVERROR(ENOMEM);
    memcpy(to, data, bytes);
    return 0;
}

void rtsp_unit_restart(struct rtsp_unit *unit)
{
    if (unit->buffer && unit->buffer->size > FFMAX(KEPT_BYTES, 4 * unit->usual_bytes))
        av_buffer_unref(&unit->buffer);
    unit->bytes = 0;
    unit->duration = 0;
    unit->is_key = unit->is_damaged = unit->follows_loss = false;
    unit->is_in_order = unit->has_new_codec = unit->is_open = false;
    unit->n_partial = 0;
}

AVBufferRef *rtsp_unit_take(struct rtsp_unit *unit)
{
    AVBufferRef *taken = unit->buffer;

    if (unit->bytes == 0)
        return NULL;
    memset(taken->data + unit->bytes, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    if (!unit->is_key)
        unit->usual_bytes = unit->bytes + AV_INPUT_BUFFER_PADDING_SIZE;
    unit->buffer = NULL;
    rtsp_unit_restart(unit);
    return taken;
}

void rtsp_unit_clear(struct rtsp_unit *unit)
{
    av_buffer_unref(&unit->buffer);
    share_no_more(unit);
    *unit = (struct rtsp_unit){.bytes = 0};
}
