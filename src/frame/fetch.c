/* SPDX-License-Identifier: MIT */
#include "frame/fetch.h"

#include "base/memory_private.h"

#include <limef/base/log.h>
#include <limef/filter/filter.h>

#include <libavutil/frame.h>
#include <libavutil/hwcontext.h>
#include <libavutil/imgutils.h>

#define ALIGN_BYTES 64 /* of rows */

struct fetch {
    struct AVFrame *memory;
    AVBufferPool *buffers; /* of the size that this picture needs: */
    int format, width, height;
};

static AVBufferRef *make_buffer(void *opaque, size_t size_bytes)
{
    (void)opaque;
    return memory_permits() ? av_buffer_alloc(size_bytes) : NULL;
}

/* Buffers for pictures like this one. */
static int follow(struct fetch *fetch, int format, const AVFrame *picture)
{
    int bytes;

    if (download->buffers && download->format == format && download->width == picture->width &&
        download->height == picture->height)
        return 0;
    av_buffer_pool_uninit(&download->buffers);
    bytes = av_image_get_buffer_size(format, picture->width, picture->height, ALIGN_BYTES);
    if (bytes < 0)
        return bytes;
    download->format = format;
    download->width = picture->width;
    download->height = picture->height;
    download->buffers = memory_permits() ? av_buffer_pool_init2((size_t)bytes + ALIGN_BYTES, NULL,
                                                                make_buffer, NULL)
                                         : NULL;
    return download->buffers ? 0 : AVERROR(ENOMEM);
}

static void copy_description(AVFrame *to, const AVFrame *from)
{
    to->colorspace = from->colorspace;
    to->color_range = from->color_range;
    to->color_primaries = from->color_primaries;
    to->color_trc = from->color_trc;
    to->chroma_location = from->chroma_location;
    to->sample_aspect_ratio = from->sample_aspect_ratio;
    to->pict_type = from->pict_type;
}

/* Fills `to`, whose memory is there. Returns the bytes, or a negative AVERROR code. */
static int fetch(AVFrame *to, const AVFrame *from)
{
    int ret = av_hwframe_transfer_data(to, from, 0);

    if (ret < 0)
        return ret;
    copy_description(to, from);
    ret = av_image_get_buffer_size(to->format, to->width, to->height, 1);
    /* libavcodec leaves this to whoever has pixels */
    to->crop_left = from->crop_left;
    to->crop_top = from->crop_top;
    av_frame_apply_cropping(to, AV_FRAME_CROP_UNALIGNED);
    return ret;
}

static enum AVPixelFormat format_of(const AVFrame *picture)
{
    return ((const AVHWFramesContext *)(const void *)picture->hw_frames_ctx->data)->sw_format;
}

static int download_picture(struct fetch *fetch, const AVFrame *picture)
{
    AVFrame *memory = download->memory;
    int ret = follow(download, format_of(picture), picture);

    if (ret < 0)
        return ret;
    av_frame_unref(memory);
    memory->format = download->format;
    memory->width = picture->width;
    memory->height = picture->height;
    memory->buf[0] = av_buffer_pool_get(download->buffers);
    if (!memory->buf[0])
        return AVERROR(ENOMEM);
    ret = av_image_fill_arrays(memory->data, memory->linesize, memory->buf[0]->data, memory->format,
                               memory->width, memory->height, ALIGN_BYTES);
    return ret < 0 ? ret : fetch(memory, picture);
}

static struct fetch *make(void)
{
    struct fetch *fetch = memory_allocate(sizeof(*fetch));

    if (!download)
        return NULL;
    download->memory = memory_new_av_frame();
    if (!download->memory)
        fetch_clear(&download);
    return download;
}

int fetch_if_needed(struct fetch **fetch, struct limef_decoded_frame *decoded,
                       struct limef_filter *filter)
{
    int ret;

    if (!decoded->av->hw_frames_ctx)
        return 0;
    if (!*fetch)
        *fetch = make();
    ret = *fetch ? download_picture(*fetch, decoded->av) : AVERROR(ENOMEM);
    if (ret < 0)
        return limef_fail(ret, filter->name, "a picture cannot be fetched from hardware");
    LIMEF_COUNT(filter->copied_bytes, (uint64_t)ret);
    decoded->av = (*fetch)->memory;
    return 0;
}

int fetch_in_place(AVFrame *picture)
{
    AVFrame *memory = memory_new_av_frame();
    int ret = AVERROR(ENOMEM);

    if (!memory)
        return ret;
    memory->format = format_of(picture);
    memory->width = picture->width;
    memory->height = picture->height;
    if (memory_permits())
        ret = av_frame_get_buffer(memory, 0);
    if (ret >= 0)
        ret = fetch(memory, picture);
    if (ret >= 0 && av_frame_copy_props(memory, picture) < 0)
        ret = AVERROR(ENOMEM);
    if (ret >= 0) {
        memory->crop_left = memory->crop_top = 0; /* done */
        av_frame_unref(picture);
        av_frame_move_ref(picture, memory);
    }
    av_frame_free(&memory);
    return ret;
}

void fetch_clear(struct fetch **fetch)
{
    if (!*fetch)
        return;
    av_frame_free(&(*fetch)->memory);
    av_buffer_pool_uninit(&(*fetch)->buffers);
    memory_release(*fetch);
    *fetch = NULL;
}
