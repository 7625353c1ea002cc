/* SPDX-License-Identifier: MIT */
#include "gpu/shrink.h"

#include "rendering.h"

#include <limef/frame/pool.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/frame.h>
#include <stdlib.h>
#include <string.h>

TestSuite(shrink, .timeout = 60);

Test(shrink, halves_as_long_as_nothing_gets_smaller_than_it_is_shown)
{
    cr_assert(eq(u32, shrink_steps(1280, 720, 640, 360), 1));
    cr_assert(eq(u32, shrink_steps(1280, 720, 641, 360), 0));
    cr_assert(eq(u32, shrink_steps(1280, 720, 300, 200), 1));
    cr_assert(eq(u32, shrink_steps(1280, 720, 320, 180), 2));
    cr_assert(eq(u32, shrink_steps(1280, 720, 1, 1), SHRINK_MOST_STEPS));
    cr_assert(eq(u32, shrink_steps(1280, 720, 0, 0), 0));
    cr_assert(eq(u32, shrink_steps(640, 360, 1280, 720), 0));
}

Test(shrink, a_sample_is_the_mean_of_those_it_stands_for)
{
    enum { width = 64, height = 16, linesize = 80 };
    uint8_t from[linesize * height], to[width * height / 4];

    for (int i = 0; i < linesize * height; i++)
        from[i] = (uint8_t)(i % linesize < width ? i * 37 + i / 11 : 255);
    shrink_plane(to, from, linesize, width, height, 1);
    for (int y = 0; y < height / 2; y++)
        for (int x = 0; x < width / 2; x++) {
            const uint8_t *at = from + 2 * y * linesize + 2 * x;

            cr_assert(eq(int, to[y * width / 2 + x],
                         (at[0] + at[1] + at[linesize] + at[linesize + 1] + 2) / 4));
        }
    shrink_plane(to, from, linesize, width, height, 3);
    for (int y = 0; y < height / 8; y++)
        for (int x = 0; x < width / 8; x++) {
            int sum = 0;

            for (int i = 0; i < 64; i++)
                sum += from[(8 * y + i / 8) * linesize + 8 * x + i % 8];
            cr_assert(le(int, abs(to[y * width / 8 + x] - sum / 64), 2));
        }
}

static struct limef_tile tiles[4];
static struct limef_presenter presenter;
static struct limef_pool *pool;

static void begin(void)
{
    struct limef_presenter_settings settings = {.width = 256, .height = 144};

    pool = limef_pool_create(LIMEF_FRAME_DECODED);
    if (!rendering_open(&presenter, tiles, 4, settings))
        cr_skip_test("no surfaceless EGL here");
}

static void end(void)
{
    limef_filter_clear(&presenter.filter);
    limef_pool_release(pool);
}

/* Shows a picture that is counted, as decoders make them. */
static void show_turned(uint32_t slot, const AVFrame *av, int rotation_degrees, bool mirrored)
{
    struct limef_payload *payload = limef_pool_get(pool);
    struct limef_decoded_frame decoded;

    cr_assert(zero(int, av_frame_ref(limef_payload_picture(payload), av)));
    limef_decoded_frame_set(&decoded, payload);
    decoded.frame.slot = slot;
    decoded.frame.media = LIMEF_MEDIA_VIDEO;
    decoded.frame.pts_us = LIMEF_NO_TIME;
    decoded.rotation_degrees = (int16_t)rotation_degrees;
    decoded.mirrored = mirrored;
    cr_assert(zero(int, limef_go(&presenter.filter, &decoded.frame)));
    limef_payload_unref(payload);
    limef_presenter_tick(&presenter, limef_now_us() + 1000000); /* by then it is due */
}

static void show(uint32_t slot, const AVFrame *av)
{
    show_turned(slot, av, 0, false);
}

/* Columns of black and white, one pixel each; gray where they are put together. */
static AVFrame *make_columns(void)
{
    static const int gray[3] = {128, 128, 128};
    AVFrame *av = rendering_plain(AV_PIX_FMT_YUV420P, 256, 144, gray);

    for (int y = 0; y < 144; y++)
        for (int x = 0; x < 256; x++)
            av->data[0][y * av->linesize[0] + x] = x % 2 ? 235 : 16;
    return av;
}

static int green_at(int x, int y)
{
    int width, height, green;
    uint8_t *rgba = rendering_read(&presenter, &width, &height);

    green = rgba[4 * (y * width + x) + 1];
    free(rgba);
    return green;
}

Test(shrink, a_tile_shows_all_of_a_picture_and_alone_each_pixel_of_it, .init = begin, .fini = end)
{
    struct limef_presenter_slot_counters counters;
    AVFrame *av = make_columns();

    show(1, av);
    limef_presenter_get_counters(&presenter, 1, &counters);
    if (counters.uploaded_bytes == 256 * 144 * 3 / 2)
        cr_skip_test("the GPU does it here");
    cr_assert(eq(u64, counters.uploaded_bytes, 4 * 128 * 72));
    cr_assert(eq(u64, counters.memory_bytes, 4 * 128 * 72));
    cr_assert(eq(u64, counters.copied_bytes, 2 * 4 * 128 * 72));
    cr_assert(eq(u64, LIMEF_COUNTED(presenter.filter.copied_bytes), 2 * 4 * 128 * 72));
    cr_assert(eq(str, (char *)counters.copied_why, "made as small as it is shown by the CPU"));
    for (int x = 130; x < 256; x++)
        cr_assert(le(int, abs(green_at(x, 40) - 128), 4));
    /* no other picture comes */
    cr_assert(zero(int, limef_presenter_set_layout(&presenter, 1)));
    limef_presenter_tick(&presenter, limef_now_us());
    cr_assert(le(int, green_at(100, 70), 2));
    cr_assert(ge(int, green_at(101, 70), 253));
    av_frame_free(&av);
}

/* Black, but for its upper left quarter. */
static AVFrame *make_corner(int width, int height)
{
    static const int black[3] = {16, 128, 128};
    AVFrame *av = rendering_plain(AV_PIX_FMT_YUV420P, width, height, black);

    for (int y = 0; y < height / 2; y++)
        memset(av->data[0] + y * av->linesize[0], 235, (size_t)width / 2);
    return av;
}

/* The corner of tile 3 that is white, 0..3 row by row; -1: none is, or more than one. */
static int white_corner(void)
{
    int corner = -1;

    for (int i = 0; i < 4; i++)
        if (green_at(128 + 32 + i % 2 * 64, 72 + 18 + i / 2 * 36) > 128) {
            if (corner >= 0)
                return -1;
            corner = i;
        }
    return corner;
}

Test(shrink, a_tile_is_the_right_way_up_whether_copied_or_drawn, .init = begin, .fini = end)
{
    /* just as large as its tile when halved; larger */
    static const int sizes[2][2] = {{256, 144}, {384, 216}};

    for (int i = 0; i < 2; i++) {
        AVFrame *av = make_corner(sizes[i][0], sizes[i][1]);

        show(3, av);
        cr_assert(eq(int, white_corner(), 0));
        show_turned(3, av, 180, false);
        cr_assert(eq(int, white_corner(), 3));
        show_turned(3, av, 0, true);
        cr_assert(eq(int, white_corner(), 1));
        show_turned(3, av, 180, true);
        cr_assert(eq(int, white_corner(), 2));
        av_frame_free(&av);
    }
}

Test(shrink, what_cannot_be_halved_is_shown_nevertheless, .init = begin, .fini = end)
{
    static const int gray[3] = {128, 128, 128};
    static const int formats[] = {AV_PIX_FMT_NV12, AV_PIX_FMT_YUV420P10, AV_PIX_FMT_YUV422P,
                                  AV_PIX_FMT_RGB24, AV_PIX_FMT_GRAY8};

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        AVFrame *av = rendering_plain(formats[i], 510, 286, gray);

        show(2, av);
        cr_assert(le(int, abs(green_at(64, 108) - 128), 4));
        av_frame_free(&av);
    }
}

Test(shrink, the_colours_of_a_small_tile_are_right, .init = begin, .fini = end)
{
    static const int colour[3] = {120, 90, 180};
    double rgb[3];
    AVFrame *av = rendering_plain(AV_PIX_FMT_YUV420P, 512, 288, colour);

    rendering_expected(av, 10, 10, rgb);
    show(0, av);
    cr_assert(le(int, abs(green_at(64, 36) - (int)rgb[1]), 3));
    av_frame_free(&av);
}
