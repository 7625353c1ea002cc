/* SPDX-License-Identifier: MIT */
/* Decoding by the tests' VA-API driver: test/va/README.md. */
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
#include <dirent.h>
#include <libavcodec/avcodec.h>
#include <libavutil/frame.h>
#include <libavutil/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PICTURES 256
#define MAX_STEPS 16
#define N_CYCLES 1000

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
static struct AVBufferRef *device;

static void forget_log(void *context, enum limef_log_level level, const char *name,
                       const char *line)
{
    (void)context;
    if (getenv("LIMEF_TEST_LOG"))
        fprintf(stderr, "%d %s: %s\n", (int)level, name, line);
}

static void set_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
    limef_log_set_sink(forget_log, NULL);
    limef_log_set_level(LIMEF_LOG_DEBUG);
    setenv("LIBVA_DRIVERS_PATH", LIMEF_TEST_VA_FOLDER, 1);
    setenv("LIBVA_DRIVER_NAME", "limef", 1);
    setenv("LIMEF_TEST_VA_MEMORY", "memfd", 1);
    setenv("LIMEF_TEST_VA_FAIL_FILE", media_path("fail"), 1);
    setenv("LIMEF_TEST_VA_REPORT", media_path("report"), 1);
}

static void tear_down(void)
{
    av_buffer_unref(&device);
    media_remove();
}

TestSuite(decode_hardware, .init = set_up, .fini = tear_down, .timeout = 120);

static void open_device(void)
{
    cr_assert(eq(int, limef_hardware_device_open(&device, "/dev/null"), 0));
}

/* What of the driver's calls fails from now on, counted from now on. */
static void fail(const char *command)
{
    media_write("fail", command, strlen(command));
}

static void note_sum(void *context, const struct limef_frame *frame, size_t size_bytes,
                     const char *md5)
{
    struct seen *seen = context;

    (void)size_bytes;
    if (seen->n == MAX_PICTURES)
        return;
    strncpy(seen->md5[seen->n], md5, 32);
    seen->pts_us[seen->n++] = frame->pts_us;
}

static void note_picture(struct run *to, const struct limef_decoded_frame *decoded)
{
    struct limef_hardware_frame hardware;

    if (!limef_hardware_is(decoded->av))
        return;
    to->seen.n_hardware++;
    if (to->maps && limef_hardware_frame_map(&hardware, decoded->av) == 0 &&
        to->seen.n_mapped < MAX_PICTURES)
        to->seen.inodes[to->seen.n_mapped++] = hardware.planes[0].inode;
    if (to->holds && to->n_held < MAX_PICTURES)
        to->held[to->n_held++] = limef_payload_ref(decoded->frame.payload);
}

static int note(void *context, const struct limef_frame *frame)
{
    struct run *to = context;
    const struct limef_signal_frame *signal = limef_signal_frame_from(frame);

    if (limef_decoded_frame_from(frame))
        note_picture(to, limef_decoded_frame_from(frame));
    if (signal && signal->signal == LIMEF_SIGNAL_DECODER && to->seen.n_steps < MAX_STEPS)
        to->seen.steps[to->seen.n_steps++] = signal->value;
    return 0;
}

static void init(const char *url, struct AVBufferRef *hardware)
{
    struct limef_file_source_settings source = {.url = url, .pace = LIMEF_PACE_FASTEST};
    struct limef_decode_settings decode = {.hardware = hardware, .n_threads = 1, .n_held = 8};
    struct limef_scale_settings scale = {.pixel_format = "nv12"};

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

static void clear(void)
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

static void play(void)
{
    int64_t due_us;

    while (run.source.source.step(&run.source.source, &due_us) == 0)
        continue;
}

static struct seen play_in_software(const char *url)
{
    static struct seen seen;

    init(url, NULL);
    play();
    seen = run.seen;
    clear();
    return seen;
}

/* Makes a clip; its path lives until the next. */
static const char *make(const char *name, const struct media *media)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s", media_make(name, media));
    return path;
}

static const char *clip(void)
{
    return make("a.mkv", &(struct media){.n_pictures = 36, .gop = 12, .b_frames = 2});
}

static void assert_same(const struct seen *expected, const char *when)
{
    cr_assert(eq(uint, run.seen.n, expected->n), "%s", when);
    for (unsigned i = 0; i < expected->n; i++) {
        cr_assert(eq(i64, run.seen.pts_us[i], expected->pts_us[i]), "%s: picture %u", when, i);
        cr_assert(eq(str, run.seen.md5[i], (char *)expected->md5[i]), "%s: picture %u", when, i);
    }
}

static struct limef_decode_hardware_counters counters_of(void)
{
    struct limef_decode_hardware_counters counters;

    limef_decode_get_hardware_counters(&run.decode, &counters);
    return counters;
}

static unsigned count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned n = 0;

    while (folder && readdir(folder))
        n++;
    if (folder)
        closedir(folder);
    return n;
}

Test(decode_hardware, pictures_come_as_surfaces_and_every_pixel_is_that_of_software)
{
    const char *url = clip();
    struct seen expected = play_in_software(url);

    open_device();
    init(url, device);
    run.maps = true;
    play();
    assert_same(&expected, "in hardware");
    cr_assert(eq(uint, run.seen.n_hardware, 36));
    cr_assert(eq(uint, run.seen.n_mapped, 36));
    cr_assert(eq(u64, counters_of().n_frames, 36));
    cr_assert(eq(str, (char *)counters_of().with, "vaapi"));
    cr_assert(eq(uint, run.seen.n_steps, 1));
    cr_assert(eq(i64, run.seen.steps[0], LIMEF_DECODE_IN_HARDWARE));
    cr_assert(eq(u64, LIMEF_COUNTED(run.decode.filter.copied_bytes), 0));
    clear();
}

Test(decode_hardware, a_surface_is_exported_once_however_often_its_pictures_are_mapped)
{
    unsigned n_descriptors;

    open_device();
    init(clip(), device);
    run.maps = true;
    play();
    n_descriptors = count_descriptors();
    for (unsigned i = 0; i < run.seen.n_mapped; i++) {
        unsigned n_same = 0;

        for (unsigned other = 0; other < run.seen.n_mapped; other++)
            n_same += run.seen.inodes[i] == run.seen.inodes[other];
        cr_assert(lt(uint, n_same, run.seen.n_mapped)); /* more than one surface */
    }
    cr_assert(lt(uint, n_descriptors, 60)); /* not one for each of 36 pictures and its planes */
    clear();
}

Test(decode_hardware, a_picture_outlives_its_decoder_and_its_pixels_stay)
{
    struct limef_hardware_frame hardware;
    struct limef_payload *payload;

    open_device();
    init(clip(), device);
    run.holds = true;
    play();
    payload = limef_payload_ref(run.held[0]);
    clear();
    av_buffer_unref(&device);
    cr_assert(eq(int, limef_hardware_frame_map(&hardware, limef_payload_picture(payload)), 0));
    cr_assert(eq(uint, hardware.n_planes, 2));
    cr_assert(eq(int, hardware.width, 160));
    cr_assert(eq(int, hardware.height, 120));
    limef_payload_unref(payload);
}

Test(decode_hardware, pictures_beyond_those_that_may_be_held_are_copied_and_none_is_overwritten)
{
    const char *url = clip();
    struct seen expected = play_in_software(url);

    open_device();
    init(url, device);
    run.holds = true;
    play();
    assert_same(&expected, "while all are held");
    cr_assert(ge(u64, counters_of().n_copied, 36 - 8 - 2));
    cr_assert(eq(u64, counters_of().copied_bytes, counters_of().n_copied * 160 * 120 * 3 / 2));
    cr_assert(eq(u64, counters_of().n_failures, 0));
    clear();
}

Test(decode_hardware, whatever_call_fails_once_every_picture_comes_and_it_is_told)
{
    static const char *const calls[] = {"vaCreateConfig",       "vaQuerySurfaceAttributes",
                                        "vaCreateSurfaces2",    "vaCreateContext",
                                        "vaCreateBuffer",       "vaBeginPicture",
                                        "vaRenderPicture",      "vaEndPicture",
                                        "vaSyncSurface",        "vaExportSurfaceHandle",
                                        "vaDeriveImage",        "vaCreateImage",
                                        "vaGetImage",           "vaMapBuffer",
                                        "vaUnmapBuffer",        "vaDestroyBuffer",
                                        "vaDestroyImage",       "vaDestroySurfaces",
                                        "vaDestroyContext",     "vaDestroyConfig",
                                        "vaQueryConfigProfiles"};
    const char *url = clip();
    struct seen expected = play_in_software(url);

    open_device();
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        for (int n = 1; n <= 40; n += 1 + n / 3) {
            struct limef_decode_hardware_counters counters;
            char command[64];

            snprintf(command, sizeof(command), "%s=%d", calls[i], n);
            init(url, device);
            fail(command);
            play();
            counters = counters_of();
            assert_same(&expected, command);
            cr_assert(le(u64, counters.n_failures, 1), "%s", command);
            cr_assert(eq(u64, counters.n_failures,
                         counters.n_steps[LIMEF_DECODE_RESUMED] +
                             counters.n_steps[LIMEF_DECODE_NEW_CONTEXT] +
                             counters.n_steps[LIMEF_DECODE_IN_SOFTWARE]),
                      "%s", command);
            cr_assert(eq(u64, run.seen.n_steps,
                         counters.n_failures + counters.n_steps[LIMEF_DECODE_IN_HARDWARE]),
                      "%s", command);
            clear();
            fail("");
        }
}

Test(decode_hardware, a_picture_that_fails_is_told_each_time_it_is_the_drivers_fault)
{
    static const char *const calls[] = {
        "vaCreateBuffer=7",    "vaBeginPicture=5",        "vaRenderPicture=6", "vaEndPicture=9",
        "vaCreateSurfaces2=3", "vaExportSurfaceHandle=1", "vaSyncSurface=1"};
    const char *url = clip();

    open_device();
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        init(url, device);
        fail(calls[i]);
        play();
        cr_assert(eq(u64, counters_of().n_failures, 1), "%s", calls[i]);
        cr_assert(eq(u64, counters_of().n_steps[LIMEF_DECODE_RESUMED], 1), "%s", calls[i]);
        cr_assert(lt(int, counters_of().last_error, 0), "%s", calls[i]);
        clear();
        fail("");
    }
}

Test(decode_hardware, what_fails_again_and_again_ends_in_software_by_all_steps)
{
    static const int64_t steps[] = {LIMEF_DECODE_IN_HARDWARE, LIMEF_DECODE_RESUMED,
                                    LIMEF_DECODE_RESUMED,     LIMEF_DECODE_NEW_CONTEXT,
                                    LIMEF_DECODE_NEW_CONTEXT, LIMEF_DECODE_IN_SOFTWARE};
    const char *url = clip();
    struct seen expected = play_in_software(url);

    open_device();
    init(url, device);
    fail("vaEndPicture=16+");
    play();
    assert_same(&expected, "from the 16th picture on");
    cr_assert(eq(uint, run.seen.n_steps, 6));
    for (int i = 0; i < 6; i++)
        cr_assert(eq(i64, run.seen.steps[i], steps[i]));
    cr_assert(eq(ptr, (void *)counters_of().with, NULL));
    cr_assert(eq(u64, counters_of().n_failures, 5));
    clear();
}

Test(decode_hardware, what_cannot_begin_is_decoded_in_software_from_the_first_picture_on)
{
    static const char *const calls[] = {"vaCreateConfig=1+",        "vaCreateContext=1+",
                                        "vaCreateSurfaces2=1+",     "vaExportSurfaceHandle=1+",
                                        "vaQueryConfigProfiles=1+", "vaBeginPicture=1+"};
    const char *url = clip();
    struct seen expected = play_in_software(url);

    open_device();
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        init(url, device);
        fail(calls[i]);
        play();
        assert_same(&expected, calls[i]);
        cr_assert(eq(u64, counters_of().n_steps[LIMEF_DECODE_IN_SOFTWARE], 1), "%s", calls[i]);
        cr_assert(eq(uint, run.seen.n_hardware, 0), "%s", calls[i]);
        clear();
        fail("");
    }
}

Test(decode_hardware, pictures_may_change_size_in_the_middle)
{
    const char *url =
        make("a.ts", &(struct media){.n_pictures = 30, .change_at = 15, .format = "mpegts"});
    struct seen expected = play_in_software(url);

    open_device();
    init(url, device);
    run.maps = true;
    play();
    assert_same(&expected, "two sizes");
    cr_assert(eq(uint, run.seen.n_hardware, 30));
    clear();
}

Test(decode_hardware, a_codec_that_hardware_does_not_know_is_decoded_in_software_and_told)
{
    const char *url = make("a.mkv", &(struct media){.codec = "ffv1"});

    open_device();
    init(url, device);
    play();
    cr_assert(eq(uint, run.seen.n, 25));
    cr_assert(eq(uint, run.seen.n_steps, 1));
    cr_assert(eq(i64, run.seen.steps[0], LIMEF_DECODE_IN_SOFTWARE));
    cr_assert(eq(int, counters_of().last_error, AVERROR(ENOSYS)));
    clear();
}

Test(decode_hardware, failures_are_forgiven_after_enough_good_pictures)
{
    /* more of them than would lead to software, but far apart */
    const char *url =
        make("a.mkv", &(struct media){.n_pictures = 2400, .gop = 10, .width = 48, .height = 48});

    open_device();
    init(url, device);
    fail("vaEndPicture=300,vaEndPicture=600,vaEndPicture=900,vaEndPicture=1200,vaEndPicture=1500,"
         "vaEndPicture=1800,vaEndPicture=2100");
    play();
    cr_assert(eq(u64, counters_of().n_failures, 7));
    cr_assert(eq(u64, counters_of().n_steps[LIMEF_DECODE_RESUMED], 7));
    cr_assert(eq(u64, counters_of().n_frames, 2400));
    clear();
}

Test(decode_hardware, a_thousand_decoders_leave_nothing_behind)
{
    const char *url = make("a.mkv", &(struct media){.n_pictures = 3});
    unsigned before, after;
    char *report;
    size_t size_bytes;

    open_device();
    init(url, device);
    run.maps = true;
    play();
    clear();
    before = count_descriptors();
    for (int i = 0; i < N_CYCLES; i++) {
        init(url, device);
        run.maps = true;
        play();
        cr_assert(eq(uint, run.seen.n_mapped, 3));
        clear();
    }
    after = count_descriptors();
    cr_assert(eq(uint, after, before));
    av_buffer_unref(&device);
    report = (char *)media_read(media_path("report"), &size_bytes);
    cr_assert(ne(ptr, strstr(report, "surfaces=0/"), NULL));
    cr_assert(ne(ptr, strstr(report, "contexts=0/"), NULL));
    cr_assert(ne(ptr, strstr(report, "descriptors=0"), NULL));
    free(report);
}

Test(decode_hardware, devices_that_come_and_go_leave_nothing_behind)
{
    unsigned before;

    open_device();
    av_buffer_unref(&device);
    before = count_descriptors();
    for (int i = 0; i < 100; i++) {
        open_device();
        av_buffer_unref(&device);
    }
    cr_assert(eq(uint, count_descriptors(), before));
}

Test(decode_hardware, a_device_that_fails_to_decode_a_picture_is_not_opened)
{
    static const char *const calls[] = {"vaCreateBuffer=1", "vaBeginPicture=1", "vaEndPicture=1",
                                        "vaSyncSurface=1", "vaExportSurfaceHandle=1"};

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        fail(calls[i]);
        cr_assert(eq(int, limef_hardware_device_open(&device, "/dev/null"), AVERROR(EIO)), "%s",
                  calls[i]);
        cr_assert(eq(ptr, device, NULL));
    }
    fail("");
    open_device();
}

Test(decode_hardware, without_a_device_it_says_so)
{
    unsetenv("LIMEF_VAAPI_DEVICE");
    cr_assert(eq(int, limef_hardware_device_open(&device, "/nothing/here"), AVERROR(ENODEV)));
    cr_assert(eq(ptr, device, NULL));
}
