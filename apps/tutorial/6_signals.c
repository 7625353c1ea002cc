/* SPDX-License-Identifier: MIT */
/* 6_signals URL: goes to 5 s, holds, plays the rest four times as fast. */
#include <limef/limef.h>

#include <libavutil/error.h>
#include <poll.h>
#include <stdio.h>

#define DEADLINE_MS 30000
#define HOLD_MS 300
#define SEEK_SERIAL 1

enum {
    PICTURE = LIMEF_SIGNAL_USER, /* the first one after a start or a seek; value: its pts_us */
};

struct watch {
    bool told; /* of the first picture */
};

static int look(void *context, const struct limef_frame *frame)
{
    struct watch *watch = context;
    const struct limef_signal_frame *signal_frame = limef_signal_frame_from(frame);
    struct limef_signal_frame first;

    if (frame->frame_class == LIMEF_FRAME_DECODED && !watch->told) {
        limef_signal_frame_set(&first, PICTURE, frame->slot, NULL);
        first.value = frame->pts_us;
        limef_report(&first);
        watch->told = true;
    }
    if (signal_frame && signal_frame->signal == LIMEF_SIGNAL_FLUSH)
        watch->told = false;
    if (signal_frame &&
        (signal_frame->signal == LIMEF_SIGNAL_FLUSH || signal_frame->signal == LIMEF_SIGNAL_END))
        limef_report(signal_frame);
    return 0;
}

static struct watch watch;
static struct limef_reports reports;
static struct limef_producer player;
static struct limef_file_source file;
static struct limef_decode_filter decode;
static struct limef_tap_filter tap = {LIMEF_FILTER(&limef_tap_ops, "tap", NULL), look, &watch};

static int init(const char *url)
{
    struct limef_file_source_settings what = {.url = url, .media = LIMEF_MEDIA_VIDEO};
    int ret = limef_reports_init(&reports);

    if (ret >= 0)
        ret = limef_file_source_init(&file, "file", &what);
    if (ret >= 0)
        ret = limef_decode_filter_init(&decode, "decode", NULL);
    limef_connect(&file.source.filter, &decode.filter);
    limef_connect(&decode.filter, &tap.filter);
    limef_producer_init(&player, &file.source,
                        &(struct limef_thread_settings){.name = "player", .reports = &reports});
    return ret;
}

static int tell(uint32_t signal, int64_t value)
{
    struct limef_signal_frame signal_frame;

    limef_signal_frame_set(&signal_frame, signal, 0, NULL);
    signal_frame.value = value;
    signal_frame.code = signal == LIMEF_SIGNAL_SEEK; /* 1: exactly there */
    signal_frame.serial = SEEK_SERIAL;
    return limef_thread_send(&player.thread, &signal_frame);
}

/* The way into an event loop: whatever else it waits for goes into pollfds, too. */
static int wait_for(uint32_t signal, int timeout_ms, struct limef_signal_frame *report)
{
    struct pollfd pollfds[] = {{.fd = limef_reports_fd(&reports), .events = POLLIN}};

    while (poll(pollfds, 1, timeout_ms) > 0)
        while (limef_reports_read(&reports, report, 0) == 0) {
            if (report->signal == signal)
                return 0;
            if (report->signal == LIMEF_SIGNAL_ERROR)
                return report->code;
        }
    return AVERROR(ETIMEDOUT);
}

static int seek_and_hold(void)
{
    struct limef_signal_frame report = {0};
    int ret = tell(LIMEF_SIGNAL_SEEK, 5000000);

    while (ret >= 0 && report.serial != SEEK_SERIAL)
        ret = wait_for(LIMEF_SIGNAL_FLUSH, DEADLINE_MS, &report);
    if (ret >= 0)
        ret = wait_for(PICTURE, DEADLINE_MS, &report);
    if (ret >= 0) {
        printf("first picture at %.3f s\n", (double)report.value / 1e6);
        ret = tell(LIMEF_SIGNAL_PAUSE, 0);
    }
    if (ret < 0)
        return ret;
    ret = wait_for(LIMEF_SIGNAL_END, HOLD_MS, &report);
    return ret == AVERROR(ETIMEDOUT) ? 0 : ret;
}

static int play_fast(void)
{
    struct limef_signal_frame report;
    int64_t began_us = limef_now_us();
    int ret = tell(LIMEF_SIGNAL_RATE, 4000);

    if (ret >= 0)
        ret = tell(LIMEF_SIGNAL_PLAY, 0);
    if (ret >= 0)
        ret = wait_for(LIMEF_SIGNAL_END, DEADLINE_MS, &report);
    if (ret >= 0)
        printf("%s after %.1f s\n", report.text, (double)(limef_now_us() - began_us) / 1e6);
    return ret;
}

int main(int argc, char **argv)
{
    struct limef_signal_frame report;
    int ret = init(argc > 1 ? argv[1] : "clip.mp4");

    if (ret >= 0)
        ret = limef_thread_start(&player.thread);
    if (ret >= 0)
        ret = wait_for(PICTURE, DEADLINE_MS, &report);
    if (ret >= 0)
        ret = seek_and_hold();
    if (ret >= 0)
        ret = play_fast();
    if (limef_thread_stop(&player.thread, DEADLINE_MS * 1000LL) < 0)
        return 1;

    limef_producer_clear(&player);
    limef_filter_clear(&file.source.filter);
    limef_filter_clear(&decode.filter);
    limef_filter_clear(&tap.filter);
    limef_reports_clear(&reports);
    return ret < 0;
}
