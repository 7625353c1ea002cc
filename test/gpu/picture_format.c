/* SPDX-License-Identifier: MIT */
#include "gpu/picture_format.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/frame.h>
#include <math.h>

static struct picture_format format_of(int pix_fmt)
{
    struct picture_format format;

    cr_assert(eq(int, picture_format_of(&format, pix_fmt, true), 0), "%d", pix_fmt);
    return format;
}

static float convert(const struct picture_matrix *matrix, int channel, double y, double u, double v)
{
    double rgb[3] = {
        matrix->luma[3] * y + matrix->chroma[0] * v + matrix->luma[0],
        matrix->luma[3] * y + matrix->chroma[1] * u + matrix->chroma[2] * v + matrix->luma[1],
        matrix->luma[3] * y + matrix->chroma[3] * u + matrix->luma[2],
    };

    return (float)rgb[channel];
}

static void expect_colour(const AVFrame *av, int bits, int y, int u, int v, double r, double g,
                          double b)
{
    struct picture_format format = format_of(av->format);
    struct picture_matrix matrix;
    double largest = (1 << bits) - 1;
    const double rgb[3] = {r, g, b};

    picture_matrix_of(&matrix, &format, av);
    for (int i = 0; i < 3; i++)
        cr_expect(fabs(convert(&matrix, i, y / largest, u / largest, v / largest) - rgb[i]) < 0.005,
                  "channel %d is %f", i,
                  convert(&matrix, i, y / largest, u / largest, v / largest));
}

Test(picture_format, limited_range_black_and_white)
{
    AVFrame av = {.format = AV_PIX_FMT_YUV420P, .width = 64, .height = 64};

    expect_colour(&av, 8, 16, 128, 128, 0, 0, 0);
    expect_colour(&av, 8, 235, 128, 128, 1, 1, 1);
}

Test(picture_format, full_range_black_and_white)
{
    AVFrame av = {.format = AV_PIX_FMT_YUVJ420P, .width = 64, .height = 64};

    expect_colour(&av, 8, 0, 128, 128, 0, 0, 0);
    expect_colour(&av, 8, 255, 128, 128, 1, 1, 1);
    av.format = AV_PIX_FMT_YUV420P;
    av.color_range = AVCOL_RANGE_JPEG;
    expect_colour(&av, 8, 255, 128, 128, 1, 1, 1);
}

/* The numbers of pure red in each matrix, ITU-R BT.601, BT.709, BT.2020. */
Test(picture_format, red_by_matrix)
{
    AVFrame av = {.format = AV_PIX_FMT_YUV420P, .width = 64, .height = 64};

    av.colorspace = AVCOL_SPC_SMPTE170M;
    expect_colour(&av, 8, 81, 90, 240, 1, 0, 0);
    av.colorspace = AVCOL_SPC_BT709;
    expect_colour(&av, 8, 63, 102, 240, 1, 0, 0);
    av.colorspace = AVCOL_SPC_BT2020_NCL;
    expect_colour(&av, 8, 74, 97, 240, 1, 0, 0);
}

Test(picture_format, unspecified_matrix_goes_by_size)
{
    AVFrame av = {.format = AV_PIX_FMT_YUV420P, .width = 720, .height = 576};

    expect_colour(&av, 8, 81, 90, 240, 1, 0, 0);
    av.width = 1280;
    av.height = 720;
    expect_colour(&av, 8, 63, 102, 240, 1, 0, 0);
}

Test(picture_format, ten_bits_scale_by_their_texture)
{
    struct picture_format planar = format_of(AV_PIX_FMT_YUV420P10);
    struct picture_format semi = format_of(AV_PIX_FMT_P010);

    cr_assert(fabs(planar.scale * 1023 / 65535 - 1) < 1e-5);
    cr_assert(fabs(semi.scale * (1023 << 6) / 65535 - 1) < 1e-5);
    cr_assert(eq(int, (int)semi.kind, PICTURE_UV));
}

Test(picture_format, chroma_planes_round_up)
{
    struct picture_format format = format_of(AV_PIX_FMT_YUV420P);
    int width, height;

    picture_plane_size(&format, 1, 161, 121, &width, &height);
    cr_assert(eq(int, width, 81));
    cr_assert(eq(int, height, 61));
    picture_plane_size(&format, 0, 161, 121, &width, &height);
    cr_assert(eq(int, width, 161));
}

Test(picture_format, siting_moves_chroma)
{
    struct picture_format format = format_of(AV_PIX_FMT_YUV420P);
    AVFrame av = {.format = AV_PIX_FMT_YUV420P};
    float x, y;

    picture_chroma_offset(&format, &av, &x, &y);
    cr_expect(x == 0.25f && y == 0);
    av.chroma_location = AVCHROMA_LOC_TOPLEFT;
    picture_chroma_offset(&format, &av, &x, &y);
    cr_expect(x == 0.25f && y == 0.25f);
    av.chroma_location = AVCHROMA_LOC_CENTER;
    picture_chroma_offset(&format, &av, &x, &y);
    cr_expect(x == 0 && y == 0);
    av.chroma_location = AVCHROMA_LOC_BOTTOM;
    picture_chroma_offset(&format, &av, &x, &y);
    cr_expect(x == 0 && y == -0.25f);
}

Test(picture_format, what_no_shader_knows_is_refused)
{
    static const int refused[] = {AV_PIX_FMT_PAL8,    AV_PIX_FMT_YUYV422,   AV_PIX_FMT_RGB565LE,
                                  AV_PIX_FMT_VAAPI,   AV_PIX_FMT_MONOBLACK, AV_PIX_FMT_GRAYF32LE,
                                  AV_PIX_FMT_XYZ12LE, AV_PIX_FMT_NONE};
    struct picture_format format;

    for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        cr_expect(lt(int, picture_format_of(&format, refused[i], true), 0), "format %d",
                  refused[i]);
    cr_expect(lt(int, picture_format_of(&format, AV_PIX_FMT_YUV420P10, false), 0));
}
