/* SPDX-License-Identifier: MIT */
#include "rendering.h"

#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
#include <limef/base/log.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool rendering_must_import(void)
{
    const char *asked = getenv("LIMEF_TEST_MUST_IMPORT");

    return asked && *asked;
}

bool rendering_open(struct limef_presenter *presenter, struct limef_tile *tiles, unsigned n_tiles,
                    struct limef_presenter_settings settings)
{
    settings.output = LIMEF_OUTPUT_OFFSCREEN;
    return limef_presenter_init(presenter, "screen", tiles, n_tiles, &settings) == 0 &&
           limef_presenter_open(presenter) == 0;
}

static uint8_t *sample_at(const AVFrame *av, const AVComponentDescriptor *component, int x, int y)
{
    return av->data[component->plane] + (ptrdiff_t)y * av->linesize[component->plane] +
           (ptrdiff_t)x * component->step + component->offset;
}

static void write_sample(const AVFrame *av, const AVComponentDescriptor *component, int x, int y,
                         unsigned value)
{
    uint8_t *at = sample_at(av, component, x, y);

    value <<= component->shift;
    at[0] = (uint8_t)value;
    if (component->depth + component->shift > 8)
        at[1] = (uint8_t)(value >> 8);
}

static unsigned read_sample(const AVFrame *av, const AVComponentDescriptor *component, int x, int y)
{
    const uint8_t *at = sample_at(av, component, x, y);
    unsigned value = at[0];

    if (component->depth + component->shift > 8)
        value |= (unsigned)at[1] << 8;
    return value >> component->shift;
}

static bool is_chroma(const AVPixFmtDescriptor *desc, int component)
{
    return !(desc->flags & AV_PIX_FMT_FLAG_RGB) && (component == 1 || component == 2);
}

static AVFrame *make(int pix_fmt, int width, int height, const int samples[3])
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(pix_fmt);
    AVFrame *av = av_frame_alloc();

    av->format = pix_fmt;
    av->width = width;
    av->height = height;
    if (av_frame_get_buffer(av, 64) < 0)
        abort();
    for (int c = 0; c < desc->nb_components; c++) {
        int w = is_chroma(desc, c) ? AV_CEIL_RSHIFT(width, desc->log2_chroma_w) : width;
        int h = is_chroma(desc, c) ? AV_CEIL_RSHIFT(height, desc->log2_chroma_h) : height;
        double largest = (1 << desc->comp[c].depth) - 1;

        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                double wave =
                    0.5 + 0.4 * sin(x * (0.11 + 0.05 * c) + c) * cos(y * (0.07 + 0.06 * c));
                double value = samples && c < 3 ? samples[c] / 255.0 : wave;

                write_sample(av, &desc->comp[c], x, y, (unsigned)(value * largest + 0.5));
            }
    }
    return av;
}

AVFrame *rendering_waves(int pix_fmt, int width, int height)
{
    return make(pix_fmt, width, height, NULL);
}

AVFrame *rendering_plain(int pix_fmt, int width, int height, const int samples[3])
{
    return make(pix_fmt, width, height, samples);
}

int rendering_show(struct limef_presenter *presenter, uint32_t slot, const AVFrame *av,
                   int rotation_degrees, bool mirrored)
{
    struct limef_decoded_frame decoded = {
        .frame = {.frame_class = LIMEF_FRAME_DECODED, .slot = slot, .media = LIMEF_MEDIA_VIDEO},
        .av = av,
        .rotation_degrees = (int16_t)rotation_degrees,
        .mirrored = mirrored,
    };
    int ret = limef_go(&presenter->filter, &decoded.frame);

    limef_presenter_tick(presenter, limef_now_us());
    return ret;
}

uint8_t *rendering_read(struct limef_presenter *presenter, int *width, int *height)
{
    uint8_t *rgba;

    if (limef_presenter_get_size(presenter, width, height) < 0)
        return NULL;
    rgba = malloc(4 * (size_t)*width * (size_t)*height);
    if (limef_presenter_read(presenter, rgba) < 0)
        abort();
    return rgba;
}

/* Where a luma position lies among the chroma samples. */
static void find_chroma(const AVFrame *av, const AVPixFmtDescriptor *desc, int x, int y,
                        double at[2])
{
    double step_x = 1 << desc->log2_chroma_w, step_y = 1 << desc->log2_chroma_h;
    bool full = av->color_range == AVCOL_RANGE_JPEG || strstr(desc->name, "yuvj");
    enum AVChromaLocation where = av->chroma_location;
    /* the luma position of the first chroma sample */
    double first_x = (step_x - 1) / 2, first_y = (step_y - 1) / 2;

    if (where == AVCHROMA_LOC_UNSPECIFIED)
        where = full ? AVCHROMA_LOC_CENTER : AVCHROMA_LOC_LEFT;
    if (where == AVCHROMA_LOC_LEFT || where == AVCHROMA_LOC_TOPLEFT ||
        where == AVCHROMA_LOC_BOTTOMLEFT)
        first_x = 0;
    if (where == AVCHROMA_LOC_TOPLEFT || where == AVCHROMA_LOC_TOP)
        first_y = 0;
    if (where == AVCHROMA_LOC_BOTTOMLEFT || where == AVCHROMA_LOC_BOTTOM)
        first_y = step_y - 1;
    at[0] = (x - first_x) / step_x;
    at[1] = (y - first_y) / step_y;
}

static double chroma_sample(const AVFrame *av, const AVPixFmtDescriptor *desc, int component,
                            double x, double y)
{
    int w = AV_CEIL_RSHIFT(av->width, desc->log2_chroma_w);
    int h = AV_CEIL_RSHIFT(av->height, desc->log2_chroma_h);

    return read_sample(av, &desc->comp[component], av_clip((int)x, 0, w - 1),
                       av_clip((int)y, 0, h - 1));
}

/* Interpolates a chroma component at a luma position, 0..1. */
static double chroma_at(const AVFrame *av, const AVPixFmtDescriptor *desc, int component, int x,
                        int y)
{
    double at[2], sum = 0;

    find_chroma(av, desc, x, y, at);
    for (int dy = 0; dy < 2; dy++)
        for (int dx = 0; dx < 2; dx++) {
            double left = floor(at[0]), top = floor(at[1]);
            double weight =
                (dx ? at[0] - left : 1 - (at[0] - left)) * (dy ? at[1] - top : 1 - (at[1] - top));

            sum += weight * chroma_sample(av, desc, component, left + dx, top + dy);
        }
    return sum / ((1 << desc->comp[component].depth) - 1);
}

/* From samples, chroma as 0..1, to a colour. */
static void convert(const AVFrame *av, int x, int y, double u, double v, double rgb[3])
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(av->format);
    double largest = (1 << desc->comp[0].depth) - 1, step = 1 << (desc->comp[0].depth - 8);
    bool gray = desc->nb_components < 3;
    bool full = av->color_range == AVCOL_RANGE_JPEG || strstr(desc->name, "yuvj") ||
                (gray && av->color_range != AVCOL_RANGE_MPEG);
    double kr = 0.299, kb = 0.114, luma;

    if (av->colorspace == AVCOL_SPC_BT709) {
        kr = 0.2126;
        kb = 0.0722;
    } else if (av->colorspace == AVCOL_SPC_BT2020_NCL) {
        kr = 0.2627;
        kb = 0.0593;
    }
    luma = read_sample(av, &desc->comp[0], x, y) / largest;
    u = gray ? 0 : u - 128 * step / largest;
    v = gray ? 0 : v - 128 * step / largest;
    if (!full) {
        luma = (luma * largest - 16 * step) / (219 * step);
        u *= largest / (224 * step);
        v *= largest / (224 * step);
    }
    rgb[0] = luma + 2 * (1 - kr) * v;
    rgb[2] = luma + 2 * (1 - kb) * u;
    rgb[1] = (luma - kr * rgb[0] - kb * rgb[2]) / (1 - kr - kb);
    for (int c = 0; c < 3; c++)
        rgb[c] = 255 * av_clipd(rgb[c], 0, 1);
}

void rendering_expected(const AVFrame *av, int x, int y, double rgb[3])
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(av->format);
    double largest = (1 << desc->comp[0].depth) - 1;

    if (desc->flags & AV_PIX_FMT_FLAG_RGB)
        for (int c = 0; c < 3; c++)
            rgb[c] = 255.0 * read_sample(av, &desc->comp[c], x, y) / largest;
    else if (desc->nb_components < 3)
        convert(av, x, y, 0, 0, rgb);
    else
        convert(av, x, y, chroma_at(av, desc, 1, x, y), chroma_at(av, desc, 2, x, y), rgb);
}

void rendering_expected_nearest(const AVFrame *av, int x, int y, double rgb[3])
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(av->format);
    double largest = (1 << desc->comp[1].depth) - 1, at[2], chroma[2];

    find_chroma(av, desc, x, y, at);
    for (int i = 0; i < 2; i++) /* halfway between two, a little less decides */
        at[i] = floor(at[i] + 0.5 - 1e-6);
    for (int c = 0; c < 2; c++)
        chroma[c] = chroma_sample(av, desc, c + 1, at[0], at[1]) / largest;
    convert(av, x, y, chroma[0], chroma[1], rgb);
}

double rendering_off_by(const uint8_t *pixel, const double rgb[3])
{
    double worst = 0;

    for (int c = 0; c < 3; c++)
        worst = fmax(worst, fabs(pixel[c] - rgb[c]));
    return worst;
}
