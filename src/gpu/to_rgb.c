/* SPDX-License-Identifier: MIT */
#include "gpu/to_rgb.h"

#include "gpu/shrink.h"

#include <libavutil/common.h>
#include <libavutil/frame.h>
#include <math.h>
#include <string.h>

/* Pixels at a time: as a loop of known length, in two steps and in halves of a pixel, gcc and clang
 * make vector code of it that is three times as fast as of what is simpler. */
#define CHUNK 64

/* Rows that are made small before they are made RGB: they stay in the nearest cache. */
#define BAND 8

static int16_t weight(float value)
{
    return (int16_t)av_clip_int16((int)lrintf(value * 8192));
}

/* What is added to a sum in 1/32: what the samples are less, and the half that rounds. n_truncated:
 * products in it, each of which is half of 1/32 too low in the mean. */
static int16_t constant(float offset, float of_128, int n_truncated)
{
    return (int16_t)av_clip_int16(
        (int)lrintf((offset * 255 + of_128 * 128) * 32 + 16 + (float)n_truncated / 2));
}

void to_rgb_init(struct to_rgb *to_rgb, const struct picture_matrix *matrix)
{
    const float *luma = matrix->luma, *chroma = matrix->chroma;

    *to_rgb = (struct to_rgb){
        .luma = weight(luma[3]),
        .red_v = weight(chroma[0]),
        .green_u = weight(chroma[1]),
        .green_v = weight(chroma[2]),
        .blue_u = weight(chroma[3]),
        .red = constant(luma[0], luma[3] + chroma[0], 2),
        .green = constant(luma[1], luma[3] + chroma[1] + chroma[2], 3),
        .blue = constant(luma[2], luma[3] + chroma[3], 2),
    };
}

/* A sample's part of a sum. */
static inline int16_t part(uint8_t sample, int16_t weight_of_it)
{
    int16_t centred = (int16_t)((sample - 128) * 256);

    return (int16_t)(centred * weight_of_it >> 16);
}

static inline uint16_t byte_of(int sum)
{
    int16_t value = (int16_t)((int16_t)sum >> 5);

    value = value < 0 ? 0 : value;
    return (uint16_t)(value > 255 ? 255 : value);
}

/* Always inlined: n is known for all chunks but the last. */
static inline __attribute__((always_inline)) void convert(const struct to_rgb *to_rgb,
                                                          uint8_t *rgba, const uint8_t *restrict ys,
                                                          const uint8_t *restrict us,
                                                          const uint8_t *restrict vs, int n)
{
    struct to_rgb by = *to_rgb;
    uint16_t halves[2][CHUNK], pixels[2 * CHUNK];

    for (int x = 0; x < n; x++) {
        int16_t y = part(ys[x], by.luma);
        uint16_t red = byte_of(y + part(vs[x], by.red_v) + by.red);
        uint16_t green = byte_of(y + part(us[x], by.green_u) + part(vs[x], by.green_v) + by.green);
        uint16_t blue = byte_of(y + part(us[x], by.blue_u) + by.blue);

        halves[0][x] = (uint16_t)(red << AV_NE(8, 0) | green << AV_NE(0, 8));
        halves[1][x] = (uint16_t)(blue << AV_NE(8, 0) | 255 << AV_NE(0, 8));
    }
    for (int x = 0; x < n; x++) {
        pixels[2 * x] = halves[0][x];
        pixels[2 * x + 1] = halves[1][x];
    }
    memcpy(rgba, pixels, 4 * (size_t)n);
}

void to_rgb_row(const struct to_rgb *to_rgb, uint8_t *rgba, const uint8_t *const planes[3],
                int width)
{
    int x = 0;

    for (; x + CHUNK <= width; x += CHUNK)
        convert(to_rgb, rgba + 4 * x, planes[0] + x, planes[1] + x, planes[2] + x, CHUNK);
    if (x < width)
        convert(to_rgb, rgba + 4 * x, planes[0] + x, planes[1] + x, planes[2] + x, width - x);
}

/* What making a band of a plane small needs, its rows in between included. */
static size_t band_bytes(int width, unsigned steps)
{
    return (size_t)(width / 2) * (size_t)((BAND << steps) / 2);
}

size_t to_rgb_scratch_bytes(int width, unsigned steps)
{
    return 3 * band_bytes(width, steps);
}

/* A band of a plane, small; in scratch where it is not so already. */
static const uint8_t *shrink_band(uint8_t *scratch, const uint8_t *from, ptrdiff_t linesize,
                                  int width, int height, unsigned steps)
{
    if (steps == 0)
        return from;
    shrink_plane(scratch, from, linesize, width, height, steps);
    return scratch;
}

void to_rgb_shrunk(uint8_t *rgba, ptrdiff_t stride, const struct picture_format *format,
                   const struct AVFrame *av, unsigned steps, uint8_t *scratch)
{
    int width = av->width >> steps, height = av->height >> steps;
    struct picture_matrix matrix;
    struct to_rgb to_rgb;

    picture_matrix_of(&matrix, format, av);
    to_rgb_init(&to_rgb, &matrix);
    for (int top = 0; top < height; top += BAND) {
        int n_rows = FFMIN(BAND, height - top);
        const uint8_t *planes[3];
        ptrdiff_t strides[3];

        for (unsigned i = 0; i < 3; i++) {
            unsigned halvings = steps - (i > 0 ? (unsigned)format->shift_x : 0);

            planes[i] =
                shrink_band(scratch + i * band_bytes(av->width, steps),
                            av->data[i] + (ptrdiff_t)(top << halvings) * av->linesize[i],
                            av->linesize[i], width << halvings, n_rows << halvings, halvings);
            strides[i] = halvings ? width : av->linesize[i];
        }
        for (int y = 0; y < n_rows; y++) {
            to_rgb_row(&to_rgb, rgba + stride * (top + y), planes, width);
            for (unsigned i = 0; i < 3; i++)
                planes[i] += strides[i];
        }
    }
}
