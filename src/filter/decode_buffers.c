/* SPDX-License-Identifier: MIT */
/*
 * Decoding into memory that somebody else lends: libavcodec's get_buffer2.
 */
#include "filter/decode_private.h"

#include "base/memory_private.h"
#include "frame/av_compat.h"

#include <limef/frame/buffer_source.h>

#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

/* What optimised code may write or read behind a plane: a vector, as behind libavcodec's own. */
#define BEHIND_BYTES LIMEF_BUFFER_ALIGN_BYTES

/* Where the planes of a picture lie in one piece of memory. */
struct layout {
    int linesize[4];
    size_t offset[4];
    int n_planes;
    size_t bytes;
};

/* What rows are multiples of: of lent memory, and of other memory beside it, from the first picture
 * until the decoder is opened anew. */
static int row_align(struct limef_decode_filter *decode)
{
    uint32_t none = 0, bytes;

    /* relaxed: a number alone; who comes first decides */
    bytes = atomic_load_explicit(&decode->settings.buffers->row_align_bytes, memory_order_relaxed);
    bytes = FFMAX(bytes, LIMEF_BUFFER_ALIGN_BYTES);
    return (int)(atomic_compare_exchange_strong_explicit(&decode->row_align_bytes, &none, bytes,
                                                         memory_order_relaxed, memory_order_relaxed)
                     ? bytes
                     : none);
}

/* Whole vectors in each row, as libavcodec's own buffers have, or whole multiples of more. The same
 * for all pictures of a size: some decoders count on that. */
static int fill_linesizes(struct AVCodecContext *context, const AVFrame *picture, int align,
                          int *height, int linesize[4])
{
    int aligns[AV_NUM_DATA_POINTERS], width = picture->width, ret, misaligned;

    *height = picture->height;
    avcodec_align_dimensions2(context, &width, height, aligns);
    do {
        ret = av_image_fill_linesizes(linesize, picture->format, width);
        if (ret < 0)
            return ret;
        misaligned = 0;
        for (int i = 0; i < 4; i++)
            misaligned |= linesize[i] % align;
        width += width & ~(width - 1); /* the next with one more bit of alignment */
    } while (misaligned);
    return 0;
}

static int lay_out(struct AVCodecContext *context, const AVFrame *picture, int align,
                   struct layout *layout)
{
    ptrdiff_t linesize[4];
    size_t sizes[4];
    int height, ret = fill_linesizes(context, picture, align, &height, layout->linesize);

    for (int i = 0; i < 4; i++)
        linesize[i] = layout->linesize[i];
    if (ret >= 0)
        ret = av_image_fill_plane_sizes(sizes, picture->format, height, linesize);
    if (ret < 0)
        return ret;
    for (int i = 0; i < 4 && sizes[i]; i++) {
        layout->offset[i] = layout->bytes;
        layout->bytes += FFALIGN(sizes[i] + BEHIND_BYTES, LIMEF_BUFFER_ALIGN_BYTES);
        layout->n_planes = i + 1;
    }
    return 0;
}

/* Pixels in rows that libavcodec writes itself. */
static bool is_plain(enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);

    return desc && !(desc->flags &
                     (AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM));
}

static void put(AVFrame *picture, AVBufferRef *buffer, const struct layout *layout)
{
    uint8_t *begin =
        (uint8_t *)FFALIGN((uintptr_t)buffer->data, (uintptr_t)LIMEF_BUFFER_ALIGN_BYTES);

    picture->buf[0] = buffer;
    picture->extended_data = picture->data;
    for (int i = 0; i < layout->n_planes; i++) {
        picture->data[i] = begin + layout->offset[i];
        picture->linesize[i] = layout->linesize[i];
    }
}

/* Ordinary memory, in rows as those of lent memory. */
static int get_ordinary(AVCodecContext *context, AVFrame *picture, int flags, int align,
                        const struct layout *layout)
{
    AVBufferRef *buffer;

    if (!layout->bytes || align == LIMEF_BUFFER_ALIGN_BYTES)
        return avcodec_default_get_buffer2(context, picture, flags);
    buffer = memory_permits() ? av_buffer_allocz(layout->bytes + LIMEF_BUFFER_ALIGN_BYTES) : NULL;
    if (!buffer)
        return AVERROR(ENOMEM);
    put(picture, buffer, layout);
    return 0;
}

/* AVCodecContext.get_buffer2; several threads of a decoder at once. */
static int get_buffer(AVCodecContext *context, AVFrame *picture, int flags)
{
    struct limef_decode_filter *decode = context->opaque;
    struct limef_buffer_source *buffers = decode->settings.buffers;
    const char *why = "the pixel format is not made of rows of pixels";
    struct layout layout = {.bytes = 0};
    AVBufferRef *buffer = NULL;
    int align = row_align(decode);

    if (is_plain(picture->format) && lay_out(context, picture, align, &layout) >= 0)
        buffer = buffers->get(buffers, layout.bytes, &why);
    else
        layout.bytes = 0;
    if (buffer) {
        put(picture, buffer, &layout);
        atomic_fetch_add_explicit(&decode->n_lent_buffers, 1, memory_order_relaxed);
        return 0;
    }
    atomic_fetch_add_explicit(&decode->n_ordinary_buffers, 1, memory_order_relaxed);
    atomic_store_explicit(&decode->ordinary_why, why, memory_order_relaxed);
    return get_ordinary(context, picture, flags, align, &layout);
}

void decode_use_buffers(struct limef_decode_filter *decode, const struct AVCodec *decoder)
{
    struct AVCodecContext *context = decode->context;

    if (!decode->settings.buffers || decoder->type != AVMEDIA_TYPE_VIDEO)
        return;
    if (!(decoder->capabilities & AV_CODEC_CAP_DR1)) {
        atomic_store_explicit(&decode->ordinary_why, "this decoder has memory of its own",
                              memory_order_relaxed);
        return;
    }
    atomic_store_explicit(&decode->row_align_bytes, 0, memory_order_relaxed);
    context->opaque = decode;
    context->get_buffer2 = get_buffer;
    compat_let_threads_get_buffers(context);
}
