/* SPDX-License-Identifier: MIT */
/* What the decoder does when hardware fails. */
#include <limef/filter/decode.h>

#include "support/failing.h"
#include "support/hardware_run.h"

TestSuite(decode_ladder, .init = set_up, .fini = tear_down, .timeout = 120);

Test(decode_ladder, a_picture_that_fails_is_told_each_time_it_is_the_drivers_fault)
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

Test(decode_ladder, what_fails_again_and_again_ends_in_software_by_all_steps)
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

Test(decode_ladder, no_picture_is_lost_when_the_device_goes)
{
    static const char *const commands[] = {"vaSyncSurface=9+", "vaExportSurfaceHandle=4+", "*=200+",
                                           "*=301+", "*=402+"};
    const char *url = clip();
    struct seen expected = play_in_software(url);

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        open_device();
        init(url, device);
        fail(commands[i]);
        play();
        assert_same(&expected, commands[i]);
        cr_assert(gt(uint, run.seen.n_hardware, 0), "%s", commands[i]);
        cr_assert(eq(ptr, (void *)counters_of().with, NULL), "%s", commands[i]);
        clear();
        av_buffer_unref(&device);
        fail("");
    }
}

Test(decode_ladder, what_cannot_begin_is_decoded_in_software_from_the_first_picture_on)
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

static const char *long_group(void)
{
    return make(
        "a.mkv",
        &(struct media){.n_pictures = 340, .gop = 320, .b_frames = 2, .width = 48, .height = 48});
}

/* Plays it while these calls fail; until clear(). How many pictures came. */
static uint64_t play_failing(const char *url, const char *calls)
{
    struct limef_decode_counters decoded;

    init(url, device);
    fail(calls);
    play();
    fail("");
    limef_decode_get_counters(&run.decode, &decoded);
    return decoded.n_frames;
}

/* Behind the 256th packet nothing of a group is kept. What fails there is lost, and what is in the
 * decoder then, two pictures here, comes nevertheless, or fails by itself, or is dropped by
 * libavcodec with the packet that failed. */
Test(decode_ladder, of_a_long_group_each_picture_that_is_lost_is_counted)
{
    static const struct {
        const char *command;
        uint64_t n_failures;
        enum limef_decode_step step;
    } cases[] = {
        {"vaEndPicture=280", 1, LIMEF_DECODE_RESUMED},
        {"vaBeginPicture=281", 1, LIMEF_DECODE_RESUMED},
        {"vaRenderPicture=561", 1, LIMEF_DECODE_RESUMED},
        /* waited for by the decoder, and once more by who fetches it, if it comes so far */
        {"vaSyncSurface=561", 1, LIMEF_DECODE_RESUMED},
        {"vaSyncSurface=561,vaSyncSurface=562", 2, LIMEF_DECODE_RESUMED},
        {"vaSyncSurface=561,vaSyncSurface=562,vaSyncSurface=563", 3, LIMEF_DECODE_NEW_CONTEXT},
    };
    const char *url = long_group();

    open_device();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *command = cases[i].command;
        uint64_t n = play_failing(url, command);

        cr_assert(eq(u64, counters_of().n_failures, cases[i].n_failures), "%s", command);
        cr_assert(eq(u64, counters_of().n_steps[cases[i].step], 1), "%s", command);
        cr_assert(eq(u64, n + counters_of().n_skipped, 340), "%s", command);
        cr_assert(gt(u64, n, 290), "%s", command);
        clear();
    }
}

/* Pictures of the long group are in the decoder yet when it fails at the next one, which is kept:
 * they come, but for the one that libavcodec drops with the packet. */
Test(decode_ladder, what_a_long_group_left_inside_is_not_lost_with_the_key_behind_it)
{
    static const struct {
        const char *command;
        uint64_t n_lost;
    } cases[] = {
        {"vaBeginPicture=321", 1},
        {"vaEndPicture=321", 1},
        {"vaEndPicture=322", 1},
        {"vaEndPicture=323", 0},
    };
    const char *url = long_group();

    open_device();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *command = cases[i].command;
        uint64_t n = play_failing(url, command);

        cr_assert(eq(u64, counters_of().n_failures, 1), "%s", command);
        cr_assert(eq(u64, counters_of().n_skipped, cases[i].n_lost), "%s", command);
        cr_assert(eq(u64, n, 340 - cases[i].n_lost), "%s", command);
        clear();
    }
}

Test(decode_ladder, failures_are_forgiven_after_enough_good_pictures)
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

/* Whether it got as far as to play. */
static bool try_to_play(const char *url)
{
    struct limef_file_source_settings source = {.url = url, .pace = LIMEF_PACE_FASTEST};
    struct limef_decode_settings decode = {.hardware = device, .n_threads = 1};

    if (!device || limef_decode_filter_init(&run.decode, NULL, &decode) < 0)
        return false;
    if (limef_file_source_init(&run.source, NULL, &source) < 0)
        return false;
    limef_framemd5_filter_init(&run.framemd5, NULL, note_sum, &run.seen, NULL);
    limef_connect(&run.source.source.filter, &run.decode.filter);
    limef_connect(&run.decode.filter, &run.framemd5.filter);
    play();
    return true;
}

Test(decode_ladder, memory_that_ends_anywhere_leaves_nothing_behind)
{
    const char *url = make("a.mkv", &(struct media){.n_pictures = 12, .b_frames = 1});
    bool failed = true;

    for (unsigned n = 1; failed; n += n < 40 || n > 300 ? 1 : 7) {
        bool played;

        failing_install(n);
        limef_hardware_device_open(&device, "/dev/null");
        played = try_to_play(url);
        failed = failing_failed();
        cr_assert(failed || (played && run.seen.n == 12), "%u", n);
        clear();
        av_buffer_unref(&device);
        cr_assert(eq(int, failing_n_out(), 0), "allocation %u", n);
        failing_remove();
    }
}
