/* SPDX-License-Identifier: MIT */
/*
 * Decoding into memory that somebody else lends: libavcodec's get_buffer2.
 */
#include "filter/decode_private.h"

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

/* Whole vectors in each row, as libavcodec's own buffers have. The same for all pictures of a
 * size: some decoders count on that. */
static int fill_linesizes(struct AVCodecContext *context, const AVFrame *picture, int *height,
                          int linesize[4])
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
            misaligned |= linesize[i] % LIMEF_BUFFER_ALIGN_BYTES;
        width += width & ~(width - 1); /* the next with one more bit of alignment */
    } while (misaligned);
    return 0;
}

static int lay_out(struct AVCodecContext *context, const AVFrame *picture, struct layout *layout)
{
    ptrdiff_t linesize[4];
    size_t sizes[4];
    int height, ret = fill_linesizes(context, picture, &height, layout->linesize);

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

static AVBufferRef *borrow(struct limef_decode_filter *decode, AVCodecContext *context,
                           AVFrame *picture, const char **why)
{
    struct layout layout = {.bytes = 0};
    AVBufferRef *buffer;

    *why = "the pixel format is not made of rows of pixels";
    if (!is_plain(picture->format) || lay_out(context, picture, &layout) < 0)
        return NULL;
    buffer = decode->settings.buffers->get(decode->settings.buffers, layout.bytes, why);
    for (int i = 0; buffer && i < layout.n_planes; i++) {
        picture->data[i] = buffer->data + layout.offset[i];
        picture->linesize[i] = layout.linesize[i];
    }
    return buffer;
}

/* AVCodecContext.get_buffer2; several threads of a decoder at once. */
static int get_buffer(AVCodecContext *context, AVFrame *picture, int flags)
{
    struct limef_decode_filter *decode = context->opaque;
    const char *why;

    picture->buf[0] = borrow(decode, context, picture, &why);
    if (picture->buf[0]) {
        picture->extended_data = picture->data;
        atomic_fetch_add_explicit(&decode->n_lent_buffers, 1, memory_order_relaxed);
        return 0;
    }
    atomic_fetch_add_explicit(&decode->n_ordinary_buffers, 1, memory_order_relaxed);
    atomic_store_explicit(&decode->ordinary_why, why, memory_order_relaxed);
    return avcodec_default_get_buffer2(context, picture, flags);
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
    context->opaque = decode;
    context->get_buffer2 = get_buffer;
    compat_let_threads_get_buffers(context);
}
