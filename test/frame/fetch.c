/* SPDX-License-Identifier: MIT */
/* Filters that need pixels in memory get pictures in hardware. */
#include <limef/frame/hardware.h>

#include "support/hardware_run.h"

#include <limef/filter/encode.h>
#include <limef/filter/mosaic.h>
#include <limef/filter/snapshot.h>

TestSuite(fetch, .init = set_up, .fini = tear_down, .timeout = 60);

#define PICTURE_BYTES (160 * 120 * 3 / 2)
/* The driver makes an image of a surface, libavutil a picture of the image. */
#define FETCHED_BYTES (2 * PICTURE_BYTES)

/* Plays the clip with another filter behind the decoder. */
static void play_into(struct limef_filter *filter, struct AVBufferRef *hardware)
{
    const char *url = clip();

    init(url, hardware);
    limef_connect(&run.decode.filter, filter);
    play();
    clear();
}

static void sum_in_place(struct seen *seen, uint64_t *copied_bytes)
{
    struct limef_framemd5_filter sums = {0};

    memset(seen, 0, sizeof(*seen));
    limef_framemd5_filter_init(&sums, NULL, note_sum, seen, NULL);
    play_into(&sums.filter, device);
    cr_assert(eq(u64, limef_framemd5_n_skipped(&sums), 0));
    *copied_bytes = LIMEF_COUNTED(sums.filter.copied_bytes);
    limef_filter_clear(&sums.filter);
}

Test(fetch, sums_are_made_where_the_pixels_are_or_in_a_copy_that_is_counted)
{
    struct seen expected = play_in_software(clip());
    static struct seen seen;
    uint64_t copied_bytes;

    open_device();
    sum_in_place(&seen, &copied_bytes);
    cr_assert(eq(u64, copied_bytes, 0));
    cr_assert(eq(int, memcmp(seen.md5, expected.md5, sizeof(seen.md5)), 0));
    fail("vaDeriveImage=1+");
    sum_in_place(&seen, &copied_bytes);
    cr_assert(eq(u64, copied_bytes, 36 * FETCHED_BYTES));
    cr_assert(eq(int, memcmp(seen.md5, expected.md5, sizeof(seen.md5)), 0));
}

Test(fetch, what_neither_shows_nor_copies_its_pictures_is_read_as_memory)
{
    struct seen expected = play_in_software(clip());
    static struct seen seen;
    uint64_t copied_bytes;

    open_device();
    fail("vaDeriveImage=1+,vaGetImage=1+,vaCreateImage=1+");
    sum_in_place(&seen, &copied_bytes);
    cr_assert(eq(u64, copied_bytes, 36 * PICTURE_BYTES));
    cr_assert(eq(int, memcmp(seen.md5, expected.md5, sizeof(seen.md5)), 0));
}

/* The bytes of what comes, added up in a way that their order matters to. */
static int add_bytes(void *context, const struct limef_frame *frame)
{
    const struct limef_packet_frame *packet = limef_packet_frame_from(frame);
    uint64_t *sum = context;

    for (size_t i = 0; packet && i < packet->size_bytes; i++)
        *sum = *sum * 31 + packet->data[i];
    return 0;
}

static uint64_t encode_all(struct AVBufferRef *hardware, uint64_t *copied_bytes)
{
    struct limef_scale_settings to_nv12 = {.pixel_format = "nv12"};
    struct limef_scale_filter scale = {0};
    struct limef_encode_filter encode = {0};
    struct limef_tap_filter tap = {0};
    uint64_t sum = 0;

    cr_assert(eq(int, limef_scale_filter_init(&scale, NULL, &to_nv12), 0));
    cr_assert(eq(int,
                 limef_encode_filter_init(&encode, NULL,
                                          &(struct limef_encode_settings){.codec = "rawvideo"}),
                 0));
    limef_tap_filter_init(&tap, NULL, add_bytes, &sum);
    limef_connect(&scale.filter, &encode.filter);
    limef_connect(&encode.filter, &tap.filter);
    play_into(hardware ? &encode.filter : &scale.filter, hardware);
    *copied_bytes = LIMEF_COUNTED(encode.filter.copied_bytes);
    limef_filter_clear(&scale.filter);
    limef_filter_clear(&encode.filter);
    limef_filter_clear(&tap.filter);
    return sum;
}

Test(fetch, pictures_are_encoded)
{
    uint64_t copied_bytes, expected = encode_all(NULL, &copied_bytes);

    cr_assert(eq(u64, copied_bytes, 0));
    open_device();
    cr_assert(eq(u64, encode_all(device, &copied_bytes), expected));
    cr_assert(eq(u64, copied_bytes, 36 * FETCHED_BYTES));
}

/* Where the surface itself could be read libavutil wants an image of it all the same. */
Test(fetch, without_the_drivers_image_each_byte_is_moved_once)
{
    uint64_t copied_bytes, expected = encode_all(NULL, &copied_bytes);

    open_device();
    fail("vaGetImage=1+");
    cr_assert(eq(u64, encode_all(device, &copied_bytes), expected));
    cr_assert(eq(u64, copied_bytes, 36 * PICTURE_BYTES));
}

static unsigned char *take_snapshot(const char *name, struct AVBufferRef *hardware, size_t *bytes)
{
    struct limef_snapshot_filter snapshot = {0};
    char path[256];

    snprintf(path, sizeof(path), "%s", media_path(name));
    limef_snapshot_filter_init(
        &snapshot, NULL,
        &(struct limef_snapshot_settings){.path = path, .when = LIMEF_SNAPSHOT_FIRST});
    play_into(&snapshot.filter, hardware);
    cr_assert(eq(u64, LIMEF_COUNTED(snapshot.filter.copied_bytes), hardware ? FETCHED_BYTES : 0));
    limef_filter_clear(&snapshot.filter);
    return media_read(path, bytes);
}

Test(fetch, a_snapshot_is_that_of_software)
{
    size_t n_expected, n_bytes;
    unsigned char *expected = take_snapshot("software.png", NULL, &n_expected), *bytes;

    open_device();
    bytes = take_snapshot("hardware.png", device, &n_bytes);
    cr_assert(eq(sz, n_bytes, n_expected));
    cr_assert(eq(int, memcmp(bytes, expected, n_bytes), 0));
    free(bytes);
    free(expected);
}

static void compose(struct AVBufferRef *hardware, struct seen *seen, uint64_t *copied_bytes)
{
    struct limef_mosaic_cell cells[2] = {0};
    struct limef_mosaic_filter mosaic = {0};
    struct limef_framemd5_filter sums = {0};
    struct limef_mosaic_settings settings = {
        .width = 320, .height = 240, .interval_us = 3600000000};

    memset(seen, 0, sizeof(*seen));
    cr_assert(eq(int, limef_mosaic_filter_init(&mosaic, NULL, cells, 2, &settings), 0));
    limef_framemd5_filter_init(&sums, NULL, note_sum, seen, NULL);
    limef_connect(&mosaic.filter, &sums.filter);
    init(clip(), hardware);
    limef_connect(&run.decode.filter, &mosaic.filter);
    for (int64_t due_us; run.decode.out.frame.payload == NULL;)
        run.source.source.step(&run.source.source, &due_us);
    limef_mosaic_tick(&mosaic, mosaic.due_us);
    limef_mosaic_tick(&mosaic, mosaic.due_us);
    *copied_bytes = LIMEF_COUNTED(mosaic.filter.copied_bytes);
    limef_filter_clear(&mosaic.filter);
    limef_filter_clear(&sums.filter);
    clear();
}

Test(fetch, a_mosaic_is_that_of_software)
{
    static struct seen expected, seen;
    uint64_t plain_bytes, copied_bytes;

    compose(NULL, &expected, &plain_bytes);
    open_device();
    compose(device, &seen, &copied_bytes);
    cr_assert(eq(uint, seen.n, 2));
    cr_assert(eq(int, memcmp(seen.md5, expected.md5, sizeof(seen.md5)), 0));
    cr_assert(eq(u64, copied_bytes, plain_bytes + FETCHED_BYTES));
}
