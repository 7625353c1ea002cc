/* SPDX-License-Identifier: MIT */
/*
 * What the kernel calls pixel formats (drm_fourcc.h).
 */
#ifndef LIMEF_SRC_FRAME_FOURCC_H
#define LIMEF_SRC_FRAME_FOURCC_H

#include <stdint.h>

/* DRM_FORMAT_... of an enum AVPixelFormat; 0: it has no name for it. */
uint32_t fourcc_of(int format);

#endif
