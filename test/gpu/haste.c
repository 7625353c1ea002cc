/* SPDX-License-Identifier: MIT */
/* What is drawn untimed where the CPU renders: chroma is not always interpolated. */
#include "rendering.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/frame.h>
#include <limef/base/log.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct limef_tile tiles[1];
static struct limef_presenter presenter;

TestSuite(haste, .timeout = 60);

static void open_presenter(struct limef_presenter_settings settings)
{
    if (!rendering_open(&presenter, tiles, 1, settings)) {
        limef_filter_clear(&presenter.filter);
        cr_skip_test("no surfaceless EGL here");
    }
}

static void close_presenter(void)
{
    limef_filter_clear(&presenter.filter);
}

static void note_renderer(void *by_cpu, enum limef_log_level level, const char *name,
                          const char *line)
{
    (void)level;
    (void)name;
    if (strstr(line, "llvmpipe") || strstr(line, "softpipe"))
        *(bool *)by_cpu = true;
}

/* Opens an untimed presenter. False: it is not the CPU that renders. */
static bool open_in_haste(void)
{
    bool by_cpu = false;

    setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1);
    limef_log_set_sink(note_renderer, &by_cpu);
    limef_log_set_level(LIMEF_LOG_INFO);
    open_presenter((struct limef_presenter_settings){.untimed = true});
    limef_log_set_sink(NULL, NULL);
    limef_log_set_level(LIMEF_LOG_WARNING);
    return by_cpu;
}

/* Chroma that changes greatly from sample to sample, in colours that RGB can hold. */
static AVFrame *specked(int pix_fmt, int width, int height)
{
    static const int colourless[3] = {126, 128, 128};
    AVFrame *av = rendering_plain(pix_fmt, width, height, colourless);
    unsigned speck = 1;

    for (int plane = 1; plane < 3; plane++)
        for (int y = 0; y < (height + 1) / 2; y++)
            for (int x = 0; x < (width + 1) / 2; x++) {
                speck = speck * 1664525u + 1013904223u;
                av->data[plane][y * av->linesize[plane] + x] = (uint8_t)(98 + (speck >> 24) % 61);
            }
    return av;
}

Test(haste, the_cpu_takes_the_nearest_chroma_pixel_for_pixel_of_two_as_near_the_one_before)
{
    static const enum AVChromaLocation sitings[] = {AVCHROMA_LOC_LEFT, AVCHROMA_LOC_CENTER,
                                                    AVCHROMA_LOC_TOPLEFT, AVCHROMA_LOC_BOTTOM};
    static const int sides[][2] = {{64, 48}, {161, 121}};

    for (unsigned i = 0; i < 2 * (sizeof(sitings) / sizeof(sitings[0])); i++) {
        AVFrame *av = specked(AV_PIX_FMT_YUV420P, sides[i % 2][0], sides[i % 2][1]);
        int width = 0, height = 0, n_interpolated = 0;
        double worst = 0, rgb[3];
        uint8_t *rgba;

        av->chroma_location = sitings[i / 2];
        if (!open_in_haste()) {
            close_presenter();
            cr_skip_test("it is not the CPU that renders here");
        }
        cr_assert(eq(int, rendering_show(&presenter, 0, av, 0, false), 0));
        rgba = rendering_read(&presenter, &width, &height);
        cr_assert(eq(int, width, av->width));
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                const uint8_t *pixel = rgba + 4 * (y * width + x);

                rendering_expected_nearest(av, x, y, rgb);
                worst = fmax(worst, rendering_off_by(pixel, rgb));
                rendering_expected(av, x, y, rgb);
                n_interpolated += rendering_off_by(pixel, rgb) <= RENDERING_TOLERANCE;
            }
        cr_expect(worst <= RENDERING_TOLERANCE, "siting %d: off by %.1f", av->chroma_location,
                  worst);
        cr_expect(lt(int, n_interpolated, width *height / 2));
        free(rgba);
        close_presenter();
        av_frame_free(&av);
    }
}

Test(haste, a_picture_that_is_shown_larger_is_interpolated)
{
    AVFrame *av = specked(AV_PIX_FMT_YUV420P, 64, 64);
    int width, height, n_between = 0;
    uint8_t *rgba;

    open_in_haste();
    close_presenter();
    open_presenter((struct limef_presenter_settings){.untimed = true, .width = 256, .height = 256});
    rendering_show(&presenter, 0, av, 0, false);
    rgba = rendering_read(&presenter, &width, &height);
    /* a row of samples is four times repeated if nothing is interpolated */
    for (int x = 1; x < 255; x++)
        n_between += rgba[4 * (128 * width + x)] != rgba[4 * (128 * width + x - 1)];
    cr_expect(gt(int, n_between, 160));
    free(rgba);
    close_presenter();
    av_frame_free(&av);
}
