/* SPDX-License-Identifier: MIT */
/* 1_first_chain URL: decodes a file and says what is in it. */
#include <limef/limef.h>

#include <libavutil/frame.h>
#include <stdio.h>

#define DEADLINE_US 60000000

struct content {
    unsigned n_pictures;
    int width, height;
};

static int look(void *context, const struct limef_frame *frame)
{
    struct content *content = context;
    const struct limef_decoded_frame *decoded = limef_decoded_frame_from(frame);
    const struct limef_signal_frame *signal_frame = limef_signal_frame_from(frame);

    if (decoded) {
        content->n_pictures++;
        content->width = decoded->av->width;
        content->height = decoded->av->height;
    }
    if (signal_frame && signal_frame->signal == LIMEF_SIGNAL_END)
        limef_report(signal_frame);
    return 0;
}

static struct content content;
static struct limef_reports reports;
static struct limef_file_source file;
static struct limef_decode_filter decode;
static struct limef_tap_filter tap = {LIMEF_FILTER(&limef_tap_ops, "tap", NULL), look, &content};
static struct limef_producer reader;

static int init(const char *url)
{
    struct limef_file_source_settings what = {.url = url, .pace = LIMEF_PACE_FASTEST};
    struct limef_thread_settings thread = {.name = "read", .reports = &reports};
    int ret = limef_reports_init(&reports);

    if (ret >= 0)
        ret = limef_file_source_init(&file, "file", &what);
    if (ret >= 0)
        ret = limef_decode_filter_init(&decode, "decode", NULL);
    if (ret < 0)
        return ret;
    limef_connect(&file.source.filter, &decode.filter);
    limef_connect(&decode.filter, &tap.filter);
    limef_producer_init(&reader, &file.source, &thread);
    return 0;
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
        printf("%u pictures of %d x %d\n", content.n_pictures, content.width, content.height);

    limef_producer_clear(&reader);
    limef_filter_clear(&file.source.filter);
    limef_filter_clear(&decode.filter);
    limef_filter_clear(&tap.filter);
    limef_reports_clear(&reports);
    return ret < 0;
}
