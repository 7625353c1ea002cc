/* SPDX-License-Identifier: MIT */
#include "frame/download.h"

#include "base/memory_private.h"
#include "frame/dmabuf.h"
#include "frame/drm_format.h"
#include "frame/hardware_private.h"

#include <drm_fourcc.h>
#include <libavutil/common.h>
#include <libavutil/frame.h>
#include <libavutil/hwcontext.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/*
 * Gives a picture the left and the top back that crop() took from it, if its memory has them. What
 * is at the right and below was always there, so that all of it lies in its buffers then.
 */
static bool uncrop(AVFrame *picture, const AVFrame *from)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(picture->format);
    size_t left = (size_t)(from->width - picture->width);
    size_t top = (size_t)(from->height - picture->height);
    uint8_t *data[4] = {NULL};
    int steps[4], n_planes = av_pix_fmt_count_planes(picture->format);

    if (left != from->crop_left || top != from->crop_top || desc->flags & AV_PIX_FMT_FLAG_PAL)
        return false;
    av_image_fill_max_pixsteps(steps, NULL, desc);
    for (int i = 0; i < n_planes; i++) {
        const AVBufferRef *buffer = av_frame_get_plane_buffer(picture, i);
        bool is_chroma = i == 1 || i == 2;
        size_t skipped =
            (left >> (is_chroma ? desc->log2_chroma_w : 0)) * (size_t)steps[i] +
            (top >> (is_chroma ? desc->log2_chroma_h : 0)) * (size_t)FFMAX(picture->linesize[i], 0);

        if (!buffer || skipped > (size_t)(picture->data[i] - buffer->data) ||
            av_image_get_linesize(picture->format, from->width, i) > picture->linesize[i])
            return false;
        data[i] = picture->data[i] - skipped;
    }
    memcpy(picture->data, data, sizeof(data));
    picture->width = from->width;
    picture->height = from->height;
    return true;
}

/* Makes room for a picture of that size. */
static int prepare(AVFrame *picture, const AVFrame *from, enum AVPixelFormat format)
{
    bool is_reusable =
        picture->buf[0] && picture->format == format && av_frame_is_writable(picture);

    if (is_reusable && picture->width == from->width && picture->height == from->height)
        return 0;
    if (is_reusable && uncrop(picture, from))
        return 0;
    av_frame_unref(picture);
    picture->format = format;
    picture->width = from->width;
    picture->height = from->height;
    return memory_permits() ? av_frame_get_buffer(picture, 0) : AVERROR(ENOMEM);
}

static void copy_colour(AVFrame *picture, const AVFrame *from)
{
    picture->sample_aspect_ratio = from->sample_aspect_ratio;
    picture->colorspace = from->colorspace;
    picture->color_range = from->color_range;
    picture->color_primaries = from->color_primaries;
    picture->color_trc = from->color_trc;
    picture->chroma_location = from->chroma_location;
}

/* One plane, mapped for as long as it is copied. */
static int copy_plane(AVFrame *picture, unsigned to, const struct limef_hardware_plane *plane,
                      int row_bytes, int height)
{
    size_t bytes = (size_t)plane->offset_bytes + (size_t)plane->pitch_bytes * (size_t)(height - 1) +
                   (size_t)row_bytes;
    struct stat about;
    uint8_t *mapped;
    int ret;

    if (row_bytes > (int)plane->pitch_bytes || fstat(plane->fd, &about) < 0 ||
        (about.st_size && (size_t)about.st_size < bytes))
        return AVERROR(ENOTSUP);
    mapped = mmap(NULL, bytes, PROT_READ, MAP_SHARED, plane->fd, 0);
    if (mapped == MAP_FAILED)
        return AVERROR(ENOTSUP);
    ret = dmabuf_begin_reading(plane->fd);
    if (ret >= 0) {
        av_image_copy_plane(picture->data[to], picture->linesize[to], mapped + plane->offset_bytes,
                            (int)plane->pitch_bytes, row_bytes, height);
        dmabuf_end_reading(plane->fd); /* what was read is right */
    }
    munmap(mapped, bytes);
    return ret;
}

/* Rows that the CPU can read, without any driver. */
static int copy_linear(AVFrame *picture, const AVFrame *from)
{
    struct limef_hardware_frame hardware;
    enum AVPixelFormat format;
    ptrdiff_t linesizes[4];
    size_t sizes[4];
    bool swapped;
    int ret = hardware_map_whole(&hardware, from);

    if (ret < 0)
        return ret;
    format = (enum AVPixelFormat)drm_format_pix_fmt(hardware.fourcc, &swapped);
    if (hardware.modifier != DRM_FORMAT_MOD_LINEAR || format == AV_PIX_FMT_NONE ||
        (int)hardware.n_planes != av_pix_fmt_count_planes(format))
        return AVERROR(ENOTSUP);
    ret = prepare(picture, from, format);
    for (int i = 0; i < 4; i++)
        linesizes[i] = picture->linesize[i];
    if (ret >= 0)
        ret = av_image_fill_plane_sizes(sizes, format, picture->height, linesizes);
    for (unsigned i = 0; i < hardware.n_planes && ret >= 0; i++) {
        unsigned to = swapped && i > 0 ? 3 - i : i;

        ret = copy_plane(picture, to, &hardware.planes[i],
                         av_image_get_linesize(format, picture->width, (int)to),
                         (int)(sizes[to] / (size_t)linesizes[to]));
    }
    return ret;
}

/*
 * What the driver copies. Of VA-API that moves each byte twice: libavutil has the driver write an
 * image (vaGetImage), and copies that. Where the image could be the surface itself (vaDeriveImage)
 * it does so all the same, since reading a surface may be slow.
 */
static int transfer(AVFrame *picture, const AVFrame *from, int *n_times)
{
    const AVHWFramesContext *frames = (const void *)from->hw_frames_ctx->data;
    int ret = prepare(picture, from, frames->sw_format);

    *n_times = frames->device_ctx->type == AV_HWDEVICE_TYPE_VAAPI ? 2 : 1;
    return ret < 0 ? ret : av_hwframe_transfer_data(picture, from, 0);
}

/* What libavcodec leaves to whoever has the pixels. */
static int crop(AVFrame *picture, const AVFrame *from)
{
    if (!from->crop_left && !from->crop_top)
        return 0;
    picture->crop_left = from->crop_left;
    picture->crop_top = from->crop_top;
    return av_frame_apply_cropping(picture, AV_FRAME_CROP_UNALIGNED);
}

int64_t download(struct AVFrame *picture, const struct AVFrame *from)
{
    int64_t bytes;
    int n_times = 1;
    int ret = from->hw_frames_ctx ? transfer(picture, from, &n_times) : AVERROR(ENOTSUP);

    if (ret < 0 && ret != AVERROR(ENOMEM)) {
        ret = copy_linear(picture, from);
        n_times = 1;
    }
    if (ret < 0)
        return ret == AVERROR(ENOMEM) ? ret : AVERROR(ENOTSUP);
    copy_colour(picture, from);
    bytes = av_image_get_buffer_size((enum AVPixelFormat)picture->format, picture->width,
                                     picture->height, 1);
    return crop(picture, from) < 0 ? AVERROR(ENOTSUP) : n_times * bytes;
}
