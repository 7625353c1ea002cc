/* SPDX-License-Identifier: MIT */
/* 3_own_filter URL: finds the picture of a file that differs most from the one before it. */
#include <limef/limef.h>

#include <libavutil/frame.h>
#include <libavutil/pixfmt.h>
#include <stdio.h>
#include <stdlib.h>

#define DEADLINE_US 60000000

static double difference(const AVFrame *a, const AVFrame *b)
{
    uint64_t sum = 0;

    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++)
            sum += (uint64_t)abs(a->data[0][y * a->linesize[0] + x] -
                                 b->data[0][y * b->linesize[0] + x]);
    return (double)sum / ((double)a->width * a->height);
}

struct motion_filter {
    struct limef_filter filter;
    union limef_any_frame last; /* the picture before; owned */
    unsigned n_pictures;
    double most; /* levels of 256 that a pixel changed by, on average */
    int64_t most_at_us;
};

static int motion_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct motion_filter *motion = LIMEF_CONTAINER_OF(filter, struct motion_filter, filter);
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(in);
    const AVFrame *last = motion->last.decoded.av; /* NULL: none */

    if (!decoded)
        return limef_pass(filter, in);
    if (decoded->av->format != AV_PIX_FMT_GRAY8)
        return limef_fail(AVERROR(EINVAL), filter->name, "a picture that is not gray8");
    if (last && difference(decoded->av, last) > motion->most) {
        motion->most = difference(decoded->av, last);
        motion->most_at_us = in->pts_us;
    }
    limef_any_frame_clear(&motion->last);
    if (limef_any_frame_ref(&motion->last, in) < 0)
        return limef_fail(AVERROR(EINVAL), filter->name, "a picture that cannot be kept");
    motion->n_pictures++;
    return limef_pass(filter, in);
}

static void motion_clear(struct limef_filter *filter)
{
    struct motion_filter *motion = LIMEF_CONTAINER_OF(filter, struct motion_filter, filter);

    limef_any_frame_clear(&motion->last);
    *motion = (struct motion_filter){0};
}

static const struct limef_filter_ops motion_ops = {
    .kind = "motion", .go = motion_go, .clear = motion_clear};

static int report_end(void *context, const struct limef_frame *frame)
{
    const struct limef_signal_frame *signal_frame = limef_signal_frame_from(frame);

    (void)context;
    if (signal_frame && signal_frame->signal == LIMEF_SIGNAL_END)
        limef_report(signal_frame);
    return 0;
}

static struct limef_reports reports;
static struct limef_producer reader;
static struct limef_file_source file;
static struct limef_decode_filter decode;
static struct limef_scale_filter scale;
static struct limef_tap_filter tap = {.filter = LIMEF_FILTER(&limef_tap_ops, "tap", NULL),
                                      .tap = report_end};
static struct motion_filter motion = {.filter = LIMEF_FILTER(&motion_ops, "motion", &tap.filter)};

static int init(const char *url)
{
    struct limef_file_source_settings what = {.url = url, .pace = LIMEF_PACE_FASTEST};
    struct limef_scale_settings small = {.width = 160, .height = 90, .pixel_format = "gray"};
    int ret = limef_reports_init(&reports);

    if (ret >= 0)
        ret = limef_file_source_init(&file, "file", &what);
    if (ret >= 0)
        ret = limef_decode_filter_init(&decode, "decode", NULL);
    if (ret >= 0)
        ret = limef_scale_filter_init(&scale, "scale", &small);
    limef_connect(&file.source.filter, &decode.filter);
    limef_connect(&decode.filter, &scale.filter);
    limef_connect(&scale.filter, &motion.filter);
    limef_producer_init(&reader, &file.source,
                        &(struct limef_thread_settings){.name = "read", .reports = &reports});
    return ret;
}

static int run(void)
{
    struct limef_signal_frame report;
    int ret = limef_thread_start(&reader.thread);

    while (ret >= 0) {
        ret = limef_reports_read(&reports, &report, DEADLINE_US);
        if (ret >= 0 && report.signal == LIMEF_SIGNAL_END)
            return report.code;
    }
    return ret;
}

int main(int argc, char **argv)
{
    int ret = init(argc > 1 ? argv[1] : "clip.mp4");

    if (ret >= 0)
        ret = run();
    if (limef_thread_stop(&reader.thread, DEADLINE_US) < 0)
        return 1;
    if (ret >= 0)
        printf("%u pictures; most changed at %.3f s, by %.1f\n", motion.n_pictures,
               (double)motion.most_at_us / 1e6, motion.most);

    limef_producer_clear(&reader);
    limef_filter_clear(&file.source.filter);
    limef_filter_clear(&decode.filter);
    limef_filter_clear(&scale.filter);
    limef_filter_clear(&motion.filter);
    limef_filter_clear(&tap.filter);
    limef_reports_clear(&reports);
    return ret < 0;
}
