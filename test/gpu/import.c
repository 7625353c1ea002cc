/* SPDX-License-Identifier: MIT */
/* Pictures in buffers of the kernel, shown without a copy. */
#include "memfd_frame.h"
#include "rendering.h"

#include "gpu/gl.h"

#include <limef/base/log.h>
#include <limef/frame/hardware.h>
#include <limef/frame/pool.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <drm_fourcc.h>
#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>

#define N_TILES 16

static struct limef_tile tiles[N_TILES];
static struct limef_presenter presenter;
static struct limef_pool *pictures;

static void silence(void *context, enum limef_log_level level, const char *name, const char *line)
{
    (void)context;
    (void)level;
    (void)name;
    (void)line;
}

static struct limef_presenter_slot_counters counters(uint32_t slot)
{
    struct limef_presenter_slot_counters now;

    limef_presenter_get_counters(&presenter, slot, &now);
    return now;
}

static void open_presenter(unsigned n_tiles, struct limef_presenter_settings settings)
{
    settings.output = LIMEF_OUTPUT_OFFSCREEN;
    settings.untimed = true;
    limef_log_set_sink(silence, NULL);
    pictures = limef_pool_create(LIMEF_FRAME_DECODED);
    cr_assert(eq(int, limef_presenter_init(&presenter, "screen", tiles, n_tiles, &settings), 0));
    if (limef_presenter_open(&presenter) < 0) {
        limef_filter_clear(&presenter.filter);
        cr_skip_test("no surfaceless EGL here");
    }
}

static void close_presenter(void)
{
    limef_presenter_close(&presenter);
    limef_filter_clear(&presenter.filter);
    limef_pool_release(pictures);
}

/* payload  borrowed */
static void show(uint32_t slot, struct limef_payload *payload)
{
    struct limef_decoded_frame decoded;

    limef_decoded_frame_set(&decoded, limef_payload_ref(payload));
    decoded.frame.media = LIMEF_MEDIA_VIDEO;
    decoded.frame.slot = slot;
    cr_assert(eq(int, limef_go(&presenter.filter, &decoded.frame), 0));
    limef_presenter_tick(&presenter, limef_now_us());
    limef_payload_unref(payload);
}

/* Whether this GL imports; shows one picture to find out. */
static bool imports(void)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_NV12, 64, 64);
    struct limef_payload *payload = memfd_frame_make(pictures, av, (struct memfd_layout){0});
    bool does;

    show(0, payload);
    does = counters(0).n_imported == 1;
    limef_payload_unref(payload);
    av_frame_free(&av);
    return does;
}

static void open_importing(unsigned n_tiles, struct limef_presenter_settings settings)
{
    open_presenter(n_tiles, settings);
    if (!imports()) {
        close_presenter();
        cr_skip_test("this OpenGL imports no dma-bufs, or takes no memfd for one");
    }
}

/* Shows a picture both ways: the same pixels come out. */
static void expect_the_same(int pix_fmt, int width, int height, struct memfd_layout layout)
{
    AVFrame *av = rendering_waves(pix_fmt, width, height);
    struct limef_payload *payload = memfd_frame_make(pictures, av, layout);
    struct limef_presenter_slot_counters before = counters(0);
    uint8_t *seen, *expected;
    int w, h;

    show(0, payload);
    limef_payload_unref(payload);
    seen = rendering_read(&presenter, &w, &h);
    cr_expect(eq(u64, counters(0).n_imported, before.n_imported + 1), "%s: %s",
              av_get_pix_fmt_name(pix_fmt), counters(0).copied_why);
    cr_expect(eq(u64, counters(0).uploaded_bytes, before.uploaded_bytes));
    cr_expect(eq(u64, counters(0).copied_bytes, before.copied_bytes));
    rendering_show(&presenter, 0, av, 0, false);
    expected = rendering_read(&presenter, &w, &h);
    cr_expect(eq(int, memcmp(seen, expected, (size_t)(4 * w * h)), 0), "format %d, %dx%d", pix_fmt,
              width, height);
    int most = 0; for (int i = 0; i < 4*w*h; i++) most = abs(seen[i]-expected[i])>most ? abs(seen[i]-expected[i]) : most;
    if (most) fprintf(stderr, "%s most %d\n", av_get_pix_fmt_name(pix_fmt), most);
    free(seen);
    free(expected);
    av_frame_free(&av);
}

static const int formats[] = {
    AV_PIX_FMT_NV12,    AV_PIX_FMT_NV21,    AV_PIX_FMT_NV16,    AV_PIX_FMT_NV24,
    AV_PIX_FMT_P010LE,  AV_PIX_FMT_P016LE,  AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV422P,
    AV_PIX_FMT_YUV444P, AV_PIX_FMT_GRAY8,   AV_PIX_FMT_BGR0,    AV_PIX_FMT_RGB0,
    AV_PIX_FMT_BGRA,    AV_PIX_FMT_RGBA,    AV_PIX_FMT_RGB565LE,
    AV_PIX_FMT_RGB24,   AV_PIX_FMT_YUYV422,
};
#define N_FORMATS (sizeof(formats) / sizeof(formats[0]))

Test(import, a_picture_looks_as_if_it_had_been_uploaded, .timeout = 60)
{
    open_importing(1, (struct limef_presenter_settings){.width = 200, .height = 150});
    for (size_t i = 0; i < N_FORMATS; i++) {
        expect_the_same(formats[i], 192, 108, (struct memfd_layout){0});
        expect_the_same(formats[i], 161, 121, (struct memfd_layout){0});
    }
    close_presenter();
}
