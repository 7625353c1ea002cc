/* SPDX-License-Identifier: MIT */
/* A picture that waits for its sound, and what is on the screen meanwhile. */
#include "rendering.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/frame.h>
#include <libavutil/pixfmt.h>
#include <stdlib.h>

static const int white[3] = {235, 128, 128}, gray[3] = {126, 128, 128};
static struct limef_tile tiles[2];
static struct limef_presenter presenter;
static int64_t sound_us;

static int64_t heard_us(void *context, int64_t now_us)
{
    (void)context;
    (void)now_us;
    return sound_us;
}

static void show(uint32_t slot, const int samples[3])
{
    AVFrame *av = rendering_plain(AV_PIX_FMT_YUV420P, 32, 32, samples);

    cr_assert(zero(int, rendering_show(&presenter, slot, av, 0, false)));
    av_frame_free(&av);
}

static void send(uint32_t signal, uint32_t serial)
{
    struct limef_signal_frame signal_frame;

    limef_signal_frame_set(&signal_frame, signal, 0, NULL);
    signal_frame.serial = serial;
    limef_go(&presenter.filter, &signal_frame.frame);
}

/* In the middle of a tile. */
static int brightness(uint32_t slot)
{
    int width, height, at;
    uint8_t *rgba = rendering_read(&presenter, &width, &height);

    cr_assert(rgba != NULL);
    at = rgba[4 * ((height / 2) * width + width / 4 + (int)slot * width / 2)];
    free(rgba);
    return at;
}

static void close_presenter(void)
{
    limef_filter_clear(&presenter.filter);
}

Test(awaits_sound, after_a_seek_what_is_on_screen_stays_until_its_sound_is_heard,
     .fini = close_presenter, .timeout = 60)
{
    struct limef_presenter_settings settings = {.width = 64, .height = 32};

    if (!rendering_open(&presenter, tiles, 2, settings))
        cr_skip_test("no surfaceless EGL here");
    show(0, gray);
    limef_presenter_set_master(&presenter, 0, heard_us, NULL);
    sound_us = LIMEF_NO_TIME;
    send(LIMEF_SIGNAL_SEEK, 1);
    send(LIMEF_SIGNAL_FLUSH, 1);
    show(0, white);
    cr_assert(limef_presenter_is_ready(&tiles[0], 1));
    tiles[0].waits_until_us = LIMEF_FOREVER; /* however slow the machine is */
    show(1, white);
    cr_assert(gt(int, brightness(1), 200));
    cr_assert(lt(int, brightness(0), 200));
    sound_us = 0;
    limef_presenter_tick(&presenter, limef_now_us());
    cr_assert(gt(int, brightness(0), 200));
}
