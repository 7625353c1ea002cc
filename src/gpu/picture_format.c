/* SPDX-License-Identifier: MIT */
#include "gpu/picture_format.h"

#include "frame/convert.h"

#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>

static bool is_full_range(const AVFrame *av)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)av->format);

    /* gray that says nothing is full, as libswscale takes it */
    if (desc && desc->nb_components < 3)
        return av->color_range != AVCOL_RANGE_MPEG;
    return convert_is_full_range(av);
}

static int set_packed(struct picture_format *format, const AVPixFmtDescriptor *desc)
{
    int bytes = (int)format->channel_bytes;
    int r = desc->comp[0].offset / bytes, g = desc->comp[1].offset / bytes;
    int b = desc->comp[2].offset / bytes;

    format->n_planes = 1;
    format->n_channels[0] = (unsigned)(desc->comp[0].step / bytes);
    if (format->n_channels[0] != 3 && format->n_channels[0] != 4)
        return AVERROR(ENOSYS);
    if (r == 0 && g == 1 && b == 2)
        format->kind = PICTURE_RGB;
    else if (r == 2 && g == 1 && b == 0)
        format->kind = PICTURE_BGR;
    else if (r == 1 && g == 2 && b == 3)
        format->kind = PICTURE_XRGB;
    else if (r == 3 && g == 2 && b == 1)
        format->kind = PICTURE_XBGR;
    else
        return AVERROR(ENOSYS);
    return 0;
}

static int set_planar(struct picture_format *format, const AVPixFmtDescriptor *desc)
{
    bool rgb = desc->flags & AV_PIX_FMT_FLAG_RGB;

    format->n_channels[0] = 1;
    format->n_channels[1] = 1;
    format->n_channels[2] = 1;
    if (desc->nb_components < 3) {
        if (desc->nb_components == 2 && desc->comp[1].plane == 0)
            return AVERROR(ENOSYS);
        format->n_planes = 1;
        format->kind = PICTURE_GRAY;
    } else if (desc->comp[1].plane != desc->comp[2].plane) {
        format->n_planes = 3;
        format->kind = rgb ? PICTURE_GBR : PICTURE_YUV;
    } else if (!rgb && desc->comp[0].plane == 0 && desc->comp[1].plane == 1) {
        format->n_planes = 2;
        format->n_channels[1] = 2;
        format->kind = desc->comp[1].offset < desc->comp[2].offset ? PICTURE_UV : PICTURE_VU;
    } else {
        return AVERROR(ENOSYS);
    }
    return desc->comp[0].step == (int)format->channel_bytes ? 0 : AVERROR(ENOSYS);
}

int picture_format_of(struct picture_format *format, int pix_fmt, bool wide)
{
    const unsigned refused = AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM |
                             AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BAYER |
                             AV_PIX_FMT_FLAG_FLOAT;
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)pix_fmt);
    int depth = desc ? desc->comp[0].depth : 0, shift = desc ? desc->comp[0].shift : 0, bits;

    if (!desc || (desc->flags & refused) || depth < 8 || depth > 16 ||
        pix_fmt == AV_PIX_FMT_XYZ12LE)
        return AVERROR(ENOSYS);
    for (int i = 1; i < desc->nb_components; i++)
        if (desc->comp[i].depth != depth || desc->comp[i].shift != shift)
            return AVERROR(ENOSYS);
    if (depth + shift > 8 &&
        (!wide || (desc->flags & AV_PIX_FMT_FLAG_BE) != (AV_NE(AV_PIX_FMT_FLAG_BE, 0))))
        return AVERROR(ENOSYS);
    *format = (struct picture_format){
        .channel_bytes = depth + shift > 8 ? 2 : 1,
        .shift_x = desc->log2_chroma_w,
        .shift_y = desc->log2_chroma_h,
        .depth = depth,
    };
    bits = 8 * (int)format->channel_bytes;
    format->scale = (float)((double)((1 << bits) - 1) / (double)(((1 << depth) - 1) << shift));
    if (desc->flags & AV_PIX_FMT_FLAG_PLANAR || desc->nb_components < 3)
        return set_planar(format, desc);
    return desc->flags & AV_PIX_FMT_FLAG_RGB ? set_packed(format, desc) : AVERROR(ENOSYS);
}

void picture_plane_size(const struct picture_format *format, unsigned i, int width, int height,
                        int *plane_width, int *plane_height)
{
    bool chroma = i > 0 && format->kind != PICTURE_GBR;

    *plane_width = chroma ? AV_CEIL_RSHIFT(width, format->shift_x) : width;
    *plane_height = chroma ? AV_CEIL_RSHIFT(height, format->shift_y) : height;
}

/* The weights of red and blue in luma. */
static void luma_weights(const AVFrame *av, double *red, double *blue)
{
    switch (convert_matrix(av)) {
    case AVCOL_SPC_BT709:
        *red = 0.2126;
        *blue = 0.0722;
        break;
    case AVCOL_SPC_BT2020_NCL:
        *red = 0.2627;
        *blue = 0.0593;
        break;
    case AVCOL_SPC_FCC:
        *red = 0.30;
        *blue = 0.11;
        break;
    case AVCOL_SPC_SMPTE240M:
        *red = 0.212;
        *blue = 0.087;
        break;
    default:
        *red = 0.299;
        *blue = 0.114;
        break;
    }
}

void picture_matrix_of(struct picture_matrix *matrix, const struct picture_format *format,
                       const struct AVFrame *av)
{
    double largest = (1 << format->depth) - 1, step = 1 << (format->depth - 8);
    bool full = is_full_range(av);
    /* a sample of 0..1 times gain, less zero, is luma 0..1 and chroma -0.5..0.5 */
    double luma_gain = full ? 1 : largest / (219 * step), luma_zero = full ? 0 : 16.0 / 219;
    double chroma_gain = full ? 1 : largest / (224 * step);
    double chroma_zero = 128 * step / largest * chroma_gain;
    double kr, kb, kg, rv, gu, gv, bu;

    luma_weights(av, &kr, &kb);
    kg = 1 - kr - kb;
    rv = 2 * (1 - kr);
    bu = 2 * (1 - kb);
    gu = -2 * kb * (1 - kb) / kg;
    gv = -2 * kr * (1 - kr) / kg;
    *matrix = (struct picture_matrix){
        .luma = {(float)(-luma_zero - rv * chroma_zero),
                 (float)(-luma_zero - (gu + gv) * chroma_zero),
                 (float)(-luma_zero - bu * chroma_zero), (float)(luma_gain * format->scale)},
        .chroma = {(float)(rv * chroma_gain * format->scale),
                   (float)(gu * chroma_gain * format->scale),
                   (float)(gv * chroma_gain * format->scale),
                   (float)(bu * chroma_gain * format->scale)},
    };
    switch (format->kind) {
    case PICTURE_GRAY:
        for (int i = 0; i < 3; i++)
            matrix->luma[i] = (float)-luma_zero;
        break;
    case PICTURE_GBR:
    case PICTURE_RGB:
    case PICTURE_BGR:
    case PICTURE_XRGB:
    case PICTURE_XBGR:
    case PICTURE_EXTERNAL:
        *matrix = (struct picture_matrix){.luma = {0, 0, 0, format->scale}};
        break;
    default:
        break;
    }
}

void picture_chroma_offset(const struct picture_format *format, const struct AVFrame *av, float *x,
                           float *y)
{
    enum AVChromaLocation location = av->chroma_location;
    /* on the first of the luma samples that it is for, instead of in their middle */
    float first_x = 0.5f - 0.5f / (float)(1 << format->shift_x);
    float first_y = 0.5f - 0.5f / (float)(1 << format->shift_y);

    if (location == AVCHROMA_LOC_UNSPECIFIED)
        location = is_full_range(av) ? AVCHROMA_LOC_CENTER : AVCHROMA_LOC_LEFT;
    *x = location == AVCHROMA_LOC_LEFT || location == AVCHROMA_LOC_TOPLEFT ||
                 location == AVCHROMA_LOC_BOTTOMLEFT
             ? first_x
             : 0;
    *y = 0;
    if (location == AVCHROMA_LOC_TOPLEFT || location == AVCHROMA_LOC_TOP)
        *y = first_y;
    else if (location == AVCHROMA_LOC_BOTTOMLEFT || location == AVCHROMA_LOC_BOTTOM)
        *y = -first_y;
}
