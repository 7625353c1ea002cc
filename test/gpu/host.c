/* SPDX-License-Identifier: MIT */
/*
 * The presenter in a host's GL context: the same pixels as offscreen, in OpenGL ES 2 and 3 and in
 * OpenGL 3.3 core.
 */
#include "host.h"
#include "memfd_frame.h"
#include "rendering.h"

#include <limef/frame/pool.h>

#include <libavutil/buffer.h>
#include <libavutil/imgutils.h>

#include <poll.h>

TestSuite(host, .timeout = 60);

static void same_pixels(enum api api, bool flip)
{
    static const int formats[] = {AV_PIX_FMT_YUV420P, AV_PIX_FMT_NV12, AV_PIX_FMT_YUV444P10LE,
                                  AV_PIX_FMT_RGB24};
    struct limef_presenter_host_target target = {
        .x = 40, .y = 30, .width = 200, .height = 150, .flip = flip};
    struct AVFrame *pictures[4];
    uint8_t *right;

    for (unsigned i = 0; i < 4; i++)
        pictures[i] = rendering_waves(formats[api == ES_2 && i == 2 ? 0 : i], 96, 64);
    right = expected((const struct AVFrame *const *)pictures, 4, target.width, target.height);
    if (!right || !open_gl(api))
        cr_skip("no %s here", api_names[api]);
    open_host(4, api == ES_2);
    target.framebuffer = framebuffer;
    for (unsigned i = 0; i < 4; i++)
        rendering_show(&presenter, i, pictures[i], 0, false);
    cr_assert(limef_presenter_host_has_new(&host));
    cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
    cr_assert(not(limef_presenter_host_has_new(&host)));
    expect_target(&target, right);
    /* again, with nothing new */
    cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
    expect_target(&target, right);
    cr_assert(eq(int, (int)gl.GetError(), GL_NO_ERROR));
    close_host();
    close_gl();
    free(right);
    for (unsigned i = 0; i < 4; i++)
        av_frame_free(&pictures[i]);
}

Test(host, the_same_pixels_as_offscreen_in_es_2)
{
    same_pixels(ES_2, false);
}

Test(host, the_same_pixels_as_offscreen_in_es_3)
{
    same_pixels(ES_3, false);
}

Test(host, the_same_pixels_as_offscreen_in_gl_3_3_core)
{
    same_pixels(GL_3_3, false);
}

Test(host, upside_down_for_framebuffers_that_begin_at_the_top)
{
    same_pixels(GL_3_3, true);
}

Test(host, wakes_once_until_it_is_drawn_and_counts_what_was_never_drawn)
{
    struct limef_presenter_host_target target = {.width = WIDTH, .height = HEIGHT};
    struct limef_presenter_host_counters counters;
    struct limef_presenter_slot_counters slot;
    struct AVFrame *picture = rendering_waves(AV_PIX_FMT_YUV420P, 64, 48);

    if (!open_gl(ES_3))
        cr_skip("no ES 3 here");
    open_host(1, false);
    presenter.settings.untimed = true;
    target.framebuffer = framebuffer;
    for (int i = 0; i < 5; i++)
        rendering_show(&presenter, 0, picture, 0, false);
    cr_assert(eq(uint, n_wakes, 1));
    cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
    rendering_show(&presenter, 0, picture, 0, false);
    cr_assert(eq(uint, n_wakes, 2));
    limef_presenter_host_get_counters(&host, &counters);
    cr_assert(eq(u64, counters.n_drawn, 1));
    cr_assert(eq(u64, counters.n_pictures, 1));
    cr_assert(eq(u64, counters.n_skipped, 4));
    limef_presenter_get_counters(&presenter, 0, &slot);
    cr_assert(eq(u64, slot.n_shown, 6));
    cr_assert(eq(u64, slot.uploaded_bytes, 64 * 48 * 3 / 2));
    close_host();
    close_gl();
    av_frame_free(&picture);
}

Test(host, shows_the_same_picture_in_another_context)
{
    struct limef_presenter_host_target target = {.width = WIDTH, .height = HEIGHT};
    struct AVFrame *picture = rendering_waves(AV_PIX_FMT_YUV420P, WIDTH, HEIGHT);
    uint8_t *right =
        expected((const struct AVFrame *const[]){picture}, 1, target.width, target.height);

    if (!right || !open_gl(ES_3))
        cr_skip("no ES 3 here");
    open_host(1, false);
    rendering_show(&presenter, 0, picture, 0, false);
    target.framebuffer = framebuffer;
    cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
    limef_presenter_host_close(&host);
    close_gl();
    cr_assert(open_gl(GL_3_3));
    target.framebuffer = framebuffer;
    cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
    expect_target(&target, right);
    close_gl(); /* without a word before */
    limef_presenter_host_abandon(&host);
    cr_assert(open_gl(ES_3));
    target.framebuffer = framebuffer;
    cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
    expect_target(&target, right);
    close_host();
    close_gl();
    free(right);
    av_frame_free(&picture);
}

static void *get_nothing(void *unused, const char *name)
{
    (void)unused;
    (void)name;
    return NULL;
}

static unsigned n_errors;

static void note_log(void *unused, enum limef_log_level level, const char *name, const char *line)
{
    (void)unused;
    (void)name;
    (void)line;
    n_errors += level == LIMEF_LOG_ERROR;
}

Test(host, says_once_what_is_missing)
{
    struct limef_presenter_settings settings = {.output = LIMEF_OUTPUT_HOST};
    struct limef_presenter_host_settings lent = {.get = get_nothing};
    struct limef_presenter_host_target target = {.width = 16, .height = 16};

    limef_log_set_sink(note_log, NULL);
    limef_presenter_init(&presenter, "screen", tiles, 1, &settings);
    cr_assert(lt(int, limef_presenter_open(&presenter), 0)); /* nobody is there who draws */
    cr_assert(eq(int, limef_presenter_host_init(&host, &presenter, &lent), 0));
    cr_assert(lt(int, limef_presenter_host_draw(&host, &target), 0));
    cr_assert(lt(int, limef_presenter_host_draw(&host, &target), 0));
    cr_assert(eq(uint, n_errors, 2));
    target.width = 0;
    limef_presenter_host_close(&host);
    cr_assert(lt(int, limef_presenter_host_draw(&host, &target), 0));
    limef_filter_clear(&presenter.filter);
    limef_presenter_host_clear(&host);
}

/* Shows a DRM-PRIME picture, draws it, and draws it once more after its memory was changed. */
/* How often a descriptor is said not to be ready yet: as a dma-buf that somebody writes. */
static int n_unready;

int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};

    if (n_unready > 0 && n == 1 && fds->events == POLLIN) {
        n_unready--;
        fds->revents = 0;
        return 0;
    }
    return ppoll(fds, n, timeout_ms < 0 ? NULL : &timeout, NULL);
}

/* The same picture while somebody writes it, and in another context. */
static void expect_fences(const struct limef_presenter_host_target *target)
{
    struct limef_presenter_host_counters counters;

    limef_presenter_host_get_counters(&host, &counters);
    cr_assert(eq(u64, counters.n_fences_cpu, 0));
    cr_assert(eq(ptr, (void *)counters.fences_why, NULL));
    for (uint64_t i = 1; i <= 2; i++) {
        limef_presenter_host_close(&host);
        n_unready = 1;
        cr_assert(eq(int, limef_presenter_host_draw(&host, target), 0));
        limef_presenter_host_get_counters(&host, &counters);
        cr_assert(eq(u64, counters.n_fences_cpu, i));
        cr_assert(eq(u64, counters.n_fences_late, 0));
        cr_assert(eq(u64, counters.n_fences_gpu, 0));
        cr_assert(ne(ptr, (void *)counters.fences_why, NULL));
    }
}

static void imports(enum api api)
{
    struct limef_presenter_host_target target = {.width = WIDTH, .height = HEIGHT};
    struct AVFrame *first = rendering_waves(AV_PIX_FMT_NV12, WIDTH, HEIGHT);
    struct AVFrame *second =
        rendering_plain(AV_PIX_FMT_NV12, WIDTH, HEIGHT, (const int[]){180, 90, 160});
    uint8_t *right[2] = {expected((const struct AVFrame *const[]){first}, 1, WIDTH, HEIGHT),
                         expected((const struct AVFrame *const[]){second}, 1, WIDTH, HEIGHT)};
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_DECODED);
    struct limef_payload *payload =
        memfd_frame_make(pool, first, (struct memfd_layout){.layers = true});
    struct limef_presenter_slot_counters counters;
    struct limef_decoded_frame decoded;

    if (!right[0] || !payload || !open_gl(api))
        cr_skip("no %s here", api_names[api]);
    open_host(1, false);
    presenter.settings.untimed = true;
    target.framebuffer = framebuffer;
    limef_decoded_frame_set(&decoded, payload);
    for (int i = 0; i < 2; i++) { /* what the first one moved is known when the second comes */
        cr_assert(eq(int, limef_go(&presenter.filter, &decoded.frame), 0));
        limef_presenter_tick(&presenter, limef_now_us());
        cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
    }
    expect_target(&target, right[0]);
    limef_presenter_get_counters(&presenter, 0, &counters);
    if (counters.n_imported) {
        cr_assert(eq(u64, counters.uploaded_bytes, 0));
        cr_assert(eq(u64, counters.copied_bytes, 0));
        memfd_frame_write(payload, second);
        cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
        expect_target(&target, right[1]);
        expect_fences(&target);
        expect_target(&target, right[1]);
    }
    close_host();
    cr_assert(eq(uint, LIMEF_COUNTED(payload->n_refs), 1));
    limef_payload_unref(payload);
    limef_pool_release(pool);
    close_gl();
    for (int i = 0; i < 2; i++)
        free(right[i]);
    av_frame_free(&first);
    av_frame_free(&second);
    if (!counters.n_imported)
        RENDERING_SKIP("this driver takes no memfd for a dma-buf");
}

Test(host, reads_pictures_where_they_lie_in_es_3)
{
    imports(ES_3);
}

Test(host, reads_pictures_where_they_lie_in_gl_3_3_core)
{
    imports(GL_3_3);
}

/* A picture in lent memory, with the pixels of another one; NULL: there is none. */
static struct limef_payload *make_lent(struct limef_pool *pool, struct limef_buffer_source *source,
                                       const AVFrame *from, const char **why)
{
    AVBufferRef *ref = source->get(
        source, (size_t)av_image_get_buffer_size(from->format, from->width, from->height, 64), why);
    struct limef_payload *payload = ref ? limef_pool_get(pool) : NULL;
    AVFrame *av;

    if (!payload)
        return NULL;
    av = limef_payload_picture(payload);
    av->format = from->format;
    av->width = from->width;
    av->height = from->height;
    av->buf[0] = ref;
    av_image_fill_arrays(av->data, av->linesize, ref->data, from->format, from->width, from->height,
                         64);
    cr_assert(ge(int, av_frame_copy(av, from), 0));
    return payload;
}

static void draw_lent(struct limef_payload *payload,
                      const struct limef_presenter_host_target *target)
{
    struct limef_decoded_frame decoded;

    limef_decoded_frame_set(&decoded, payload);
    for (int i = 0; i < 2; i++) { /* what the first one moved is known when the second comes */
        cr_assert(eq(int, limef_go(&presenter.filter, &decoded.frame), 0));
        limef_presenter_tick(&presenter, limef_now_us());
        cr_assert(eq(int, limef_presenter_host_draw(&host, target), 0));
    }
}

static void lends(enum api api)
{
    struct limef_presenter_host_target target = {.width = WIDTH, .height = HEIGHT};
    struct AVFrame *picture = rendering_waves(AV_PIX_FMT_YUV420P, WIDTH, HEIGHT);
    uint8_t *right = expected((const struct AVFrame *const[]){picture}, 1, WIDTH, HEIGHT);
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_DECODED);
    struct limef_presenter_slot_counters counters;
    struct limef_buffer_source *source;
    struct limef_payload *payload;
    const char *why = NULL;

    if (!right || !open_gl(api))
        cr_skip("no %s here", api_names[api]);
    open_host(1, false);
    presenter.settings.untimed = true;
    source = limef_presenter_get_buffers(&presenter, false);
    cr_assert(ne(ptr, source, NULL));
    cr_assert(eq(ptr, make_lent(pool, source, picture, &why), NULL));
    cr_assert(eq(str, (char *)why, "decoded before the output was open"));
    target.framebuffer = framebuffer;
    cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
    payload = make_lent(pool, source, picture, &why);
    if (payload) {
        draw_lent(payload, &target);
        expect_target(&target, right);
        limef_presenter_get_counters(&presenter, 0, &counters);
        cr_assert(eq(u64, counters.n_imported, 1)); /* the second is counted when a third comes */
        cr_assert(eq(u64, counters.copied_bytes, 0));
        limef_presenter_host_close(&host); /* the memory is no memory of the context */
        cr_assert(eq(ptr, make_lent(pool, source, picture, &why), NULL));
        cr_assert(eq(str, (char *)why, "the output is closed"));
        cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
        expect_target(&target, right);
    } else {
        cr_assert(
            ne(ptr, strstr(why, "memory of the host's context would have to outlive it"), NULL));
    }
    close_host();
    if (payload)
        memset(limef_payload_picture(payload)->data[0], 1, WIDTH);
    limef_payload_unref(payload);
    limef_pool_release(pool);
    close_gl();
    free(right);
    av_frame_free(&picture);
    if (!payload)
        RENDERING_SKIP("this driver takes no memfd for a dma-buf");
}

Test(host, decoders_write_where_it_is_drawn_from_in_es_3)
{
    lends(ES_3);
}

Test(host, decoders_write_where_it_is_drawn_from_in_gl_3_3_core)
{
    lends(GL_3_3);
}
