/* SPDX-License-Identifier: MIT */
#include "frame/keep.h"

#include "base/memory_private.h"

#include <limef/frame/hardware.h>

#include <libavutil/error.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>

static int copy_pixels(AVFrame *to, const AVFrame *from)
{
    int ret = 0;

    if (to->width != from->width || to->height != from->height || to->format != from->format) {
        av_frame_unref(to);
        to->width = from->width;
        to->height = from->height;
        to->format = from->format;
        ret = memory_permits() ? av_frame_get_buffer(to, 0) : AVERROR(ENOMEM);
    }
    if (ret >= 0)
        ret = av_frame_copy(to, from);
    if (ret < 0) {
        av_frame_unref(to); /* else the next picture would take it for one with room */
        return ret;
    }
    to->sample_aspect_ratio = from->sample_aspect_ratio;
    to->colorspace = from->colorspace;
    to->color_range = from->color_range;
    to->chroma_location = from->chroma_location;
    return av_image_get_buffer_size(from->format, from->width, from->height, 1);
}

int keep_picture(AVFrame **kept, const AVFrame *picture, uint64_t *copied_bytes)
{
    int ret;

    *copied_bytes = 0;
    if (!*kept && !(*kept = memory_new_av_frame()))
        return AVERROR(ENOMEM);
    if (limef_hardware_is(picture)) {
        av_frame_unref(*kept);
        return memory_permits() ? av_frame_ref(*kept, picture) : AVERROR(ENOMEM);
    }
    ret = copy_pixels(*kept, picture);
    *copied_bytes = ret > 0 ? (uint64_t)ret : 0;
    return ret < 0 ? ret : 0;
}
