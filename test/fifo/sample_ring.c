/* SPDX-License-Identifier: MIT */
#include <limef/base/log.h>

#include "support/silence.h"
#include <limef/fifo/sample_ring.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <string.h>

#define N_FRAMES 8

static struct limef_sample_ring ring;
static float memory[N_FRAMES * 2];

static void open_ring(void)
{
    memset(memory, 0, sizeof(memory));
    cr_assert(zero(int, limef_sample_ring_init(&ring, memory, N_FRAMES, 2)));
}

/* Frame n is (n, -n). */
static unsigned write_numbers(unsigned from, unsigned n)
{
    float samples[64 * 2];

    for (unsigned i = 0; i < n; i++) {
        samples[2 * i] = (float)(from + i);
        samples[2 * i + 1] = -(float)(from + i);
    }
    return limef_sample_ring_write(&ring, samples, n);
}

static void expect_numbers(unsigned from, unsigned n)
{
    float samples[64 * 2];

    cr_assert(eq(uint, limef_sample_ring_read(&ring, samples, n), n));
    for (unsigned i = 0; i < n; i++) {
        cr_assert(eq(flt, samples[2 * i], (float)(from + i)));
        cr_assert(eq(flt, samples[2 * i + 1], -(float)(from + i)));
    }
}

static struct limef_sample_ring_counters counters(void)
{
    struct limef_sample_ring_counters counters;

    limef_sample_ring_get_counters(&ring, &counters);
    return counters;
}

TestSuite(sample_ring, .init = open_ring, .timeout = 30);

Test(sample_ring, wants_a_power_of_two_of_frames)
{
    struct limef_sample_ring other = {0};

    limef_log_set_sink(log_to_nobody, NULL);
    cr_assert(eq(int, limef_sample_ring_init(&other, memory, 6, 2), AVERROR(EINVAL)));
    cr_assert(eq(int, limef_sample_ring_init(&other, memory, 0, 2), AVERROR(EINVAL)));
    cr_assert(eq(int, limef_sample_ring_init(&other, memory, 8, 0), AVERROR(EINVAL)));
    cr_assert(eq(int, limef_sample_ring_init(&other, memory, 8, 9), AVERROR(EINVAL)));
    cr_assert(eq(int, limef_sample_ring_init(&other, NULL, 8, 2), AVERROR(EINVAL)));
}

Test(sample_ring, gives_back_what_was_written_also_around_its_end)
{
    for (unsigned from = 0; from < 50; from += 5) {
        cr_assert(zero(uint, write_numbers(from, 5)));
        cr_assert(eq(uint, limef_sample_ring_fill(&ring), 5));
        expect_numbers(from, 5);
    }
    cr_assert(eq(ulong, counters().n_written, 50));
    cr_assert(zero(ulong, counters().n_dropped + counters().n_silent));
}

Test(sample_ring, drops_the_oldest_for_the_newest_and_counts_them)
{
    cr_assert(zero(uint, write_numbers(0, 6)));
    cr_assert(eq(uint, write_numbers(6, 5), 3));
    cr_assert(eq(ulong, counters().n_dropped, 3));
    cr_assert(eq(ulong, counters().n_overflows, 1));
    expect_numbers(3, 8);
}

Test(sample_ring, keeps_the_last_of_more_than_it_holds)
{
    cr_assert(zero(uint, write_numbers(100, 3)));
    cr_assert(eq(uint, write_numbers(0, 20), 15));
    cr_assert(eq(ulong, counters().n_dropped, 3));
    cr_assert(eq(ulong, counters().n_refused, 12));
    expect_numbers(12, 8);
}

Test(sample_ring, gives_silence_where_there_is_nothing_and_counts_it)
{
    float samples[5 * 2];

    memset(samples, 0x55, sizeof(samples));
    cr_assert(zero(uint, write_numbers(1, 2)));
    cr_assert(eq(uint, limef_sample_ring_read(&ring, samples, 5), 2));
    cr_assert(eq(flt, samples[2], 2.0f));
    for (unsigned i = 4; i < 10; i++)
        cr_assert(zero(flt, samples[i]));
    cr_assert(eq(ulong, counters().n_silent, 3));
    cr_assert(eq(ulong, counters().n_underruns, 1));
}

Test(sample_ring, refuses_the_new_while_the_reader_is_at_work)
{
    struct limef_sample_slices slices;

    cr_assert(zero(uint, write_numbers(0, 8)));
    cr_assert(eq(uint, limef_sample_ring_read_begin(&ring, 4, &slices), 4));
    cr_assert(eq(uint, write_numbers(8, 2), 2));
    cr_assert(eq(flt, slices.first[0], 0.0f));
    limef_sample_ring_read_end(&ring, 4);
    cr_assert(eq(ulong, counters().n_refused, 2));
    cr_assert(zero(ulong, counters().n_dropped));
    cr_assert(zero(uint, write_numbers(8, 2)));
    expect_numbers(4, 6);
}

Test(sample_ring, counts_what_it_refuses_to_who_writes_in_place)
{
    struct limef_sample_slices reading, writing;

    cr_assert(zero(uint, write_numbers(0, 6)));
    cr_assert(eq(uint, limef_sample_ring_read_begin(&ring, 4, &reading), 4));
    cr_assert(eq(uint, limef_sample_ring_write_begin(&ring, 5, &writing), 2));
    limef_sample_ring_write_end(&ring, 2);
    limef_sample_ring_read_end(&ring, 4);
    cr_assert(eq(ulong, counters().n_refused, 3));
    cr_assert(eq(ulong, counters().n_overflows, 1));
    cr_assert(eq(uint, limef_sample_ring_write_begin(&ring, 9, &writing), 8));
    cr_assert(eq(ulong, counters().n_refused, 4));
    cr_assert(eq(ulong, counters().n_dropped, 4));
    cr_assert(eq(ulong, counters().n_overflows, 2));
}

Test(sample_ring, goes_on_behind_what_was_dropped_since_its_last_read)
{
    cr_assert(zero(uint, write_numbers(0, 8)));
    expect_numbers(0, 2);
    cr_assert(eq(uint, write_numbers(8, 5), 3));
    expect_numbers(5, 3);
}

Test(sample_ring, is_written_and_read_in_place_in_two_pieces)
{
    struct limef_sample_slices slices;

    write_numbers(0, 6);
    expect_numbers(0, 6);
    cr_assert(eq(uint, limef_sample_ring_write_begin(&ring, 4, &slices), 4));
    cr_assert(eq(uint, slices.n_first, 2));
    cr_assert(eq(uint, slices.n_second, 2));
    for (unsigned i = 0; i < 2; i++) {
        slices.first[2 * i] = (float)i, slices.first[2 * i + 1] = -(float)i;
        slices.second[2 * i] = (float)(2 + i), slices.second[2 * i + 1] = -(float)(2 + i);
    }
    limef_sample_ring_write_end(&ring, 4);
    cr_assert(eq(uint, limef_sample_ring_read_begin(&ring, 8, &slices), 4));
    cr_assert(eq(flt, slices.second[2], 3.0f));
    limef_sample_ring_read_end(&ring, 1);
    expect_numbers(1, 3);
}

Test(sample_ring, skips_to_the_newest_or_to_a_position)
{
    write_numbers(0, 8);
    cr_assert(eq(uint, limef_sample_ring_skip_to(&ring, 2), 2));
    cr_assert(zero(uint, limef_sample_ring_skip_to(&ring, 1)));
    cr_assert(eq(uint, limef_sample_ring_skip(&ring, 3), 3));
    cr_assert(zero(uint, limef_sample_ring_skip(&ring, 3)));
    cr_assert(eq(ulong, limef_sample_ring_tail(&ring), 5));
    expect_numbers(5, 3);
    cr_assert(eq(ulong, counters().n_skipped, 5));
}
