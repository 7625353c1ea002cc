/* SPDX-License-Identifier: MIT */
/*
 * A chain that decodes by the tests' VA-API driver (test/va/README.md), and notes what came; for
 * tests of one suite each.
 */
#ifndef LIMEF_TEST_SUPPORT_HARDWARE_RUN_H
#define LIMEF_TEST_SUPPORT_HARDWARE_RUN_H

#include <limef/filter/decode.h>

#include "support/make_media.h"

#include <limef/base/log.h>
#include <limef/filter/file_source.h>
#include <limef/filter/framemd5.h>
#include <limef/filter/scale.h>
#include <limef/filter/tap.h>
#include <limef/frame/hardware.h>
#include <limef/frame/pool.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>
#include <libavutil/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAX_PICTURES 256
#define MAX_STEPS 16

/* What came out of a chain. */
struct seen {
    char md5[MAX_PICTURES][33];
    int64_t pts_us[MAX_PICTURES];
    unsigned n;
    int64_t steps[MAX_STEPS];
    unsigned n_steps;
    unsigned n_hardware;
    unsigned n_mapped;
    uint64_t inodes[MAX_PICTURES];
    int numbers[MAX_PICTURES]; /* media_number() of what lies there */
};

/* file source - decode - tap - scale to NV12 - framemd5 */
struct run {
    struct limef_file_source source;
    struct limef_decode_filter decode;
    struct limef_tap_filter tap;
    struct limef_scale_filter scale;
    struct limef_framemd5_filter framemd5;
    struct seen seen;
    bool maps;                                /* each hardware picture */
    struct limef_payload *held[MAX_PICTURES]; /* all of them, if holds is set */
    unsigned n_held;
    bool holds;
};

static struct run run;
/* What is summed up; NULL: NV12. */
static const char *summed_format;
/* What decodes if there is no device; NULL: software. */
static const char *used_wrapper;
static struct AVBufferRef *device;

static inline void forget_log(void *context, enum limef_log_level level, const char *name,
                              const char *line)
{
    (void)context;
    if (getenv("LIMEF_TEST_LOG"))
        fprintf(stderr, "%d %s: %s\n", (int)level, name, line);
}

static inline void set_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
    limef_log_set_sink(forget_log, NULL);
    limef_log_set_level(LIMEF_LOG_DEBUG);
    setenv("LIBVA_DRIVERS_PATH", LIMEF_TEST_VA_FOLDER, 1);
    setenv("LIBVA_DRIVER_NAME", "limef", 1);
    setenv("LIMEF_TEST_VA_MEMORY", "memfd", 1);
    setenv("LIMEF_TEST_VA_FAIL_FILE", media_path("fail"), 1);
    setenv("LIMEF_TEST_VA_FAILED", media_path("failed"), 1);
    setenv("LIMEF_TEST_VA_REPORT", media_path("report"), 1);
}

static inline void tear_down(void)
{
    av_buffer_unref(&device);
    media_remove();
}

static inline void open_device(void)
{
    cr_assert(eq(int, limef_hardware_device_open(&device, "/dev/null"), 0));
}

/* What of the driver's calls fails from now on, counted from now on. */
static inline void fail(const char *command)
{
    media_write("fail", command, strlen(command));
}

/* Whether a call has failed so since this was asked last. */
static inline bool has_failed(void)
{
    return remove(media_path("failed")) == 0;
}

static inline void note_sum(void *context, const struct limef_frame *frame, size_t size_bytes,
                            const char *md5)
{
    struct seen *seen = context;

    (void)size_bytes;
    if (seen->n == MAX_PICTURES)
        return;
    strncpy(seen->md5[seen->n], md5, 32);
    seen->pts_us[seen->n++] = frame->pts_us;
}

/* What picture lies in its buffer at this moment. */
static inline int number_in(const struct limef_hardware_frame *hardware)
{
    const struct limef_hardware_plane *plane = &hardware->planes[0];
    size_t at = plane->offset_bytes + (size_t)plane->pitch_bytes * (size_t)(hardware->height / 2) +
                (size_t)(hardware->width / 2);
    uint8_t *rows = mmap(NULL, at + 1, PROT_READ, MAP_SHARED, plane->fd, 0);
    int number;

    cr_assert(ne(ptr, rows, MAP_FAILED));
    number = media_number(rows[at]);
    munmap(rows, at + 1);
    return number;
}

static inline void note_picture(struct run *to, const struct limef_decoded_frame *decoded)
{
    struct limef_hardware_frame hardware;

    if (to->holds && to->n_held < MAX_PICTURES)
        to->held[to->n_held++] = limef_payload_ref(decoded->frame.payload);
    if (!limef_hardware_is(decoded->av))
        return;
    to->seen.n_hardware++;
    if (to->maps && limef_hardware_frame_map(&hardware, decoded->av) == 0 &&
        to->seen.n_mapped < MAX_PICTURES) {
        to->seen.numbers[to->seen.n_mapped] = number_in(&hardware);
        to->seen.inodes[to->seen.n_mapped++] = hardware.planes[0].inode;
    }
}

static inline int note(void *context, const struct limef_frame *frame)
{
    struct run *to = context;
    const struct limef_signal_frame *signal = limef_signal_frame_from(frame);

    if (limef_decoded_frame_from(frame))
        note_picture(to, limef_decoded_frame_from(frame));
    if (signal && signal->signal == LIMEF_SIGNAL_DECODER && to->seen.n_steps < MAX_STEPS)
        to->seen.steps[to->seen.n_steps++] = signal->value;
    return 0;
}

static inline void init(const char *url, struct AVBufferRef *hardware)
{
    struct limef_file_source_settings source = {.url = url, .pace = LIMEF_PACE_FASTEST};
    struct limef_decode_settings decode = {
        .hardware = hardware, .wrapper = used_wrapper, .n_threads = 1, .n_held = 8};
    struct limef_scale_settings scale = {.pixel_format = summed_format ? summed_format : "nv12"};

    cr_assert(eq(int, limef_file_source_init(&run.source, NULL, &source), 0));
    cr_assert(eq(int, limef_decode_filter_init(&run.decode, NULL, &decode), 0));
    cr_assert(eq(int, limef_scale_filter_init(&run.scale, NULL, &scale), 0));
    limef_tap_filter_init(&run.tap, NULL, note, &run);
    limef_framemd5_filter_init(&run.framemd5, NULL, note_sum, &run.seen, NULL);
    limef_connect(&run.source.source.filter, &run.decode.filter);
    limef_connect(&run.decode.filter, &run.tap.filter);
    limef_connect(&run.tap.filter, &run.scale.filter);
    limef_connect(&run.scale.filter, &run.framemd5.filter);
}

static inline void clear(void)
{
    for (unsigned i = 0; i < run.n_held; i++)
        limef_payload_unref(run.held[i]);
    limef_filter_clear(&run.source.source.filter);
    limef_filter_clear(&run.decode.filter);
    limef_filter_clear(&run.tap.filter);
    limef_filter_clear(&run.scale.filter);
    limef_filter_clear(&run.framemd5.filter);
    memset(&run, 0, sizeof(run));
}

static inline void play(void)
{
    int64_t due_us;

    while (run.source.source.step(&run.source.source, &due_us) == 0)
        continue;
}

static inline struct seen play_in_software(const char *url)
{
    static struct seen seen;

    init(url, NULL);
    play();
    seen = run.seen;
    clear();
    return seen;
}

/* Makes a clip; its path lives until the next. */
static inline const char *make(const char *name, const struct media *media)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s", media_make(name, media));
    return path;
}

static inline const char *clip(void)
{
    return make("a.mkv", &(struct media){.n_pictures = 36, .gop = 12, .b_frames = 2});
}

static inline void assert_same(const struct seen *expected, const char *when)
{
    cr_assert(eq(uint, run.seen.n, expected->n), "%s", when);
    for (unsigned i = 0; i < expected->n; i++) {
        cr_assert(eq(i64, run.seen.pts_us[i], expected->pts_us[i]), "%s: picture %u", when, i);
        cr_assert(eq(str, run.seen.md5[i], (char *)expected->md5[i]), "%s: picture %u", when, i);
    }
}

static inline struct limef_decode_hardware_counters counters_of(void)
{
    struct limef_decode_hardware_counters counters;

    limef_decode_get_hardware_counters(&run.decode, &counters);
    return counters;
}

#endif
