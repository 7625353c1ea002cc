/* SPDX-License-Identifier: MIT */
/*
 * A picture in ordinary memory that is alone on the output: the CPU writes it into a buffer of the
 * kernel, as it else would into a texture, and the display reads it there. Nothing is drawn.
 */
#include "gpu/compositor_private.h"

#include "frame/buffer_pool.h"
#include "frame/drm_format.h"

#include <limef/frame/pool.h>

#include <libavutil/common.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>

/* A picture like another one, in a buffer of the kernel. */
static int make_room(struct limef_buffer_source *source, AVFrame *to, const AVFrame *from)
{
    /* chroma's rows are whole multiples of half of it: as decoders lay them out */
    int align_pixels =
        2 * (int)FFMAX(LIMEF_COUNTED(source->row_align_bytes), LIMEF_BUFFER_ALIGN_BYTES);
    const char *why;
    enum AVPixelFormat format = (enum AVPixelFormat)from->format;
    int bytes,
        ret = av_image_fill_linesizes(to->linesize, format, FFALIGN(from->width, align_pixels));

    bytes =
        ret < 0 ? ret : av_image_fill_pointers(to->data, format, from->height, NULL, to->linesize);
    to->buf[0] = bytes > 0 ? source->get(source, (size_t)bytes, &why) : NULL;
    if (!to->buf[0])
        return AVERROR(ENOMEM);
    av_image_fill_pointers(to->data, format, from->height, to->buf[0]->data, to->linesize);
    to->format = format;
    to->width = from->width;
    to->height = from->height;
    to->sample_aspect_ratio = from->sample_aspect_ratio;
    to->colorspace = from->colorspace;
    to->color_range = from->color_range;
    to->chroma_location = from->chroma_location;
    return 0;
}

bool compositor_bring(struct compositor *compositor, struct surface *surface,
                      const struct limef_decoded_frame *picture,
                      struct limef_decoded_frame *brought)
{
    struct surface_ways *ways = &compositor->ways;
    const AVFrame *from = picture->av;
    struct limef_payload *payload;
    AVFrame *to;

    if (!ways->dmabufs.source.opened || limef_hardware_is(from) || !drm_format_of(from->format))
        return false;
    if (!compositor->brought)
        compositor->brought = limef_pool_create(LIMEF_FRAME_DECODED);
    payload = compositor->brought ? limef_pool_get(compositor->brought) : NULL;
    if (!payload)
        return false;
    to = limef_payload_picture(payload);
    if (make_room(&ways->pool->source, to, from) < 0) {
        limef_payload_unref(payload);
        return false;
    }
    av_image_copy(to->data, to->linesize, (const uint8_t **)(uintptr_t)from->data, from->linesize,
                  (enum AVPixelFormat)from->format, from->width, from->height);
    *brought = *picture;
    brought->frame.payload = payload;
    brought->av = to;
    surface->moved.uploaded_bytes +=
        (uint64_t)av_image_get_buffer_size(from->format, from->width, from->height, 1);
    surface->moved.uploaded_why = surface_why_ordinary(ways);
    return true;
}
