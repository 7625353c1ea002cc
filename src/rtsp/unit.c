/* SPDX-License-Identifier: MIT */
#include "rtsp/unit.h"

#include "base/memory_private.h"

#include <libavcodec/defs.h>
#include <libavutil/buffer.h>
#include <libavutil/error.h>
#include <string.h>

#define FIRST_BYTES 16384

static AVBufferRef *make_buffer(size_t bytes)
{
    return memory_permits() ? av_buffer_alloc(bytes) : NULL;
}

/* A larger buffer; the pool makes that size from now on. */
static int grow(struct rtsp_unit *unit, size_t bytes)
{
    size_t pool_bytes = unit->pool_bytes ? unit->pool_bytes : FIRST_BYTES;
    AVBufferRef *larger;

    while (pool_bytes < bytes)
        pool_bytes *= 2;
    if (pool_bytes != unit->pool_bytes) {
        av_buffer_pool_uninit(&unit->pool);
        unit->pool_bytes = 0;
        unit->pool = memory_permits() ? av_buffer_pool_init(pool_bytes, make_buffer) : NULL;
        if (!unit->pool)
            return AVERROR(ENOMEM);
        unit->pool_bytes = pool_bytes;
    }
    larger = av_buffer_pool_get(unit->pool);
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
    unit->bytes = 0;
    unit->duration = 0;
    unit->is_key = unit->is_damaged = unit->follows_loss = false;
    unit->is_in_order = unit->has_new_codec = false;
}

AVBufferRef *rtsp_unit_take(struct rtsp_unit *unit)
{
    AVBufferRef *taken = unit->buffer;

    if (unit->bytes == 0)
        return NULL;
    memset(taken->data + unit->bytes, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    unit->buffer = NULL;
    rtsp_unit_restart(unit);
    return taken;
}

void rtsp_unit_clear(struct rtsp_unit *unit)
{
    av_buffer_unref(&unit->buffer);
    av_buffer_pool_uninit(&unit->pool);
    *unit = (struct rtsp_unit){.bytes = 0};
}
