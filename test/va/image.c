/* SPDX-License-Identifier: MIT */
/* Images: surfaces' pixels for the CPU, in place or copied. */
#include "driver.h"

#include <stdlib.h>

#define PITCH_ALIGNMENT 64

struct image {
    struct object object;
    VAImage image;
    const struct pixel_format *format;
};

/* A rectangle, in pixels. */
struct area {
    unsigned x, y, width, height;
};

void image_free(struct image *image)
{
    free(image);
}

static VAImageFormat image_format(const struct pixel_format *format)
{
    return (VAImageFormat){.fourcc = format->fourcc,
                           .byte_order = VA_LSB_FIRST,
                           .bits_per_pixel = format->bits_per_pixel};
}

VAStatus image_query_formats(VADriverContextP context, VAImageFormat *list, int *n)
{
    (void)context;
    CALLED(vaQueryImageFormats);
    for (*n = 0; pixel_format_at((unsigned)*n); ++*n)
        list[*n] = image_format(pixel_format_at((unsigned)*n));
    return VA_STATUS_SUCCESS;
}

/* Adds an image and the buffer with its bytes, which are taken; NULL: those of a surface. */
static VAStatus add(struct driver *driver, VAImage *image, const struct pixel_format *format,
                    uint8_t *bytes, VASurfaceID surface)
{
    struct image *kept = calloc(1, sizeof(*kept));
    struct buffer *buffer = calloc(1, sizeof(*buffer));

    if (kept && buffer) {
        *buffer = (struct buffer){.type = VAImageBufferType,
                                  .element_bytes = image->data_size,
                                  .n_elements = 1,
                                  .bytes = bytes,
                                  .surface = surface};
        kept->format = format;
        image->format = image_format(format);
        image->num_planes = 2;
        image->buf = objects_add(&driver->objects, &buffer->object, OBJECT_BUFFER);
        image->image_id = objects_add(&driver->objects, &kept->object, OBJECT_IMAGE);
        kept->image = *image;
        if (image->buf != VA_INVALID_ID && image->image_id != VA_INVALID_ID)
            return VA_STATUS_SUCCESS;
        objects_take(&driver->objects, image->buf, OBJECT_BUFFER);
        objects_take(&driver->objects, image->image_id, OBJECT_IMAGE);
    }
    free(bytes);
    free(buffer);
    free(kept);
    return VA_STATUS_ERROR_ALLOCATION_FAILED;
}

VAStatus image_create(VADriverContextP context, VAImageFormat *wanted, int width, int height,
                      VAImage *image)
{
    const struct pixel_format *format = pixel_format_of_fourcc(wanted->fourcc);
    unsigned pitch, n_rows = ((unsigned)height + 1) / 2 * 2;
    uint8_t *bytes;

    CALLED(vaCreateImage);
    if (!format)
        return VA_STATUS_ERROR_INVALID_IMAGE_FORMAT;
    if (width < 1 || height < 1 || width > MAX_PICTURE_SIZE || height > MAX_PICTURE_SIZE)
        return VA_STATUS_ERROR_RESOLUTION_NOT_SUPPORTED;
    pitch = ((unsigned)width * format->sample_bytes + PITCH_ALIGNMENT - 1) / PITCH_ALIGNMENT *
            PITCH_ALIGNMENT;
    *image = (VAImage){.width = (uint16_t)width,
                       .height = (uint16_t)height,
                       .data_size = pitch * n_rows * 3 / 2,
                       .pitches = {pitch, pitch},
                       .offsets = {0, pitch * n_rows}};
    bytes = calloc(1, image->data_size);
    if (!bytes)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    return add(driver_of(context), image, format, bytes, VA_INVALID_SURFACE);
}

VAStatus image_derive(VADriverContextP context, VASurfaceID id, VAImage *image)
{
    struct driver *driver = driver_of(context);
    const struct surface *surface;
    unsigned pitch;

    CALLED(vaDeriveImage);
    surface = objects_get(&driver->objects, id, OBJECT_SURFACE);
    if (!surface)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    pitch = surface->memory.pitch_bytes;
    *image = (VAImage){.width = (uint16_t)surface->width,
                       .height = (uint16_t)surface->height,
                       .data_size = (uint32_t)surface->memory.size,
                       .pitches = {pitch, pitch},
                       .offsets = {0, (uint32_t)surface_chroma_offset(surface)}};
    return add(driver, image, surface->format, NULL, id);
}

VAStatus image_destroy(VADriverContextP context, VAImageID id)
{
    struct objects *objects = &driver_of(context)->objects;
    struct buffer *buffer;
    struct image *image;

    CALLED(vaDestroyImage);
    image = objects_take(objects, id, OBJECT_IMAGE);
    if (!image)
        return VA_STATUS_ERROR_INVALID_IMAGE;
    buffer = objects_take(objects, image->image.buf, OBJECT_BUFFER);
    if (buffer)
        buffer_free(buffer);
    image_free(image);
    return VA_STATUS_SUCCESS;
}

static bool is_within(const struct area *area, unsigned width, unsigned height)
{
    return area->x % 2 == 0 && area->y % 2 == 0 && area->x <= width &&
           area->width <= width - area->x && area->y <= height && area->height <= height - area->y;
}

/* Where an area begins in a plane. */
static uint8_t *at(uint8_t *plane, size_t pitch, unsigned sample_bytes, const struct area *area,
                   unsigned n_plane)
{
    return plane + (area->y >> n_plane) * pitch + (size_t)area->x * sample_bytes;
}

/* to_surface, or from it. Both areas are of one size. */
static VAStatus transfer(struct driver *driver, VASurfaceID surface_id,
                         const struct area *in_surface, VAImageID image_id,
                         const struct area *in_image, bool to_surface)
{
    struct surface *surface = objects_get(&driver->objects, surface_id, OBJECT_SURFACE);
    const struct image *image = objects_get(&driver->objects, image_id, OBJECT_IMAGE);
    const struct buffer *buffer =
        image ? objects_get(&driver->objects, image->image.buf, OBJECT_BUFFER) : NULL;

    if (!surface)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    if (!buffer || !buffer->bytes)
        return VA_STATUS_ERROR_INVALID_IMAGE;
    if (image->format != surface->format)
        return VA_STATUS_ERROR_INVALID_IMAGE_FORMAT;
    if (!is_within(in_surface, surface->width, surface->height) ||
        !is_within(in_image, image->image.width, image->image.height))
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    surface_settle(driver, surface);
    memory_begin(&surface->memory, to_surface);
    for (unsigned n = 0; n < 2; n++) {
        unsigned sample_bytes = surface->format->sample_bytes;
        size_t pitch = surface->memory.pitch_bytes, image_pitch = image->image.pitches[n];
        uint8_t *plane = surface->memory.bytes + (n ? surface_chroma_offset(surface) : 0);
        uint8_t *pixels = at(plane, pitch, sample_bytes, in_surface, n);
        uint8_t *bytes =
            at(buffer->bytes + image->image.offsets[n], image_pitch, sample_bytes, in_image, n);
        /* a pair of samples for each two pixels, the last of an odd width too */
        size_t row_bytes = (size_t)(in_surface->width + n) / (n + 1) * (n + 1) * sample_bytes;
        unsigned n_rows = (in_surface->height + n) >> n;

        if (to_surface)
            pixels_copy(pixels, pitch, bytes, image_pitch, row_bytes, n_rows);
        else
            pixels_copy(bytes, image_pitch, pixels, pitch, row_bytes, n_rows);
    }
    memory_end(&surface->memory, to_surface);
    return VA_STATUS_SUCCESS;
}

VAStatus image_get(VADriverContextP context, VASurfaceID surface, int x, int y, unsigned width,
                   unsigned height, VAImageID image)
{
    const struct area in_surface = {(unsigned)x, (unsigned)y, width, height};
    const struct area in_image = {0, 0, width, height};

    CALLED(vaGetImage);
    return transfer(driver_of(context), surface, &in_surface, image, &in_image, false);
}

VAStatus image_put(VADriverContextP context, VASurfaceID surface, VAImageID image, int from_x,
                   int from_y, unsigned from_width, unsigned from_height, int to_x, int to_y,
                   unsigned to_width, unsigned to_height)
{
    const struct area in_surface = {(unsigned)to_x, (unsigned)to_y, to_width, to_height};
    const struct area in_image = {(unsigned)from_x, (unsigned)from_y, from_width, from_height};

    CALLED(vaPutImage);
    if (from_width != to_width || from_height != to_height)
        return VA_STATUS_ERROR_INVALID_PARAMETER; /* does not scale */
    return transfer(driver_of(context), surface, &in_surface, image, &in_image, true);
}
