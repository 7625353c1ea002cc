/* SPDX-License-Identifier: MIT */
#include "frame/convert.h"

#include "base/memory_private.h"

#include <libavutil/frame.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

int convert_plain_format(int format)
{
    switch (format) {
    case AV_PIX_FMT_YUVJ411P:
        return AV_PIX_FMT_YUV411P;
    case AV_PIX_FMT_YUVJ420P:
        return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
        return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ440P:
        return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ444P:
        return AV_PIX_FMT_YUV444P;
    default:
        return format;
    }
}

static bool is_rgb(int format)
{
    const AVPixFmtDescriptor *descriptor = av_pix_fmt_desc_get(format);

    return descriptor && (descriptor->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL));
}

bool convert_is_full_range(const AVFrame *picture)
{
    return convert_plain_format(picture->format) != picture->format || is_rgb(picture->format) ||
           picture->color_range == AVCOL_RANGE_JPEG;
}

int convert_matrix(const AVFrame *picture)
{
    switch (picture->colorspace) {
    case AVCOL_SPC_BT709:
    case AVCOL_SPC_FCC:
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
    case AVCOL_SPC_SMPTE240M:
    case AVCOL_SPC_BT2020_NCL:
        return picture->colorspace;
    case AVCOL_SPC_BT2020_CL:
        return AVCOL_SPC_BT2020_NCL;
    default: /* the convention of players: standard definition is BT.601 */
        return picture->height > 576 || picture->width > 1024 ? AVCOL_SPC_BT709
                                                              : AVCOL_SPC_SMPTE170M;
    }
}

int convert_open(struct SwsContext **context, const AVFrame *from, const AVFrame *to, int algorithm)
{
    struct SwsContext *made = memory_permits() ? sws_alloc_context() : NULL;
    int ret;

    if (!made)
        return AVERROR(ENOMEM);
    av_opt_set_int(made, "srcw", from->width, 0);
    av_opt_set_int(made, "srch", from->height, 0);
    av_opt_set_int(made, "src_format", convert_plain_format(from->format), 0);
    av_opt_set_int(made, "src_range", convert_is_full_range(from), 0);
    av_opt_set_int(made, "dstw", to->width, 0);
    av_opt_set_int(made, "dsth", to->height, 0);
    av_opt_set_int(made, "dst_format", convert_plain_format(to->format), 0);
    av_opt_set_int(made, "dst_range", convert_is_full_range(to), 0);
    av_opt_set_int(made, "sws_flags", algorithm, 0);
    ret = sws_init_context(made, NULL, NULL);
    if (ret < 0) {
        sws_freeContext(made);
        return ret == AVERROR(ENOMEM) ? ret : AVERROR(EINVAL);
    }
    /* fails where no YUV is involved, and is not needed there */
    sws_setColorspaceDetails(made, sws_getCoefficients(convert_matrix(from)),
                             convert_is_full_range(from), sws_getCoefficients(convert_matrix(to)),
                             convert_is_full_range(to), 0, 1 << 16, 1 << 16);
    *context = made;
    return 0;
}
