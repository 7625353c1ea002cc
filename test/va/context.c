/* SPDX-License-Identifier: MIT */
/* Contexts: a stream's decoder, and what is gathered of the picture to come. */
#include "decoder.h"
#include "driver.h"

#include <stdlib.h>
#include <string.h>

struct context {
    struct object object;
    const struct codec *codec;
    const struct pixel_format *format;
    struct decoder *decoder;
    struct stream stream;
    struct picture picture;
    struct bytes unit;
    VASurfaceID last_target; /* of the picture before; VA_INVALID_SURFACE: there was none */
};

void context_free(struct context *context)
{
    if (context->decoder)
        decoder_release(context->decoder);
    decoder_unref(context->decoder);
    stream_clear(&context->stream);
    bytes_clear(&context->picture.parameters);
    bytes_clear(&context->picture.matrices);
    bytes_clear(&context->picture.slice_parameters);
    bytes_clear(&context->picture.data);
    bytes_clear(&context->picture.slices);
    bytes_clear(&context->unit);
    free(context);
}

VAStatus context_create(VADriverContextP va, VAConfigID config_id, int width, int height, int flag,
                        VASurfaceID *targets, int n_targets, VAContextID *id)
{
    struct objects *objects = &driver_of(va)->objects;
    const struct config *config;
    struct context *context;

    (void)flag;
    CALLED(vaCreateContext);
    config = objects_get(objects, config_id, OBJECT_CONFIG);
    if (!config)
        return VA_STATUS_ERROR_INVALID_CONFIG;
    if (width < 1 || height < 1 || width > MAX_PICTURE_SIZE || height > MAX_PICTURE_SIZE)
        return VA_STATUS_ERROR_RESOLUTION_NOT_SUPPORTED;
    for (int i = 0; i < n_targets; i++) {
        if (!objects_get(objects, targets[i], OBJECT_SURFACE))
            return VA_STATUS_ERROR_INVALID_SURFACE;
    }
    context = calloc(1, sizeof(*context));
    if (!context)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    context->codec = config->codec;
    context->format = config->format;
    context->last_target = VA_INVALID_SURFACE;
    context->picture.target = VA_INVALID_SURFACE;
    context->decoder = decoder_new(config->codec);
    *id = VA_INVALID_ID;
    if (context->decoder)
        *id = objects_add(objects, &context->object, OBJECT_CONTEXT);
    if (*id == VA_INVALID_ID) {
        context_free(context);
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    }
    return VA_STATUS_SUCCESS;
}

VAStatus context_destroy(VADriverContextP va, VAContextID id)
{
    struct context *context;

    CALLED(vaDestroyContext);
    context = objects_take(&driver_of(va)->objects, id, OBJECT_CONTEXT);
    if (!context)
        return VA_STATUS_ERROR_INVALID_CONTEXT;
    context_free(context);
    return VA_STATUS_SUCCESS;
}

VAStatus context_begin_picture(VADriverContextP va, VAContextID id, VASurfaceID target)
{
    struct objects *objects = &driver_of(va)->objects;
    const struct surface *surface;
    struct context *context;

    CALLED(vaBeginPicture);
    context = objects_get(objects, id, OBJECT_CONTEXT);
    if (!context)
        return VA_STATUS_ERROR_INVALID_CONTEXT;
    surface = objects_get(objects, target, OBJECT_SURFACE);
    if (!surface || surface->format != context->format)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    context->picture.target = target;
    bytes_rewind(&context->picture.parameters);
    bytes_rewind(&context->picture.matrices);
    bytes_rewind(&context->picture.slice_parameters);
    bytes_rewind(&context->picture.data);
    bytes_rewind(&context->picture.slices);
    return VA_STATUS_SUCCESS;
}

static VAStatus set(struct bytes *bytes, const struct buffer *buffer, size_t size)
{
    if ((size_t)buffer->element_bytes * buffer->n_elements < size)
        return VA_STATUS_ERROR_INVALID_BUFFER;
    bytes_rewind(bytes);
    return bytes_append(bytes, buffer->bytes, size) ? VA_STATUS_SUCCESS
                                                    : VA_STATUS_ERROR_ALLOCATION_FAILED;
}

static VAStatus add_slice_parameters(struct context *context, const struct buffer *buffer)
{
    if (buffer->element_bytes < context->codec->slice_bytes)
        return VA_STATUS_ERROR_INVALID_BUFFER;
    for (unsigned i = 0; i < buffer->n_elements; i++) {
        if (!bytes_append(&context->picture.slice_parameters,
                          buffer->bytes + (size_t)i * buffer->element_bytes,
                          context->codec->slice_bytes))
            return VA_STATUS_ERROR_ALLOCATION_FAILED;
    }
    return VA_STATUS_SUCCESS;
}

/* Data belongs to the parameters that came since the last data. */
static VAStatus add_data(struct context *context, const struct buffer *buffer)
{
    struct picture *picture = &context->picture;
    size_t size = (size_t)buffer->element_bytes * buffer->n_elements;
    size_t start = picture->data.size;
    unsigned n_parameters =
        (unsigned)(picture->slice_parameters.size / context->codec->slice_bytes);

    if (!bytes_append(&picture->data, buffer->bytes, size))
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    for (unsigned i = picture_n_slices(picture); i < n_parameters; i++) {
        VASliceParameterBufferBase base;
        struct slice slice;

        memcpy(&base, picture->slice_parameters.data + i * context->codec->slice_bytes,
               sizeof(base));
        if (base.slice_data_offset > size || base.slice_data_size > size - base.slice_data_offset)
            return VA_STATUS_ERROR_INVALID_PARAMETER;
        slice = (struct slice){start + base.slice_data_offset, base.slice_data_size};
        if (!bytes_append(&picture->slices, &slice, sizeof(slice)))
            return VA_STATUS_ERROR_ALLOCATION_FAILED;
    }
    return VA_STATUS_SUCCESS;
}

static VAStatus add(struct context *context, const struct buffer *buffer)
{
    const struct codec *codec = context->codec;

    if (!buffer || !buffer->bytes)
        return VA_STATUS_ERROR_INVALID_BUFFER;
    switch (buffer->type) {
    case VAPictureParameterBufferType:
        return set(&context->picture.parameters, buffer, codec->picture_bytes);
    case VAIQMatrixBufferType:
        return set(&context->picture.matrices, buffer, codec->matrix_bytes);
    case VASliceParameterBufferType:
        return add_slice_parameters(context, buffer);
    case VASliceDataBufferType:
        return add_data(context, buffer);
    default:
        return VA_STATUS_ERROR_UNSUPPORTED_BUFFERTYPE;
    }
}

VAStatus context_render_picture(VADriverContextP va, VAContextID id, VABufferID *buffers, int n)
{
    struct objects *objects = &driver_of(va)->objects;
    VAStatus status = VA_STATUS_SUCCESS;
    struct context *context;

    CALLED(vaRenderPicture);
    context = objects_get(objects, id, OBJECT_CONTEXT);
    if (!context)
        return VA_STATUS_ERROR_INVALID_CONTEXT;
    if (context->picture.target == VA_INVALID_SURFACE)
        return VA_STATUS_ERROR_OPERATION_FAILED; /* before vaBeginPicture */
    for (int i = 0; i < n && status == VA_STATUS_SUCCESS; i++)
        status = add(context, objects_get(objects, buffers[i], OBJECT_BUFFER));
    return status;
}

/* A context that begins with a picture predicted from another's goes on with the other's decoder.
 */
static void adopt_decoder(struct driver *driver, struct context *context)
{
    VASurfaceID ids[CODEC_MAX_REFERENCES];
    unsigned n = context->codec->find_references(&context->picture, ids);

    for (unsigned i = 0; i < n; i++) {
        const struct surface *surface = objects_get(&driver->objects, ids[i], OBJECT_SURFACE);

        if (surface && surface->decoder && decoder_claim(surface->decoder, context->codec)) {
            decoder_release(context->decoder);
            decoder_unref(context->decoder);
            context->decoder = decoder_ref(surface->decoder);
            return;
        }
    }
}

static VAStatus decode(struct driver *driver, struct context *context, struct surface *surface)
{
    const AVFrame *decoded;

    bytes_rewind(&context->unit);
    if (!context->codec->rebuild(&context->stream, &context->picture, &context->unit) ||
        context->unit.failed)
        return VA_STATUS_ERROR_INVALID_PARAMETER;
    if (context->last_target == VA_INVALID_SURFACE && context->codec->find_references)
        adopt_decoder(driver, context);
    decoded = decoder_decode(context->decoder, &context->unit);
    driver->n_pictures++;
    /* a second field is written into the picture of the first */
    if (!decoded ||
        (!decoder_has_begun(context->decoder) && context->last_target != context->picture.target)) {
        driver->n_undecoded++;
        return VA_STATUS_SUCCESS; /* as a device that runs behind: what it shows is undefined */
    }
    decoder_unref(surface->decoder);
    surface->decoder = decoder_ref(context->decoder);
    return surface_write(driver, surface, decoded);
}

VAStatus context_end_picture(VADriverContextP va, VAContextID id)
{
    struct driver *driver = driver_of(va);
    struct surface *surface;
    struct context *context;
    VAStatus status;

    CALLED(vaEndPicture);
    context = objects_get(&driver->objects, id, OBJECT_CONTEXT);
    if (!context)
        return VA_STATUS_ERROR_INVALID_CONTEXT;
    surface = objects_get(&driver->objects, context->picture.target, OBJECT_SURFACE);
    if (!surface)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    status = decode(driver, context, surface);
    context->last_target = context->picture.target;
    context->picture.target = VA_INVALID_SURFACE;
    return status;
}
