/* SPDX-License-Identifier: MIT */
#include "frame/slices.h"

#include "frame/convert.h"
#include "thread/team_private.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>

static struct limef_team team;
static struct limef_team_worker workers[2];

static void start_team(void)
{
    cr_assert(eq(int, team_start(&team, workers, 2, NULL), 0));
    team_fix_dispatch(&team, 0);
}

static void stop_team(void)
{
    limef_team_stop(&team, 10000000);
}

TestSuite(slices, .init = start_team, .fini = stop_team, .timeout = 300);

static AVFrame *make(int format, int width, int height, bool filled)
{
    AVFrame *picture = av_frame_alloc();
    uint32_t x = 1;

    picture->format = format;
    picture->width = width;
    picture->height = height;
    cr_assert(eq(int, av_frame_get_buffer(picture, 64), 0));
    for (int i = 0; i < AV_NUM_DATA_POINTERS && picture->buf[i]; i++)
        for (size_t n = 0; n < picture->buf[i]->size; n++) {
            x = x * 1664525u + 1013904223u;
            /* 10-bit formats: no bits above */
            picture->buf[i]->data[n] = filled ? (uint8_t)(x >> 24 & (n % 2 ? 0x03 : 0xff)) : 0;
        }
    return picture;
}

static bool are_equal(const AVFrame *a, const AVFrame *b)
{
    int bytes = av_image_get_buffer_size(a->format, a->width, a->height, 1);
    uint8_t *x = malloc((size_t)bytes), *y = malloc((size_t)bytes);
    bool equal;

    av_image_copy_to_buffer(x, bytes, (const uint8_t *const *)a->data, a->linesize, a->format,
                            a->width, a->height, 1);
    av_image_copy_to_buffer(y, bytes, (const uint8_t *const *)b->data, b->linesize, b->format,
                            b->width, b->height, 1);
    equal = !memcmp(x, y, (size_t)bytes);
    free(x);
    free(y);
    return equal;
}

/* Converts both ways; false if slices make no sense for it. */
static bool compare(const char *from, const char *to, const int *sizes, int algorithm)
{
    AVFrame *in = make(av_get_pix_fmt(from), sizes[0], sizes[1], true);
    AVFrame *one = make(av_get_pix_fmt(to), sizes[2], sizes[3], false);
    AVFrame *many = make(av_get_pix_fmt(to), sizes[2], sizes[3], false);
    struct SwsContext *converter = NULL;
    struct limef_slices *slices;
    int ret = slices_open(&slices, in, one, algorithm, &team);
    bool sliced = slices;

    cr_assert(eq(int, convert_open(&converter, in, one, algorithm), 0));
    sws_scale(converter, (const uint8_t *const *)in->data, in->linesize, 0, in->height, one->data,
              one->linesize);
    if (sliced) {
        cr_assert(eq(int, ret, 0));
        for (int i = 0; i < 2; i++)
            cr_assert(eq(int, slices_run(slices, many, in), 0));
        cr_assert(are_equal(one, many), "%s %dx%d -> %s %dx%d", from, sizes[0], sizes[1], to,
                  sizes[2], sizes[3]);
    }
    slices_close(&slices);
    sws_freeContext(converter);
    av_frame_free(&in);
    av_frame_free(&one);
    av_frame_free(&many);
    return sliced;
}

Test(slices, are_bit_equal_to_the_whole)
{
    static const char *const froms[] = {"yuv420p", "nv12", "yuv422p",     "yuv444p",
                                        "rgb24",   "bgra", "yuv420p10le", "gray"};
    static const char *const tos[] = {"yuv420p", "nv12", "yuv422p", "rgb24", "bgra", "gbrp"};
    static const int sizes[][4] = {
        {640, 360, 320, 180}, {320, 240, 641, 484}, {322, 258, 322, 258}, {640, 480, 200, 600}};
    static const int algorithms[] = {SWS_BILINEAR | SWS_ACCURATE_RND,
                                     SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT};
    unsigned n_sliced = 0;

    for (size_t from = 0; from < sizeof(froms) / sizeof(froms[0]); from++)
        for (size_t to = 0; to < sizeof(tos) / sizeof(tos[0]); to++)
            for (size_t size = 0; size < sizeof(sizes) / sizeof(sizes[0]); size++)
                for (size_t i = 0; i < 2; i++)
                    n_sliced += compare(froms[from], tos[to], sizes[size], algorithms[i]);
    cr_assert(gt(uint, n_sliced, 300));
    cr_assert(gt(u64, LIMEF_COUNTED(team.n_shared), 600));
}

Test(slices, where_errors_go_from_line_to_line_there_are_none)
{
    static const int sizes[] = {640, 360, 320, 256};

    cr_assert(not(
        compare("yuv420p", "rgb8", sizes, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT)));
}

Test(slices, of_a_small_picture_or_without_a_team_or_exact_rounding_there_are_none)
{
    AVFrame *in = make(AV_PIX_FMT_YUV420P, 640, 360, false);
    AVFrame *small = make(AV_PIX_FMT_YUV420P, 160, 90, false);
    struct limef_slices *slices;

    cr_assert(eq(int, slices_open(&slices, in, small, SWS_ACCURATE_RND, &team), 0));
    cr_assert(eq(ptr, slices, NULL));
    cr_assert(eq(int, slices_open(&slices, small, in, SWS_ACCURATE_RND, NULL), 0));
    cr_assert(eq(ptr, slices, NULL));
    cr_assert(eq(int, slices_open(&slices, small, in, SWS_BILINEAR, &team), 0));
    cr_assert(eq(ptr, slices, NULL));
    slices_close(&slices);
    av_frame_free(&in);
    av_frame_free(&small);
}
