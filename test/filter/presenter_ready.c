/* SPDX-License-Identifier: MIT */
/* The first picture and its sound, with output none. */
#include <limef/filter/presenter.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/frame.h>
#include <limef/base/clock.h>
#include <limef/frame/decoded.h>
#include <limef/frame/pool.h>

static struct limef_tile tile;
static struct limef_presenter presenter;
static struct limef_pool *pool;

static void open_presenter(void)
{
    struct limef_presenter_settings settings = {.output = LIMEF_OUTPUT_NONE};

    pool = limef_pool_create(LIMEF_FRAME_DECODED);
    cr_assert(zero(int, limef_presenter_init(&presenter, NULL, &tile, 1, &settings)));
    limef_presenter_tick(&presenter, limef_now_us());
}

static void close_presenter(void)
{
    limef_filter_clear(&presenter.filter);
    limef_pool_release(pool);
}

static void go(int64_t pts_us)
{
    struct limef_payload *payload = limef_pool_get(pool);
    struct limef_decoded_frame decoded;

    limef_payload_picture(payload)->format = AV_PIX_FMT_GRAY8;
    limef_payload_picture(payload)->width = limef_payload_picture(payload)->height = 16;
    limef_decoded_frame_set(&decoded, payload);
    decoded.frame.pts_us = pts_us;
    cr_assert(zero(int, limef_go(&presenter.filter, &decoded.frame)));
    limef_payload_unref(payload);
}

static void send(uint32_t signal, int32_t code, uint32_t serial)
{
    struct limef_signal_frame signal_frame;

    limef_signal_frame_set(&signal_frame, signal, 0, NULL);
    signal_frame.code = code;
    signal_frame.serial = serial;
    limef_go(&presenter.filter, &signal_frame.frame);
}

TestSuite(presenter_ready, .init = open_presenter, .fini = close_presenter, .timeout = 30);

static int64_t nothing_is_heard(void *context, int64_t now_us)
{
    (void)context;
    (void)now_us;
    return LIMEF_NO_TIME;
}

Test(presenter_ready, says_that_its_first_picture_waits_for_nothing_but_its_sound)
{
    limef_presenter_set_master(&presenter, 0, nothing_is_heard, NULL);
    send(LIMEF_SIGNAL_START, 1 << LIMEF_MEDIA_VIDEO | 1 << LIMEF_MEDIA_AUDIO, 0);
    cr_assert(not(limef_presenter_is_ready(&tile, 0)));
    go(0);
    cr_assert(not(limef_presenter_is_ready(&tile, 0))); /* it is not drawn yet */
    limef_presenter_tick(&presenter, limef_now_us());
    cr_assert(limef_presenter_is_ready(&tile, 0));
    cr_assert(zero(u64, LIMEF_COUNTED(tile.n_shown)));
    send(LIMEF_SIGNAL_SEEK, 0, 5);
    cr_assert(not(limef_presenter_is_ready(&tile, 0)));
    send(LIMEF_SIGNAL_FLUSH, 0, 5);
    cr_assert(not(limef_presenter_is_ready(&tile, 5)));
    go(1000000);
    limef_presenter_tick(&presenter, limef_now_us());
    cr_assert(limef_presenter_is_ready(&tile, 5));
    cr_assert(not(limef_presenter_is_ready(&tile, 0)));
    send(LIMEF_SIGNAL_LOST, 0, 0); /* there will be none */
    cr_assert(limef_presenter_is_ready(&tile, 5));
    cr_assert(zero(u64, LIMEF_COUNTED(tile.n_shown)));
}

Test(presenter_ready, does_not_wait_for_sound_where_none_follows)
{
    limef_presenter_set_master(&presenter, 0, nothing_is_heard, NULL);
    send(LIMEF_SIGNAL_START, 1 << LIMEF_MEDIA_VIDEO, 0);
    go(0);
    limef_presenter_tick(&presenter, limef_now_us());
    cr_assert(eq(u64, LIMEF_COUNTED(tile.n_shown), 1));
}
