/* SPDX-License-Identifier: MIT */
#include "rtsp/frame_number.h"

#include "camera/clip.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/log.h>

#define GOP 10

static struct clip clip;

static void make_clip(void)
{
    av_log_set_level(AV_LOG_FATAL);
    if (!clip_make(&clip, &(struct clip_settings){160, 128, 60, GOP, 2}))
        cr_skip_test("no encoder of H.264");
}

static void clear_clip(void)
{
    clip_clear(&clip);
}

TestSuite(frame_number, .timeout = 30, .init = make_clip, .fini = clear_clip);

/* Whether frames are missing before this one. */
static bool take(struct frame_number *number, const struct clip_unit *unit, bool is_explained)
{
    bool is_missing = false;

    for (unsigned i = 0; i < unit->n_nals; i++) {
        const uint8_t *nal = unit->data + unit->nals[i].begin;
        unsigned type = nal[0] & 31;

        if (type == 7)
            frame_number_take_set(number, nal, unit->nals[i].bytes);
        if (type == 1 || type == 5)
            is_missing |= frame_number_take(number, nal, unit->nals[i].bytes, is_explained);
    }
    return is_missing;
}

Test(frame_number, misses_nothing_in_a_whole_stream)
{
    struct frame_number number = {.bits = 0};

    for (unsigned i = 0; i < 2 * clip.n_units; i++)
        cr_assert(not(take(&number, &clip.units[i % clip.n_units], false)), "unit %u", i);
    cr_assert(ge(int, number.bits, 4));
}

Test(frame_number, misses_what_was_dropped_once)
{
    struct frame_number number = {.bits = 0};

    for (unsigned i = 0; i < 3 * GOP; i++)
        if (i != 13)
            cr_assert(eq(int, take(&number, &clip.units[i], false), i == 14), "unit %u", i);
}

Test(frame_number, misses_nothing_before_a_key_frame)
{
    struct frame_number number = {.bits = 0};

    for (unsigned i = 0; i < 3 * GOP; i++)
        if (i < 15 || i >= 20)
            cr_assert(not(take(&number, &clip.units[i], false)), "unit %u", i);
}

Test(frame_number, believes_no_camera_that_never_counts_right)
{
    struct frame_number number = {.bits = 0};
    unsigned n_missing = 0;

    for (unsigned i = 0; i < clip.n_units; i++)
        if (i % GOP != 4)
            n_missing += take(&number, &clip.units[i], false);
    cr_assert(eq(uint, n_missing, 3));
}

Test(frame_number, believes_on_if_packets_are_missing_too)
{
    struct frame_number number = {.bits = 0};
    unsigned n_missing = 0;

    for (unsigned i = 0; i < clip.n_units; i++)
        if (i % GOP != 4)
            n_missing += take(&number, &clip.units[i], i % GOP == 5);
    cr_assert(eq(uint, n_missing, clip.n_units / GOP));
}

Test(frame_number, survives_a_scaling_list_whose_steps_are_too_large)
{
    static const uint8_t set[] = {0x07, 0x80, 0x20, 0x00, 0x11, 0x45, 0xec, 0x00, 0x47, 0x7b,
                                  0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00,
                                  0x00, 0x00, 0x00, 0x7e, 0x0a, 0x7e, 0x0a, 0x50, 0x4d, 0x00,
                                  0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xfa, 0x00};
    struct frame_number number = {.bits = 0};

    frame_number_take_set(&number, set, sizeof(set));
    cr_assert(zero(uint, number.bits));
}

Test(frame_number, survives_any_bytes)
{
    struct frame_number number = {.bits = 0};
    uint32_t random = 1;
    uint8_t bytes[64];

    for (unsigned n = 0; n < 20000; n++) {
        size_t length = n % sizeof(bytes);

        for (size_t i = 0; i < length; i++) {
            random = random * 1664525 + 1013904223;
            bytes[i] = random >> 31 ? 0 : (uint8_t)(random >> 23);
        }
        frame_number_take_set(&number, bytes, length);
        frame_number_take(&number, bytes, length, false);
        cr_assert(le(int, number.bits, 16));
        cr_assert(ge(int, frame_number_find_recovery(bytes, length), -1));
    }
}
