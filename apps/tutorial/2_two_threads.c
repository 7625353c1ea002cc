/* SPDX-License-Identifier: MIT */
/* 2_two_threads URL: reads on one thread, decodes on another, says what crossed between them. */
#include <limef/limef.h>

#include <inttypes.h>
#include <stdio.h>

#define DEADLINE_US 60000000
#define N_PACKETS 16

static int look(void *context, const struct limef_frame *frame)
{
    unsigned *n_pictures = context;
    const struct limef_signal_frame *signal_frame = limef_signal_frame_from(frame);

    if (frame->frame_class == LIMEF_FRAME_DECODED)
        ++*n_pictures;
    if (signal_frame && signal_frame->signal == LIMEF_SIGNAL_END)
        limef_report(signal_frame);
    return 0;
}

static unsigned n_pictures;
static struct limef_reports reports;

/* the thread that reads */
static struct limef_producer reader;
static struct limef_file_source file;
static struct limef_input_filter to_decoder;

/* the thread that decodes */
static struct limef_stack_frame packets[N_PACKETS];
static struct limef_consumer decoder;
static struct limef_decode_filter decode;
static struct limef_tap_filter tap = {LIMEF_FILTER(&limef_tap_ops, "tap", NULL), look, &n_pictures};

static int init(const char *url)
{
    struct limef_file_source_settings what = {
        .url = url, .media = LIMEF_MEDIA_VIDEO, .pace = LIMEF_PACE_FASTEST};
    struct limef_lane_settings lane = {.overflow = LIMEF_OVERFLOW_BLOCK, .depth = 6};
    int ret = limef_reports_init(&reports);

    limef_consumer_init(&decoder, &decode.filter,
                        &(struct limef_thread_settings){.name = "decode", .reports = &reports});
    limef_producer_init(&reader, &file.source,
                        &(struct limef_thread_settings){.name = "read", .reports = &reports});
    if (ret >= 0)
        ret = limef_file_source_init(&file, "file", &what);
    if (ret >= 0)
        ret = limef_decode_filter_init(&decode, "decode", NULL);
    if (ret >= 0)
        ret = limef_input_filter_init(&to_decoder, "to decoder", &decoder.fifo, packets, N_PACKETS,
                                      &lane);
    limef_connect(&file.source.filter, &to_decoder.filter);
    limef_connect(&decode.filter, &tap.filter);
    return ret;
}

static int run(void)
{
    struct limef_signal_frame report;
    int ret = limef_thread_start(&reader.thread);

    if (ret >= 0)
        ret = limef_thread_start(&decoder.thread);
    while (ret >= 0) {
        ret = limef_reports_read(&reports, &report, DEADLINE_US);
        if (ret >= 0 && report.signal == LIMEF_SIGNAL_END)
            return report.code;
    }
    return ret;
}

static void print_lane(void)
{
    struct limef_lane_counters counters;

    limef_lane_get_counters(&to_decoder.lane, &counters);
    printf("%u pictures\n", n_pictures);
    printf("%" PRIu64 " frames written, %" PRIu64 " read, %" PRIu64 " bytes copied\n",
           counters.n_written, counters.n_read, counters.copied_bytes);
    printf("at most %u of %u packets waited; the reader waited for room %" PRIu64 " times\n",
           counters.max_used, counters.depth, counters.n_blocked);
}

int main(int argc, char **argv)
{
    int ret = init(argc > 1 ? argv[1] : "clip.mp4");

    if (ret >= 0)
        ret = run();
    limef_thread_ask_stop(&reader.thread);
    limef_thread_ask_stop(&decoder.thread);
    if (limef_thread_stop(&reader.thread, DEADLINE_US) < 0 ||
        limef_thread_stop(&decoder.thread, DEADLINE_US) < 0)
        return 1;
    if (ret >= 0)
        print_lane();

    limef_producer_clear(&reader);
    limef_consumer_clear(&decoder);
    limef_filter_clear(&file.source.filter);
    limef_filter_clear(&to_decoder.filter);
    limef_filter_clear(&decode.filter);
    limef_filter_clear(&tap.filter);
    limef_reports_clear(&reports);
    return ret < 0;
}
