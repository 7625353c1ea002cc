/* SPDX-License-Identifier: MIT */
#include "frame/hardware_private.h"

#include "frame/dmabuf.h"
#include "frame/drm_device.h"
#include "frame/drm_format.h"

#include <drm_fourcc.h>
#include <libavutil/error.h>
#include <libavutil/frame.h>
#include <libavutil/hwcontext.h>
#include <libavutil/hwcontext_drm.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

/* A format without a name of the kernel's. */
#define NO_NAME UINT32_MAX

/* The picture that layers of one plane each make together, where nobody says: 4:2:0. 0: none that
 * is known. */
static uint32_t guess_fourcc(const AVDRMFrameDescriptor *drm)
{
    static const struct {
        uint32_t layers[3], whole;
    } known[] = {
        {{DRM_FORMAT_R8, DRM_FORMAT_GR88, 0}, DRM_FORMAT_NV12},
        {{DRM_FORMAT_R8, DRM_FORMAT_RG88, 0}, DRM_FORMAT_NV21},
        {{DRM_FORMAT_R16, DRM_FORMAT_GR1616, 0}, DRM_FORMAT_P010},
        {{DRM_FORMAT_R8, DRM_FORMAT_R8, DRM_FORMAT_R8}, DRM_FORMAT_YUV420},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        bool same = drm->nb_layers == (known[i].layers[2] ? 3 : 2);

        for (int layer = 0; same && layer < drm->nb_layers; layer++)
            same = drm->layers[layer].format == known[i].layers[layer];
        if (same)
            return known[i].whole;
    }
    return 0;
}

/* 0: none that is known. */
static uint32_t composed_fourcc(const AVDRMFrameDescriptor *drm, uint32_t whole)
{
    bool swapped;

    if (drm->nb_layers == 1)
        return drm->layers[0].format;
    if (!whole)
        return guess_fourcc(drm);
    return av_pix_fmt_count_planes((enum AVPixelFormat)drm_format_pix_fmt(whole, &swapped)) ==
                   drm->nb_layers
               ? whole
               : 0;
}

/* What libavutil knows of a picture's pixels; 0: nothing. */
static uint32_t whole_of(const AVFrame *picture)
{
    const AVHWFramesContext *frames =
        picture->hw_frames_ctx ? (const void *)picture->hw_frames_ctx->data : NULL;
    uint32_t whole;

    if (!frames || frames->sw_format == AV_PIX_FMT_NONE)
        return 0;
    whole = drm_format_of(frames->sw_format);
    return whole ? whole : NO_NAME;
}

/* The device that libavutil says such pictures are of; 0: it says none. */
static uint64_t device_of(const AVFrame *picture)
{
    const AVHWFramesContext *frames =
        picture->hw_frames_ctx ? (const void *)picture->hw_frames_ctx->data : NULL;

    return frames && frames->device_ctx->type == AV_HWDEVICE_TYPE_DRM
               ? drm_device_number(((const AVDRMDeviceContext *)frames->device_ctx->hwctx)->fd)
               : 0;
}

static int add_plane(struct limef_hardware_frame *hardware, const AVDRMFrameDescriptor *drm,
                     const AVDRMPlaneDescriptor *plane)
{
    const AVDRMObjectDescriptor *object;
    uint64_t inode;
    int ret;

    if (hardware->n_planes == LIMEF_HARDWARE_MAX_PLANES || plane->object_index < 0 ||
        plane->object_index >= drm->nb_objects || plane->offset < 0 || plane->pitch <= 0)
        return AVERROR(EINVAL);
    object = &drm->objects[plane->object_index];
    if (hardware->n_planes > 0 && object->format_modifier != hardware->modifier)
        return AVERROR(EINVAL);
    ret = dmabuf_inode(object->fd, &inode);
    if (ret < 0)
        return ret;
    hardware->modifier = object->format_modifier;
    hardware->planes[hardware->n_planes++] = (struct limef_hardware_plane){
        .fd = object->fd,
        .offset_bytes = (uint32_t)plane->offset,
        .pitch_bytes = (uint32_t)plane->pitch,
        .inode = inode,
    };
    return 0;
}

int hardware_map_drm(struct limef_hardware_frame *hardware, const AVDRMFrameDescriptor *drm,
                     uint32_t whole)
{
    *hardware = (struct limef_hardware_frame){.fence_fd = -1};
    hardware->fourcc = composed_fourcc(drm, whole);
    if (!hardware->fourcc)
        return AVERROR(EINVAL);
    for (int layer = 0; layer < drm->nb_layers; layer++)
        for (int plane = 0; plane < drm->layers[layer].nb_planes; plane++) {
            int ret = add_plane(hardware, drm, &drm->layers[layer].planes[plane]);

            if (ret < 0)
                return ret;
        }
    return 0;
}

static int map_drm_prime(struct limef_hardware_frame *hardware, const AVFrame *picture)
{
    const AVDRMFrameDescriptor *drm = (const AVDRMFrameDescriptor *)(const void *)picture->data[0];
    int ret = hardware_map_drm(hardware, drm, whole_of(picture));

    if (hardware->modifier == DRM_FORMAT_MOD_INVALID)
        hardware->device = device_of(picture);
    return ret;
}

bool limef_hardware_is(const struct AVFrame *picture)
{
    return picture->format == AV_PIX_FMT_DRM_PRIME || picture->format == AV_PIX_FMT_VAAPI;
}

int hardware_map_whole(struct limef_hardware_frame *hardware, const struct AVFrame *picture)
{
    int ret = AVERROR(ENOSYS);

    *hardware = (struct limef_hardware_frame){.fence_fd = -1};
    if (picture->format == AV_PIX_FMT_DRM_PRIME)
        ret = map_drm_prime(hardware, picture);
    else if (picture->format == AV_PIX_FMT_VAAPI)
        ret = hardware_vaapi_map(hardware, picture);
    if (ret < 0) {
        *hardware = (struct limef_hardware_frame){.fence_fd = -1};
        return ret;
    }
    /* libavcodec cuts off hardware pictures at the right and below, and leaves the rest to others
     */
    hardware->x = (int)picture->crop_left;
    hardware->y = (int)picture->crop_top;
    hardware->width = picture->width - hardware->x;
    hardware->height = picture->height - hardware->y;
    hardware->color_space = picture->colorspace;
    hardware->color_range = picture->color_range;
    hardware->chroma_location = picture->chroma_location;
    return 0;
}

/* Has planes begin at the first pixel that is shown, where rows are in order. */
static void skip_cropped(struct limef_hardware_frame *hardware)
{
    bool swapped;
    enum AVPixelFormat format = (enum AVPixelFormat)drm_format_pix_fmt(hardware->fourcc, &swapped);
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);

    if (hardware->modifier != DRM_FORMAT_MOD_LINEAR || !desc ||
        (int)hardware->n_planes != av_pix_fmt_count_planes(format) ||
        hardware->x % (1 << desc->log2_chroma_w) || hardware->y % (1 << desc->log2_chroma_h))
        return;
    for (unsigned i = 0; i < hardware->n_planes; i++) {
        struct limef_hardware_plane *plane = &hardware->planes[i];
        int row = i == 0 ? hardware->y : hardware->y >> desc->log2_chroma_h;

        plane->offset_bytes += (uint32_t)row * plane->pitch_bytes +
                               (uint32_t)av_image_get_linesize(format, hardware->x, (int)i);
    }
    hardware->x = hardware->y = 0;
}

int limef_hardware_frame_map(struct limef_hardware_frame *hardware, const struct AVFrame *picture)
{
    int ret = hardware_map_whole(hardware, picture);

    if (ret >= 0 && (hardware->x || hardware->y))
        skip_cropped(hardware);
    return ret;
}

const char *limef_hardware_device_name(const struct AVBufferRef *device)
{
    const AVHWDeviceContext *context = (const AVHWDeviceContext *)(const void *)device->data;
    const char *name = hardware_vaapi_name(device);

    return name ? name : av_hwdevice_get_type_name(context->type);
}
