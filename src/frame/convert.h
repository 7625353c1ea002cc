/* SPDX-License-Identifier: MIT */
/*
 * swscale, told what it must know: sizes, formats, colour matrices and ranges.
 */
#ifndef LIMEF_SRC_FRAME_CONVERT_H
#define LIMEF_SRC_FRAME_CONVERT_H

#include <stdbool.h>

struct AVFrame;
struct SwsContext;

/* "yuvj" formats are plain ones with full range: swscale is given it that way. */
int convert_plain_format(int format);

/* Whether a picture's samples use the full range, as its format or its own word has it. */
bool convert_is_full_range(const struct AVFrame *picture);

/* The YUV matrix of a picture (enum AVColorSpace); what is not said goes by its height. */
int convert_matrix(const struct AVFrame *picture);

/*
 * Makes a converter from pictures like `from` to pictures like `to`: of both only width, height,
 * format, colorspace and color_range are looked at.
 *
 * algorithm: SWS_BILINEAR, ..., with swscale's other flags or-ed.
 * Returns 0 and *context, the caller's to sws_freeContext(); AVERROR(ENOMEM), or AVERROR(EINVAL):
 * not possible. Not logged.
 */
int convert_open(struct SwsContext **context, const struct AVFrame *from, const struct AVFrame *to,
                 int algorithm);

#endif
