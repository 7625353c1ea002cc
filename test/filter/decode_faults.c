/* SPDX-License-Identifier: MIT */
/*
 * Each call of VA-API fails, once or from then on: every picture comes, from hardware or from
 * software, and it is told. H.264 whole; H.265 and VP9 whole with LIMEF_TEST_ALL_FAULTS=1, a sample
 * without.
 */
#include <limef/filter/decode.h>

#include "support/hardware_run.h"
#include "va/calls.h"
#include "va/failing_libva.h"

TestSuite(decode_faults, .init = set_up, .fini = tear_down, .timeout = 240);

/* All that a driver can be asked for. */
static const char *const driver_calls[] = {
#define NAME(name, function) #name,
    VA_CALLS(NAME)
#undef NAME
};
#define N_DRIVER_CALLS (sizeof(driver_calls) / sizeof(driver_calls[0]))

static void expect_told(const char *when)
{
    struct limef_decode_hardware_counters counters = counters_of();

    cr_assert(eq(u64, counters.n_failures,
                 counters.n_steps[LIMEF_DECODE_RESUMED] +
                     counters.n_steps[LIMEF_DECODE_NEW_CONTEXT] +
                     counters.n_steps[LIMEF_DECODE_IN_SOFTWARE]),
              "%s", when);
    cr_assert(
        eq(u64, run.seen.n_steps, counters.n_failures + counters.n_steps[LIMEF_DECODE_IN_HARDWARE]),
        "%s", when);
}

/* Whether the call was made so often. */
static bool play_failing(const char *url, const char *command, const struct seen *expected)
{
    bool once = !strchr(command, '+');

    init(url, device);
    fail(command);
    play();
    assert_same(expected, command);
    expect_told(command);
    if (once)
        cr_assert(le(u64, counters_of().n_failures, 1), "%s", command);
    clear();
    fail("");
    return has_failed();
}

/* The first, the second, ..., further and further apart. sampled: fewer of them. */
static int next_call(int n, bool sampled)
{
    return sampled ? 4 * n - 1 : n + 1 + n / 3;
}

/* error: of all; "": the driver's usual one. */
static void fail_each(const char *url, const char *error, bool sampled)
{
    struct seen expected = play_in_software(url);
    unsigned n_made = 0, n_failed = 0;

    open_device();
    for (size_t i = 0; i < N_DRIVER_CALLS; i++) {
        bool made = true;

        for (int n = 1; made && n <= 40; n = next_call(n, sampled)) {
            char command[64];

            snprintf(command, sizeof(command), "%s=%d%s", driver_calls[i], n, error);
            made = play_failing(url, command, &expected);
            n_made += made && n == 1;
            n_failed += made;
        }
    }
    printf("%s: %u functions were called, %u calls failed\n", url, n_made, n_failed);
    cr_assert(ge(uint, n_made, 15));
}

static bool is_short(void)
{
    return !getenv("LIMEF_TEST_ALL_FAULTS");
}

Test(decode_faults, whatever_call_fails_once_every_picture_comes_and_it_is_told)
{
    fail_each(clip(), "", false);
}

Test(decode_faults, so_it_is_where_pictures_come_out_at_once)
{
    fail_each(make("a.mkv", &(struct media){.n_pictures = 30, .gop = 12}), "", is_short());
}

/* Behind each key frame but the first come pictures that are shown before it, and refer past it. */
Test(decode_faults, so_it_is_where_groups_refer_past_their_key_frames)
{
    if (!avcodec_find_encoder_by_name("libx265"))
        cr_skip_test("no encoder for H.265");
    fail_each(make("a.mkv",
                   &(struct media){.codec = "libx265", .n_pictures = 36, .gop = 12, .b_frames = 3}),
              "", is_short());
}

Test(decode_faults, so_it_is_with_vp9)
{
    if (!avcodec_find_encoder_by_name("libvpx-vp9"))
        cr_skip_test("no encoder for VP9");
    fail_each(make("a.mkv", &(struct media){.codec = "libvpx-vp9", .n_pictures = 36, .gop = 12}),
              "", is_short());
}

/* Memory has ended, a parameter is refused, the driver has no such function, it is busy, it takes
 * too long. */
Test(decode_faults, so_it_is_with_whatever_error)
{
    static const char *const errors[] = {":0x2", ":0x12", ":0x14", ":0x22", ":0x26"};
    const char *url = clip();

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        fail_each(url, errors[i], true);
        av_buffer_unref(&device);
    }
}

/* Each status that libva defines, and some that it does not: of calls in which a stream begins, of
 * those for each picture, or of all. */
Test(decode_faults, so_it_is_with_each_error_there_is)
{
    static const unsigned some[] = {CALL_vaCreateSurfaces2,    CALL_vaCreateContext,
                                    CALL_vaCreateBuffer,       CALL_vaBeginPicture,
                                    CALL_vaEndPicture,         CALL_vaSyncSurface,
                                    CALL_vaExportSurfaceHandle};
    const char *url = make("a.mkv", &(struct media){.n_pictures = 8, .gop = 4, .b_frames = 1});
    struct seen expected = play_in_software(url);
    size_t n_calls = is_short() ? sizeof(some) / sizeof(some[0]) : N_DRIVER_CALLS;
    unsigned n_failed = 0;

    open_device();
    for (unsigned status = 1; status <= VA_STATUS_ERROR_TIMEDOUT + 2; status++)
        for (size_t i = 0; i < n_calls; i++) {
            char command[64];

            snprintf(command, sizeof(command), "%s=1:%#x", driver_calls[is_short() ? some[i] : i],
                     status <= VA_STATUS_ERROR_TIMEDOUT + 1 ? status : VA_STATUS_ERROR_UNKNOWN);
            n_failed += play_failing(url, command, &expected);
        }
    printf("%u calls failed\n", n_failed);
    cr_assert(ge(uint, n_failed, 7 * (VA_STATUS_ERROR_TIMEDOUT + 2)));
}

Test(decode_faults, what_fails_from_a_call_on_ends_in_software_and_no_picture_is_lost)
{
    const char *url = clip();

    fail_each(url, "+", is_short());
}

/* Opens a device while a call fails, and decodes with it or without it. Whether it was made so
 * often. */
static bool open_failing(const char *url, const char *node, const struct failing_libva *fault,
                         const struct seen *expected)
{
    char when[80];
    int ret;

    snprintf(when, sizeof(when), "%s=%u%s", fault->name, fault->first, fault->onward ? "+" : "");
    failing_libva = *fault;
    ret = limef_hardware_device_open(&device, node);
    cr_assert(eq(int, ret == 0, device != NULL), "%s: %d", when, ret);
    init(url, device);
    play();
    assert_same(expected, when);
    if (device)
        expect_told(when);
    clear();
    av_buffer_unref(&device);
    failing_libva.name = NULL;
    return failing_libva.n_failed > 0;
}

Test(decode_faults, whatever_libva_refuses_every_picture_comes)
{
    static const char *const names[] = {
#define NAME(result, function, parameters, arguments, failed) #function,
        FAILING_LIBVA_FUNCTIONS(NAME)
#undef NAME
    };
    static const char *const nodes[] = {"/dev/null", NULL}; /* given, and from the environment */
    const char *url = clip();
    struct seen expected = play_in_software(url);
    unsigned n_failed = 0;

    setenv("LIMEF_VAAPI_DEVICE", "/dev/null", 1);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        for (size_t node = 0; node < 2; node++) {
            bool made = true;

            for (unsigned n = 1; made && n <= 6; n++)
                for (int onward = 0; made && onward < 2; onward++) {
                    made = open_failing(url, nodes[node],
                                        &(struct failing_libva){names[i], n, onward}, &expected);
                    n_failed += made;
                }
        }
    printf("%u calls failed\n", n_failed);
    cr_assert(ge(uint, n_failed, 28));
}

/* What the driver says when it is opened: the device is opened, or it is told that it is not. */
Test(decode_faults, whatever_call_fails_while_a_device_is_opened_every_picture_comes)
{
    const char *url = clip();
    struct seen expected = play_in_software(url);

    for (size_t i = 0; i < N_DRIVER_CALLS; i++) {
        bool made = true;

        for (int n = 1; made && n <= 8; n++) {
            char command[64];
            int ret;

            snprintf(command, sizeof(command), "%s=%d", driver_calls[i], n);
            fail(command);
            ret = limef_hardware_device_open(&device, "/dev/null");
            made = has_failed();
            fail("");
            cr_assert(eq(int, ret == 0, device != NULL), "%s: %d", command, ret);
            init(url, device);
            play();
            assert_same(&expected, command);
            clear();
            av_buffer_unref(&device);
        }
    }
}
