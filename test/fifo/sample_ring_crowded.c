/* SPDX-License-Identifier: MIT */
/* A writer that finds the reader at work in a full ring: what the reader does between two of its
 * looks is this program's. */
#include "fifo/futex.h"

static void between_looks(unsigned n_pauses);
#define cpu_relax_for between_looks
#include "../../src/fifo/sample_ring.c"
#undef cpu_relax_for

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define N 8

static struct limef_sample_ring ring;
static float memory[N];
static unsigned n_looks, reader_ends_at, n_read;

static void between_looks(unsigned n_pauses)
{
    (void)n_pauses;
    if (++n_looks == reader_ends_at)
        limef_sample_ring_read_end(&ring, n_read);
}

/* A full ring, whose reader has some frames in hand and takes so many of them in the end. */
static void begin(unsigned ends_at, unsigned takes)
{
    static const float numbers[N] = {0, 1, 2, 3, 4, 5, 6, 7};
    struct limef_sample_slices slices;

    cr_assert(zero(int, limef_sample_ring_init(&ring, memory, N, 1)));
    cr_assert(zero(uint, limef_sample_ring_write(&ring, numbers, N)));
    cr_assert(eq(uint, limef_sample_ring_read_begin(&ring, 4, &slices), 4));
    n_looks = 0;
    reader_ends_at = ends_at;
    n_read = takes;
}

static void expect(float first, unsigned n)
{
    float samples[N];

    cr_assert(eq(uint, limef_sample_ring_read(&ring, samples, N), n));
    for (unsigned i = 0; i < n; i++)
        cr_assert(eq(flt, samples[i], first + (float)i));
}

Test(sample_ring_crowded, drops_the_oldest_once_the_reader_is_done)
{
    const float numbers[3] = {8, 9, 10};

    begin(5, 1);
    cr_assert(eq(uint, limef_sample_ring_write(&ring, numbers, 3), 2));
    cr_assert(eq(ulong, LIMEF_COUNTED(ring.n_dropped), 2));
    cr_assert(zero(ulong, LIMEF_COUNTED(ring.n_refused)));
    expect(3, N);
}

Test(sample_ring_crowded, loses_nothing_where_the_reader_makes_room)
{
    const float numbers[3] = {8, 9, 10};

    begin(1, 4);
    cr_assert(zero(uint, limef_sample_ring_write(&ring, numbers, 3)));
    cr_assert(zero(ulong, LIMEF_COUNTED(ring.n_overflows)));
    expect(4, 7);
}

Test(sample_ring_crowded, looks_so_often_and_no_longer)
{
    const float number = 8;

    begin(0, 0);
    cr_assert(eq(uint, limef_sample_ring_write(&ring, &number, 1), 1));
    cr_assert(eq(uint, n_looks, MAX_LOOKS));
    cr_assert(eq(ulong, LIMEF_COUNTED(ring.n_refused), 1));
    cr_assert(zero(ulong, LIMEF_COUNTED(ring.n_dropped)));
    limef_sample_ring_read_end(&ring, 0);
    expect(0, N);
}
