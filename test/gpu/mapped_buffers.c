/* SPDX-License-Identifier: MIT */
/* Pictures that the GPU reads where they were written, offscreen. */
#include "frame/buffer_pool.h"
#include "gpu/compositor_private.h"
#include "rendering.h"
#include "support/silence.h"

#include <limef/base/log.h>
#include <limef/frame/pool.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/buffer.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <stdlib.h>
#include <string.h>

static struct limef_tile tile;
static struct limef_presenter presenter;
static struct limef_buffer_source *source;
static struct limef_pool *pictures;
static const char *why;

static void open_presenter(struct limef_presenter_settings settings)
{
    settings.output = LIMEF_OUTPUT_OFFSCREEN;
    settings.untimed = true;
    limef_log_set_sink(log_to_nobody, NULL);
    pictures = limef_pool_create(LIMEF_FRAME_DECODED);
    cr_assert(eq(int, limef_presenter_init(&presenter, "screen", &tile, 1, &settings), 0));
    source = limef_presenter_get_buffers(&presenter, true);
    cr_assert(ne(ptr, source, NULL));
    if (limef_presenter_open(&presenter) < 0) {
        limef_filter_clear(&presenter.filter);
        cr_skip_test("no surfaceless EGL here");
    }
}

static void close_presenter(void)
{
    limef_filter_clear(&presenter.filter);
    limef_pool_release(pictures);
}

static struct limef_presenter_slot_counters counters(void)
{
    struct limef_presenter_slot_counters now;

    limef_presenter_get_counters(&presenter, 0, &now);
    return now;
}

/* Asks for memory, twice if it has to be made first. */
static AVBufferRef *get(size_t bytes)
{
    const int black[3] = {16, 128, 128};
    AVBufferRef *ref = source->get(source, bytes, &why);
    AVFrame *av;

    if (ref)
        return ref;
    av = rendering_plain(AV_PIX_FMT_GRAY8, 16, 16, black);
    rendering_show(&presenter, 0, av, 0, false);
    av_frame_free(&av);
    return source->get(source, bytes, &why);
}

/* A picture in memory of the GPU, with the pixels of another one. NULL: there is none. */
static struct limef_payload *make_lent(const AVFrame *from)
{
    struct limef_payload *payload = limef_pool_get(pictures);
    AVFrame *av = limef_payload_picture(payload);

    av->format = from->format;
    av->width = from->width;
    av->height = from->height;
    av->buf[0] = get((size_t)av_image_get_buffer_size(from->format, from->width, from->height, 64));
    if (!av->buf[0]) {
        limef_payload_unref(payload);
        return NULL;
    }
    av_image_fill_arrays(av->data, av->linesize, av->buf[0]->data, from->format, from->width,
                         from->height, 64);
    cr_assert(ge(int, av_frame_copy(av, from), 0));
    return payload;
}

static struct limef_payload *must_make_lent(const AVFrame *from)
{
    struct limef_payload *payload = make_lent(from);

    if (!payload) {
        close_presenter();
        cr_skip_test("this GL has no buffers that stay mapped");
    }
    return payload;
}

static void show(struct limef_payload *payload)
{
    struct limef_decoded_frame decoded;

    limef_decoded_frame_set(&decoded, limef_payload_ref(payload));
    decoded.frame.media = LIMEF_MEDIA_VIDEO;
    cr_assert(eq(int, limef_go(&presenter.filter, &decoded.frame), 0));
    limef_presenter_tick(&presenter, limef_now_us());
    limef_payload_unref(payload);
}

/* Shows a picture that way and the ordinary way: the same pixels come out. */
static void expect_the_same(int pix_fmt, int width, int height, bool direct)
{
    struct limef_presenter_settings settings = {.width = 200, .height = 150};
    AVFrame *av = rendering_waves(pix_fmt, width, height);
    struct limef_payload *payload;
    uint64_t uploaded_bytes;
    uint8_t *seen, *expected;
    int w, h;

    open_presenter(settings);
    payload = must_make_lent(av);
    uploaded_bytes = counters().uploaded_bytes;
    show(payload);
    seen = rendering_read(&presenter, &w, &h);
    cr_expect(eq(u64, counters().n_direct, direct));
    cr_expect(eq(u64, counters().uploaded_bytes - uploaded_bytes > 0, !direct));
    limef_payload_unref(payload);
    rendering_show(&presenter, 0, av, 0, false);
    expected = rendering_read(&presenter, &w, &h);
    cr_expect(eq(int, memcmp(seen, expected, (size_t)(4 * w * h)), 0), "%d, %dx%d", pix_fmt, width,
              height);
    cr_expect(eq(int, limef_presenter_close(&presenter), 0));
    free(seen);
    free(expected);
    av_frame_free(&av);
    close_presenter();
}

Test(mapped_buffers, a_picture_looks_as_if_it_had_been_uploaded, .timeout = 60)
{
    const int formats[] = {AV_PIX_FMT_YUV420P,     AV_PIX_FMT_NV12,  AV_PIX_FMT_YUV422P10,
                           AV_PIX_FMT_YUV420P10LE, AV_PIX_FMT_GRAY8, AV_PIX_FMT_GBRP,
                           AV_PIX_FMT_RGB0};

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        expect_the_same(formats[i], 192, 108, true);
        expect_the_same(formats[i], 161, 121, true);
    }
}

Test(mapped_buffers, a_format_that_gl_cannot_read_is_uploaded)
{
    expect_the_same(AV_PIX_FMT_YUYV422, 192, 108, false); /* no shader */
    expect_the_same(AV_PIX_FMT_RGB24, 100, 50, false);    /* rows not of whole texels */
}

Test(mapped_buffers, a_buffer_comes_back_when_the_gpu_has_read_it)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 192, 108);
    struct limef_payload *payload;

    open_presenter((struct limef_presenter_settings){0});
    for (int i = 0; i < 100; i++) {
        payload = must_make_lent(av);
        show(payload);
        limef_payload_unref(payload);
    }
    cr_assert(eq(u64, counters().n_direct, 100));
    /* the one on its way, the one that is written, and one that was missed before that */
    cr_assert(le(uint, atomic_load(&presenter.buffers->n_used), 3));
    av_frame_free(&av);
    cr_assert(eq(int, limef_presenter_close(&presenter), 0));
    close_presenter();
}

Test(mapped_buffers, an_output_with_pictures_in_use_stays_open)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 192, 108);
    struct limef_payload *payload;

    open_presenter((struct limef_presenter_settings){0});
    payload = must_make_lent(av);
    show(payload);
    cr_assert(eq(int, limef_presenter_close(&presenter), AVERROR(EBUSY)));
    memset(limef_payload_picture(payload)->data[0], 1, 192); /* still there */
    cr_assert(eq(ptr, source->get(source, 64, &why), NULL));
    cr_assert(ne(ptr, (void *)why, NULL));
    limef_payload_unref(payload);
    cr_assert(eq(int, limef_presenter_close(&presenter), 0));
    av_frame_free(&av);
    close_presenter();
}

Test(mapped_buffers, a_picture_outlives_its_presenter)
{
    static struct compositor *abandoned; /* which is meant to stay: no leak */
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 192, 108);
    struct limef_payload *payload;

    open_presenter((struct limef_presenter_settings){0});
    payload = must_make_lent(av);
    limef_payload_ref(&source->users);
    abandoned = presenter.compositor;
    close_presenter();
    cr_assert(ne(ptr, abandoned, NULL));
    memset(limef_payload_picture(payload)->data[0], 1, 192);
    limef_payload_unref(payload);
    cr_assert(eq(ptr, source->get(source, 64, &why), NULL));
    limef_payload_unref(&source->users);
    av_frame_free(&av);
}

Test(mapped_buffers, nothing_is_left_after_closing_again_and_again, .timeout = 60)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 192, 108);

    for (int i = 0; i < 20; i++) {
        struct buffer_pool *pool;
        struct limef_payload *payload;

        open_presenter((struct limef_presenter_settings){0});
        pool = presenter.buffers;
        payload = must_make_lent(av);
        show(payload);
        limef_payload_unref(payload);
        cr_assert(eq(int, limef_presenter_close(&presenter), 0));
        cr_assert(gt(uint, atomic_load(&pool->n_used), 0));
        for (unsigned n = 0; n < atomic_load(&pool->n_used); n++)
            cr_assert(eq(u32, atomic_load(&pool->buffers[n].state), BUFFER_NONE));
        close_presenter();
    }
    av_frame_free(&av);
}

Test(mapped_buffers, too_much_memory_is_not_lent)
{
    AVBufferRef *refs[16];
    unsigned n = 0;

    open_presenter((struct limef_presenter_settings){0});
    presenter.compositor->ways.mapped.keeper.max_bytes = (size_t)512 << 20;
    while (n < 16 && (refs[n] = get((size_t)48 << 20)))
        n++;
    cr_assert(lt(uint, n, 11));
    cr_assert(gt(u64, counters().n_failed_buffers, 0));
    while (n > 0)
        av_buffer_unref(&refs[--n]);
    close_presenter();
}

Test(mapped_buffers, plain_gles2_lends_nothing)
{
    open_presenter((struct limef_presenter_settings){.plain = LIMEF_PRESENTER_GLES2});
    cr_assert(eq(ptr, get(64), NULL));
    cr_assert(ne(ptr, (void *)why, NULL));
    close_presenter();
}

Test(mapped_buffers, an_output_to_nobody_has_none)
{
    struct limef_presenter_settings settings = {.output = LIMEF_OUTPUT_NONE};

    cr_assert(eq(int, limef_presenter_init(&presenter, "screen", &tile, 1, &settings), 0));
    cr_assert(eq(ptr, limef_presenter_get_buffers(&presenter, true), NULL));
    limef_filter_clear(&presenter.filter);
}
