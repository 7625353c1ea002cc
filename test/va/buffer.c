/* SPDX-License-Identifier: MIT */
/* Buffers: parameters and slices on their way to the driver, and images' bytes. */
#include "driver.h"

#include <stdlib.h>
#include <string.h>

void buffer_free(struct buffer *buffer)
{
    free(buffer->bytes);
    free(buffer);
}

VAStatus buffer_create(VADriverContextP context, VAContextID id, VABufferType type,
                       unsigned element_bytes, unsigned n_elements, void *data, VABufferID *result)
{
    size_t size = (size_t)element_bytes * n_elements;
    struct buffer *buffer;

    (void)id;
    CALLED(vaCreateBuffer);
    if (size == 0)
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    buffer = calloc(1, sizeof(*buffer));
    if (!buffer)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    buffer->type = type;
    buffer->element_bytes = element_bytes;
    buffer->n_elements = n_elements;
    buffer->bytes = calloc(1, size);
    *result = VA_INVALID_ID;
    if (buffer->bytes)
        *result = objects_add(&driver_of(context)->objects, &buffer->object, OBJECT_BUFFER);
    if (*result == VA_INVALID_ID) {
        buffer_free(buffer);
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    }
    if (data)
        memcpy(buffer->bytes, data, size);
    return VA_STATUS_SUCCESS;
}

VAStatus buffer_set_num_elements(VADriverContextP context, VABufferID id, unsigned n_elements)
{
    struct buffer *buffer;

    CALLED(vaBufferSetNumElements);
    buffer = objects_get(&driver_of(context)->objects, id, OBJECT_BUFFER);
    if (!buffer)
        return VA_STATUS_ERROR_INVALID_BUFFER;
    if (n_elements > buffer->n_elements)
        return VA_STATUS_ERROR_NOT_ENOUGH_BUFFER;
    buffer->n_elements = n_elements;
    return VA_STATUS_SUCCESS;
}

/* For libva's trace. */
VAStatus buffer_info(VADriverContextP context, VABufferID id, VABufferType *type, unsigned *size,
                     unsigned *n_elements)
{
    const struct buffer *buffer;

    CALLED(vaBufferInfo);
    buffer = objects_get(&driver_of(context)->objects, id, OBJECT_BUFFER);
    if (!buffer)
        return VA_STATUS_ERROR_INVALID_BUFFER;
    *type = buffer->type;
    *size = buffer->element_bytes;
    *n_elements = buffer->n_elements;
    return VA_STATUS_SUCCESS;
}

VAStatus buffer_map(VADriverContextP context, VABufferID id, void **bytes)
{
    struct driver *driver = driver_of(context);
    struct buffer *buffer;
    struct surface *surface;

    CALLED(vaMapBuffer);
    buffer = objects_get(&driver->objects, id, OBJECT_BUFFER);
    if (!buffer)
        return VA_STATUS_ERROR_INVALID_BUFFER;
    if (buffer->bytes) {
        *bytes = buffer->bytes;
        return VA_STATUS_SUCCESS;
    }
    surface = objects_get(&driver->objects, buffer->surface, OBJECT_SURFACE);
    if (!surface)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    memory_begin(&surface->memory, true);
    *bytes = surface->memory.bytes;
    return VA_STATUS_SUCCESS;
}

VAStatus buffer_unmap(VADriverContextP context, VABufferID id)
{
    struct driver *driver = driver_of(context);
    struct buffer *buffer;
    struct surface *surface;

    CALLED(vaUnmapBuffer);
    buffer = objects_get(&driver->objects, id, OBJECT_BUFFER);
    if (!buffer)
        return VA_STATUS_ERROR_INVALID_BUFFER;
    if (buffer->bytes)
        return VA_STATUS_SUCCESS;
    surface = objects_get(&driver->objects, buffer->surface, OBJECT_SURFACE);
    if (!surface)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    memory_end(&surface->memory, true);
    return VA_STATUS_SUCCESS;
}

VAStatus buffer_destroy(VADriverContextP context, VABufferID id)
{
    struct buffer *buffer;

    CALLED(vaDestroyBuffer);
    buffer = objects_take(&driver_of(context)->objects, id, OBJECT_BUFFER);
    if (!buffer)
        return VA_STATUS_ERROR_INVALID_BUFFER;
    buffer_free(buffer);
    return VA_STATUS_SUCCESS;
}
