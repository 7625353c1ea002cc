/* SPDX-License-Identifier: MIT */
/*
 * Decoding by libavcodec's wrappers around the decoders of V4L2 and of Rockchip's MPP. They open
 * their devices themselves, give pictures as DRM-PRIME or in memory that they share with the CPU,
 * and cannot go on once they were drained.
 */
#include "filter/decode_private.h"

#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>

/* What h264_v4l2m2m and its like have for themselves if nobody says otherwise: references, and
 * pictures that are written. */
#define WORK_BUFFERS 20
/* For those behind them: each is contiguous memory, which boards have little of. */
#define MAX_HELD 16
/* rkmpp has 16 in all, and no way to say otherwise. */
#define MAX_HELD_FIXED 4

bool decode_is_wrapper(const struct limef_decode_filter *decode)
{
    return decode->hardware.is_used && !decode->settings.hardware;
}

/* AVCodecContext.get_format: buffers of the kernel where they are offered; else what is offered
 * first, but for what wants a device. */
static enum AVPixelFormat get_format(AVCodecContext *context, const enum AVPixelFormat *formats)
{
    const enum AVPixelFormat *format = formats;

    while (*format != AV_PIX_FMT_NONE && *format != AV_PIX_FMT_DRM_PRIME)
        format++;
    return *format == AV_PIX_FMT_DRM_PRIME ? *format : avcodec_default_get_format(context, formats);
}

void decode_wrapper_set_up(struct limef_decode_filter *decode, unsigned n_held)
{
    AVCodecContext *context = decode->context;
    unsigned n = FFMIN(n_held, MAX_HELD);

    context->get_format = get_format;
    if (!context->priv_data ||
        av_opt_set_int(context->priv_data, "num_capture_buffers", WORK_BUFFERS + n, 0) < 0)
        n = FFMIN(n_held, MAX_HELD_FIXED);
    decode->hardware.n_pool = n;
}

void decode_flush(struct limef_decode_filter *decode)
{
    avcodec_flush_buffers(decode->context);
    decode->is_empty = true;
    for (int i = 0; i < LIMEF_DECODE_MAX_INSIDE; i++)
        decode->carried[i].is_inside = false;
    decode->hardware.out_us = LIMEF_NO_TIME;
    decode->hardware.is_spent = decode_is_wrapper(decode);
}
