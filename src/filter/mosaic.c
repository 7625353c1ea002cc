/* SPDX-License-Identifier: MIT */
#include <limef/filter/mosaic.h>

#include "base/memory_private.h"
#include "filter/filter_counts.h"
#include "filter/mosaic_private.h"
#include "frame/convert.h"
#include "frame/fetch.h"
#include "gpu/layout.h"

#include <limef/base/log.h>
#include <limef/frame/hardware.h>
#include <limef/frame/pool.h>
#include <limef/thread/team.h>

#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>

#define MAX_SIDE 16384
#define INTERVAL_US 40000
/* Until a picture comes there is nothing to do; looked at again after this. */
#define IDLE_US 100000

static struct limef_mosaic_filter *mosaic_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct limef_mosaic_filter, filter);
}

static int new_grid(struct limef_mosaic_filter *mosaic, AVFrame *grid)
{
    int ret;

    grid->format = AV_PIX_FMT_YUV420P;
    grid->width = mosaic->settings.width;
    grid->height = mosaic->settings.height;
    grid->color_range = AVCOL_RANGE_MPEG;
    grid->colorspace = convert_matrix(grid);
    grid->sample_aspect_ratio = (AVRational){1, 1};
    grid->buf[0] = av_buffer_pool_get(mosaic->buffers);
    if (!grid->buf[0])
        return AVERROR(ENOMEM);
    ret = av_image_fill_arrays(grid->data, grid->linesize, grid->buf[0]->data, grid->format,
                               grid->width, grid->height, MOSAIC_ALIGN_BYTES);
    LIMEF_COUNT(mosaic->filter.copied_bytes, ret > 0 ? (uint64_t)ret : 0);
    return ret < 0 ? ret : 0;
}

/* Those that are drawn next; their surfaces go home at once. */
static void fetch_pictures(struct limef_mosaic_filter *mosaic)
{
    for (unsigned i = 0; i < mosaic->n_cells; i++) {
        struct limef_mosaic_cell *cell = &mosaic->cells[i];
        struct limef_decoded_frame *picture = &cell->picture;

        if (!cell->changed || !picture->av || !limef_hardware_is(picture->av))
            continue;
        if (fetch_if_needed(picture, &cell->fetched, &mosaic->filter) < 0)
            picture->av = NULL;
        limef_payload_unref(picture->frame.payload);
        picture->frame.payload = NULL;
    }
}

static int pass_grid(struct limef_mosaic_filter *mosaic, int64_t now_us)
{
    struct limef_payload *payload = limef_pool_get(mosaic->pictures);
    int ret = payload ? new_grid(mosaic, limef_payload_picture(payload)) : AVERROR(ENOMEM);

    if (ret < 0) {
        limef_payload_unref(payload);
        return limef_fail(ret, mosaic->filter.name, "a grid was not drawn");
    }
    mosaic->drawn = limef_payload_picture(payload);
    mosaic->before = mosaic->out.av;
    fetch_pictures(mosaic);
    limef_team_run(mosaic->settings.team, mosaic_n_places(mosaic), mosaic_draw_cell, mosaic);
    limef_payload_unref(mosaic->out.frame.payload);
    mosaic->out =
        (struct limef_decoded_frame){.frame = {.frame_class = LIMEF_FRAME_DECODED,
                                               .slot = mosaic->settings.slot,
                                               .media = LIMEF_MEDIA_VIDEO,
                                               .flags = LIMEF_FRAME_LIVE,
                                               .pts_us = mosaic->due_us - mosaic->start_us,
                                               .duration_us = mosaic->settings.interval_us,
                                               .entered_us = now_us,
                                               .payload = payload},
                                     .av = mosaic->drawn};
    LIMEF_COUNT(mosaic->n_grids, 1);
    return limef_pass(&mosaic->filter, &mosaic->out.frame);
}

static int pass_if_due(struct limef_mosaic_filter *mosaic, int64_t now_us)
{
    int64_t interval_us = mosaic->settings.interval_us, n_missed;
    int ret;

    if (!mosaic->due_us || now_us < mosaic->due_us)
        return 0;
    n_missed = (now_us - mosaic->due_us) / interval_us;
    LIMEF_COUNT(mosaic->n_missed, (uint64_t)n_missed);
    mosaic->due_us += n_missed * interval_us;
    ret = pass_grid(mosaic, now_us);
    mosaic->due_us += interval_us;
    return ret;
}

int64_t limef_mosaic_tick(void *context, int64_t now_us)
{
    struct limef_mosaic_filter *mosaic = context;

    pass_if_due(mosaic, now_us);
    return mosaic->due_us ? mosaic->due_us : now_us + IDLE_US;
}

static void set_picture(struct limef_mosaic_cell *cell, const struct limef_decoded_frame *in)
{
    limef_payload_unref(cell->picture.frame.payload);
    cell->picture = in ? *in : (struct limef_decoded_frame){0};
    limef_payload_ref(cell->picture.frame.payload);
    cell->changed = true;
}

static int take_picture(struct limef_mosaic_filter *mosaic, const struct limef_decoded_frame *in)
{
    struct limef_mosaic_cell *cell = &mosaic->cells[in->frame.slot];
    int64_t now_us = limef_now_us();

    if (!in->frame.payload || !in->av)
        return limef_fail(AVERROR(EINVAL), mosaic->filter.name,
                          "a picture of slot %u that nobody counts", (unsigned)in->frame.slot);
    set_picture(cell, in);
    if (!mosaic->due_us)
        mosaic->start_us = mosaic->due_us = now_us + mosaic->settings.interval_us;
    return pass_if_due(mosaic, now_us);
}

static int mosaic_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct limef_mosaic_filter *mosaic = mosaic_of(filter);
    const struct limef_signal_frame *signal_frame = limef_signal_frame_from(in);

    if (in->slot >= mosaic->n_cells)
        return limef_pass(filter, in);
    if (in->frame_class == LIMEF_FRAME_DECODED && in->media == LIMEF_MEDIA_VIDEO)
        return take_picture(mosaic, limef_decoded_frame_from(in));
    if (signal_frame &&
        (signal_frame->signal == LIMEF_SIGNAL_END || signal_frame->signal == LIMEF_SIGNAL_LOST ||
         signal_frame->signal == LIMEF_SIGNAL_STOP))
        set_picture(&mosaic->cells[in->slot], NULL);
    return limef_pass(filter, in);
}

static void mosaic_clear(struct limef_filter *filter)
{
    struct limef_mosaic_filter *mosaic = mosaic_of(filter);

    for (unsigned i = 0; i < mosaic->n_cells; i++) {
        limef_payload_unref(mosaic->cells[i].picture.frame.payload);
        sws_freeContext(mosaic->cells[i].converter);
        av_frame_free(&mosaic->cells[i].scaled);
        av_frame_free(&mosaic->cells[i].fetched);
        mosaic->cells[i] = (struct limef_mosaic_cell){0};
    }
    limef_payload_unref(mosaic->out.frame.payload);
    limef_pool_release(mosaic->pictures);
    av_buffer_pool_uninit(&mosaic->buffers);
    *mosaic = (struct limef_mosaic_filter){0};
}

static uint64_t mosaic_fingerprint(const struct limef_filter *filter)
{
    const struct limef_mosaic_filter *mosaic =
        LIMEF_CONTAINER_OF(filter, struct limef_mosaic_filter, filter);

    return (uint64_t)mosaic->settings.width << 40 ^ (uint64_t)mosaic->settings.height << 20 ^
           mosaic->n_cells ^ (uint64_t)mosaic->settings.interval_us << 8;
}

static unsigned mosaic_counts(const struct limef_filter *filter, struct limef_filter_count *counts)
{
    const struct limef_mosaic_filter *mosaic =
        LIMEF_CONTAINER_OF(filter, const struct limef_mosaic_filter, filter);
    const struct limef_filter_count now[] = {
        {"missed", LIMEF_COUNTED(mosaic->n_missed)},
    };

    return filter_counts(counts, now, sizeof(now));
}

static const struct limef_filter_ops mosaic_ops = {.kind = "mosaic",
                                                   .go = mosaic_go,
                                                   .clear = mosaic_clear,
                                                   .fingerprint = mosaic_fingerprint,
                                                   .counts = mosaic_counts};

static AVBufferRef *make_buffer(void *mosaic, size_t size_bytes)
{
    (void)mosaic;
    return memory_permits() ? av_buffer_alloc(size_bytes) : NULL;
}

static int make_pools(struct limef_mosaic_filter *mosaic)
{
    int bytes = av_image_get_buffer_size(AV_PIX_FMT_YUV420P, mosaic->settings.width,
                                         mosaic->settings.height, MOSAIC_ALIGN_BYTES);

    if (bytes < 0)
        return bytes;
    mosaic->pictures = limef_pool_create(LIMEF_FRAME_DECODED);
    if (mosaic->pictures && memory_permits())
        mosaic->buffers =
            av_buffer_pool_init2((size_t)bytes + MOSAIC_ALIGN_BYTES, mosaic, make_buffer, NULL);
    return mosaic->buffers ? 0 : AVERROR(ENOMEM);
}

int limef_mosaic_filter_init(struct limef_mosaic_filter *mosaic, const char *name,
                             struct limef_mosaic_cell *cells, unsigned n_cells,
                             const struct limef_mosaic_settings *settings)
{
    struct limef_mosaic_settings all = settings ? *settings : (struct limef_mosaic_settings){0};
    int ret;

    name = name ? name : mosaic_ops.kind;
    if (!all.width && !all.height) {
        all.width = 1920;
        all.height = 1080;
    }
    if (!all.interval_us)
        all.interval_us = INTERVAL_US;
    if (all.width < 2 || all.height < 2 || all.width % 2 || all.height % 2 ||
        all.width > MAX_SIDE || all.height > MAX_SIDE || all.interval_us < 0)
        return limef_fail(AVERROR(EINVAL), name, "%dx%d every %lld us", all.width, all.height,
                          (long long)all.interval_us);
    if (!n_cells || layout_cell(0, n_cells, all.width, all.height).width < 4 ||
        layout_cell(0, n_cells, all.width, all.height).height < 4)
        return limef_fail(AVERROR(EINVAL), name, "%u cells in %dx%d", n_cells, all.width,
                          all.height);
    mosaic->settings = all;
    ret = make_pools(mosaic);
    if (ret < 0) {
        limef_pool_release(mosaic->pictures);
        *mosaic = (struct limef_mosaic_filter){0};
        return limef_fail(ret, name, "init");
    }
    mosaic->cells = cells;
    mosaic->n_cells = n_cells;
    limef_filter_init(&mosaic->filter, &mosaic_ops, name);
    mosaic->filter.n_kept = 1;
    return 0;
}
