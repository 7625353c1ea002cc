/* SPDX-License-Identifier: MIT */
#include "frame/drm_format.h"

#include <drm_fourcc.h>
#include <libavutil/pixfmt.h>
#include <stddef.h>

/* The kernel names packed pixels as little-endian words, libavutil as bytes. The first line that
 * fits is taken. */
static const struct {
    uint32_t fourcc;
    enum AVPixelFormat pix_fmt;
    bool swapped;
} names[] = {
    {DRM_FORMAT_NV12, AV_PIX_FMT_NV12, false},
    {DRM_FORMAT_NV21, AV_PIX_FMT_NV21, false},
    {DRM_FORMAT_NV16, AV_PIX_FMT_NV16, false},
    {DRM_FORMAT_NV24, AV_PIX_FMT_NV24, false},
    {DRM_FORMAT_P010, AV_PIX_FMT_P010LE, false},
    {DRM_FORMAT_P016, AV_PIX_FMT_P016LE, false},
    {DRM_FORMAT_P012, AV_PIX_FMT_P016LE, false},
    {DRM_FORMAT_YUV420, AV_PIX_FMT_YUV420P, false},
    {DRM_FORMAT_YUV420, AV_PIX_FMT_YUVJ420P, false},
    {DRM_FORMAT_YVU420, AV_PIX_FMT_YUV420P, true},
    {DRM_FORMAT_YUV422, AV_PIX_FMT_YUV422P, false},
    {DRM_FORMAT_YUV422, AV_PIX_FMT_YUVJ422P, false},
    {DRM_FORMAT_YVU422, AV_PIX_FMT_YUV422P, true},
    {DRM_FORMAT_YUV444, AV_PIX_FMT_YUV444P, false},
    {DRM_FORMAT_YUV444, AV_PIX_FMT_YUVJ444P, false},
    {DRM_FORMAT_YVU444, AV_PIX_FMT_YUV444P, true},
    {DRM_FORMAT_R8, AV_PIX_FMT_GRAY8, false},
    {DRM_FORMAT_R16, AV_PIX_FMT_GRAY16LE, false},
    {DRM_FORMAT_YUYV, AV_PIX_FMT_YUYV422, false},
    {DRM_FORMAT_UYVY, AV_PIX_FMT_UYVY422, false},
    {DRM_FORMAT_YVYU, AV_PIX_FMT_YVYU422, false},
    {DRM_FORMAT_XRGB8888, AV_PIX_FMT_BGR0, false},
    {DRM_FORMAT_ARGB8888, AV_PIX_FMT_BGRA, false},
    {DRM_FORMAT_XBGR8888, AV_PIX_FMT_RGB0, false},
    {DRM_FORMAT_ABGR8888, AV_PIX_FMT_RGBA, false},
    {DRM_FORMAT_RGBX8888, AV_PIX_FMT_0BGR, false},
    {DRM_FORMAT_RGBA8888, AV_PIX_FMT_ABGR, false},
    {DRM_FORMAT_BGRX8888, AV_PIX_FMT_0RGB, false},
    {DRM_FORMAT_BGRA8888, AV_PIX_FMT_ARGB, false},
    {DRM_FORMAT_RGB888, AV_PIX_FMT_BGR24, false},
    {DRM_FORMAT_BGR888, AV_PIX_FMT_RGB24, false},
    {DRM_FORMAT_RGB565, AV_PIX_FMT_RGB565LE, false},
    {DRM_FORMAT_XRGB2101010, AV_PIX_FMT_X2RGB10LE, false},
};

uint32_t drm_format_of(int pix_fmt)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].pix_fmt == (enum AVPixelFormat)pix_fmt && !names[i].swapped)
            return names[i].fourcc;
    return 0;
}

int drm_format_pix_fmt(uint32_t fourcc, bool *swapped)
{
    *swapped = false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].fourcc == fourcc) {
            *swapped = names[i].swapped;
            return names[i].pix_fmt;
        }
    return AV_PIX_FMT_NONE;
}

void drm_format_name(uint32_t fourcc, char name[5])
{
    for (int i = 0; i < 4; i++, fourcc >>= 8)
        name[i] = (char)((fourcc & 0xff) > ' ' && (fourcc & 0xff) < 127 ? fourcc & 0xff : ' ');
    name[4] = '\0';
    for (int i = 3; i > 0 && name[i] == ' '; i--)
        name[i] = '\0';
}
