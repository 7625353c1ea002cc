/* SPDX-License-Identifier: MIT */
/* Pictures that a plane takes or refuses: an output that the test plays, and a real GL behind it.
 */
#include "memfd_frame.h"
#include "rendering.h"

#include "gpu/compositor_private.h"
#include "support/silence.h"

#include <limef/base/log.h>
#include <limef/frame/pool.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <drm_fourcc.h>
#include <libavutil/error.h>
#include <libavutil/frame.h>
#include <stdlib.h>

#define WIDTH 64
#define HEIGHT 48
/* No GL takes it from a memfd, and no CPU reads it. */
#define TILED I915_FORMAT_MOD_X_TILED

static struct limef_tile tile;
static struct limef_presenter presenter;
static struct limef_pool *pictures;
static struct output_ops ops;
static bool refuses;
static bool refuses_tiled;
static uint64_t scanned; /* the modifier of the last that was shown */

static int scan_out(struct output *output, const struct limef_hardware_frame *picture,
                    struct layout_rect rect, struct limef_payload *payload, const char **why)
{
    bool refused = refuses || (refuses_tiled && picture->modifier == TILED);

    (void)output;
    (void)rect;
    (void)payload;
    *why = refused ? "the test refuses it" : NULL;
    if (!refused)
        scanned = picture->modifier;
    return refused ? AVERROR(ENOTSUP) : 0;
}

static void open_presenter(void)
{
    struct limef_presenter_settings settings = {.untimed = true, .width = WIDTH, .height = HEIGHT};
    struct output *output;

    limef_log_set_sink(log_to_nobody, NULL);
    pictures = limef_pool_create(LIMEF_FRAME_DECODED);
    if (!rendering_open(&presenter, &tile, 1, settings))
        cr_skip_test("no surfaceless EGL here");
    output = &presenter.compositor->output;
    ops = *output->ops;
    ops.scan_out = scan_out;
    output->ops = &ops;
}

static void close_presenter(void)
{
    limef_presenter_close(&presenter);
    limef_filter_clear(&presenter.filter);
    limef_pool_release(pictures);
}

TestSuite(compositor_scan_out, .init = open_presenter, .fini = close_presenter, .timeout = 60);

static struct limef_presenter_slot_counters counters(void)
{
    struct limef_presenter_slot_counters now;

    limef_presenter_tick(&presenter, limef_now_us()); /* what was presented is seen by now */
    limef_presenter_get_counters(&presenter, 0, &now);
    return now;
}

static void show(uint64_t modifier)
{
    AVFrame *av = rendering_plain(AV_PIX_FMT_NV12, WIDTH, HEIGHT, (const int[3]){235, 128, 128});
    struct limef_payload *payload =
        memfd_frame_make(pictures, av, (struct memfd_layout){.modifier = modifier});
    struct limef_decoded_frame decoded;

    limef_decoded_frame_set(&decoded, payload);
    decoded.frame.media = LIMEF_MEDIA_VIDEO;
    cr_assert(eq(int, limef_go(&presenter.filter, &decoded.frame), 0));
    limef_presenter_tick(&presenter, limef_now_us());
    limef_payload_unref(payload);
    av_frame_free(&av);
}

Test(compositor_scan_out, what_neither_a_plane_nor_gl_takes_has_failed_and_is_not_shown)
{
    refuses = true;
    show(TILED);
    cr_assert(eq(u64, counters().n_pictures, 1));
    cr_assert(eq(u64, counters().n_failed, 1));
    cr_assert(eq(u64, counters().n_shown, 0));
    show(DRM_FORMAT_MOD_LINEAR);
    cr_assert(eq(u64, counters().n_failed, 1));
    cr_assert(eq(u64, counters().n_shown, 1));
}

Test(compositor_scan_out, what_a_plane_shows_can_be_read_and_stays_on_the_plane)
{
    uint8_t *rgba;
    int width, height;

    show(DRM_FORMAT_MOD_LINEAR);
    cr_assert(eq(u64, counters().n_planes, 1));
    rgba = rendering_read(&presenter, &width, &height);
    for (size_t i = 0; i < (size_t)width * (size_t)height; i++)
        cr_assert(ge(int, rgba[4 * i], 255 - RENDERING_TOLERANCE));
    free(rgba);
    presenter.dirty = true;
    limef_presenter_tick(&presenter, limef_now_us());
    cr_assert(eq(u64, LIMEF_COUNTED(presenter.n_planes), 2), "it is shown there again");
    cr_assert(eq(u64, counters().n_planes, 1), "and is one picture");
    cr_assert(eq(u64, counters().n_shown, 1));
}

Test(compositor_scan_out, what_cannot_be_read_is_shown_on_the_plane_all_the_same)
{
    uint8_t rgba[4 * WIDTH * HEIGHT];

    show(TILED);
    cr_assert(lt(int, limef_presenter_read(&presenter, rgba), 0));
    presenter.dirty = true;
    limef_presenter_tick(&presenter, limef_now_us());
    cr_assert(eq(u64, LIMEF_COUNTED(presenter.n_planes), 2));
    cr_assert(eq(u64, counters().n_shown, 1));
    cr_assert(zero(u64, counters().n_failed));
}

Test(compositor_scan_out, what_a_plane_has_shown_has_not_failed_when_gl_cannot_go_on_with_it)
{
    show(TILED);
    cr_assert(eq(u64, counters().n_shown, 1));
    refuses = true;
    presenter.dirty = true;
    limef_presenter_tick(&presenter, limef_now_us());
    cr_assert(zero(u64, counters().n_failed));
    cr_assert(eq(u64, counters().n_shown, 1));
}

Test(compositor_scan_out, what_nobody_takes_leaves_the_picture_before_on_the_plane)
{
    refuses_tiled = true;
    show(DRM_FORMAT_MOD_LINEAR);
    show(TILED);
    cr_assert(eq(u64, scanned, DRM_FORMAT_MOD_LINEAR));
    cr_assert(eq(u64, counters().n_failed, 1));
    cr_assert(zero(u64, LIMEF_COUNTED(presenter.n_composed)), "nothing was drawn, as black is");
    presenter.dirty = true;
    limef_presenter_tick(&presenter, limef_now_us());
    cr_assert(zero(u64, LIMEF_COUNTED(presenter.n_composed)));
    cr_assert(eq(u64, counters().n_failed, 1), "once");
    refuses_tiled = false;
    show(TILED);
    cr_assert(eq(u64, scanned, TILED));
}

static void end(bool silently)
{
    struct limef_signal_frame over;

    presenter.settings.ends_silently = silently;
    show(DRM_FORMAT_MOD_LINEAR);
    limef_signal_frame_set(&over, LIMEF_SIGNAL_END, 0, NULL);
    limef_go(&presenter.filter, &over.frame);
    counters();
    cr_assert(eq(u32, LIMEF_COUNTED(tile.state), LIMEF_TILE_ENDED));
    counters();
}

Test(compositor_scan_out, an_end_that_says_nothing_shows_nothing_again)
{
    end(true);
    cr_assert(eq(u64, LIMEF_COUNTED(presenter.n_planes), 1));
    cr_assert(zero(u64, LIMEF_COUNTED(presenter.n_composed)));
}

Test(compositor_scan_out, an_end_that_says_so_is_drawn_over_the_last_picture)
{
    end(false);
    cr_assert(eq(u64, LIMEF_COUNTED(presenter.n_planes), 1));
    cr_assert(eq(u64, LIMEF_COUNTED(presenter.n_composed), 1));
}
