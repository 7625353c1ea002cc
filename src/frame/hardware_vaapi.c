/* SPDX-License-Identifier: MIT */
/*
 * VA-API surfaces as buffers of the kernel. Each surface is exported once, and found again by its
 * number in a list that lives as long as the frames context: as long as any picture of it.
 */
#include "frame/hardware_private.h"

#include "base/memory_private.h"

#include <limef/base/log.h>

#include <drm_fourcc.h>
#include <libavutil/hwcontext.h>
#include <libavutil/hwcontext_drm.h>
#include <libavutil/hwcontext_vaapi.h>
#include <pthread.h>
#include <unistd.h>
#include <va/va_drmcommon.h>

/* A surface that was exported. */
struct surface {
    /* constant once it can be found */
    struct surface *next;
    VASurfaceID id;
    struct limef_hardware_frame frame; /* what is the same for all its pictures */
    int fds[4];
    uint32_t n_fds;

    LIMEF_ATOMIC(bool) is_decoded; /* its present picture was waited for */
};

/* Room for so many at a time: how many are in use at once varies, and one that is seen for the
 * first time minutes after the start would else be an allocation then. */
#define BLOCK_SURFACES 16

struct block {
    struct block *next;
    unsigned n_used;
    struct surface surfaces[BLOCK_SURFACES];
};

/* What is known of a frames context's surfaces. */
struct surfaces {
    /* only grows. Release: pairs with the acquire in find() */
    LIMEF_ATOMIC(struct surface *) first;
    bool are_noted;       /* a decoder says which pictures are new */
    pthread_mutex_t lock; /* held while one is exported; guards: */
    struct block *blocks;
};

static pthread_mutex_t adoption = PTHREAD_MUTEX_INITIALIZER;

static void close_all(struct surface *surface)
{
    for (uint32_t i = 0; i < surface->n_fds; i++)
        close(surface->fds[i]);
}

static void surfaces_free(AVHWFramesContext *frames)
{
    struct surfaces *surfaces = frames->user_opaque;
    struct surface *surface = atomic_load_explicit(&surfaces->first, memory_order_acquire);

    for (; surface; surface = surface->next)
        close_all(surface);
    while (surfaces->blocks) {
        struct block *block = surfaces->blocks;

        surfaces->blocks = block->next;
        memory_release(block);
    }
    pthread_mutex_destroy(&surfaces->lock);
    memory_release(surfaces);
}

/* Returns 0, AVERROR(ENOMEM), or AVERROR(EINVAL): somebody else uses what this needs. */
static int attach(AVHWFramesContext *frames, bool are_noted)
{
    struct surfaces *surfaces;

    if (frames->free || frames->user_opaque)
        return AVERROR(EINVAL);
    surfaces = memory_allocate(sizeof(*surfaces));
    if (!surfaces)
        return AVERROR(ENOMEM);
    pthread_mutex_init(&surfaces->lock, NULL);
    surfaces->are_noted = are_noted;
    frames->user_opaque = surfaces;
    /* release: who sees that they are ours sees what they are; pairs with the acquire in
     * are_ours(). A builtin, since the member is libavutil's */
    __atomic_store_n(&frames->free, surfaces_free, __ATOMIC_RELEASE);
    return 0;
}

/* Whether a context's surfaces are known here. Another thread may be adopting them. */
static bool are_ours(const AVHWFramesContext *frames)
{
    return __atomic_load_n(&frames->free, __ATOMIC_ACQUIRE) == surfaces_free;
}

int hardware_frames_prepare(AVBufferRef *frames)
{
    AVHWFramesContext *context = (AVHWFramesContext *)(void *)frames->data;

    return context->format == AV_PIX_FMT_VAAPI ? attach(context, true) : 0;
}

/* The surfaces of a context; of one that was not prepared here, they are adopted. */
static int surfaces_of(struct surfaces **surfaces, AVHWFramesContext *frames)
{
    int ret = 0;

    if (!are_ours(frames)) {
        pthread_mutex_lock(&adoption);
        if (!are_ours(frames))
            ret = attach(frames, false);
        pthread_mutex_unlock(&adoption);
    }
    *surfaces = ret < 0 ? NULL : frames->user_opaque;
    return ret;
}

static struct surface *find(struct surfaces *surfaces, VASurfaceID id)
{
    /* acquire: what is found is complete; pairs with the release in find_or_export() */
    struct surface *surface = atomic_load_explicit(&surfaces->first, memory_order_acquire);

    while (surface && surface->id != id)
        surface = surface->next;
    return surface;
}

static VADisplay display_of(const AVHWFramesContext *frames)
{
    return ((const AVVAAPIDeviceContext *)frames->device_ctx->hwctx)->display;
}

static VASurfaceID id_of(const AVFrame *picture)
{
    return (VASurfaceID)(uintptr_t)picture->data[3];
}

/* The same in libavutil's words. */
static AVDRMFrameDescriptor as_drm(const VADRMPRIMESurfaceDescriptor *exported)
{
    AVDRMFrameDescriptor drm = {.nb_objects = (int)exported->num_objects,
                                .nb_layers = (int)exported->num_layers};

    for (uint32_t i = 0; i < exported->num_objects; i++) {
        drm.objects[i].fd = exported->objects[i].fd;
        drm.objects[i].size = exported->objects[i].size;
        drm.objects[i].format_modifier = exported->objects[i].drm_format_modifier;
    }
    for (uint32_t i = 0; i < exported->num_layers; i++) {
        drm.layers[i].format = exported->layers[i].drm_format;
        drm.layers[i].nb_planes = (int)exported->layers[i].num_planes;
        for (uint32_t plane = 0; plane < exported->layers[i].num_planes; plane++)
            drm.layers[i].planes[plane] = (AVDRMPlaneDescriptor){
                .object_index = (int)exported->layers[i].object_index[plane],
                .offset = exported->layers[i].offset[plane],
                .pitch = exported->layers[i].pitch[plane],
            };
    }
    return drm;
}

/* libva's name of a picture as the kernel's, which mostly is the same word; 0: it has none. */
static uint32_t whole_of(const VADRMPRIMESurfaceDescriptor *exported)
{
    switch (exported->fourcc) {
    case VA_FOURCC_I420:
    case VA_FOURCC_IYUV:
    case VA_FOURCC_IMC3:
        return DRM_FORMAT_YUV420;
    case VA_FOURCC_422H:
        return DRM_FORMAT_YUV422;
    case VA_FOURCC_444P:
        return DRM_FORMAT_YUV444;
    default:
        return exported->fourcc;
    }
}

/* Exports a surface plane by plane, or if the driver cannot, as one picture. */
static int export_surface(struct surface *surface, const AVHWFramesContext *frames)
{
    VADisplay display = display_of(frames);
    VADRMPRIMESurfaceDescriptor exported = {0};
    AVDRMFrameDescriptor drm;
    VAStatus status = vaExportSurfaceHandle(
        display, surface->id, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2,
        VA_EXPORT_SURFACE_READ_ONLY | VA_EXPORT_SURFACE_SEPARATE_LAYERS, &exported);
    int ret;

    if (status == VA_STATUS_ERROR_INVALID_PARAMETER)
        status = vaExportSurfaceHandle(
            display, surface->id, VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2,
            VA_EXPORT_SURFACE_READ_ONLY | VA_EXPORT_SURFACE_COMPOSED_LAYERS, &exported);
    if (status != VA_STATUS_SUCCESS)
        return limef_fail(AVERROR(EIO), HARDWARE_NAME, "a surface cannot be exported: %s",
                          vaErrorStr(status));
    for (uint32_t i = 0; i < exported.num_objects; i++)
        surface->fds[surface->n_fds++] = exported.objects[i].fd;
    drm = as_drm(&exported);
    ret = hardware_map_drm(&surface->frame, &drm, whole_of(&exported));
    if (surface->frame.modifier == DRM_FORMAT_MOD_INVALID)
        surface->frame.device = hardware_vaapi_number(frames->device_ref);
    return ret < 0
               ? limef_fail(ret, HARDWARE_NAME, "a surface has a layout that cannot be described")
               : 0;
}

/* A block with room; NULL: no memory. */
static struct block *block_of(struct surfaces *surfaces)
{
    struct block *block = surfaces->blocks;

    if (block && block->n_used < BLOCK_SURFACES)
        return block;
    block = memory_allocate(sizeof(*block));
    if (!block)
        return NULL;
    block->next = surfaces->blocks;
    return surfaces->blocks = block;
}

static int export_new(struct surfaces *surfaces, const AVHWFramesContext *frames, VASurfaceID id)
{
    struct block *block = block_of(surfaces);
    struct surface *surface;
    int ret;

    if (!block)
        return limef_fail(AVERROR(ENOMEM), HARDWARE_NAME, "a surface was not exported");
    surface = &block->surfaces[block->n_used];
    surface->id = id;
    ret = export_surface(surface, frames);
    if (ret < 0) {
        close_all(surface);
        *surface = (struct surface){0};
        return ret;
    }
    block->n_used++;
    surface->next = atomic_load_explicit(&surfaces->first, memory_order_relaxed);
    /* release: pairs with the acquire in find() */
    atomic_store_explicit(&surfaces->first, surface, memory_order_release);
    return 0;
}

static int find_or_export(struct surface **surface, struct surfaces *surfaces,
                          const AVHWFramesContext *frames, VASurfaceID id)
{
    int ret = 0;

    *surface = find(surfaces, id);
    if (*surface)
        return 0;
    pthread_mutex_lock(&surfaces->lock);
    if (!find(surfaces, id))
        ret = export_new(surfaces, frames, id);
    pthread_mutex_unlock(&surfaces->lock);
    *surface = find(surfaces, id);
    return ret;
}

static int wait_decoded(struct surfaces *surfaces, struct surface *surface, VADisplay display)
{
    VAStatus status;

    /* acquire, release: who sees that another one waited sees what it waited for */
    if (surfaces->are_noted && atomic_load_explicit(&surface->is_decoded, memory_order_acquire))
        return 0;
    status = vaSyncSurface(display, surface->id);
    if (status != VA_STATUS_SUCCESS)
        return limef_fail(AVERROR(EIO), HARDWARE_NAME, "a picture was not decoded: %s",
                          vaErrorStr(status));
    atomic_store_explicit(&surface->is_decoded, true, memory_order_release);
    return 0;
}

int hardware_vaapi_map(struct limef_hardware_frame *hardware, const AVFrame *picture)
{
    AVHWFramesContext *frames;
    struct surfaces *surfaces;
    struct surface *surface;
    int ret;

    if (!picture->hw_frames_ctx)
        return AVERROR(EINVAL);
    frames = (AVHWFramesContext *)(void *)picture->hw_frames_ctx->data;
    ret = surfaces_of(&surfaces, frames);
    if (ret < 0)
        return ret;
    ret = find_or_export(&surface, surfaces, frames, id_of(picture));
    if (ret >= 0)
        ret = wait_decoded(surfaces, surface, display_of(frames));
    if (ret >= 0)
        *hardware = surface->frame;
    return ret;
}

/* What is known of a picture's surfaces; NULL: nothing. */
static struct surfaces *known_surfaces(const AVBufferRef *reference)
{
    const AVHWFramesContext *frames =
        reference ? (const AVHWFramesContext *)(const void *)reference->data : NULL;

    return frames && are_ours(frames) ? frames->user_opaque : NULL;
}

void hardware_note_new(const AVFrame *picture)
{
    struct surfaces *surfaces = known_surfaces(picture->hw_frames_ctx);
    struct surface *surface = surfaces ? find(surfaces, id_of(picture)) : NULL;

    if (surface)
        atomic_store_explicit(&surface->is_decoded, false, memory_order_relaxed);
}
