/* SPDX-License-Identifier: MIT */
/* Surfaces as dma-bufs (or memfds), for other programming interfaces. */
#include "driver.h"

#include <fcntl.h>
#include <unistd.h>
#include <va/va_drmcommon.h>

static void describe_composed(VADRMPRIMESurfaceDescriptor *descriptor,
                              const struct surface *surface)
{
    descriptor->num_layers = 1;
    descriptor->layers[0].drm_format = surface->format->fourcc;
    descriptor->layers[0].num_planes = 2;
    for (unsigned plane = 0; plane < 2; plane++) {
        descriptor->layers[0].object_index[plane] = plane % descriptor->num_objects;
        descriptor->layers[0].pitch[plane] = surface->memory.pitch_bytes;
    }
    descriptor->layers[0].offset[1] = (uint32_t)surface_chroma_offset(surface);
}

static void describe_separate(VADRMPRIMESurfaceDescriptor *descriptor,
                              const struct surface *surface)
{
    descriptor->num_layers = 2;
    for (unsigned plane = 0; plane < 2; plane++) {
        descriptor->layers[plane].drm_format = surface->format->plane_formats[plane];
        descriptor->layers[plane].num_planes = 1;
        descriptor->layers[plane].object_index[0] = plane % descriptor->num_objects;
        descriptor->layers[plane].pitch[0] = surface->memory.pitch_bytes;
    }
    descriptor->layers[1].offset[0] = (uint32_t)surface_chroma_offset(surface);
}

/* Each object is the whole surface. @return false: no descriptor is left */
static bool describe_objects(VADRMPRIMESurfaceDescriptor *descriptor, const struct driver *driver,
                             const struct surface *surface)
{
    while (descriptor->num_objects < driver->n_objects) {
        int fd = fcntl(surface->memory.fd, F_DUPFD_CLOEXEC, 0);

        if (fd < 0) {
            while (descriptor->num_objects > 0)
                close(descriptor->objects[--descriptor->num_objects].fd);
            return false;
        }
        descriptor->objects[descriptor->num_objects].fd = fd;
        descriptor->objects[descriptor->num_objects].size = (uint32_t)surface->memory.size;
        descriptor->objects[descriptor->num_objects].drm_format_modifier = driver->modifier;
        descriptor->num_objects++;
    }
    return true;
}

VAStatus surface_export(VADriverContextP context, VASurfaceID id, uint32_t memory_type,
                        uint32_t flags, void *result)
{
    struct driver *driver = driver_of(context);
    VADRMPRIMESurfaceDescriptor descriptor = {0};
    const struct surface *surface;

    CALLED(vaExportSurfaceHandle);
    surface = objects_get(&driver->objects, id, OBJECT_SURFACE);
    if (!surface)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    if (memory_type != VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2)
        return VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE;
    descriptor.fourcc = driver->fourcc ? driver->fourcc : surface->format->fourcc;
    descriptor.width = surface->width;
    descriptor.height = surface->height;
    if (!describe_objects(&descriptor, driver, surface))
        return VA_STATUS_ERROR_OPERATION_FAILED;
    if (flags & VA_EXPORT_SURFACE_COMPOSED_LAYERS)
        describe_composed(&descriptor, surface);
    else
        describe_separate(&descriptor, surface);
    *(VADRMPRIMESurfaceDescriptor *)result = descriptor;
    return VA_STATUS_SUCCESS;
}
