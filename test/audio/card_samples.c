/* SPDX-License-Identifier: MIT */
#include "audio/card_samples.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>
#include <string.h>

/* One sample of one channel; what it takes is the same in all bytes of `is`. */
static void expect(struct card_format format, float sample, const uint8_t *is)
{
    uint8_t bytes[5] = {0xaa, 0xaa, 0xaa, 0xaa, 0xaa};

    format.n_channels = 1;
    card_samples_write(&format, bytes, &sample, 1, 1);
    for (unsigned i = 0; i < format.bytes; i++)
        cr_assert(eq(u8, bytes[i], is[i]), "%u bits in %u bytes, %f, byte %u", format.bits,
                  format.bytes, (double)sample, i);
    cr_assert(eq(u8, bytes[format.bytes], 0xaa));
}

Test(card_samples, are_of_any_size_order_and_sign)
{
    expect((struct card_format){.bits = 16, .bytes = 2}, 0.5f, (uint8_t[]){0x00, 0x40});
    expect((struct card_format){.bits = 16, .bytes = 2, .is_big_endian = true}, 0.5f,
           (uint8_t[]){0x40, 0x00});
    expect((struct card_format){.bits = 16, .bytes = 2, .is_unsigned = true}, -0.5f,
           (uint8_t[]){0x00, 0x40});
    expect((struct card_format){.bits = 24, .bytes = 3}, -1, (uint8_t[]){0x01, 0x00, 0x80});
    expect((struct card_format){.bits = 24, .bytes = 3, .is_big_endian = true}, 1,
           (uint8_t[]){0x7f, 0xff, 0xff});
    /* the byte that does not count goes on with the sign */
    expect((struct card_format){.bits = 24, .bytes = 4}, -1, (uint8_t[]){0x01, 0x00, 0x80, 0xff});
    expect((struct card_format){.bits = 20, .bytes = 3}, 1, (uint8_t[]){0xff, 0xff, 0x07});
    expect((struct card_format){.bits = 32, .bytes = 4}, 1, (uint8_t[]){0xff, 0xff, 0xff, 0x7f});
    expect((struct card_format){.bits = 8, .bytes = 1, .is_unsigned = true}, 0, (uint8_t[]){0x80});
    expect((struct card_format){.bits = 8, .bytes = 1, .is_unsigned = true}, 1, (uint8_t[]){0xff});
}

Test(card_samples, do_not_wrap_beyond_full_scale)
{
    const struct card_format format = {.bits = 16, .bytes = 2};

    expect(format, 2, (uint8_t[]){0xff, 0x7f});
    expect(format, -2, (uint8_t[]){0x01, 0x80});
    expect(format, 1e30f, (uint8_t[]){0xff, 0x7f});
}

Test(card_samples, that_are_floats_stay_what_they_are)
{
    const struct card_format format = {.bytes = 4, .n_channels = 2};
    const float from[4] = {0.1f, -0.2f, 2.0f, -3.0f};
    float to[4];

    card_samples_write(&format, to, from, 2, 2);
    cr_assert(zero(int, memcmp(to, from, sizeof(to))));
}

static void expect_channels(unsigned n_from, unsigned n_to, const float *is)
{
    const struct card_format format = {.bytes = 4, .n_channels = n_to};
    const float from[4] = {0.5f, 0.25f, 0.5f, 0.25f};
    float to[8] = {9, 9, 9, 9, 9, 9, 9, 9};

    card_samples_write(&format, to, from, 2, n_from);
    for (unsigned i = 0; i < n_to; i++)
        cr_assert(eq(flt, to[i], is[i]), "%u to %u, channel %u", n_from, n_to, i);
    cr_assert(eq(flt, to[2 * n_to], 9.0f));
}

Test(card_samples, of_each_channel_lie_by_themselves_where_a_card_has_them_so)
{
    const struct card_format format = {.bytes = 4, .n_channels = 3, .plane_frames = 4};
    const float from[4] = {0.5f, 0.25f, -0.5f, -0.25f};
    const float is[12] = {0.5f, -0.5f, 9, 9, 0.25f, -0.25f, 9, 9, 0, 0, 9, 9};
    float to[12] = {9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};

    card_samples_write(&format, to, from, 2, 2);
    for (unsigned i = 0; i < 12; i++)
        cr_assert(eq(flt, to[i], is[i]), "%u", i);
}

Test(card_samples, go_to_the_channels_that_a_card_has)
{
    expect_channels(2, 1, (float[]){0.375f});
    expect_channels(1, 2, (float[]){0.5f, 0.5f});
    expect_channels(2, 3, (float[]){0.5f, 0.25f, 0});
    expect_channels(1, 3, (float[]){0.5f, 0.5f, 0});
}
