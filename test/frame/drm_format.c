/* SPDX-License-Identifier: MIT */
#include "frame/drm_format.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <drm_fourcc.h>
#include <libavutil/pixfmt.h>
#include <string.h>

Test(drm_format, packed_pixels_are_words_there_and_bytes_here)
{
    bool swapped;

    cr_assert(eq(int, drm_format_pix_fmt(DRM_FORMAT_XRGB8888, &swapped), AV_PIX_FMT_BGR0));
    cr_assert(eq(u32, drm_format_of(AV_PIX_FMT_RGBA), DRM_FORMAT_ABGR8888));
    cr_assert(not(swapped));
}

Test(drm_format, yvu_is_yuv_with_two_planes_swapped)
{
    bool swapped;

    cr_assert(eq(int, drm_format_pix_fmt(DRM_FORMAT_YVU420, &swapped), AV_PIX_FMT_YUV420P));
    cr_assert(swapped);
    cr_assert(eq(u32, drm_format_of(AV_PIX_FMT_YUV420P), DRM_FORMAT_YUV420));
    cr_assert(eq(u32, drm_format_of(AV_PIX_FMT_YUVJ420P), DRM_FORMAT_YUV420));
}

Test(drm_format, some_have_no_name)
{
    bool swapped;

    cr_assert(eq(u32, drm_format_of(AV_PIX_FMT_YUV420P10LE), 0));
    cr_assert(eq(int, drm_format_pix_fmt(DRM_FORMAT_C8, &swapped), AV_PIX_FMT_NONE));
}

Test(drm_format, a_name_is_readable)
{
    char name[5];

    drm_format_name(DRM_FORMAT_NV12, name);
    cr_assert(eq(str, name, "NV12"));
    drm_format_name(DRM_FORMAT_R8, name);
    cr_assert(eq(str, name, "R8"));
    drm_format_name(0x01020304, name);
    cr_assert(eq(sz, strlen(name), 1));
}
