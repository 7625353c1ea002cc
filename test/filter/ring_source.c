/* SPDX-License-Identifier: MIT */
#include "support/chain.h"
#include "support/failing.h"
#include "support/sound.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define N_RING 4096
#define N_KEPT 100000
#define BLOCK 960

static struct limef_broadcast_ring ring;
static limef_broadcast_word words[LIMEF_BROADCAST_WORDS(N_RING, 2)];
static struct limef_ring_source source;
static struct sound_keeper keeper;
static float kept[N_KEPT];
static float next_sample; /* of what is written: 1, 2, 3, ... left, and the same negative right */

static void open_source(void)
{
    struct limef_ring_source_settings settings = {.ring = &ring};

    cr_assert(zero(int, limef_broadcast_ring_init(&ring, words, N_RING, 2)));
    cr_assert(zero(int, limef_ring_source_init(&source, NULL, &settings)));
    sound_keeper_init(&keeper, kept, N_KEPT);
    limef_connect(&source.source.filter, &keeper.filter);
    next_sample = 1;
}

static void close_source(void)
{
    limef_filter_clear(&source.source.filter);
}

static void write_frames(unsigned n)
{
    for (unsigned i = 0; i < n; i++, next_sample++)
        limef_broadcast_write(&ring, (float[]){next_sample, -next_sample}, 1);
}

static int step(int64_t *due_us)
{
    *due_us = 0;
    return source.source.step(&source.source, due_us);
}

static void step_all(void)
{
    int64_t due_us;

    while (step(&due_us) == 0)
        ;
}

static struct limef_ring_source_counters counters(void)
{
    struct limef_ring_source_counters counters;

    limef_ring_source_get_counters(&source, &counters);
    return counters;
}

TestSuite(ring_source, .init = open_source, .fini = close_source, .timeout = 30);

Test(ring_source, passes_on_blocks_of_what_is_written)
{
    int64_t due_us, now_us = limef_now_us();

    write_frames(BLOCK - 480);
    cr_assert(eq(int, step(&due_us), AVERROR(EAGAIN))); /* 10 ms are missing */
    cr_assert(ge(i64, due_us, now_us + 10000));
    write_frames(480 + BLOCK + 1);
    step_all();
    cr_assert(eq(uint, keeper.n_blocks, 2));
    cr_assert(eq(sz, keeper.n, 2 * BLOCK));
    for (int i = 0; i < 2 * BLOCK; i++)
        cr_assert(eq(flt, kept[i], (float)(i + 1)));
    cr_assert(eq(i64, keeper.last.pts_us, 20000));
    cr_assert(eq(i64, keeper.last.duration_us, 20000));
    cr_assert(eq(uint, keeper.last.flags, LIMEF_FRAME_LIVE));
    cr_assert(eq(int, keeper.rate, 48000));
    cr_assert(eq(int, keeper.n_channels, 2));
    cr_assert(eq(int, keeper.format, AV_SAMPLE_FMT_FLT));
}

Test(ring_source, puts_silence_where_it_missed_something_and_counts_it_exactly)
{
    size_t n_silent = 0;

    write_frames(BLOCK);
    step_all();
    write_frames(5 * N_RING);
    step_all();
    write_frames(BLOCK);
    cr_assert(zero(int, limef_ring_source_end(&source)));
    cr_assert(gt(u64, counters().n_missed, 4 * N_RING));
    cr_assert(eq(u64, counters().n_silence, counters().n_missed));
    /* in time, to the sample: what is not silent is where it was written */
    cr_assert(eq(sz, keeper.n, 2 * BLOCK + 5 * N_RING));
    cr_assert(eq(u64, counters().n_frames, keeper.n));
    for (size_t i = 0; i < keeper.n; i++) {
        n_silent += kept[i] == 0;
        cr_assert(kept[i] == 0 || kept[i] == (float)(i + 1));
    }
    cr_assert(eq(u64, n_silent, counters().n_missed));
    cr_assert(le(
        i64,
        llabs(keeper.last.pts_us + keeper.last.duration_us - (int64_t)keeper.n * 1000000 / 48000),
        1));
}

Test(ring_source, ends_with_what_is_left_and_then_end)
{
    write_frames(BLOCK + 100);
    cr_assert(zero(int, limef_ring_source_end(&source)));
    cr_assert(eq(sz, keeper.n, BLOCK + 100));
    cr_assert(eq(uint, keeper.n_signals, 1));
    close_source();
    cr_assert(zero(int, limef_ring_source_end(&source)));
}

Test(ring_source, gives_planes_where_they_are_asked_for)
{
    struct limef_ring_source_settings settings = {
        .ring = &ring, .planar = true, .block_frames = 64};

    close_source();
    cr_assert(zero(int, limef_ring_source_init(&source, NULL, &settings)));
    limef_connect(&source.source.filter, &keeper.filter);
    write_frames(64);
    step_all();
    cr_assert(eq(int, keeper.format, AV_SAMPLE_FMT_FLTP));
    for (unsigned c = 0; c < 2; c++)
        for (int i = 0; i < 64; i++)
            cr_assert(eq(flt, ((const float *)(const void *)source.out.av->data[c])[i],
                         (c ? -1.0f : 1.0f) * (float)(i + 1)));
}

Test(ring_source, allocates_nothing_in_steady_state)
{
    uint64_t before;

    write_frames(4 * BLOCK);
    step_all();
    before = limef_memory_n_allocations();
    for (int i = 0; i < 20; i++) {
        write_frames(BLOCK);
        step_all();
    }
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
    cr_assert(zero(u64, counters().n_missed));
}

Test(ring_source, refuses_settings_without_sense)
{
    struct limef_ring_source_settings settings = {.ring = NULL};
    struct limef_ring_source other = {.n_waiting = 0};

    cr_assert(eq(int, limef_ring_source_init(&other, NULL, &settings), AVERROR(EINVAL)));
    settings = (struct limef_ring_source_settings){.ring = &ring, .block_frames = 1};
    cr_assert(eq(int, limef_ring_source_init(&other, NULL, &settings), AVERROR(EINVAL)));
}

Test(ring_source, survives_any_allocation_that_fails)
{
    struct limef_ring_source_settings settings = {.ring = &ring};
    bool failed = true;

    close_source();
    for (unsigned n = 1; failed; n++) {
        failing_install(n);
        if (limef_ring_source_init(&source, NULL, &settings) == 0) {
            write_frames(3 * BLOCK);
            limef_ring_source_end(&source);
            close_source();
        }
        failed = failing_failed();
        failing_remove();
        cr_assert(zero(int, failing_n_out()));
    }
}
