/* SPDX-License-Identifier: MIT */
/* What libavutil's pixel formats are called in the kernel. Pure. */
#ifndef LIMEF_SRC_FRAME_DRM_FORMAT_H
#define LIMEF_SRC_FRAME_DRM_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

/* The DRM_FORMAT_... of an enum AVPixelFormat; 0: it has no name there. */
uint32_t drm_format_of(int pix_fmt);

/*
 * The enum AVPixelFormat of a DRM_FORMAT_...; AV_PIX_FMT_NONE: there is none. swapped: its second
 * and third plane are the other way round (YVU420).
 */
int drm_format_pix_fmt(uint32_t fourcc, bool *swapped);

/* A fourcc to be read by people: 4 characters and an end. */
void drm_format_name(uint32_t fourcc, char name[5]);

#endif
