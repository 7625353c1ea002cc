/* SPDX-License-Identifier: MIT */
#include "rtsp/unit.h"

#include <limef/base/clock.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/buffer.h>
#include <string.h>

TestSuite(rtsp_unit, .timeout = 10);

static AVBufferRef *make(struct rtsp_unit *unit, size_t bytes, bool is_key)
{
    uint8_t *at = rtsp_unit_extend(unit, bytes);

    cr_assert(ne(ptr, at, NULL));
    memset(at, 7, bytes);
    unit->is_key = is_key;
    return rtsp_unit_take(unit);
}

Test(rtsp_unit, grows_without_losing_a_byte)
{
    struct rtsp_unit unit = {.bytes = 0};
    AVBufferRef *taken;

    for (int i = 0; i < 5000; i++)
        cr_assert(eq(int, rtsp_unit_append(&unit, &i, sizeof(i)), 0));
    taken = rtsp_unit_take(&unit);
    for (int i = 0; i < 5000; i++)
        cr_assert(zero(int, memcmp(taken->data + (size_t)i * sizeof(i), &i, sizeof(i))));
    av_buffer_unref(&taken);
    rtsp_unit_clear(&unit);
}

Test(rtsp_unit, takes_a_buffer_that_another_one_has_done_with)
{
    struct rtsp_unit units[2] = {{.bytes = 0}};
    AVBufferRef *taken = make(&units[0], 100000, true);
    const uint8_t *data = taken->data;

    av_buffer_unref(&taken);
    taken = make(&units[1], 100000, true);
    cr_assert(eq(ptr, (void *)taken->data, (void *)data));
    av_buffer_unref(&taken);
    for (int i = 0; i < 2; i++)
        rtsp_unit_clear(&units[i]);
}

Test(rtsp_unit, needs_little_memory_for_what_follows_a_key_frame)
{
    struct rtsp_unit unit = {.bytes = 0};
    AVBufferRef *key = make(&unit, 100000, true), *next = make(&unit, 3000, false);

    cr_assert(eq(sz, key->size, 128 * 1024));
    cr_assert(eq(sz, next->size, 4096));
    av_buffer_unref(&key);
    av_buffer_unref(&next);
    rtsp_unit_clear(&unit);
}

Test(rtsp_unit, leaves_what_was_taken_of_it)
{
    struct rtsp_unit unit = {.bytes = 0};
    AVBufferRef *taken = make(&unit, 3000, false);

    rtsp_unit_clear(&unit);
    cr_assert(eq(u8, taken->data[2999], 7));
    cr_assert(eq(u8, taken->data[3000], 0));
    av_buffer_unref(&taken);
}

Test(rtsp_unit, refuses_more_than_a_picture_can_have)
{
    struct rtsp_unit unit = {.bytes = 0};

    cr_assert(ne(ptr, rtsp_unit_extend(&unit, 10), NULL));
    cr_assert(eq(ptr, rtsp_unit_extend(&unit, RTSP_MAX_UNIT_BYTES), NULL));
    cr_assert(unit.is_damaged);
    rtsp_unit_clear(&unit);
}

/* A camera, or many at once, whose key frames were large for a while. */
Test(rtsp_unit, gives_back_what_was_needed_once)
{
    struct rtsp_unit unit = {.bytes = 0};
    AVBufferRef *taken[8], *kept = make(&unit, 5000000, true);
    int64_t now_us = limef_now_us();

    for (int i = 0; i < 8; i++)
        taken[i] = make(&unit, 4000000, true);
    for (int i = 0; i < 8; i++)
        av_buffer_unref(&taken[i]);
    cr_assert(ge(sz, rtsp_units_bytes(), 9 * 4000000));
    for (int i = 0; i < 14; i++)
        rtsp_units_renew(now_us += 43000000); /* ten minutes */
    cr_assert(lt(sz, rtsp_units_bytes(), 9000000));
    cr_assert(eq(u8, kept->data[4999999], 7)); /* somebody has it still */
    av_buffer_unref(&kept);
    cr_assert(lt(sz, rtsp_units_bytes(), 100000));
    taken[0] = make(&unit, 4000000, true);
    av_buffer_unref(&taken[0]);
    rtsp_unit_clear(&unit);
    cr_assert(zero(sz, rtsp_units_bytes()));
}

Test(rtsp_unit, a_damaged_one_that_was_large_is_not_kept_for_a_small_one)
{
    struct rtsp_unit unit = {.bytes = 0};
    AVBufferRef *taken = make(&unit, 3000, false);

    av_buffer_unref(&taken);
    cr_assert(ne(ptr, rtsp_unit_extend(&unit, 4000000), NULL));
    rtsp_unit_restart(&unit);
    taken = make(&unit, 3000, false);
    cr_assert(le(sz, taken->size, 4096));
    av_buffer_unref(&taken);
    rtsp_unit_clear(&unit);
}
