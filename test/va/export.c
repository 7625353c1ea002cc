/* SPDX-License-Identifier: MIT */
/* Surfaces as dma-bufs (or memfds), for other programming interfaces. */
#include "driver.h"

#include <drm_fourcc.h>
#include <fcntl.h>
#include <va/va_drmcommon.h>

static void describe_composed(VADRMPRIMESurfaceDescriptor *descriptor,
                              const struct surface *surface)
{
    descriptor->num_layers = 1;
    descriptor->layers[0].drm_format = surface->format->fourcc;
    descriptor->layers[0].num_planes = 2;
    for (unsigned plane = 0; plane < 2; plane++)
        descriptor->layers[0].pitch[plane] = surface->memory.pitch_bytes;
    descriptor->layers[0].offset[1] = (uint32_t)surface_chroma_offset(surface);
}

static void describe_separate(VADRMPRIMESurfaceDescriptor *descriptor,
                              const struct surface *surface)
{
    descriptor->num_layers = 2;
    for (unsigned plane = 0; plane < 2; plane++) {
        descriptor->layers[plane].drm_format = surface->format->plane_formats[plane];
        descriptor->layers[plane].num_planes = 1;
        descriptor->layers[plane].pitch[0] = surface->memory.pitch_bytes;
    }
    descriptor->layers[1].offset[0] = (uint32_t)surface_chroma_offset(surface);
}

VAStatus surface_export(VADriverContextP context, VASurfaceID id, uint32_t memory_type,
                        uint32_t flags, void *result)
{
    VADRMPRIMESurfaceDescriptor *descriptor = result;
    const struct surface *surface;
    int fd;

    CALLED(vaExportSurfaceHandle);
    surface = objects_get(&driver_of(context)->objects, id, OBJECT_SURFACE);
    if (!surface)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    if (memory_type != VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2)
        return VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE;
    fd = fcntl(surface->memory.fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return VA_STATUS_ERROR_OPERATION_FAILED;
    *descriptor = (VADRMPRIMESurfaceDescriptor){
        .fourcc = surface->format->fourcc,
        .width = surface->width,
        .height = surface->height,
        .num_objects = 1,
        .objects[0] = {.fd = fd,
                       .size = (uint32_t)surface->memory.size,
                       .drm_format_modifier = DRM_FORMAT_MOD_LINEAR},
    };
    if (flags & VA_EXPORT_SURFACE_COMPOSED_LAYERS)
        describe_composed(descriptor, surface);
    else
        describe_separate(descriptor, surface);
    return VA_STATUS_SUCCESS;
}
