/* SPDX-License-Identifier: MIT */
/* 7_graph URL: decodes at natural pace, looks at large and at small pictures, and says on which
 * threads that ran, and why. */
#include <limef/limef.h>

#include <libavutil/frame.h>
#include <stdio.h>

#define DEADLINE_US 60000000

struct sum {
    unsigned n_pictures;
    long n_pixels;
};

static _Alignas(64) char memory[LIMEF_GRAPH_BYTES(6)];
static struct limef_graph graph;
static struct limef_reports reports;
static struct sum large, small;

static int add_up(void *context, const struct limef_frame *frame)
{
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(frame);
    const struct limef_signal_frame *signal_frame = limef_signal_frame_from(frame);
    struct sum *sum = context;

    if (decoded) {
        sum->n_pictures++;
        sum->n_pixels += (long)decoded->av->width * decoded->av->height;
    }
    if (signal_frame && signal_frame->signal == LIMEF_SIGNAL_END)
        limef_report(signal_frame);
    return 0;
}

static struct limef_file_source file;
static struct limef_decode_filter decode;
static struct limef_scale_filter scale;
static struct limef_tap_filter see_large = {LIMEF_FILTER(&limef_tap_ops, "large", NULL), add_up,
                                            &large};
static struct limef_tap_filter see_small = {LIMEF_FILTER(&limef_tap_ops, "small", NULL), add_up,
                                            &small};
static struct limef_split_filter split = {
    .filter = LIMEF_FILTER(&limef_split_ops, "split", &see_large.filter),
    .branches = {{.to = &scale.filter}},
};

static int init(const char *url)
{
    struct limef_file_source_settings what = {.url = url};
    struct limef_scale_settings half = {.width = 640};
    struct limef_graph_settings settings = {.name = "graph", .reports = &reports};
    int ret = limef_reports_init(&reports);

    if (ret >= 0)
        ret = limef_file_source_init(&file, "file", &what);
    if (ret >= 0)
        ret = limef_decode_filter_init(&decode, "decode", NULL);
    if (ret >= 0)
        ret = limef_scale_filter_init(&scale, "scale", &half);
    if (ret < 0)
        return ret;
    limef_connect(&file.source.filter, &decode.filter);
    limef_connect(&decode.filter, &split.filter);
    limef_connect(&scale.filter, &see_small.filter);
    ret = limef_graph_init(&graph, memory, sizeof(memory), &settings);
    return ret < 0 ? ret : limef_graph_add(&graph, &file.source);
}

static int run(void)
{
    struct limef_signal_frame report;
    int ret = limef_graph_start(&graph), n_ends = 0;

    while (ret >= 0 && n_ends < 2) {
        ret = limef_reports_read(&reports, &report, DEADLINE_US);
        if (ret >= 0 && report.signal == LIMEF_SIGNAL_END) {
            ret = report.code;
            n_ends++;
        }
    }
    return ret;
}

int main(int argc, char **argv)
{
    int ret = init(argc > 1 ? argv[1] : "clip.mp4");

    if (ret >= 0)
        ret = run();
    if (limef_graph_stop(&graph, DEADLINE_US) < 0)
        return 1;
    if (ret >= 0)
        ret = limef_graph_print(&graph, limef_plan_print_text, stdout);
    if (ret >= 0)
        printf("%u large pictures, %u small ones of %ld pixels\n", large.n_pictures,
               small.n_pictures, small.n_pictures ? small.n_pixels / small.n_pictures : 0);

    limef_graph_clear(&graph);
    limef_filter_clear(&file.source.filter);
    limef_filter_clear(&decode.filter);
    limef_filter_clear(&split.filter);
    limef_filter_clear(&scale.filter);
    limef_reports_clear(&reports);
    return ret < 0;
}
