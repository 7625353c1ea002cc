/* SPDX-License-Identifier: MIT */
#include "memfd_frame.h"

#include "frame/drm_format.h"

#include <dirent.h>
#include <drm_fourcc.h>
#include <libavutil/frame.h>
#include <libavutil/hwcontext.h>
#include <libavutil/hwcontext_drm.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <limef/frame/pool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct memory {
    AVDRMFrameDescriptor drm; /* first: what AVFrame.data[0] points to */
    uint8_t *mapped;
    size_t bytes;
    int pix_fmt;
};

static void release(void *opaque, uint8_t *data)
{
    struct memory *memory = (void *)data;

    (void)opaque;
    munmap(memory->mapped, memory->bytes);
    close(memory->drm.objects[0].fd);
    free(memory);
}

static struct memory *memory_of(const struct limef_payload *payload)
{
    return (void *)limef_payload_picture((struct limef_payload *)payload)->data[0];
}

static uint32_t plane_format(int pix_fmt, int plane)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(pix_fmt);
    bool wide = desc->comp[0].depth + desc->comp[0].shift > 8;
    bool pair = plane == 1 && desc->comp[1].plane == desc->comp[2].plane;

    if (wide)
        return pair ? DRM_FORMAT_GR1616 : DRM_FORMAT_R16;
    return pair ? DRM_FORMAT_GR88 : DRM_FORMAT_R8;
}

/* Plans where planes lie; returns the bytes of all. */
static size_t lay_out(AVDRMFrameDescriptor *drm, const AVFrame *from, struct memfd_layout layout)
{
    int n_planes = av_pix_fmt_count_planes(from->format);
    size_t bytes = layout.offset_bytes;

    *drm = (AVDRMFrameDescriptor){.nb_objects = 1, .nb_layers = layout.layers ? n_planes : 1};
    drm->layers[0].format = drm_format_of(from->format);
    for (int i = 0; i < n_planes; i++) {
        AVDRMLayerDescriptor *layer = &drm->layers[layout.layers ? i : 0];
        int row = FFALIGN(av_image_get_linesize(from->format, from->width, i), 64);
        int height =
            i == 1 || i == 2
                ? AV_CEIL_RSHIFT(from->height, av_pix_fmt_desc_get(from->format)->log2_chroma_h)
                : from->height;

        row += (int)layout.row_extra_bytes;
        if (layout.layers)
            layer->format = plane_format(from->format, i);
        layer->planes[layer->nb_planes++] =
            (AVDRMPlaneDescriptor){.offset = (ptrdiff_t)bytes, .pitch = row};
        bytes += (size_t)row * (size_t)height + 64;
    }
    return bytes;
}

static AVDRMPlaneDescriptor *plane_of(AVDRMFrameDescriptor *drm, int i)
{
    return drm->nb_layers > 1 ? &drm->layers[i].planes[0] : &drm->layers[0].planes[i];
}

void memfd_frame_write(struct limef_payload *payload, const AVFrame *from)
{
    struct memory *memory = memory_of(payload);
    uint8_t *data[4] = {NULL};
    int linesize[4] = {0};

    for (int i = 0; i < av_pix_fmt_count_planes(memory->pix_fmt); i++) {
        data[i] = memory->mapped + plane_of(&memory->drm, i)->offset;
        linesize[i] = (int)plane_of(&memory->drm, i)->pitch;
    }
    av_image_copy(data, linesize, (const uint8_t **)(void *)from->data, from->linesize,
                  memory->pix_fmt, from->width, from->height);
}

/* A frames context that knows of its pictures' format and nothing else. */
static AVBufferRef *frames_of(enum AVPixelFormat sw_format)
{
    AVBufferRef *device = av_hwdevice_ctx_alloc(AV_HWDEVICE_TYPE_DRM);
    AVBufferRef *frames = av_hwframe_ctx_alloc(device);

    ((AVHWFramesContext *)(void *)frames->data)->format = AV_PIX_FMT_DRM_PRIME;
    ((AVHWFramesContext *)(void *)frames->data)->sw_format = sw_format;
    av_buffer_unref(&device);
    return frames;
}

struct limef_payload *memfd_frame_make(struct limef_pool *pool, const AVFrame *from,
                                       struct memfd_layout layout)
{
    struct limef_payload *payload = limef_pool_get(pool);
    struct memory *memory = calloc(1, sizeof(*memory));
    AVFrame *av = limef_payload_picture(payload);
    int fd = memfd_create("picture", MFD_CLOEXEC);

    memory->pix_fmt = from->format;
    memory->bytes = lay_out(&memory->drm, from, layout);
    memory->drm.objects[0] = (AVDRMObjectDescriptor){
        .fd = fd, .size = memory->bytes, .format_modifier = layout.modifier};
    if (fd < 0 || ftruncate(fd, (off_t)memory->bytes) < 0)
        abort();
    memory->mapped = mmap(NULL, memory->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory->mapped == MAP_FAILED)
        abort();
    av->buf[0] = av_buffer_create((void *)memory, sizeof(*memory), release, NULL, 0);
    av->data[0] = av->buf[0]->data;
    av->format = AV_PIX_FMT_DRM_PRIME;
    av->width = from->width;
    av->height = from->height;
    av->crop_left = layout.crop_left;
    av->crop_top = layout.crop_top;
    av->colorspace = from->colorspace;
    av->color_range = from->color_range;
    av->chroma_location = from->chroma_location;
    if (layout.frames_of)
        av->hw_frames_ctx = frames_of(layout.frames_of);
    memfd_frame_write(payload, from);
    return payload;
}

int memfd_frame_take_fd(struct limef_payload *payload)
{
    int fd = memory_of(payload)->drm.objects[0].fd;

    memory_of(payload)->drm.objects[0].fd = -1;
    return fd;
}

void memfd_frame_give_fd(struct limef_payload *payload, int fd)
{
    memory_of(payload)->drm.objects[0].fd = fd;
}

unsigned memfd_frame_count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned n = 0;

    while (readdir(folder))
        n++;
    closedir(folder);
    return n;
}
