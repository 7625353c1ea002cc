/* SPDX-License-Identifier: MIT */
#include <limef/filter/decode.h>

#include "support/hardware_run.h"

#include <dirent.h>
#include <drm_fourcc.h>
#include <libavutil/hwcontext.h>

#define N_CYCLES 1000

TestSuite(decode_hardware, .init = set_up, .fini = tear_down, .timeout = 240);

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

Test(decode_hardware, each_picture_is_waited_for_before_it_is_read)
{
    setenv("LIMEF_TEST_VA_LATE", "1", 1);
    open_device();
    init(clip(), device);
    run.maps = true;
    play();
    cr_assert(eq(uint, run.seen.n_mapped, 36));
    for (int i = 0; i < 36; i++)
        cr_assert(eq(int, run.seen.numbers[i], i % 32), "picture %d", i);
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

Test(decode_hardware, what_was_passed_on_is_read_when_the_device_is_gone)
{
    unsigned n_read = 0;

    setenv("LIMEF_TEST_VA_LATE", "1", 1);
    open_device();
    init(clip(), device);
    run.holds = true;
    play();
    fail("*=1+");
    for (unsigned i = 0; i < run.n_held; i++) {
        const AVFrame *picture = limef_payload_picture(run.held[i]);
        struct limef_hardware_frame hardware;

        if (!limef_hardware_is(picture))
            continue;
        cr_assert(eq(int, limef_hardware_frame_map(&hardware, picture), 0), "picture %u", i);
        cr_assert(eq(int, number_in(&hardware), (int)i % 32), "picture %u", i);
        n_read++;
    }
    cr_assert(ge(uint, n_read, 8));
    clear();
}

Test(decode_hardware, a_surface_is_what_its_driver_calls_it)
{
    struct limef_hardware_frame hardware;

    setenv("LIMEF_TEST_VA_FOURCC", "NV21", 1);
    open_device();
    init(clip(), device);
    run.holds = true;
    play();
    cr_assert(eq(int, limef_hardware_frame_map(&hardware, limef_payload_picture(run.held[0])), 0));
    cr_assert(eq(u32, hardware.fourcc, DRM_FORMAT_NV21));
    clear();
}

Test(decode_hardware, a_driver_whose_surfaces_cannot_be_described_is_not_opened)
{
    setenv("LIMEF_TEST_VA_FOURCC", "422V", 1);
    cr_assert(eq(int, limef_hardware_device_open(&device, "/dev/null"), AVERROR(EIO)));
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
    /* by the driver, and by libavutil */
    cr_assert(eq(u64, counters_of().copied_bytes, counters_of().n_copied * 2 * 160 * 120 * 3 / 2));
    cr_assert(eq(u64, counters_of().n_failures, 0));
    clear();
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

/* P010 shows each of the ten bits; what comes of 8 bits in it depends on who converts. */
static void expect_deep_pictures(const char *url, unsigned from, unsigned n)
{
    struct seen expected;

    summed_format = "p010le";
    expected = play_in_software(url);
    init(url, device);
    play();
    cr_assert(eq(uint, run.seen.n, n));
    cr_assert(eq(uint, run.seen.n_hardware, n));
    for (unsigned i = from; i < n; i++)
        cr_assert(eq(str, run.seen.md5[i], expected.md5[i]), "picture %u", i);
    clear();
    summed_format = NULL;
}

Test(decode_hardware, pictures_may_become_deeper_in_the_middle)
{
    const char *url;
    struct seen expected;

    if (!avcodec_find_encoder_by_name("libx265"))
        cr_skip_test("no encoder for H.265");
    url = make(
        "a.ts",
        &(struct media){.codec = "libx265", .n_pictures = 30, .deep_at = 15, .format = "mpegts"});
    expected = play_in_software(url);
    open_device();
    init(url, device);
    run.maps = true;
    play();
    assert_same(&expected, "8 bits, then 10"); /* of all of them, the upper 8 bits */
    cr_assert(eq(uint, run.seen.n_hardware, 30));
    cr_assert(eq(uint, run.seen.n_mapped, 30));
    cr_assert(eq(u64, counters_of().n_failures, 0));
    clear();
    expect_deep_pictures(url, 15, 30);
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

Test(decode_hardware, a_driver_that_decodes_wrongly_without_a_word_is_not_opened)
{
    setenv("LIMEF_TEST_VA_WRONG", "1", 1);
    cr_assert(eq(int, limef_hardware_device_open(&device, "/dev/null"), AVERROR(EIO)));
}

Test(decode_hardware, a_first_picture_that_is_wrong_is_found_out_and_never_passed_on)
{
    const char *url = clip();
    struct seen expected = play_in_software(url);

    setenv("LIMEF_TEST_VA_WRONG", "2", 1); /* the first is that of the device's own proof */
    open_device();
    init(url, device);
    play();
    assert_same(&expected, "a driver that lies");
    cr_assert(eq(uint, run.seen.n_hardware, 0));
    cr_assert(eq(uint, run.seen.n_steps, 1));
    cr_assert(eq(i64, run.seen.steps[0], LIMEF_DECODE_IN_SOFTWARE));
    cr_assert(eq(int, counters_of().last_error, AVERROR_EXTERNAL));
    clear();
}

Test(decode_hardware, a_device_of_another_kind_without_a_decoder_is_told)
{
    const char *url = clip();
    struct seen expected = play_in_software(url);
    struct AVBufferRef *other = av_hwdevice_ctx_alloc(AV_HWDEVICE_TYPE_DRM);

    cr_assert(ne(ptr, other, NULL));
    cr_assert(eq(str, (char *)limef_hardware_device_name(other), "drm"));
    init(url, other);
    play();
    assert_same(&expected, "a DRM device");
    cr_assert(eq(u64, counters_of().n_steps[LIMEF_DECODE_IN_SOFTWARE], 1));
    clear();
    av_buffer_unref(&other);
}
