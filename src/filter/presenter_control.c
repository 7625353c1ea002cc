/* SPDX-License-Identifier: MIT */
#include <limef/filter/presenter.h>

#include "base/memory_private.h"
#include "filter/presenter_host_private.h"
#include "frame/buffer_pool.h"
#include "frame/image_file.h"
#include "gpu/compositor.h"

#include <limef/base/log.h>

#include <libavutil/frame.h>

struct limef_buffer_source *limef_presenter_get_buffers(struct limef_presenter *presenter,
                                                        bool always)
{
    if (presenter->settings.output == LIMEF_OUTPUT_NONE)
        return NULL;
    if (!presenter->buffers)
        presenter->buffers = buffer_pool_create();
    if (!presenter->buffers) {
        limef_fail(AVERROR(ENOMEM), presenter->filter.name, "buffers for decoders");
        return NULL;
    }
    presenter->buffers->always |= always;
    if (presenter->host)
        presenter_host_use_buffers(presenter->host, presenter->buffers);
    return &presenter->buffers->source;
}

int limef_presenter_set_layout(struct limef_presenter *presenter, uint32_t slot)
{
    if (slot != LIMEF_PRESENTER_ALL && slot >= presenter->n_tiles)
        return AVERROR(EINVAL);
    if (presenter->compositor)
        compositor_set_layout(presenter->compositor, slot);
    if (presenter->host)
        presenter_host_set_layout(presenter->host, slot);
    presenter->dirty = true;
    return 0;
}

int limef_presenter_toggle_fullscreen(struct limef_presenter *presenter)
{
    presenter->dirty = true;
    return presenter->compositor ? compositor_toggle_fullscreen(presenter->compositor)
                                 : AVERROR(ENOSYS);
}

void limef_presenter_set_overlay(struct limef_presenter *presenter, const char *text)
{
    if (presenter->compositor)
        compositor_set_overlay(presenter->compositor, text);
    if (presenter->host)
        presenter_host_set_overlay(presenter->host, text);
    presenter->dirty = true;
}

int limef_presenter_get_size(struct limef_presenter *presenter, int *width, int *height)
{
    *width = *height = 0;
    if (presenter->compositor)
        compositor_size(presenter->compositor, width, height);
    if (presenter->host)
        presenter_host_size(presenter->host, width, height);
    return *width > 0 ? 0 : AVERROR(EAGAIN);
}

int limef_presenter_read(struct limef_presenter *presenter, uint8_t *rgba)
{
    int ret =
        presenter->compositor ? compositor_read(presenter->compositor, rgba) : AVERROR(ENOSYS);

    presenter->dirty = true;
    return ret;
}

/* Describes pixels in memory; nobody counts them. */
static AVFrame *describe(uint8_t *rgba, int width, int height)
{
    AVFrame *picture = memory_new_av_frame();

    if (!picture)
        return NULL;
    picture->format = AV_PIX_FMT_RGB0;
    picture->width = width;
    picture->height = height;
    picture->data[0] = rgba;
    picture->linesize[0] = 4 * width;
    return picture;
}

int limef_presenter_snapshot(struct limef_presenter *presenter, const char *path)
{
    int width, height, ret = limef_presenter_get_size(presenter, &width, &height);
    AVFrame *picture = NULL;
    uint8_t *rgba;

    if (ret < 0)
        return limef_fail(presenter->compositor ? ret : AVERROR(ENOSYS), presenter->filter.name,
                          "no composed picture to write to %s", path);
    rgba = memory_allocate(4 * (size_t)width * (size_t)height);
    if (rgba)
        picture = describe(rgba, width, height);
    if (!picture) {
        memory_release(rgba);
        return limef_fail(AVERROR(ENOMEM), presenter->filter.name, "snapshot");
    }
    ret = limef_presenter_read(presenter, rgba);
    if (ret >= 0)
        ret = image_file_write(picture, path, presenter->filter.name);
    av_frame_free(&picture);
    memory_release(rgba);
    return ret;
}

static void copy_histogram(struct limef_histogram *to, const struct limef_histogram *from)
{
    for (unsigned i = 0; i < LIMEF_HISTOGRAM_N_BUCKETS; i++)
        atomic_store_explicit(&to->n[i], LIMEF_COUNTED(from->n[i]), memory_order_relaxed);
}

int limef_presenter_get_counters(const struct limef_presenter *presenter, uint32_t slot,
                                 struct limef_presenter_slot_counters *counters)
{
    const struct limef_tile *tile;

    if (slot >= presenter->n_tiles)
        return AVERROR(EINVAL);
    tile = &presenter->tiles[slot];
    *counters = (struct limef_presenter_slot_counters){
        .state = (enum limef_tile_state)LIMEF_COUNTED(tile->state),
        .width = LIMEF_COUNTED(tile->width),
        .height = LIMEF_COUNTED(tile->height),
        .format = LIMEF_COUNTED(tile->format),
        .n_pictures = LIMEF_COUNTED(tile->n_pictures),
        .n_shown = LIMEF_COUNTED(tile->n_shown),
        .n_dropped_late = LIMEF_COUNTED(tile->n_dropped_late),
        .n_dropped_flush = LIMEF_COUNTED(tile->n_dropped_flush),
        .n_dropped_burst = LIMEF_COUNTED(tile->n_dropped_burst),
        .n_failed = LIMEF_COUNTED(tile->n_failed),
        .n_anchors = LIMEF_COUNTED(tile->n_anchors),
        .n_direct = LIMEF_COUNTED(tile->n_direct),
        .direct_bytes = LIMEF_COUNTED(tile->direct_bytes),
        .n_imported = LIMEF_COUNTED(tile->n_imported),
        .n_images = LIMEF_COUNTED(tile->n_images),
        .n_planes = LIMEF_COUNTED(tile->n_planes),
        .uploaded_bytes = LIMEF_COUNTED(tile->uploaded_bytes),
        .uploaded_why = LIMEF_COUNTED(tile->uploaded_why),
        .failed_why = LIMEF_COUNTED(tile->failed_why),
        .n_failed_buffers = presenter->buffers ? LIMEF_COUNTED(presenter->buffers->n_failed) : 0,
        .memory_bytes = LIMEF_COUNTED(tile->memory_bytes),
        .copied_why = LIMEF_COUNTED(tile->copied_why),
        .first_shown_us = LIMEF_COUNTED(tile->first_shown_us),
        .last_shown_us = LIMEF_COUNTED(tile->last_shown_us),
        .position_us = LIMEF_COUNTED(tile->position_us),
    };
    counters->copied_bytes =
        counters->uploaded_bytes + counters->direct_bytes + counters->memory_bytes;
    if (!counters->n_shown)
        counters->position_us = LIMEF_NO_TIME;
    copy_histogram(&counters->latency, &tile->latency);
    copy_histogram(&counters->deviation, &tile->deviation);
    return 0;
}
