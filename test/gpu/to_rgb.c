/* SPDX-License-Identifier: MIT */
#include "gpu/to_rgb.h"

#include "gpu/shrink.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/common.h>
#include <libavutil/frame.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* All values of one channel, in a row that is no multiple of anything. */
#define WIDTH 257

static double expected(const struct picture_matrix *matrix, int channel, int y, int u, int v)
{
    double rgb[3] = {
        matrix->luma[3] * y + matrix->chroma[0] * v + 255 * matrix->luma[0],
        matrix->luma[3] * y + matrix->chroma[1] * u + matrix->chroma[2] * v + 255 * matrix->luma[1],
        matrix->luma[3] * y + matrix->chroma[3] * u + 255 * matrix->luma[2],
    };

    return av_clipd(rgb[channel], 0, 255);
}

static struct picture_matrix matrix_of(int pix_fmt, enum AVColorSpace space)
{
    AVFrame av = {.format = pix_fmt, .width = 1280, .height = 720, .colorspace = space};
    struct picture_format format;
    struct picture_matrix matrix;

    cr_assert(zero(int, picture_format_of(&format, pix_fmt, true)));
    picture_matrix_of(&matrix, &format, &av);
    return matrix;
}

static void check_row(const struct picture_matrix *matrix, int u, int v)
{
    uint8_t samples[3][WIDTH], rgba[4 * WIDTH];
    const uint8_t *const planes[3] = {samples[0], samples[1], samples[2]};
    struct to_rgb to_rgb;

    for (int x = 0; x < WIDTH; x++) {
        samples[0][x] = (uint8_t)x;
        samples[1][x] = (uint8_t)(u + x / 32);
        samples[2][x] = (uint8_t)(v + x / 64);
    }
    to_rgb_init(&to_rgb, matrix);
    to_rgb_row(&to_rgb, rgba, planes, WIDTH);
    for (int x = 0; x < WIDTH; x++) {
        for (int c = 0; c < 3; c++)
            if (fabs(rgba[4 * x + c] -
                     expected(matrix, c, samples[0][x], samples[1][x], samples[2][x])) > 1)
                cr_assert(false, "channel %d of %d %d %d is %d", c, samples[0][x], samples[1][x],
                          samples[2][x], rgba[4 * x + c]);
        if (rgba[4 * x + 3] != 255)
            cr_assert(false, "it is not opaque");
    }
}

Test(to_rgb, no_colour_is_off_by_more_than_one)
{
    static const enum AVColorSpace spaces[] = {AVCOL_SPC_SMPTE170M, AVCOL_SPC_BT709,
                                               AVCOL_SPC_BT2020_NCL, AVCOL_SPC_SMPTE240M,
                                               AVCOL_SPC_FCC};
    static const int formats[] = {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUVJ420P};

    for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
        for (size_t k = 0; k < sizeof(formats) / sizeof(formats[0]); k++) {
            struct picture_matrix matrix = matrix_of(formats[k], spaces[i]);

            for (int u = 0; u < 256; u += 15)
                for (int v = 0; v < 256; v += 15)
                    check_row(&matrix, u, v);
        }
}

static AVFrame *make_picture(int pix_fmt, int width, int height)
{
    AVFrame *av = av_frame_alloc();

    av->format = pix_fmt;
    av->width = width;
    av->height = height;
    cr_assert(zero(int, av_frame_get_buffer(av, 0)));
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < (i && pix_fmt == AV_PIX_FMT_YUV420P ? height / 2 : height); y++)
            for (int x = 0; x < av->linesize[i]; x++)
                av->data[i][y * av->linesize[i] + x] = (uint8_t)(x * (7 + i) + y * (3 + 2 * i));
    return av;
}

/* The mean of the samples of plane i that a small one at x, y stands for; each halving rounds. */
static double mean(const AVFrame *av, int i, int x, int y, unsigned halvings)
{
    int n = 1 << halvings, sum = 0;

    for (int k = 0; k < n * n; k++)
        sum += av->data[i][(y * n + k / n) * av->linesize[i] + x * n + k % n];
    return (double)sum / (n * n);
}

static void check_shrunk(int pix_fmt, unsigned steps)
{
    int width = 208, height = 176, small_width = width >> steps, small_height = height >> steps;
    AVFrame *av = make_picture(pix_fmt, width, height);
    uint8_t *rgba = malloc(4 * (size_t)small_width * (size_t)small_height);
    uint8_t *scratch = malloc(to_rgb_scratch_bytes(width, steps));
    struct picture_format format;
    struct picture_matrix matrix;

    cr_assert(zero(int, picture_format_of(&format, pix_fmt, true)));
    picture_matrix_of(&matrix, &format, av);
    to_rgb_shrunk(rgba, 4 * (ptrdiff_t)small_width, &format, av, steps, scratch);
    for (int i = 0; i < small_width * small_height; i++) {
        unsigned chroma = steps - (pix_fmt == AV_PIX_FMT_YUV420P);
        int x = i % small_width, y = i / small_width;
        int samples[3] = {(int)lrint(mean(av, 0, x, y, steps)),
                          (int)lrint(mean(av, 1, x, y, chroma)),
                          (int)lrint(mean(av, 2, x, y, chroma))};

        for (int c = 0; c < 3; c++)
            if (fabs(rgba[4 * i + c] - expected(&matrix, c, samples[0], samples[1], samples[2])) >
                7)
                cr_assert(false, "channel %d at %d,%d of %u steps is %d", c, x, y, steps,
                          rgba[4 * i + c]);
    }
    free(rgba);
    free(scratch);
    av_frame_free(&av);
}

Test(to_rgb, a_small_picture_is_made_of_means)
{
    for (unsigned steps = 1; steps <= 3; steps++) {
        check_shrunk(AV_PIX_FMT_YUV420P, steps);
        check_shrunk(AV_PIX_FMT_YUV444P, steps);
    }
}
