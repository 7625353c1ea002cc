/* SPDX-License-Identifier: MIT */
/* When a driver is taken at its word: not before a picture of the kind was compared with
 * software's. */
#include <limef/filter/decode.h>

#include "support/hardware_run.h"

#define CROPPED 64

TestSuite(decode_proof, .init = set_up, .fini = tear_down, .timeout = 120);

/* Not comparable: hardware and software give other pixels of such. */
static struct media cropped(void)
{
    return (struct media){.n_pictures = 24, .gop = 12, .crop_left = CROPPED};
}

/* As large as what is left of those. */
static struct media whole(void)
{
    return (struct media){.n_pictures = 24, .gop = 12, .width = 160 - CROPPED, .height = 120};
}

/* Two clips of H.264 as one stream. */
static const char *make_both(const struct media *first, const struct media *second)
{
    static char path[256];
    unsigned char *bytes[2], *all;
    size_t n_bytes[2];

    bytes[0] = media_read(media_make("first.h264", first), &n_bytes[0]);
    bytes[1] = media_read(media_make("second.h264", second), &n_bytes[1]);
    all = malloc(n_bytes[0] + n_bytes[1]);
    cr_assert(ne(ptr, all, NULL));
    memcpy(all, bytes[0], n_bytes[0]);
    memcpy(all + n_bytes[0], bytes[1], n_bytes[1]);
    snprintf(path, sizeof(path), "%s", media_write("both.h264", all, n_bytes[0] + n_bytes[1]));
    free(bytes[0]);
    free(bytes[1]);
    free(all);
    return path;
}

static void play_in_hardware(const char *url)
{
    init(url, device);
    play();
}

static void expect_found_out(const struct seen *expected, unsigned n_hardware)
{
    assert_same(expected, "a driver that lies");
    cr_assert(eq(uint, run.seen.n_hardware, n_hardware));
    cr_assert(eq(u64, counters_of().n_steps[LIMEF_DECODE_IN_SOFTWARE], 1));
    cr_assert(eq(int, counters_of().last_error, AVERROR_EXTERNAL));
    clear();
}

Test(decode_proof, what_was_compared_is_not_counted)
{
    open_device();
    play_in_hardware(clip());
    cr_assert(eq(uint, run.seen.n_hardware, 36));
    cr_assert(eq(u64, counters_of().n_unproved, 0));
    cr_assert(eq(ptr, (void *)counters_of().unproved_why, NULL));
    clear();
}

Test(decode_proof, what_cannot_be_compared_is_counted_and_does_not_vouch_for_others)
{
    struct media first = cropped(), second = whole();
    struct seen expected;
    const char *url;

    setenv("LIMEF_TEST_VA_WRONG", "26",
           1); /* one of the device's own proof, 24 of the first clip */
    open_device();
    play_in_hardware(make("cropped.mkv", &first));
    cr_assert(eq(uint, run.seen.n_hardware, 24));
    cr_assert(eq(u64, counters_of().n_unproved, 24));
    cr_assert(ne(ptr, (void *)counters_of().unproved_why, NULL));
    clear();
    url = make("whole.mkv", &second);
    expected = play_in_software(url);
    play_in_hardware(url);
    expect_found_out(&expected, 0);
}

Test(decode_proof, a_later_key_frame_is_compared_where_the_first_could_not_be)
{
    struct media first = cropped(), second = whole();
    const char *url = make_both(&first, &second);
    struct seen expected = play_in_software(url);

    setenv("LIMEF_TEST_VA_WRONG", "26", 1);
    open_device();
    play_in_hardware(url);
    cr_assert(ge(u64, counters_of().n_unproved, 24));
    expect_found_out(&expected, 24);
}

Test(decode_proof, a_size_that_was_right_does_not_vouch_for_one_much_larger)
{
    const char *url;
    struct seen expected;

    setenv("LIMEF_TEST_VA_WRONG", "38", 1); /* behind the 36 of the first clip */
    open_device();
    play_in_hardware(clip());
    cr_assert(eq(uint, run.seen.n_hardware, 36));
    clear();
    url = make("large.mkv", &(struct media){.n_pictures = 8, .width = 640, .height = 480});
    expected = play_in_software(url);
    play_in_hardware(url);
    expect_found_out(&expected, 0);
}
