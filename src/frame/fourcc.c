/* SPDX-License-Identifier: MIT */
#include "frame/fourcc.h"

#include "frame/convert.h"

#include <drm_fourcc.h>
#include <libavutil/pixfmt.h>
#include <stddef.h>

uint32_t fourcc_of(int format)
{
    /* libavutil names bytes in their order in memory, the kernel the bits of a little-endian word
     */
    static const struct {
        int format;
        uint32_t fourcc;
    } names[] = {
        {AV_PIX_FMT_YUV420P, DRM_FORMAT_YUV420}, {AV_PIX_FMT_YUV422P, DRM_FORMAT_YUV422},
        {AV_PIX_FMT_YUV444P, DRM_FORMAT_YUV444}, {AV_PIX_FMT_YUV411P, DRM_FORMAT_YUV411},
        {AV_PIX_FMT_YUV410P, DRM_FORMAT_YUV410}, {AV_PIX_FMT_NV12, DRM_FORMAT_NV12},
        {AV_PIX_FMT_NV21, DRM_FORMAT_NV21},      {AV_PIX_FMT_NV16, DRM_FORMAT_NV16},
        {AV_PIX_FMT_NV24, DRM_FORMAT_NV24},      {AV_PIX_FMT_NV42, DRM_FORMAT_NV42},
        {AV_PIX_FMT_P010LE, DRM_FORMAT_P010},    {AV_PIX_FMT_P016LE, DRM_FORMAT_P016},
        {AV_PIX_FMT_YUYV422, DRM_FORMAT_YUYV},   {AV_PIX_FMT_YVYU422, DRM_FORMAT_YVYU},
        {AV_PIX_FMT_UYVY422, DRM_FORMAT_UYVY},   {AV_PIX_FMT_GRAY8, DRM_FORMAT_R8},
        {AV_PIX_FMT_GRAY16LE, DRM_FORMAT_R16},   {AV_PIX_FMT_RGB24, DRM_FORMAT_BGR888},
        {AV_PIX_FMT_BGR24, DRM_FORMAT_RGB888},   {AV_PIX_FMT_RGBA, DRM_FORMAT_ABGR8888},
        {AV_PIX_FMT_RGB0, DRM_FORMAT_XBGR8888},  {AV_PIX_FMT_BGRA, DRM_FORMAT_ARGB8888},
        {AV_PIX_FMT_BGR0, DRM_FORMAT_XRGB8888},  {AV_PIX_FMT_ARGB, DRM_FORMAT_BGRA8888},
        {AV_PIX_FMT_0RGB, DRM_FORMAT_BGRX8888},  {AV_PIX_FMT_ABGR, DRM_FORMAT_RGBA8888},
        {AV_PIX_FMT_0BGR, DRM_FORMAT_RGBX8888},  {AV_PIX_FMT_RGB565LE, DRM_FORMAT_RGB565},
    };

    format = convert_plain_format(format);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].format == format)
            return names[i].fourcc;
    return 0;
}
