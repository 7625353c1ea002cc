/* SPDX-License-Identifier: MIT */
#include <limef/filter/scale.h>

#include "support/failing.h"
#include "support/silence.h"

#include <limef/base/log.h>
#include <limef/frame/decoded.h>
#include <limef/frame/pool.h>
#include <limef/frame/signal.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/frame.h>
#include <libavutil/log.h>
#include <libavutil/pixdesc.h>
#include <string.h>

/* The end of the chain. */
struct end {
    struct limef_filter filter;
    unsigned n;
    struct limef_decoded_frame last;
    int format, width, height, colorspace, color_range;
    AVRational aspect;
    uint8_t pixel[3];
    const AVFrame *av;
};

static int end_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct end *end = LIMEF_CONTAINER_OF(filter, struct end, filter);
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(in);

    end->n++;
    if (!decoded)
        return 0;
    end->last = *decoded;
    end->av = decoded->av;
    end->format = decoded->av->format;
    end->width = decoded->av->width;
    end->height = decoded->av->height;
    end->colorspace = decoded->av->colorspace;
    end->color_range = decoded->av->color_range;
    end->aspect = decoded->av->sample_aspect_ratio;
    memcpy(end->pixel, decoded->av->data[0], 3);
    return 0;
}

static const struct limef_filter_ops end_ops = {.kind = "end", .go = end_go};

static struct limef_scale_filter scale;
static struct end end;

static void set_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
    limef_log_set_sink(log_to_nobody, NULL);
}

TestSuite(scale, .init = set_up, .timeout = 20);

static void init(const struct limef_scale_settings *settings)
{
    memset(&end, 0, sizeof(end));
    limef_filter_init(&end.filter, &end_ops, NULL);
    cr_assert(eq(int, limef_scale_filter_init(&scale, NULL, settings), 0));
    limef_connect(&scale.filter, &end.filter);
}

/* A flat picture that nobody counts. */
static AVFrame *make_flat(int format, int width, int height, const uint8_t planes[3])
{
    AVFrame *picture = av_frame_alloc();

    picture->format = format;
    picture->width = width;
    picture->height = height;
    cr_assert(eq(int, av_frame_get_buffer(picture, 0), 0));
    for (int i = 0; i < 3 && picture->data[i]; i++)
        memset(picture->data[i], planes[i],
               (size_t)picture->linesize[i] * (size_t)(i ? (height + 1) / 2 : height));
    return picture;
}

static int give(const AVFrame *picture)
{
    struct limef_decoded_frame decoded = {
        .frame = {.frame_class = LIMEF_FRAME_DECODED, .media = LIMEF_MEDIA_VIDEO, .pts_us = 42},
        .av = picture,
        .rotation_degrees = 90,
    };

    return limef_go(&scale.filter, &decoded.frame);
}

static const uint8_t gray[3] = {128, 128, 128};

Test(scale, makes_the_size_and_format_that_was_asked)
{
    AVFrame *picture = make_flat(AV_PIX_FMT_YUV420P, 320, 240, gray);

    init(&(struct limef_scale_settings){.width = 100, .height = 50, .pixel_format = "rgb24"});
    cr_assert(eq(int, give(picture), 0));
    cr_assert(eq(int, end.width, 100));
    cr_assert(eq(int, end.height, 50));
    cr_assert(eq(int, end.format, AV_PIX_FMT_RGB24));
    cr_assert(eq(i64, end.last.frame.pts_us, 42));
    cr_assert(eq(int, end.last.rotation_degrees, 90));
    cr_assert(ge(u64, LIMEF_COUNTED(scale.filter.copied_bytes), 100 * 50 * 3));
    limef_filter_clear(&scale.filter);
    av_frame_free(&picture);
}

Test(scale, what_is_right_already_passes_untouched)
{
    AVFrame *picture = make_flat(AV_PIX_FMT_YUV420P, 64, 48, gray);

    init(&(struct limef_scale_settings){.width = 64, .height = 48, .pixel_format = "yuv420p"});
    cr_assert(eq(int, give(picture), 0));
    cr_assert(eq(ptr, (void *)end.av, picture));
    cr_assert(eq(u64, LIMEF_COUNTED(scale.filter.copied_bytes), 0));
    limef_filter_clear(&scale.filter);
    av_frame_free(&picture);
}

Test(scale, a_missing_side_follows_from_the_aspect)
{
    AVFrame *picture = make_flat(AV_PIX_FMT_YUV420P, 360, 240, gray);

    picture->sample_aspect_ratio = (AVRational){4, 3}; /* shown as 2 : 1 */
    init(&(struct limef_scale_settings){.width = 100});
    give(picture);
    cr_assert(eq(int, end.height, 50));
    cr_assert(eq(int, end.aspect.num, end.aspect.den));
    limef_filter_clear(&scale.filter);
    init(&(struct limef_scale_settings){.height = 100});
    give(picture);
    cr_assert(eq(int, end.width, 200));
    limef_filter_clear(&scale.filter);
    init(&(struct limef_scale_settings){.width = 100, .height = 100, .fit = true});
    give(picture);
    cr_assert(eq(int, end.width, 100));
    cr_assert(eq(int, end.height, 50));
    limef_filter_clear(&scale.filter);
    init(&(struct limef_scale_settings){.width = 100, .height = 100});
    give(picture);
    cr_assert(eq(int, end.aspect.num, 2));
    cr_assert(eq(int, end.aspect.den, 1));
    limef_filter_clear(&scale.filter);
    av_frame_free(&picture);
}

Test(scale, ranges_and_matrices_reach_the_pixels)
{
    static const uint8_t limited_white[3] = {235, 128, 128}, red_709[3] = {63, 102, 240},
                         red_601[3] = {81, 90, 240};
    struct {
        const uint8_t *planes;
        int colorspace, range;
        int rgb[3];
    } cases[] = {
        {limited_white, AVCOL_SPC_BT709, AVCOL_RANGE_MPEG, {255, 255, 255}},
        {limited_white, AVCOL_SPC_BT709, AVCOL_RANGE_JPEG, {235, 235, 235}},
        {red_709, AVCOL_SPC_BT709, AVCOL_RANGE_MPEG, {255, 0, 0}},
        {red_601, AVCOL_SPC_SMPTE170M, AVCOL_RANGE_MPEG, {255, 0, 0}},
        {red_601, AVCOL_SPC_UNSPECIFIED, AVCOL_RANGE_MPEG, {255, 0, 0}}, /* small: BT.601 */
    };

    init(&(struct limef_scale_settings){.pixel_format = "rgb24"});
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AVFrame *picture = make_flat(AV_PIX_FMT_YUV420P, 64, 64, cases[i].planes);

        picture->colorspace = cases[i].colorspace;
        picture->color_range = cases[i].range;
        give(picture);
        for (int c = 0; c < 3; c++)
            cr_assert(le(int, abs(end.pixel[c] - cases[i].rgb[c]), 4), "case %zu, %d", i, c);
        cr_assert(eq(int, end.color_range, AVCOL_RANGE_JPEG));
        av_frame_free(&picture);
    }
    limef_filter_clear(&scale.filter);
}

Test(scale, follows_an_input_that_changes)
{
    AVFrame *a = make_flat(AV_PIX_FMT_YUV420P, 64, 64, gray);
    AVFrame *b = make_flat(AV_PIX_FMT_GRAY8, 33, 17, gray);

    init(&(struct limef_scale_settings){.width = 32, .height = 32, .pixel_format = "bgra"});
    for (int i = 0; i < 4; i++) {
        cr_assert(eq(int, give(i % 2 ? b : a), 0));
        cr_assert(eq(int, end.width, 32));
        cr_assert(eq(int, end.format, AV_PIX_FMT_BGRA));
        cr_assert(le(int, abs(end.pixel[0] - 130), 4));
    }
    limef_filter_clear(&scale.filter);
    av_frame_free(&a);
    av_frame_free(&b);
}

Test(scale, everything_but_pictures_passes)
{
    struct limef_signal_frame signal;

    limef_signal_frame_set(&signal, LIMEF_SIGNAL_END, 0, NULL);
    init(&(struct limef_scale_settings){.width = 32});
    limef_go(&scale.filter, &signal.frame);
    cr_assert(eq(uint, end.n, 1));
    limef_filter_clear(&scale.filter);
}

Test(scale, impossible_settings_are_refused)
{
    struct limef_scale_filter refused = {0};

    cr_assert(eq(int,
                 limef_scale_filter_init(&refused, NULL,
                                         &(struct limef_scale_settings){.pixel_format = "nope"}),
                 AVERROR(EINVAL)));
    cr_assert(eq(
        int, limef_scale_filter_init(&refused, NULL, &(struct limef_scale_settings){.width = -1}),
        AVERROR(EINVAL)));
    cr_assert(eq(ptr, (void *)refused.filter.ops, NULL));
}

Test(scale, in_steady_state_nothing_is_allocated)
{
    AVFrame *picture = make_flat(AV_PIX_FMT_YUV420P, 320, 240, gray);
    uint64_t before;

    init(&(struct limef_scale_settings){.width = 64, .height = 64});
    for (int i = 0; i < 4; i++)
        give(picture);
    before = limef_memory_n_allocations();
    for (int i = 0; i < 100; i++)
        give(picture);
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
    limef_filter_clear(&scale.filter);
    av_frame_free(&picture);
}

Test(scale, each_failing_allocation_is_enomem_and_the_next_picture_comes)
{
    AVFrame *picture = make_flat(AV_PIX_FMT_YUV420P, 320, 240, gray);
    bool failed = true;

    for (unsigned n = 1; failed; n++) {
        int ret, again = 0;

        failing_install(n);
        memset(&end, 0, sizeof(end));
        limef_filter_init(&end.filter, &end_ops, NULL);
        ret = limef_scale_filter_init(&scale, NULL,
                                      &(struct limef_scale_settings){.width = 64, .height = 64});
        if (ret == 0) {
            limef_connect(&scale.filter, &end.filter);
            ret = give(picture);
            again = give(picture);
            cr_assert(eq(int, give(picture), 0));
        }
        failed = failing_failed();
        cr_assert(eq(int, ret ? ret : again, failed ? AVERROR(ENOMEM) : 0));
        limef_filter_clear(&scale.filter);
        cr_assert(eq(int, failing_n_out(), 0));
        failing_remove();
    }
    av_frame_free(&picture);
}
