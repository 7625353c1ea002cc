/* SPDX-License-Identifier: MIT */
/* Pictures in buffers of the kernel, shown without a copy. */
#include "memfd_frame.h"
#include "rendering.h"

#include "frame/pool_private.h"
#include "gpu/gl.h"
#include "support/silence.h"

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
    limef_log_set_sink(log_to_nobody, NULL);
    pictures = limef_pool_create(LIMEF_FRAME_DECODED);
    cr_assert(eq(int, limef_presenter_init(&presenter, "screen", tiles, n_tiles, &settings), 0));
    if (limef_presenter_open(&presenter) < 0) {
        limef_filter_clear(&presenter.filter);
        RENDERING_SKIP("no surfaceless EGL here");
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
        RENDERING_SKIP("this OpenGL imports no dma-bufs, or takes no memfd for one");
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

    av->crop_left = layout.crop_left;
    av->crop_top = layout.crop_top;
    av_frame_apply_cropping(av, AV_FRAME_CROP_UNALIGNED);
    show(0, payload);
    limef_payload_unref(payload);
    seen = rendering_read(&presenter, &w, &h);
    cr_expect(eq(u64, counters(0).n_imported, before.n_imported + 1), "%s: %s",
              av_get_pix_fmt_name(pix_fmt), counters(0).copied_why);
    cr_expect(eq(u64, counters(0).uploaded_bytes, before.uploaded_bytes));
    cr_expect(eq(u64, counters(0).copied_bytes, before.copied_bytes));
    rendering_show(&presenter, 0, av, 0, false);
    expected = rendering_read(&presenter, &w, &h);
    cr_expect(eq(int, memcmp(seen, expected, (size_t)(4 * w * h)), 0), "%d, %dx%d", pix_fmt, width,
              height);
    free(seen);
    free(expected);
    av_frame_free(&av);
}

Test(import, a_picture_looks_as_if_it_had_been_uploaded, .timeout = 60)
{
    static const int formats[] = {AV_PIX_FMT_NV12,    AV_PIX_FMT_NV21,    AV_PIX_FMT_NV16,
                                  AV_PIX_FMT_NV24,    AV_PIX_FMT_P010LE,  AV_PIX_FMT_P016LE,
                                  AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV422P, AV_PIX_FMT_YUV444P,
                                  AV_PIX_FMT_GRAY8,   AV_PIX_FMT_BGR0,    AV_PIX_FMT_RGB0,
                                  AV_PIX_FMT_BGRA,    AV_PIX_FMT_RGBA,    AV_PIX_FMT_RGB565LE};

    open_importing(1, (struct limef_presenter_settings){.width = 200, .height = 150});
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        expect_the_same(formats[i], 192, 108, (struct memfd_layout){0});
        expect_the_same(formats[i], 161, 121, (struct memfd_layout){0});
    }
    close_presenter();
}

Test(import, planes_may_lie_anywhere, .timeout = 60)
{
    const struct memfd_layout layouts[] = {
        {.offset_bytes = 64},
        {.offset_bytes = 4096 + 16, .row_extra_bytes = 48},
        {.row_extra_bytes = 16},
        {.layers = true, .offset_bytes = 192, .row_extra_bytes = 320},
        {.layers = true, .crop_left = 18, .crop_top = 10},
    };

    open_importing(1, (struct limef_presenter_settings){.width = 200, .height = 150});
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        expect_the_same(AV_PIX_FMT_NV12, 189, 107, layouts[i]);
        expect_the_same(AV_PIX_FMT_YUV420P, 189, 107, layouts[i]);
        expect_the_same(AV_PIX_FMT_P010LE, 189, 107, layouts[i]);
    }
    close_presenter();
}

Test(import, colour_is_what_the_picture_says, .timeout = 60)
{
    static const struct {
        int space, range, location;
    } said[] = {{AVCOL_SPC_BT709, AVCOL_RANGE_MPEG, AVCHROMA_LOC_LEFT},
                {AVCOL_SPC_BT709, AVCOL_RANGE_JPEG, AVCHROMA_LOC_CENTER},
                {AVCOL_SPC_BT2020_NCL, AVCOL_RANGE_MPEG, AVCHROMA_LOC_TOPLEFT},
                {AVCOL_SPC_SMPTE170M, AVCOL_RANGE_JPEG, AVCHROMA_LOC_TOP}};
    AVFrame *av = rendering_waves(AV_PIX_FMT_NV12, 160, 120);
    uint8_t *seen[2];
    int w, h;

    open_importing(1, (struct limef_presenter_settings){.width = 160, .height = 120});
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        struct limef_payload *payload;

        av->colorspace = said[i].space;
        av->color_range = said[i].range;
        av->chroma_location = said[i].location;
        payload = memfd_frame_make(pictures, av, (struct memfd_layout){0});
        show(0, payload);
        seen[0] = rendering_read(&presenter, &w, &h);
        rendering_show(&presenter, 0, av, 0, false);
        seen[1] = rendering_read(&presenter, &w, &h);
        cr_expect(eq(int, memcmp(seen[0], seen[1], (size_t)(4 * w * h)), 0), "case %zu", i);
        free(seen[0]);
        free(seen[1]);
        limef_payload_unref(payload);
    }
    av_frame_free(&av);
    close_presenter();
}

Test(import, what_is_written_later_is_drawn_without_another_image)
{
    AVFrame *before = rendering_waves(AV_PIX_FMT_NV12, 160, 120);
    AVFrame *after = rendering_plain(AV_PIX_FMT_NV12, 160, 120, (const int[3]){200, 90, 160});
    uint8_t *drawn, *again, *expected;
    struct limef_payload *payload;
    uint64_t n_images;
    int w, h;

    open_importing(1, (struct limef_presenter_settings){.width = 160, .height = 120});
    payload = memfd_frame_make(pictures, before, (struct memfd_layout){0});
    show(0, payload);
    n_images = counters(0).n_images;
    drawn = rendering_read(&presenter, &w, &h);
    memfd_frame_write(payload, after);
    again = rendering_read(&presenter, &w, &h); /* draws: nobody has copied the picture */
    show(0, payload);
    cr_assert(eq(u64, counters(0).n_images, n_images));
    rendering_show(&presenter, 0, after, 0, false);
    expected = rendering_read(&presenter, &w, &h);
    cr_assert(ne(int, memcmp(drawn, again, (size_t)(4 * w * h)), 0));
    cr_assert(eq(int, memcmp(again, expected, (size_t)(4 * w * h)), 0));
    limef_payload_unref(payload);
    av_frame_free(&before);
    av_frame_free(&after);
    free(drawn);
    free(again);
    free(expected);
    close_presenter();
}

/* Shows n pictures in turn, each rounds times. */
static void show_in_turn(struct limef_payload *const *payloads, unsigned n, unsigned rounds)
{
    for (unsigned i = 0; i < n * rounds; i++)
        show(0, payloads[i % n]);
}

static void make_many(struct limef_payload **payloads, unsigned n)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_NV12, 64, 48);

    for (unsigned i = 0; i < n; i++)
        payloads[i] = memfd_frame_make(pictures, av, (struct memfd_layout){0});
    av_frame_free(&av);
}

static void release_many(struct limef_payload **payloads, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        limef_payload_unref(payloads[i]);
}

Test(import, images_are_made_once_for_each_buffer)
{
    struct limef_payload *payloads[20];
    uint64_t n_images, n_imported;

    open_importing(1, (struct limef_presenter_settings){0});
    make_many(payloads, 20);
    n_images = counters(0).n_images;
    n_imported = counters(0).n_imported;
    show_in_turn(payloads, 20, 10);
    cr_assert(eq(u64, counters(0).n_imported - n_imported, 200));
    cr_assert(eq(u64, counters(0).n_images - n_images, 20 * 2)); /* two planes */
    release_many(payloads, 20);
    close_presenter();
}

Test(import, an_image_goes_when_its_buffer_has_gone_out_of_use)
{
    enum { N = 300 };
    struct limef_payload *payloads[N];
    uint64_t n_images;

    open_importing(1, (struct limef_presenter_settings){0});
    make_many(payloads, N);
    show_in_turn(payloads, N, 1);
    n_images = counters(0).n_images;
    show(0, payloads[N - 1]); /* is kept */
    cr_assert(eq(u64, counters(0).n_images, n_images));
    show(0, payloads[0]); /* had to go */
    cr_assert(eq(u64, counters(0).n_images, n_images + 2));
    cr_assert(eq(u64, counters(0).uploaded_bytes, 0));
    release_many(payloads, N);
    close_presenter();
}

Test(import, tiles_that_show_one_buffer_share_its_image)
{
    struct limef_payload *payloads[2];

    open_importing(3, (struct limef_presenter_settings){.width = 192, .height = 144});
    make_many(payloads, 2);
    for (int round = 0; round < 3; round++)
        for (uint32_t slot = 0; slot < 3; slot++)
            show(slot, payloads[round % 2]);
    cr_assert(eq(u64, counters(0).n_images, 2 + 4)); /* with the one that was tried first */
    cr_assert(eq(u64, counters(1).n_images + counters(2).n_images, 0));
    release_many(payloads, 2);
    close_presenter();
}

Test(import, a_modifier_that_the_driver_does_not_take_is_named)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_NV12, 160, 120);
    struct limef_payload *payload;

    open_importing(1, (struct limef_presenter_settings){0});
    payload =
        memfd_frame_make(pictures, av, (struct memfd_layout){.modifier = I915_FORMAT_MOD_Y_TILED});
    show(0, payload);
    cr_assert(eq(u64, counters(0).n_imported, 1)); /* the one that was tried first */
    cr_assert(eq(u64, counters(0).n_failed, 1));   /* tiled: no CPU reads it without its driver */
    cr_assert(ne(ptr, strstr(counters(0).failed_why, "0x100000000000002"), NULL));
    cr_assert(eq(int, pool_take_error(pictures), AVERROR(ENOTSUP))); /* whoever made it hears */
    limef_payload_unref(payload);
    av_frame_free(&av);
    close_presenter();
}

Test(import, what_is_not_imported_is_copied_and_the_reason_is_counted)
{
    const size_t bytes = 160 * 120 * 3 / 2;
    AVFrame *av = rendering_waves(AV_PIX_FMT_NV12, 160, 120);
    struct limef_payload *payload;
    uint8_t *seen, *expected;
    int w, h;

    /* plain OpenGL ES 2 has no extensions */
    open_presenter(1, (struct limef_presenter_settings){
                          .width = 160, .height = 120, .plain = LIMEF_PRESENTER_GLES2});
    payload = memfd_frame_make(pictures, av, (struct memfd_layout){.row_extra_bytes = 16});
    show(0, payload);
    seen = rendering_read(&presenter, &w, &h);
    cr_assert(eq(u64, counters(0).n_imported, 0));
    cr_assert(eq(u64, counters(0).n_failed, 0));
    cr_assert(eq(u64, counters(0).memory_bytes, bytes));
    cr_assert(eq(u64, counters(0).uploaded_bytes, bytes));
    cr_assert(eq(u64, counters(0).copied_bytes, 2 * bytes));
    cr_assert(eq(str, (char *)counters(0).copied_why, "plain OpenGL ES 2 was asked for"));
    cr_assert(eq(str, (char *)counters(0).uploaded_why, "plain OpenGL ES 2 was asked for"));
    rendering_show(&presenter, 0, av, 0, false);
    expected = rendering_read(&presenter, &w, &h);
    cr_assert(eq(int, memcmp(seen, expected, (size_t)(4 * w * h)), 0));
    limef_payload_unref(payload);
    av_frame_free(&av);
    free(seen);
    free(expected);
    close_presenter();
}

Test(import, a_picture_without_a_buffer_costs_itself_alone)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_NV12, 160, 120);
    struct limef_payload *dead, *alive;
    int fd;

    open_importing(1, (struct limef_presenter_settings){0});
    dead = memfd_frame_make(pictures, av, (struct memfd_layout){0});
    alive = memfd_frame_make(pictures, av, (struct memfd_layout){0});
    fd = memfd_frame_take_fd(dead);
    for (int i = 0; i < 10; i++)
        show(0, dead);
    cr_assert(eq(u64, counters(0).n_failed, 10));
    show(0, alive);
    cr_assert(eq(u64, counters(0).n_imported, 2));
    memfd_frame_give_fd(dead, fd);
    show(0, dead);
    cr_assert(eq(u64, counters(0).n_imported, 3));
    limef_payload_unref(dead);
    limef_payload_unref(alive);
    av_frame_free(&av);
    close_presenter();
}

static atomic_uint n_released;

static void count_release(struct limef_payload *payload)
{
    (void)payload;
    atomic_fetch_add(&n_released, 1);
}

/* A payload of our own around a picture of another one. */
static void show_as(struct limef_payload *own, struct limef_payload *picture)
{
    struct limef_decoded_frame decoded;

    limef_decoded_frame_set(&decoded, limef_payload_ref(picture));
    decoded.frame.media = LIMEF_MEDIA_VIDEO;
    decoded.frame.payload = own;
    limef_go(&presenter.filter, &decoded.frame);
    limef_presenter_tick(&presenter, limef_now_us());
    limef_payload_unref(picture);
}

Test(import, a_picture_is_held_as_long_as_it_is_shown_and_the_gpu_reads_it)
{
    struct limef_payload own[2], *payloads[2];

    open_importing(1, (struct limef_presenter_settings){0});
    make_many(payloads, 2);
    for (int i = 0; i < 2; i++)
        limef_payload_init(&own[i], count_release);
    show_as(&own[0], payloads[0]);
    limef_payload_unref(&own[0]); /* the presenter's is the last one */
    cr_assert(eq(uint, atomic_load(&n_released), 0));
    show_as(&own[1], payloads[1]);
    limef_payload_unref(&own[1]);
    for (int i = 0; i < 20; i++) /* the fence behind its last draw is looked at now and then */
        show(0, payloads[0]);
    cr_assert(eq(uint, atomic_load(&n_released), 2));
    release_many(payloads, 2);
    close_presenter();
}

Test(import, closing_releases_what_is_shown)
{
    struct limef_payload own, *payload;

    open_importing(1, (struct limef_presenter_settings){0});
    make_many(&payload, 1);
    limef_payload_init(&own, count_release);
    show_as(&own, payload);
    limef_payload_unref(&own);
    cr_assert(eq(uint, atomic_load(&n_released), 0));
    cr_assert(eq(int, limef_presenter_close(&presenter), 0));
    cr_assert(eq(uint, atomic_load(&n_released), 1));
    limef_payload_unref(payload);
    close_presenter();
}

Test(import, sixteen_tiles_show_what_sixteen_uploads_show, .timeout = 60)
{
    AVFrame *pictures_of[N_TILES];
    uint8_t *seen, *expected;
    int w, h;

    open_importing(N_TILES, (struct limef_presenter_settings){.width = 640, .height = 480});
    for (int round = 0; round < 3; round++)
        for (uint32_t i = 0; i < N_TILES; i++) {
            const int colour[3] = {16 + 12 * (int)i, 255 - 10 * (int)i, 8 * (int)i};
            struct limef_payload *payload;

            if (round == 0)
                pictures_of[i] = i % 2 ? rendering_waves(AV_PIX_FMT_NV12, 100 + (int)i, 80)
                                       : rendering_plain(AV_PIX_FMT_YUV420P, 96, 64, colour);
            payload = memfd_frame_make(pictures, pictures_of[i], (struct memfd_layout){0});
            show(i, payload);
            limef_payload_unref(payload);
        }
    seen = rendering_read(&presenter, &w, &h);
    for (uint32_t i = 0; i < N_TILES; i++) {
        cr_expect(eq(u64, counters(i).n_imported, i == 0 ? 4 : 3));
        cr_expect(eq(u64, counters(i).uploaded_bytes + counters(i).copied_bytes, 0));
        rendering_show(&presenter, i, pictures_of[i], 0, false);
        av_frame_free(&pictures_of[i]);
    }
    expected = rendering_read(&presenter, &w, &h);
    cr_assert(eq(int, memcmp(seen, expected, (size_t)(4 * w * h)), 0));
    free(seen);
    free(expected);
    close_presenter();
}

Test(import, a_thousand_streams_leave_no_descriptor_and_no_image, .timeout = 120)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_NV12, 64, 48);
    unsigned n_descriptors = 0;

    open_importing(1, (struct limef_presenter_settings){0});
    for (int i = 0; i < 1000; i++) {
        struct limef_payload *payload;

        av->width = 32 + i % 32; /* another stream each time */
        payload = memfd_frame_make(pictures, av, (struct memfd_layout){0});
        show(0, payload);
        limef_payload_unref(payload);
        if (i == 10)
            n_descriptors = memfd_frame_count_descriptors();
    }
    cr_assert(eq(u64, counters(0).n_imported, 1001));
    cr_assert(eq(uint, memfd_frame_count_descriptors(), n_descriptors));
    av_frame_free(&av);
    close_presenter();
}

/* LIMEF_TEST_CYCLES: how often, by hand. */
Test(import, opening_and_closing_leaves_no_descriptor, .timeout = 1200)
{
    const char *asked = getenv("LIMEF_TEST_CYCLES");
    int n_cycles = asked ? atoi(asked) : 100;
    AVFrame *av = rendering_waves(AV_PIX_FMT_NV12, 64, 48);
    unsigned n_descriptors = 0;

    for (int i = 0; i < n_cycles; i++) {
        struct limef_payload *payload;

        open_importing(1, (struct limef_presenter_settings){.width = 64, .height = 48});
        payload = memfd_frame_make(pictures, av, (struct memfd_layout){0});
        show(0, payload);
        limef_payload_unref(payload);
        close_presenter();
        if (i == 3)
            n_descriptors = memfd_frame_count_descriptors();
    }
    cr_assert(eq(uint, memfd_frame_count_descriptors(), n_descriptors));
    av_frame_free(&av);
}
