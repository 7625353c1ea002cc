/* SPDX-License-Identifier: MIT */
/* Pictures that software decodes into memory that the GPU reads as textures. */
#include "frame/buffer_pool.h"
#include "gpu/compositor_private.h"
#include "memfd_frame.h"
#include "rendering.h"

#include "support/boundary.h"
#include "support/make_media.h"
#include "support/play.h"
#include "support/played_ioctl.h"
#include "support/silence.h"

#include <limef/base/log.h>
#include <limef/filter/presenter.h>
#include <limef/frame/hardware.h>
#include <limef/frame/pool.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <libavutil/buffer.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static struct limef_tile tile;
static struct limef_presenter presenter;
static struct limef_buffer_source *source;
static struct limef_pool *pictures;

static void close_presenter(void)
{
    limef_presenter_close(&presenter);
    limef_filter_clear(&presenter.filter);
    limef_pool_release(pictures);
}

static struct limef_presenter_slot_counters counters(void)
{
    struct limef_presenter_slot_counters now;

    limef_presenter_get_counters(&presenter, 0, &now);
    return now;
}

/* Asks for memory, twice if the presenter has to make it first. */
static AVBufferRef *get(size_t bytes)
{
    const char *why;
    AVBufferRef *ref = source->get(source, bytes, &why);
    AVFrame *av;

    if (ref)
        return ref;
    av = rendering_plain(AV_PIX_FMT_GRAY8, 16, 16, (const int[3]){16, 128, 128});
    rendering_show(&presenter, 0, av, 0, false);
    av_frame_free(&av);
    return source->get(source, bytes, &why);
}

/* Without imports the presenter lends none of this kind. */
static void open_lending(int width, int height)
{
    struct limef_presenter_settings settings = {
        .output = LIMEF_OUTPUT_OFFSCREEN, .untimed = true, .width = width, .height = height};
    AVBufferRef *ref;
    bool lends;

    limef_log_set_sink(log_to_nobody, NULL);
    pictures = limef_pool_create(LIMEF_FRAME_DECODED);
    cr_assert(eq(int, limef_presenter_init(&presenter, "screen", &tile, 1, &settings), 0));
    source = limef_presenter_get_buffers(&presenter, false);
    if (limef_presenter_open(&presenter) < 0) {
        close_presenter();
        RENDERING_SKIP("no surfaceless EGL here");
    }
    ref = get(64);
    lends = ref && presenter.buffers->buffers[0].dmabuf.bytes;
    av_buffer_unref(&ref);
    if (!lends) {
        close_presenter();
        RENDERING_SKIP("this OpenGL imports no dma-bufs, or takes no memfd for one");
    }
}

/* A picture in lent memory, with the pixels of another one. */
static struct limef_payload *make_lent(const AVFrame *from)
{
    struct limef_payload *payload = limef_pool_get(pictures);
    AVFrame *av = limef_payload_picture(payload);

    av->format = from->format;
    av->width = from->width;
    av->height = from->height;
    av->buf[0] = get((size_t)av_image_get_buffer_size(from->format, from->width, from->height, 64));
    cr_assert(ne(ptr, av->buf[0], NULL));
    av_image_fill_arrays(av->data, av->linesize, av->buf[0]->data, from->format, from->width,
                         from->height, 64);
    cr_assert(ge(int, av_frame_copy(av, from), 0));
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

static void expect_the_same(int pix_fmt, int width, int height)
{
    AVFrame *av = rendering_waves(pix_fmt, width, height);
    struct limef_payload *payload;
    struct limef_presenter_slot_counters before;
    uint8_t *seen, *expected;
    int w, h;

    payload = make_lent(av);
    before = counters();
    show(payload);
    seen = rendering_read(&presenter, &w, &h);
    cr_expect(eq(u64, counters().n_imported, before.n_imported + 1), "%s: %s",
              av_get_pix_fmt_name(pix_fmt), counters().uploaded_why);
    cr_expect(eq(u64, counters().uploaded_bytes, before.uploaded_bytes));
    cr_expect(eq(u64, counters().copied_bytes, before.copied_bytes));
    limef_payload_unref(payload);
    rendering_show(&presenter, 0, av, 0, false);
    expected = rendering_read(&presenter, &w, &h);
    cr_expect(eq(int, memcmp(seen, expected, (size_t)(4 * w * h)), 0), "%s, %dx%d",
              av_get_pix_fmt_name(pix_fmt), width, height);
    free(seen);
    free(expected);
    av_frame_free(&av);
}

Test(dmabuf_buffers, a_picture_looks_as_if_it_had_been_uploaded, .timeout = 60)
{
    const int formats[] = {AV_PIX_FMT_YUV420P,     AV_PIX_FMT_NV12,  AV_PIX_FMT_YUV422P10,
                           AV_PIX_FMT_YUV420P10LE, AV_PIX_FMT_GRAY8, AV_PIX_FMT_GBRP,
                           AV_PIX_FMT_RGB0,        AV_PIX_FMT_BGRA,  AV_PIX_FMT_YUVJ420P};

    open_lending(200, 150);
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        expect_the_same(formats[i], 192, 108);
        expect_the_same(formats[i], 161, 121);
    }
    close_presenter();
}

Test(dmabuf_buffers, a_buffer_comes_back_when_the_gpu_has_read_it)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 192, 108);

    open_lending(192, 108);
    for (int i = 0; i < 100; i++) {
        struct limef_payload *payload = make_lent(av);

        show(payload);
        limef_payload_unref(payload);
    }
    cr_assert(eq(u64, counters().n_imported, 100));
    /* on screen, behind a fence, being written, and the one of another size */
    cr_assert(le(uint, atomic_load(&presenter.buffers->n_used), 5));
    cr_assert(le(u64, counters().n_images, 15));
    av_frame_free(&av);
    close_presenter();
}

static unsigned n_images(void)
{
    const struct images *images = &presenter.compositor->ways.images;
    unsigned n = 0;

    for (unsigned i = 0; i < images->n_used; i++)
        n += images->hashes[i] != 0;
    return n;
}

Test(dmabuf_buffers, what_nobody_has_is_given_back_though_no_picture_comes)
{
    enum { N = 6 };
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 192, 108);
    const struct buffer_keeper *keeper;
    struct limef_payload *made[N];
    int64_t now_us;

    open_lending(192, 108);
    keeper = &presenter.compositor->ways.dmabufs.keeper;
    for (int i = 0; i < N; i++)
        made[i] = make_lent(av);
    for (int i = 0; i < N; i++)
        show(made[i]);
    for (int i = 0; i < N; i++)
        limef_payload_unref(made[i]);
    cr_assert(ge(uint, keeper->n_buffers, N));
    cr_assert(eq(uint, n_images(), N));
    now_us = limef_now_us();
    for (int i = 0; i < 30; i++) {
        int64_t due_us = limef_presenter_tick(&presenter, now_us);

        cr_assert(le(i64, due_us, now_us + 1000000), "it asks to be called");
        cr_assert(gt(i64, due_us, now_us));
        now_us = due_us;
    }
    cr_assert(eq(uint, n_images(), 1), "what is on screen");
    cr_assert(eq(uint, keeper->n_buffers, 1));
    av_frame_free(&av);
    close_presenter();
}

Test(dmabuf_buffers, a_picture_on_screen_is_not_lent_again)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 192, 108);
    struct limef_payload *made[4];
    const uint8_t *shown;

    open_lending(192, 108);
    for (int i = 0; i < 4; i++) /* so that none has to be made between two pictures */
        made[i] = make_lent(av);
    for (int i = 0; i < 4; i++)
        limef_payload_unref(made[i]);
    for (int i = 0; i < 20; i++) {
        struct limef_payload *payload = make_lent(av), *next;

        shown = limef_payload_picture(payload)->data[0];
        show(payload);
        limef_payload_unref(payload);
        next = make_lent(av);
        cr_assert(ne(ptr, (void *)limef_payload_picture(next)->data[0], (void *)shown));
        limef_payload_unref(next);
    }
    av_frame_free(&av);
    close_presenter();
}

Test(dmabuf_buffers, a_picture_outlives_its_output)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 192, 108);
    unsigned n_descriptors = memfd_frame_count_descriptors();
    struct limef_payload *payload;
    const char *why;

    open_lending(192, 108);
    payload = make_lent(av);
    show(payload);
    limef_payload_ref(&source->users);
    cr_assert(eq(int, limef_presenter_close(&presenter), 0)); /* it is no memory of the GL */
    close_presenter();
    memset(limef_payload_picture(payload)->data[0], 1, 192);
    cr_assert(eq(ptr, source->get(source, 64, &why), NULL));
    limef_payload_unref(payload);
    limef_payload_unref(&source->users);
    cr_assert(le(uint, memfd_frame_count_descriptors(), n_descriptors + 3)); /* what EGL keeps */
    av_frame_free(&av);
}

/* A plane of a display. */
static struct {
    bool refuses;
    unsigned n_shown;
    struct limef_payload *payload;
} plane;

static int show_on_plane(struct output *output, const struct limef_hardware_frame *picture,
                         struct layout_rect rect, struct limef_payload *payload, const char **why)
{
    (void)output;
    (void)rect;
    *why = "the plane is refused";
    if (plane.refuses)
        return AVERROR(ENOTSUP);
    cr_assert(ne(u64, picture->planes[0].inode, 0));
    limef_payload_unref(plane.payload);
    plane.payload = limef_payload_ref(payload);
    plane.n_shown++;
    return 0;
}

static void expect_pixels(const AVFrame *av, const AVFrame *expected)
{
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < AV_CEIL_RSHIFT(av->height, i > 0); y++)
            cr_assert(eq(int,
                         memcmp(av->data[i] + (ptrdiff_t)y * av->linesize[i],
                                expected->data[i] + (ptrdiff_t)y * expected->linesize[i],
                                (size_t)AV_CEIL_RSHIFT(av->width, i > 0)),
                         0));
}

Test(dmabuf_buffers, ordinary_memory_is_written_where_a_display_reads_it)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 161, 121);
    uint64_t bytes = (uint64_t)av_image_get_buffer_size(av->format, av->width, av->height, 1);
    struct limef_presenter_slot_counters before;
    struct output_ops ops;

    open_lending(161, 121);
    ops = *presenter.compositor->output.ops;
    ops.scan_out = show_on_plane;
    presenter.compositor->output.ops = &ops;
    before = counters();
    for (unsigned i = 1; i <= 20; i++) {
        cr_assert(eq(int, rendering_show(&presenter, 0, av, 0, false), 0));
        cr_assert(eq(uint, plane.n_shown, i));
        expect_pixels(limef_payload_picture(plane.payload), av);
        cr_assert(eq(u64, counters().uploaded_bytes, before.uploaded_bytes + i * bytes));
    }
    cr_assert(eq(u64, LIMEF_COUNTED(presenter.n_planes), 20));
    /* on the screen, for the next, and the one of another size */
    cr_assert(le(uint, atomic_load(&presenter.buffers->n_used), 5));
    plane.refuses = true; /* it is drawn from where it lies now */
    cr_assert(eq(int, rendering_show(&presenter, 0, av, 0, false), 0));
    cr_assert(eq(u64, LIMEF_COUNTED(presenter.n_planes), 20));
    cr_assert(eq(u64, counters().n_imported, before.n_imported + 1));
    cr_assert(eq(u64, counters().uploaded_bytes, before.uploaded_bytes + 21 * bytes));
    limef_payload_unref(plane.payload);
    av_frame_free(&av);
    close_presenter();
}

Test(dmabuf_buffers, a_picture_is_described_as_one_of_a_hardware_decoder)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 192, 108);
    struct limef_hardware_frame hardware;
    struct limef_payload *payload;
    const AVFrame *lent;

    open_lending(192, 108);
    cr_assert(eq(int, dmabuf_frame_map(&hardware, av), AVERROR(ENOSYS)));
    payload = make_lent(av);
    lent = limef_payload_picture(payload);
    cr_assert(eq(int, dmabuf_frame_map(&hardware, lent), 0));
    cr_assert(eq(uint, hardware.n_planes, 3));
    cr_assert(eq(u32, hardware.planes[1].pitch_bytes, (uint32_t)lent->linesize[1]));
    cr_assert(eq(u32, hardware.planes[1].offset_bytes, (uint32_t)(lent->data[1] - lent->data[0])));
    cr_assert(ne(u64, hardware.planes[0].inode, 0));
    limef_payload_unref(payload);
    av_frame_free(&av);
    close_presenter();
}

Test(dmabuf_buffers, pictures_that_there_is_no_memory_for_are_uploaded_until_there_is_some)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 192, 108);
    size_t bytes = (size_t)av_image_get_buffer_size(av->format, av->width, av->height, 64);
    struct rlimit limit, none;
    const char *why;
    AVBufferRef *ref = NULL;

    open_lending(192, 108);
    getrlimit(RLIMIT_NOFILE, &limit);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none); /* no more descriptors */
    for (int i = 0; i < 3; i++)
        cr_assert(eq(ptr, get(bytes), NULL));
    setrlimit(RLIMIT_NOFILE, &limit);
    cr_assert(eq(u64, counters().n_failed_buffers, 1));
    rendering_show(&presenter, 0, av, 0, false);
    cr_assert(ne(ptr, strstr(counters().uploaded_why, "no memory"), NULL));
    for (int i = 0; i < 20 && !ref; i++)
        ref = get(bytes);
    cr_assert(ne(ptr, ref, NULL));
    av_buffer_unref(&ref);
    expect_the_same(AV_PIX_FMT_YUV420P, 192, 108);
    cr_assert(eq(ptr, source->get(source, (size_t)1 << 40, &why), NULL));
    cr_assert(eq(ptr, strstr(why, "no memory"), NULL));
    av_frame_free(&av);
    close_presenter();
}

/* udmabufs that are memfds: this GL takes them, and the test says what the kernel answers. */
Test(dmabuf_buffers, what_the_cpu_wrote_is_uploaded_where_the_gpu_may_not_see_it)
{
    AVFrame *av = rendering_waves(AV_PIX_FMT_YUV420P, 192, 108);
    struct limef_presenter_slot_counters before;
    struct limef_payload *payload;
    const char *why;

    setenv("LIMEF_DMABUF", "udmabuf:/dev/null", 1);
    played_ioctl.on = true;
    open_lending(192, 108);
    expect_the_same(AV_PIX_FMT_YUV420P, 192, 108);
    payload = make_lent(av);
    before = counters();
    played_ioctl.failing = "DMA_BUF_IOCTL_SYNC";
    played_ioctl.first = 1;
    played_ioctl.onward = true;
    played_ioctl.error = EIO;
    show(payload);
    cr_assert(eq(u64, counters().n_imported, before.n_imported));
    cr_assert(eq(u64, counters().n_shown, before.n_shown + 1));
    cr_assert(gt(u64, counters().uploaded_bytes, before.uploaded_bytes));
    cr_assert(ne(ptr, strstr(counters().uploaded_why, "what the CPU wrote"), NULL));
    cr_assert(eq(ptr, source->get(source, 64, &why), NULL));
    cr_assert(ne(ptr, strstr(why, "no access to a buffer"), NULL));
    played_ioctl.failing = NULL;
    limef_payload_unref(payload);
    expect_the_same(AV_PIX_FMT_YUV420P, 192, 108);
    av_frame_free(&av);
    close_presenter();
}

/* The chain of the last test: a decoder, a thread boundary, the presenter. */
static struct boundary boundary;
static uint64_t decoded_into[64], n_distinct;
static unsigned n_decoded;

static uint64_t inode_of(const struct limef_frame *frame)
{
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(frame);
    struct limef_hardware_frame hardware;

    return decoded && dmabuf_frame_map(&hardware, decoded->av) >= 0 ? hardware.planes[0].inode : 0;
}

static void read_boundary(void)
{
    struct limef_stack_frame *frame;
    static unsigned n_read;

    while (limef_fifo_read(&boundary.fifo, &frame, 0) == 0) {
        const struct limef_frame *in = &frame->any.frame;

        if (limef_decoded_frame_from(in))
            cr_assert(eq(u64, inode_of(in), decoded_into[n_read++]));
        cr_assert(eq(int, limef_go(&presenter.filter, in), 0));
        limef_presenter_tick(&presenter, limef_now_us());
        limef_fifo_recycle(&boundary.fifo, frame);
    }
}

static int cross(struct limef_filter *filter, const struct limef_frame *in)
{
    (void)filter;
    if (limef_decoded_frame_from(in)) {
        uint64_t inode = inode_of(in);
        bool seen = inode == 0;

        for (unsigned i = 0; i < n_decoded; i++)
            seen |= decoded_into[i] == inode;
        n_distinct += !seen;
        decoded_into[n_decoded++] = inode;
    }
    cr_assert(eq(int, limef_lane_write(&boundary.lane, in), 0));
    read_boundary();
    return 0;
}

Test(dmabuf_buffers, the_decoders_buffer_is_the_one_that_is_drawn, .timeout = 60)
{
    static const struct limef_filter_ops cross_ops = {.kind = "cross", .go = cross};
    struct limef_file_source_settings file = {
        .url = media_make("dmabuf.mp4", &(struct media){.n_pictures = 60}),
        .pace = LIMEF_PACE_FASTEST};
    struct limef_decode_settings decode = {.n_threads = 1};
    struct limef_filter into = {0};
    static struct play play;
    uint64_t copied_bytes;

    open_lending(160, 120);
    copied_bytes = counters().copied_bytes;
    boundary_open(&boundary, 8, NULL);
    decode.buffers = source;
    play_init(&play, &file, &decode);
    limef_filter_init(&into, &cross_ops, NULL);
    limef_disconnect(&play.decode.filter);
    limef_connect(&play.decode.filter, &into);
    play_run(&play);
    cr_assert(eq(uint, n_decoded, 60));
    for (unsigned i = 0; i < n_decoded; i++)
        cr_assert(ne(u64, decoded_into[i], 0)); /* from the first one on */
    cr_assert(eq(u64, counters().n_imported, 60));
    cr_assert(eq(u64, counters().n_images, 3 * n_distinct)); /* three planes of each buffer */
    cr_assert(eq(u64, counters().copied_bytes, copied_bytes));
    play_clear(&play);
    boundary_clear(&boundary);
    close_presenter();
    media_remove();
}
