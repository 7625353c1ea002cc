/* SPDX-License-Identifier: MIT */
/* Pictures of software decoders that lie in dma-bufs, described as what a hardware decoder gives.
 */
#include "frame/buffer_pool.h"
#include "frame/drm_format.h"

#include <limef/frame/hardware.h>

#include <drm_fourcc.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

/* Whether all rows of a plane lie in the buffer. */
static bool is_inside(const struct dmabuf *dmabuf, const AVFrame *picture, int plane)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)picture->format);
    bool chroma = (plane == 1 || plane == 2) && !(desc->flags & AV_PIX_FMT_FLAG_RGB);
    int height = chroma ? AV_CEIL_RSHIFT(picture->height, desc->log2_chroma_h) : picture->height;
    int row_bytes =
        av_image_get_linesize((enum AVPixelFormat)picture->format, picture->width, plane);
    uintptr_t begin = (uintptr_t)picture->data[plane], all = (uintptr_t)dmabuf->data;

    return row_bytes > 0 && picture->linesize[plane] >= row_bytes && begin >= all &&
           begin - all + (size_t)picture->linesize[plane] * (size_t)(height - 1) +
                   (size_t)row_bytes <=
               dmabuf->bytes;
}

int dmabuf_frame_map(struct limef_hardware_frame *hardware, const struct AVFrame *picture)
{
    const struct buffer *buffer = buffer_pool_buffer_of(picture);
    int n_planes = av_pix_fmt_count_planes((enum AVPixelFormat)picture->format);
    const struct dmabuf *dmabuf;

    if (!buffer || !buffer->dmabuf.bytes || n_planes < 1)
        return AVERROR(ENOSYS);
    dmabuf = &buffer->dmabuf;
    *hardware = (struct limef_hardware_frame){
        .fourcc = drm_format_of(picture->format),
        .modifier = DRM_FORMAT_MOD_LINEAR,
        .width = picture->width,
        .height = picture->height,
        .n_planes = (unsigned)n_planes,
        .fence_fd = -1,
        .color_space = picture->colorspace,
        .color_range = picture->color_range,
        .chroma_location = picture->chroma_location,
    };
    for (int i = 0; i < n_planes; i++) {
        if (!is_inside(dmabuf, picture, i))
            return AVERROR(ENOSYS);
        hardware->planes[i] = (struct limef_hardware_plane){
            .fd = dmabuf->fd,
            .offset_bytes = (uint32_t)(picture->data[i] - dmabuf->data),
            .pitch_bytes = (uint32_t)picture->linesize[i],
            .inode = dmabuf->inode,
        };
    }
    return dmabuf_end_cpu(dmabuf);
}

int dmabuf_frame_map_to_read(struct limef_hardware_frame *hardware, const struct AVFrame *picture)
{
    int ret = dmabuf_frame_map(hardware, picture);

    for (unsigned i = 0; ret >= 0 && i < hardware->n_planes; i++)
        hardware->planes[i].fd = buffer_pool_buffer_of(picture)->dmabuf.reading_fd;
    return ret;
}
