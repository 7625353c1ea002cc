/* SPDX-License-Identifier: MIT */
#include <limef/filter/framemd5.h>

#include "support/failing.h"
#include "support/frames.h"
#include "support/sink.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <inttypes.h>
#include <libavutil/frame.h>
#include <libavutil/imgutils.h>
#include <libavutil/md5.h>
#include <libavutil/mem.h>
#include <limef/base/log.h>
#include <string.h>

struct got {
    unsigned n;
    size_t size_bytes;
    char md5[33];
};

static struct sink sink = {.filter = LIMEF_FILTER(&sink_ops, "sink", NULL)};

static void keep(void *context, const struct limef_frame *frame, size_t size_bytes, const char *md5)
{
    struct got *got = context;

    (void)frame;
    got->n++;
    got->size_bytes = size_bytes;
    snprintf(got->md5, sizeof(got->md5), "%s", md5);
}

/* What ffmpeg's framemd5 muxer sums: the picture copied without padding. */
static int expected(const AVFrame *av, char md5[33])
{
    int size = av_image_get_buffer_size(av->format, av->width, av->height, 1);
    uint8_t *bytes = av_malloc((size_t)size), digest[16];

    av_image_copy_to_buffer(bytes, size, (const uint8_t *const *)av->data, av->linesize, av->format,
                            av->width, av->height, 1);
    av_md5_sum(digest, bytes, (size_t)size);
    for (int i = 0; i < 16; i++)
        snprintf(md5 + 2 * i, 3, "%02x", digest[i]);
    av_free(bytes);
    return size;
}

struct picture {
    int format, width, height;
};

ParameterizedTestParameters(framemd5, equals_the_sum_of_the_picture_without_padding)
{
    static struct picture pictures[] = {
        {AV_PIX_FMT_YUV420P, 64, 48},     {AV_PIX_FMT_YUV420P, 161, 121},
        {AV_PIX_FMT_NV12, 161, 121},      {AV_PIX_FMT_YUV420P10LE, 161, 121},
        {AV_PIX_FMT_P010LE, 161, 121},    {AV_PIX_FMT_YUV422P, 161, 121},
        {AV_PIX_FMT_YUV444P, 161, 121},   {AV_PIX_FMT_YUV411P, 161, 121},
        {AV_PIX_FMT_YUVA420P, 161, 121},  {AV_PIX_FMT_YUYV422, 161, 121},
        {AV_PIX_FMT_GRAY8, 161, 121},     {AV_PIX_FMT_GRAY10LE, 161, 121},
        {AV_PIX_FMT_PAL8, 161, 121},      {AV_PIX_FMT_RGB24, 161, 121},
        {AV_PIX_FMT_RGBA, 161, 121},      {AV_PIX_FMT_GBRP, 161, 121},
        {AV_PIX_FMT_MONOWHITE, 161, 121}, {AV_PIX_FMT_YUVJ420P, 1, 1},
    };

    return cr_make_param_array(struct picture, pictures, sizeof(pictures) / sizeof(pictures[0]));
}

ParameterizedTest(struct picture *picture, framemd5, equals_the_sum_of_the_picture_without_padding)
{
    struct got got = {0};
    struct limef_framemd5_filter framemd5 = {0};
    AVFrame *av = make_picture(picture->format, picture->width, picture->height, 7);
    struct limef_decoded_frame frame = make_decoded(av, 0);
    char md5[33];
    int size = expected(av, md5);

    limef_framemd5_filter_init(&framemd5, NULL, keep, &got, NULL);
    limef_go(&framemd5.filter, &frame.frame);
    cr_assert(eq(u64, got.size_bytes, (uint64_t)size));
    cr_assert(eq(str, got.md5, md5));
    limef_filter_clear(&framemd5.filter);
    av_frame_free(&av);
}

Test(framemd5, reads_a_picture_that_lies_upside_down)
{
    struct got got = {0};
    struct limef_framemd5_filter framemd5 = {0};
    AVFrame *av = make_picture(AV_PIX_FMT_GRAY8, 33, 5, 7);
    struct limef_decoded_frame frame = make_decoded(av, 0);
    char md5[33];

    av->data[0] += 4 * av->linesize[0];
    av->linesize[0] = -av->linesize[0];
    expected(av, md5);
    limef_framemd5_filter_init(&framemd5, NULL, keep, &got, NULL);
    limef_go(&framemd5.filter, &frame.frame);
    cr_assert(eq(str, got.md5, md5));
    limef_filter_clear(&framemd5.filter);
    av_frame_free(&av);
}

Test(framemd5, static_data_writes_a_line_for_each_picture_and_passes_all_frames)
{
    static struct limef_framemd5_filter framemd5 = {
        .filter = LIMEF_FILTER(&limef_framemd5_ops, "framemd5", &sink.filter)};
    AVFrame *av = make_picture(AV_PIX_FMT_GRAY8, 16, 16, 7);
    struct limef_decoded_frame frame = make_decoded(av, 40000), audio = frame;
    struct limef_signal_frame end = make_signal(LIMEF_SIGNAL_END, 0);
    char *text = NULL, md5[33], lines[256];
    size_t n = 0;

    expected(av, md5);
    framemd5.file = open_memstream(&text, &n);
    frame.frame.slot = 2;
    limef_go(&framemd5.filter, &frame.frame);
    frame.frame.pts_us = LIMEF_NO_TIME;
    limef_go(&framemd5.filter, &frame.frame);
    audio.frame.media = LIMEF_MEDIA_AUDIO;
    limef_go(&framemd5.filter, &audio.frame);
    limef_go(&framemd5.filter, &end.frame);
    fclose(framemd5.file);
    snprintf(lines, sizeof(lines), "2, 40000, 256, %s\n2, NOPTS, 256, %s\n", md5, md5);
    cr_assert(eq(str, text, lines));
    cr_assert(eq(u64, sink.n_frames, 4));
    free(text);
    limef_filter_clear(&framemd5.filter);
    av_frame_free(&av);
}

Test(framemd5, counts_pictures_that_are_not_in_memory)
{
    struct got got = {0};
    struct limef_framemd5_filter framemd5 = {0};
    AVFrame *av = av_frame_alloc();
    struct limef_decoded_frame frame = make_decoded(av, 0);

    av->format = AV_PIX_FMT_VAAPI;
    av->width = av->height = 16;
    limef_log_set_level(LIMEF_LOG_ERROR);
    limef_framemd5_filter_init(&framemd5, NULL, keep, &got, NULL);
    cr_assert(eq(int, limef_go(&framemd5.filter, &frame.frame), 0));
    cr_assert(eq(u64, limef_framemd5_n_skipped(&framemd5), 1));
    cr_assert(eq(u64, got.n, 0));
    limef_filter_clear(&framemd5.filter);
    av_frame_free(&av);
}

Test(framemd5, without_memory_says_so_and_passes_on)
{
    struct got got = {0};
    struct limef_framemd5_filter framemd5 = {0};
    AVFrame *av = make_picture(AV_PIX_FMT_GRAY8, 16, 16, 7);
    struct limef_decoded_frame frame = make_decoded(av, 0);

    limef_filter_clear(&framemd5.filter);
    limef_framemd5_filter_init(&framemd5, NULL, keep, &got, NULL);
    limef_connect(&framemd5.filter, &sink.filter);
    failing_install(1);
    cr_assert(eq(int, limef_go(&framemd5.filter, &frame.frame), AVERROR(ENOMEM)));
    cr_assert(eq(u64, sink.n_frames, 1));
    cr_assert(eq(int, limef_go(&framemd5.filter, &frame.frame), 0));
    cr_assert(eq(u64, got.n, 1));
    failing_remove();
    limef_filter_clear(&framemd5.filter);
    av_frame_free(&av);
}

Test(framemd5, allocates_nothing_per_frame)
{
    struct got got = {0};
    struct limef_framemd5_filter framemd5 = {0};
    AVFrame *av = make_picture(AV_PIX_FMT_GRAY8, 16, 16, 7);
    struct limef_decoded_frame frame = make_decoded(av, 0);
    uint64_t before;

    limef_framemd5_filter_init(&framemd5, NULL, keep, &got, NULL);
    limef_go(&framemd5.filter, &frame.frame);
    before = limef_memory_n_allocations();
    for (int i = 0; i < 1000; i++)
        limef_go(&framemd5.filter, &frame.frame);
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
    limef_filter_clear(&framemd5.filter);
    av_frame_free(&av);
}
