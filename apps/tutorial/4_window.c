/* SPDX-License-Identifier: MIT */
/* 4_window SNAPSHOT.png URL...: a wall of videos, in a window or, without a display, offscreen. */
#include <limef/limef.h>

#include <stdio.h>

#define MAX_STREAMS 16
#define N_PACKETS 16
#define N_PICTURES 8
#define TIMEOUT_US 5000000

struct stream {
    struct limef_producer reader;
    struct limef_file_source file;
    struct limef_input_filter to_decoder;
    struct limef_stack_frame packets[N_PACKETS];
    struct limef_consumer decoder;
    struct limef_decode_filter decode;
    struct limef_input_filter to_screen;
    struct limef_stack_frame pictures[N_PICTURES];
};

static struct stream streams[MAX_STREAMS];
static struct limef_tile tiles[MAX_STREAMS];
static struct limef_presenter presenter;
static struct limef_consumer screen;
static struct limef_reports reports;

static int init_screen(unsigned n_streams)
{
    static const struct limef_presenter_window window = {.title = "wall"};
    struct limef_presenter_settings settings = {
        .width = 1280, .height = 720, .ends_silently = true, .window = &window};
    struct limef_thread_settings thread = {
        .name = "screen", .priority = LIMEF_PRIORITY_DISPLAY, .reports = &reports};
    int ret = limef_reports_init(&reports);

    if (ret >= 0)
        ret = limef_presenter_init(&presenter, "screen", tiles, n_streams, &settings);
    limef_consumer_init(&screen, &presenter.filter, &thread);
    limef_thread_set_task(&screen.thread, limef_presenter_tick, &presenter);
    return ret;
}

static int init_stream(struct stream *stream, unsigned slot, const char *url)
{
    struct limef_thread_settings reading = {.name = "read", .reports = &reports};
    struct limef_thread_settings decoding = {.name = "decode", .reports = &reports};
    struct limef_file_source_settings what = {
        .url = url, .slot = slot, .media = LIMEF_MEDIA_VIDEO, .pace = LIMEF_PACE_FASTEST};
    int ret = limef_file_source_init(&stream->file, url, &what);

    limef_producer_init(&stream->reader, &stream->file.source, &reading);
    limef_consumer_init(&stream->decoder, &stream->decode.filter, &decoding);
    if (ret >= 0)
        ret = limef_decode_filter_init(&stream->decode, url, NULL);
    if (ret >= 0)
        ret = limef_input_filter_init(&stream->to_decoder, "to decoder", &stream->decoder.fifo,
                                      stream->packets, N_PACKETS, NULL);
    if (ret >= 0)
        ret = limef_input_filter_init(&stream->to_screen, "to screen", &screen.fifo,
                                      stream->pictures, N_PICTURES, NULL);
    limef_connect(&stream->file.source.filter, &stream->to_decoder.filter);
    limef_connect(&stream->decode.filter, &stream->to_screen.filter);
    return ret;
}

static int open_screen(void *context)
{
    return limef_presenter_open(context);
}

static int start(unsigned n_streams)
{
    int ret = limef_thread_start(&screen.thread);

    if (ret >= 0)
        ret = limef_thread_call(&screen.thread, open_screen, &presenter, TIMEOUT_US);
    for (unsigned i = 0; i < n_streams && ret >= 0; i++) {
        ret = limef_thread_start(&streams[i].decoder.thread);
        if (ret >= 0)
            ret = limef_thread_start(&streams[i].reader.thread);
    }
    return ret;
}

/* Until all streams ended, or somebody has had enough. */
static int run(unsigned n_streams)
{
    struct limef_signal_frame report;
    int ret = 0;

    while (n_streams && ret >= 0) {
        ret = limef_reports_read(&reports, &report, LIMEF_FOREVER);
        if (ret >= 0 && report.signal == LIMEF_SIGNAL_KEY &&
            (report.value == 'q' || report.value == LIMEF_KEY_CLOSE))
            break;
        if (ret >= 0 && report.signal == LIMEF_SIGNAL_END) {
            printf("stream %u: %s\n", report.frame.slot, report.text);
            n_streams--;
        }
    }
    return ret;
}

static int write_snapshot(void *path)
{
    return limef_presenter_snapshot(&presenter, path);
}

static int close_screen(void *context)
{
    limef_presenter_close(context);
    return 0;
}

static int stop(void)
{
    int ret = 0, stopped;

    for (unsigned i = 0; i < MAX_STREAMS; i++) {
        limef_thread_ask_stop(&streams[i].reader.thread);
        limef_thread_ask_stop(&streams[i].decoder.thread);
    }
    for (unsigned i = 0; i < MAX_STREAMS; i++) {
        stopped = limef_thread_stop(&streams[i].reader.thread, TIMEOUT_US);
        ret = stopped < 0 ? stopped : ret;
        stopped = limef_thread_stop(&streams[i].decoder.thread, TIMEOUT_US);
        ret = stopped < 0 ? stopped : ret;
    }
    if (limef_thread_running(&screen.thread))
        limef_thread_call(&screen.thread, close_screen, &presenter, TIMEOUT_US);
    stopped = limef_thread_stop(&screen.thread, TIMEOUT_US);
    return stopped < 0 ? stopped : ret;
}

static void clear(void)
{
    for (unsigned i = 0; i < MAX_STREAMS; i++) {
        limef_producer_clear(&streams[i].reader);
        limef_consumer_clear(&streams[i].decoder);
        limef_filter_clear(&streams[i].file.source.filter);
        limef_filter_clear(&streams[i].to_decoder.filter);
        limef_filter_clear(&streams[i].decode.filter);
        limef_filter_clear(&streams[i].to_screen.filter);
    }
    limef_consumer_clear(&screen);
    limef_filter_clear(&presenter.filter);
    limef_reports_clear(&reports);
}

int main(int argc, char **argv)
{
    unsigned n_streams = argc > 2 ? (unsigned)argc - 2 : 0;
    int ret;

    if (n_streams < 1 || n_streams > MAX_STREAMS) {
        fprintf(stderr, "usage: %s SNAPSHOT.png URL...\n", argv[0]);
        return 1;
    }
    ret = init_screen(n_streams);
    for (unsigned i = 0; i < n_streams && ret >= 0; i++)
        ret = init_stream(&streams[i], i, argv[2 + i]);
    if (ret >= 0)
        ret = start(n_streams);
    if (ret >= 0)
        ret = run(n_streams);
    if (ret >= 0)
        ret = limef_thread_call(&screen.thread, write_snapshot, argv[1], TIMEOUT_US);
    if (stop() < 0)
        return 1;
    clear();
    return ret < 0;
}
