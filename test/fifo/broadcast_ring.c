/* SPDX-License-Identifier: MIT */
#include <limef/base/log.h>

#include "support/silence.h"
#include <limef/fifo/broadcast_ring.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <libavutil/error.h>

#define N_FRAMES 16

static struct limef_broadcast_ring ring;
static limef_broadcast_word words[LIMEF_BROADCAST_WORDS(N_FRAMES, 3)];
static struct limef_broadcast_reader reader;

static void open_ring(unsigned n_channels)
{
    cr_assert(zero(int, limef_broadcast_ring_init(&ring, words, N_FRAMES, n_channels)));
    limef_broadcast_reader_init(&reader, &ring);
}

static void open_stereo(void)
{
    open_ring(2);
}

static void write_numbers(unsigned from, unsigned n)
{
    float samples[64 * 3];

    for (unsigned i = 0; i < n * ring.n_channels; i++)
        samples[i] = (float)(from + i / ring.n_channels) + (float)(i % ring.n_channels) * 1000;
    limef_broadcast_write(&ring, samples, n);
}

static void expect_numbers(unsigned from, unsigned n)
{
    float samples[64 * 3];

    cr_assert(eq(uint, limef_broadcast_read(&reader, samples, n), n));
    for (unsigned i = 0; i < n * ring.n_channels; i++)
        cr_assert(eq(flt, samples[i],
                     (float)(from + i / ring.n_channels) + (float)(i % ring.n_channels) * 1000));
}

TestSuite(broadcast_ring, .init = open_stereo, .timeout = 30);

Test(broadcast_ring, wants_a_power_of_two_of_frames)
{
    struct limef_broadcast_ring other = {0};

    limef_log_set_sink(log_to_nobody, NULL);
    cr_assert(eq(int, limef_broadcast_ring_init(&other, words, 12, 2), AVERROR(EINVAL)));
    cr_assert(eq(int, limef_broadcast_ring_init(&other, words, 2, 2), AVERROR(EINVAL)));
    cr_assert(eq(int, limef_broadcast_ring_init(&other, NULL, 16, 2), AVERROR(EINVAL)));
    cr_assert(eq(int, limef_broadcast_ring_init(&other, words, 16, 0), AVERROR(EINVAL)));
}

Test(broadcast_ring, gives_every_reader_all_that_was_written_since_it_came)
{
    struct limef_broadcast_reader late;
    float samples[2];

    write_numbers(0, 5);
    limef_broadcast_reader_init(&late, &ring);
    write_numbers(5, 3);
    expect_numbers(0, 8);
    reader = late;
    expect_numbers(5, 3);
    cr_assert(zero(uint, limef_broadcast_read(&reader, samples, 1)));
    cr_assert(zero(ulong, LIMEF_COUNTED(reader.n_missed)));
}

Test(broadcast_ring, holds_an_odd_number_of_channels_at_any_place)
{
    for (unsigned n_channels = 1; n_channels <= 3; n_channels += 2) {
        open_ring(n_channels);
        for (unsigned from = 0; from < 70; from += 7) {
            write_numbers(from, 7);
            expect_numbers(from, 7);
        }
    }
}

Test(broadcast_ring, tells_exactly_what_was_missed)
{
    float samples[2];

    write_numbers(0, 10);
    write_numbers(10, 30);
    cr_assert(eq(ulong, limef_broadcast_waiting(&reader), 40));
    cr_assert(eq(uint, limef_broadcast_read(&reader, samples, 1), 1));
    /* what it goes on with is where it says it is, and all before that was missed */
    cr_assert(eq(flt, samples[0], (float)(reader.position - 1)));
    cr_assert(eq(ulong, LIMEF_COUNTED(reader.n_missed), reader.position - 1));
    cr_assert(ge(ulong, LIMEF_COUNTED(reader.n_missed), 40 - N_FRAMES));
    expect_numbers((unsigned)reader.position, (unsigned)(40 - reader.position));
}

/* At 48 kHz, by periods: 22500 of them. */
Test(broadcast_ring, tells_a_reader_that_slept_for_a_minute_what_it_missed)
{
    uint64_t n_written = 60 * 48000, n_read = 0;
    float samples[2];

    for (uint64_t n = 0; n < n_written; n += 4)
        write_numbers((unsigned)n, 4);
    cr_assert(eq(ulong, limef_broadcast_waiting(&reader), n_written));
    while (limef_broadcast_read(&reader, samples, 1)) {
        cr_assert(eq(flt, samples[0], (float)(reader.position - 1)));
        n_read++;
    }
    cr_assert(eq(ulong, LIMEF_COUNTED(reader.n_missed), n_written - n_read));
    cr_assert(le(ulong, n_read, N_FRAMES));
    cr_assert(ge(ulong, n_read, N_FRAMES / 2));
}

Test(broadcast_ring, skips_to_the_newest)
{
    write_numbers(0, 12);
    limef_broadcast_skip(&reader, 20);
    limef_broadcast_skip(&reader, 4);
    cr_assert(eq(ulong, LIMEF_COUNTED(reader.n_skipped), 8));
    expect_numbers(8, 4);
    write_numbers(12, 40);
    limef_broadcast_skip(&reader, 2);
    cr_assert(eq(ulong, LIMEF_COUNTED(reader.n_missed), 40 - N_FRAMES));
    cr_assert(eq(ulong, LIMEF_COUNTED(reader.n_skipped), 8 + N_FRAMES - 2));
    expect_numbers(50, 2);
}
