/* SPDX-License-Identifier: MIT */
/*
 * 5_snapshot URL FILE-%n.jpg: plays a file again and again, and while it plays has a second thread
 * write a picture every fifth of a second, until there are three.
 */
#include <limef/limef.h>

#include <inttypes.h>
#include <stdio.h>

#define DEADLINE_US 60000000
#define N_SNAPSHOTS 3
#define N_PICTURES 8

enum {
    FLOWING = LIMEF_SIGNAL_USER, /* the first picture was seen */
    WRITTEN,                     /* one more went to a file */
};

static void tell_main(uint32_t signal)
{
    struct limef_signal_frame signal_frame;

    limef_signal_frame_set(&signal_frame, signal, 0, NULL);
    limef_report(&signal_frame);
}

static int count(void *context, const struct limef_frame *frame)
{
    unsigned *n_pictures = context;

    if (frame->frame_class == LIMEF_FRAME_DECODED && ++*n_pictures == 1)
        tell_main(FLOWING);
    return 0;
}

static int note_written(void *context, const struct limef_frame *frame)
{
    (void)context;
    if (frame->frame_class == LIMEF_FRAME_DECODED)
        tell_main(WRITTEN);
    return 0;
}

static unsigned n_pictures;
static struct limef_reports reports;

/* camera: file - decode - split - counted */
static struct limef_producer camera;
static struct limef_file_source file;
static struct limef_decode_filter decode;
static struct limef_tap_filter counted = {LIMEF_FILTER(&limef_tap_ops, "counted", NULL), count,
                                          &n_pictures};
static struct limef_split_filter split = {
    .filter = LIMEF_FILTER(&limef_split_ops, "split", &counted.filter)};

/* writer, a branch of the split: throttle - snapshot - written */
static struct limef_stack_frame pictures[N_PICTURES];
static struct limef_input_filter to_writer;
static struct limef_consumer writer;
static struct limef_throttle_filter throttle;
static struct limef_snapshot_filter snapshot;
static struct limef_tap_filter written = {LIMEF_FILTER(&limef_tap_ops, "written", NULL),
                                          note_written, NULL};

static int init_camera(const char *url)
{
    struct limef_file_source_settings what = {
        .url = url, .media = LIMEF_MEDIA_VIDEO, .n_loops = LIMEF_LOOP_FOREVER};
    int ret = limef_reports_init(&reports);

    if (ret >= 0)
        ret = limef_file_source_init(&file, "file", &what);
    if (ret >= 0)
        ret = limef_decode_filter_init(&decode, "decode", NULL);
    limef_connect(&file.source.filter, &decode.filter);
    limef_connect(&decode.filter, &split.filter);
    limef_producer_init(&camera, &file.source,
                        &(struct limef_thread_settings){.name = "camera", .reports = &reports});
    return ret;
}

static int init_writer(const char *path)
{
    struct limef_thread_settings thread = {
        .name = "writer", .priority = LIMEF_PRIORITY_BACKGROUND, .reports = &reports};
    struct limef_lane_settings lane = {.overflow = LIMEF_OVERFLOW_DROP_OLDEST, .depth = 2};

    limef_throttle_filter_init(&throttle, "throttle", 200000);
    limef_snapshot_filter_init(
        &snapshot, "snapshot",
        &(struct limef_snapshot_settings){.path = path, .when = LIMEF_SNAPSHOT_EVERY});
    limef_connect(&throttle.filter, &snapshot.filter);
    limef_connect(&snapshot.filter, &written.filter);
    limef_consumer_init(&writer, &throttle.filter, &thread);
    return limef_input_filter_init(&to_writer, "to writer", &writer.fifo, pictures, N_PICTURES,
                                   &lane);
}

static int wait_for(uint32_t signal)
{
    struct limef_signal_frame report;
    int ret;

    do {
        ret = limef_reports_read(&reports, &report, DEADLINE_US);
        if (ret >= 0 && report.signal == LIMEF_SIGNAL_ERROR)
            ret = report.code;
    } while (ret >= 0 && report.signal != signal);
    return ret;
}

static int take_snapshots(void)
{
    int ret = limef_thread_start(&writer.thread);

    if (ret >= 0)
        ret = limef_split_connect(&split, &to_writer.filter, LIMEF_SPLIT_FROM_NOW);
    for (int i = 0; i < N_SNAPSHOTS && ret >= 0; i++)
        ret = wait_for(WRITTEN);
    limef_split_disconnect(&split, &to_writer.filter, DEADLINE_US);
    limef_thread_ask_stop(&writer.thread);
    return ret;
}

int main(int argc, char **argv)
{
    struct limef_snapshot_counters counters;
    int ret = init_camera(argc > 1 ? argv[1] : "clip.mp4");

    if (ret >= 0)
        ret = init_writer(argc > 2 ? argv[2] : "snapshot-%n.jpg");
    if (ret >= 0)
        ret = limef_thread_start(&camera.thread);
    if (ret >= 0)
        ret = wait_for(FLOWING);
    if (ret >= 0)
        ret = take_snapshots();
    if (limef_thread_stop(&writer.thread, DEADLINE_US) < 0 ||
        limef_thread_stop(&camera.thread, DEADLINE_US) < 0)
        return 1;
    limef_snapshot_get_counters(&snapshot, &counters);
    printf("%u pictures, %" PRIu64 " snapshots\n", n_pictures, counters.n_written);

    limef_producer_clear(&camera);
    limef_consumer_clear(&writer);
    limef_filter_clear(&file.source.filter);
    limef_filter_clear(&decode.filter);
    limef_filter_clear(&split.filter);
    limef_filter_clear(&counted.filter);
    limef_filter_clear(&to_writer.filter);
    limef_filter_clear(&throttle.filter);
    limef_filter_clear(&snapshot.filter);
    limef_filter_clear(&written.filter);
    limef_reports_clear(&reports);
    return ret < 0;
}
