/* SPDX-License-Identifier: MIT */
/*
 * How much of a picture is to be seen. libavcodec cuts hardware pictures off at the right and
 * below, and leaves what is left of the first pixel and above it to others.
 */
#ifndef LIMEF_SRC_FRAME_SHOWN_SIZE_H
#define LIMEF_SRC_FRAME_SHOWN_SIZE_H

#include <libavutil/frame.h>

static inline int shown_width(const AVFrame *picture)
{
    return picture->width - (int)picture->crop_left;
}

static inline int shown_height(const AVFrame *picture)
{
    return picture->height - (int)picture->crop_top;
}

#endif
