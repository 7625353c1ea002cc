/* SPDX-License-Identifier: MIT */
#include "decoder.h"
#include "driver.h"

#include <drm_fourcc.h>
#include <fcntl.h>
#include <libavutil/frame.h>
#include <stdlib.h>
#include <va/va_drmcommon.h>

#define PITCH_ALIGNMENT 256
#define ROW_ALIGNMENT 16

static const struct pixel_format formats[] = {
    {VA_FOURCC_NV12, {DRM_FORMAT_R8, DRM_FORMAT_GR88}, VA_RT_FORMAT_YUV420, 1, 12},
    {VA_FOURCC_P010, {DRM_FORMAT_R16, DRM_FORMAT_GR1616}, VA_RT_FORMAT_YUV420_10, 2, 24},
};

#define N_FORMATS (sizeof(formats) / sizeof(*formats))

const struct pixel_format *pixel_format_at(unsigned n)
{
    return n < N_FORMATS ? &formats[n] : NULL;
}

const struct pixel_format *pixel_format_of_fourcc(uint32_t fourcc)
{
    for (unsigned i = 0; i < N_FORMATS; i++) {
        if (formats[i].fourcc == fourcc)
            return &formats[i];
    }
    return NULL;
}

const struct pixel_format *pixel_format_of_rt_format(unsigned rt_format)
{
    for (unsigned i = 0; i < N_FORMATS; i++) {
        if (formats[i].rt_format == rt_format)
            return &formats[i];
    }
    return NULL;
}

static unsigned align(unsigned value, unsigned to)
{
    return (value + to - 1) / to * to;
}

size_t surface_chroma_offset(const struct surface *surface)
{
    return (size_t)surface->memory.pitch_bytes * surface->n_rows;
}

void surface_free(struct surface *surface)
{
    decoder_unref(surface->decoder);
    av_frame_free(&surface->late);
    memory_clear(&surface->memory);
    free(surface);
}

static struct surface *surface_new(const struct driver *driver, const struct pixel_format *format,
                                   unsigned width, unsigned height)
{
    struct surface *surface = calloc(1, sizeof(*surface));
    unsigned pitch_bytes = align(width * format->sample_bytes, PITCH_ALIGNMENT);

    if (!surface)
        return NULL;
    surface->width = width;
    surface->height = height;
    surface->format = format;
    surface->n_rows = align(height, ROW_ALIGNMENT);
    if (!memory_init(&surface->memory, driver->card_fd, pitch_bytes, surface->n_rows * 3 / 2)) {
        free(surface);
        return NULL;
    }
    return surface;
}

static VAStatus check_attributes(const VASurfaceAttrib *attributes, unsigned n,
                                 const struct pixel_format **format)
{
    for (unsigned i = 0; i < n; i++) {
        unsigned value = (unsigned)attributes[i].value.value.i;

        switch (attributes[i].type) {
        case VASurfaceAttribPixelFormat:
            if (pixel_format_of_fourcc(value) != *format)
                return VA_STATUS_ERROR_INVALID_IMAGE_FORMAT;
            break;
        case VASurfaceAttribMemoryType:
            if (value != VA_SURFACE_ATTRIB_MEM_TYPE_VA)
                return VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE;
            break;
        case VASurfaceAttribExternalBufferDescriptor:
            return VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE;
        default: /* hints */
            break;
        }
    }
    return VA_STATUS_SUCCESS;
}

static VAStatus destroy(struct driver *driver, const VASurfaceID *ids, unsigned n)
{
    VAStatus status = VA_STATUS_SUCCESS;

    for (unsigned i = 0; i < n; i++) {
        struct surface *surface = objects_take(&driver->objects, ids[i], OBJECT_SURFACE);

        if (surface)
            surface_free(surface);
        else
            status = VA_STATUS_ERROR_INVALID_SURFACE;
    }
    return status;
}

static VAStatus create(struct driver *driver, const struct pixel_format *format, unsigned width,
                       unsigned height, VASurfaceID *id)
{
    struct surface *surface = surface_new(driver, format, width, height);

    if (!surface)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    *id = objects_add(&driver->objects, &surface->object, OBJECT_SURFACE);
    if (*id == VA_INVALID_ID) {
        surface_free(surface);
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    }
    return VA_STATUS_SUCCESS;
}

VAStatus surfaces_create2(VADriverContextP context, unsigned rt_format, unsigned width,
                          unsigned height, VASurfaceID *ids, unsigned n,
                          VASurfaceAttrib *attributes, unsigned n_attributes)
{
    const struct pixel_format *format = pixel_format_of_rt_format(rt_format);
    struct driver *driver = driver_of(context);
    VAStatus status;

    CALLED(vaCreateSurfaces2);
    if (!format)
        return VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT;
    if (width < 1 || height < 1 || width > MAX_PICTURE_SIZE || height > MAX_PICTURE_SIZE)
        return VA_STATUS_ERROR_RESOLUTION_NOT_SUPPORTED;
    status = check_attributes(attributes, n_attributes, &format);
    for (unsigned i = 0; i < n && status == VA_STATUS_SUCCESS; i++) {
        status = create(driver, format, width, height, &ids[i]);
        if (status != VA_STATUS_SUCCESS)
            destroy(driver, ids, i);
    }
    return status;
}

VAStatus surfaces_create(VADriverContextP context, int width, int height, int rt_format, int n,
                         VASurfaceID *ids)
{
    CALLED(vaCreateSurfaces);
    return surfaces_create2(context, (unsigned)rt_format, (unsigned)width, (unsigned)height, ids,
                            (unsigned)n, NULL, 0);
}

VAStatus surfaces_destroy(VADriverContextP context, VASurfaceID *ids, int n)
{
    CALLED(vaDestroySurfaces);
    return destroy(driver_of(context), ids, (unsigned)n);
}

VAStatus surface_write(struct driver *driver, struct surface *surface, const AVFrame *picture)
{
    VAStatus status = VA_STATUS_SUCCESS;

    pthread_mutex_lock(&driver->pixels);
    av_frame_free(&surface->late);
    if (driver->is_late) {
        surface->late = av_frame_clone(picture);
        if (!surface->late)
            status = VA_STATUS_ERROR_ALLOCATION_FAILED;
    } else if (!pixels_write(surface, picture)) {
        status = VA_STATUS_ERROR_DECODING_ERROR;
    }
    pthread_mutex_unlock(&driver->pixels);
    return status;
}

void surface_settle(struct driver *driver, struct surface *surface)
{
    pthread_mutex_lock(&driver->pixels);
    if (surface->late)
        pixels_write(surface, surface->late);
    av_frame_free(&surface->late);
    pthread_mutex_unlock(&driver->pixels);
}

static VAStatus wait_for(struct driver *driver, VASurfaceID id)
{
    struct surface *surface = objects_get(&driver->objects, id, OBJECT_SURFACE);

    if (!surface)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    surface_settle(driver, surface);
    return VA_STATUS_SUCCESS;
}

VAStatus surface_sync(VADriverContextP context, VASurfaceID id)
{
    CALLED(vaSyncSurface);
    return wait_for(driver_of(context), id);
}

VAStatus surface_sync2(VADriverContextP context, VASurfaceID id, uint64_t timeout_ns)
{
    (void)timeout_ns; /* it never takes longer than what was commanded */
    CALLED(vaSyncSurface2);
    return wait_for(driver_of(context), id);
}

VAStatus surface_query_status(VADriverContextP context, VASurfaceID id, VASurfaceStatus *status)
{
    struct driver *driver = driver_of(context);
    struct surface *surface;

    CALLED(vaQuerySurfaceStatus);
    surface = objects_get(&driver->objects, id, OBJECT_SURFACE);
    if (!surface)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    pthread_mutex_lock(&driver->pixels);
    *status = surface->late ? VASurfaceRendering : VASurfaceReady;
    pthread_mutex_unlock(&driver->pixels);
    return VA_STATUS_SUCCESS;
}
