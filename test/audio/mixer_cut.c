/* SPDX-License-Identifier: MIT */
/* What an input's writer decides about what it has written: when it begins, what is left out. */
#include "support/chain.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limef/audio/mixer.h>
#include <stdlib.h>

#define N_RING 1024
#define BLOCK 128

static struct limef_mixer mixer;
static struct limef_mixer_input input;
static float memory[N_RING * 2], out[BLOCK * 2];

static void open_mixer(void)
{
    struct limef_mixer_input_settings settings = {.n_ahead = BLOCK};

    cr_assert(zero(int, limef_mixer_init(&mixer, NULL, NULL)));
    cr_assert(zero(int, limef_mixer_input_init(&input, &mixer, NULL, memory, N_RING, &settings)));
    cr_assert(zero(int, limef_mixer_connect(&mixer, &input)));
}

/* Frames of one value. */
static void write_level(float level, unsigned n, int64_t media_us)
{
    float samples[N_RING * 2];

    for (unsigned i = 0; i < 2 * n; i++)
        samples[i] = level;
    cr_assert(zero(uint, limef_mixer_input_write(&input, samples, n, media_us, 1000)));
}

static void mix_block(int64_t heard_us)
{
    limef_mixer_mix(&mixer, out, BLOCK, heard_us);
}

static struct limef_sample_ring_counters counters(void)
{
    struct limef_sample_ring_counters counters;

    limef_sample_ring_get_counters(&input.ring, &counters);
    return counters;
}

static enum limef_mixer_input_state state(void)
{
    struct limef_mixer_heard heard;

    limef_mixer_input_get_heard(&input, &heard);
    return (enum limef_mixer_input_state)heard.state;
}

TestSuite(mixer_cut, .init = open_mixer, .timeout = 30);

Test(mixer_cut, does_not_begin_while_it_is_held)
{
    limef_mixer_input_hold(&input, true);
    write_level(0.4f, 512, 0);
    mix_block(0);
    cr_assert(eq(int, state(), LIMEF_INPUT_WAITING));
    cr_assert(eq(uint, limef_sample_ring_fill(&input.ring), 512));
    limef_mixer_input_hold(&input, false);
    mix_block(0);
    cr_assert(epsilon_eq(flt, out[2 * BLOCK - 1], 0.4f, 1e-6f));
    limef_mixer_input_hold(&input, true); /* too late for what sounds */
    mix_block(0);
    cr_assert(epsilon_eq(flt, out[2 * BLOCK - 1], 0.4f, 1e-6f));
    limef_mixer_input_flush(&input);
    write_level(0.4f, 512, 0);
    mix_block(0);
    cr_assert(eq(int, state(), LIMEF_INPUT_WAITING));
    cr_assert(zero(u64, counters().n_underruns));
}

Test(mixer_cut, leaves_out_what_was_cut_in_the_middle_of_a_block)
{
    write_level(0.4f, 512, 0);
    mix_block(0);
    write_level(0.2f, 300, 9000000);
    cr_assert(not(limef_mixer_input_is_cut(&input)));
    cr_assert(zero(int, limef_mixer_input_cut(&input, BLOCK + 50, 512)));
    cr_assert(eq(int, limef_mixer_input_cut(&input, BLOCK + 60, 512), AVERROR(EAGAIN)));
    cr_assert(eq(i64, limef_mixer_input_media_us(&input, 480), 10000));
    cr_assert(eq(i64, limef_mixer_input_media_us(&input, 512 + 48), 9001000));
    mix_block(0);
    for (int i = 0; i < BLOCK; i++)
        cr_assert(eq(flt, out[2 * i], i < 50 ? 0.4f : 0.2f), "%d", i);
    cr_assert(not(limef_mixer_input_is_cut(&input)));
    mix_block(7000);
    cr_assert(eq(i64, limef_mixer_input_heard_us(&input, 7000), 9000000 + 78 * 1000000 / 48000));
    cr_assert(eq(u64, counters().n_skipped, 512 - BLOCK - 50));
    cr_assert(zero(u64, counters().n_underruns));
}

Test(mixer_cut, leaves_out_the_rest_of_a_cut_that_came_too_late)
{
    write_level(0.4f, 512, 0);
    write_level(0.2f, 300, 0);
    mix_block(0);
    cr_assert(zero(int, limef_mixer_input_cut(&input, 10, 512)));
    mix_block(0);
    /* 0.4 was heard just before: it gets there within 2.5 ms, and not in a step */
    for (int i = 0; i < BLOCK; i++)
        cr_assert(
            epsilon_eq(flt, out[2 * i], i < 120 ? 0.4f - 0.2f * (float)(i + 1) / 121 : 0.2f, 2e-3f),
            "%d: %f", i, (double)out[2 * i]);
    /* a flush is stronger */
    cr_assert(zero(int, limef_mixer_input_cut(&input, 700, 812)));
    limef_mixer_input_flush(&input);
    mix_block(0);
    cr_assert(not(limef_mixer_input_is_cut(&input)));
}

Test(mixer_cut, is_not_later_after_an_underrun_where_it_keeps_time)
{
    struct limef_mixer_input_settings settings = {.n_ahead = BLOCK + 64, .keeps_time = true};
    static float memory_of_it[N_RING * 2];
    static struct limef_mixer_input clocked;
    float piece[64 * 2] = {0};
    int64_t written = 0, late_us = 0;

    cr_assert(
        zero(int, limef_mixer_input_init(&clocked, &mixer, NULL, memory_of_it, N_RING, &settings)));
    cr_assert(zero(int, limef_mixer_connect(&mixer, &clocked)));
    for (int64_t n = 0; n < 200 * BLOCK; n += BLOCK) {
        /* now and then the source is late by four pieces, and then sends them all */
        int64_t there = n / BLOCK % 20 < 18 ? n : n - 4 * 64;

        for (; written + 64 <= there; written += 64)
            limef_mixer_input_write(&clocked, piece, 64, written * 1000000 / 48000, 1000);
        mix_block(n * 1000000 / 48000);
        if (limef_mixer_input_heard_us(&clocked, 0) == LIMEF_NO_TIME)
            continue;
        if (!late_us)
            late_us = -limef_mixer_input_heard_us(&clocked, 0);
        cr_assert(le(i64, llabs(-limef_mixer_input_heard_us(&clocked, 0) - late_us), 25), "%ld",
                  (long)n);
    }
    cr_assert(ge(u64, LIMEF_COUNTED(clocked.ring.n_underruns), 5));
    /* a source that was away is new */
    mix_block(0);
    for (int i = 0; i < 100; i++)
        mix_block(0);
    for (int i = 0; i < 3; i++)
        limef_mixer_input_write(&clocked, piece, 64, 9000000, 1000);
    mix_block(0);
    cr_assert(eq(i64, limef_mixer_input_heard_us(&clocked, 0), 9000000));
}

Test(mixer_cut, is_not_later_after_a_device_stood_still_where_it_keeps_time)
{
    struct limef_mixer_input_settings settings = {.n_ahead = BLOCK + 64, .keeps_time = true};
    static float memory_of_it[N_RING * 2];
    static struct limef_mixer_input clocked;
    float piece[64 * 2] = {0};
    int64_t written = 0, late_us = 0, n_still = 0;

    cr_assert(
        zero(int, limef_mixer_input_init(&clocked, &mixer, NULL, memory_of_it, N_RING, &settings)));
    cr_assert(zero(int, limef_mixer_connect(&mixer, &clocked)));
    for (int64_t i = 0; i < 200; i++) {
        int64_t n = i * BLOCK + (n_still += i % 50 == 40 ? 300 : 0), heard_us;
        int64_t there = i % 100 == 40 ? n - 300 : n; /* the source may stand still as well */

        for (; written + 64 <= there; written += 64)
            limef_mixer_input_write(&clocked, piece, 64, written * 1000000 / 48000, 1000);
        mix_block(n * 1000000 / 48000);
        heard_us = limef_mixer_input_heard_us(&clocked, n * 1000000 / 48000);
        if (heard_us == LIMEF_NO_TIME || there < n)
            continue;
        if (!late_us)
            late_us = n * 1000000 / 48000 - heard_us;
        /* to within a piece: it never leaves out what has to wait */
        cr_assert(lt(i64, n * 1000000 / 48000 - heard_us, late_us + 64 * 1000000 / 48000), "%ld",
                  (long)i);
    }
    cr_assert(ge(u64, LIMEF_COUNTED(clocked.ring.n_skipped), 800));
    cr_assert(zero(u64, LIMEF_COUNTED(clocked.ring.n_underruns)));
}

Test(mixer_cut, lets_nothing_of_before_a_flush_sound_again)
{
    write_level(0.5f, 700, 0);
    limef_mixer_input_flush(&input);
    write_level(0.25f, 200, 0);
    limef_mixer_input_keep(&input, 800);
    mix_block(0);
    cr_assert(eq(flt, out[2 * BLOCK - 1], 0.25f));
    cr_assert(eq(uint, limef_sample_ring_fill(&input.ring), 200 - BLOCK));
}

Test(mixer_cut, begins_with_n_ahead_frames_also_if_more_came_at_once_where_it_keeps_time)
{
    input.settings.n_ahead = BLOCK + BLOCK / 2;
    input.settings.keeps_time = true;
    write_level(0.5f, 2 * BLOCK, 0);
    mix_block(0);
    cr_assert(eq(uint, limef_sample_ring_fill(&input.ring), BLOCK / 2));
    cr_assert(eq(ulong, counters().n_skipped, BLOCK / 2));
    cr_assert(eq(long, limef_mixer_input_heard_us(&input, 0), BLOCK / 2 * 1000000 / 48000));
}

Test(mixer_cut, begins_with_all_that_came_where_it_does_not_keep_time)
{
    write_level(0.5f, 2 * BLOCK, 0);
    mix_block(0);
    cr_assert(eq(uint, limef_sample_ring_fill(&input.ring), BLOCK));
    cr_assert(zero(ulong, counters().n_skipped));
}

/* A second of it waits in the device. */
Test(mixer_cut, media_time_turns_when_that_is_heard)
{
    int64_t block_us = BLOCK * 1000000LL / 48000;

    write_level(0.4f, BLOCK, 3000000);
    write_level(0.4f, BLOCK, 1000000);
    mix_block(1000000);
    cr_assert(eq(i64, limef_mixer_input_heard_us(&input, 0), 2000000));
    mix_block(1000000 + block_us);
    cr_assert(eq(i64, limef_mixer_input_heard_us(&input, 0), 2000000));
    cr_assert(eq(i64, limef_mixer_input_heard_us(&input, 1000000), 3000000));
    cr_assert(eq(i64, limef_mixer_input_heard_us(&input, 1000000 + block_us), 1000000));
    write_level(0.4f, BLOCK, 1000000 + block_us);
    mix_block(1000000 + 2 * block_us);
    cr_assert(eq(i64, limef_mixer_input_heard_us(&input, 0), 2000000));
    cr_assert(
        eq(i64, limef_mixer_input_heard_us(&input, 1000000 + 2 * block_us), 1000000 + block_us));
}

Test(mixer_cut, media_time_does_not_turn_by_what_times_are_rounded_by)
{
    int64_t block_us = BLOCK * 1000000LL / 48000;

    write_level(0.4f, BLOCK, 3000000);
    write_level(0.4f, BLOCK, 3000000 + block_us + 20000);
    mix_block(1000000);
    mix_block(1000000 + block_us);
    cr_assert(eq(i64, limef_mixer_input_heard_us(&input, 0), 2020000));
}

/* Of another place nothing is to be seen before it is heard. */
Test(mixer_cut, media_time_is_that_of_what_follows_a_flush)
{
    write_level(0.4f, BLOCK, 3000000);
    mix_block(1000000);
    limef_mixer_input_flush(&input);
    write_level(0.4f, 2 * BLOCK, 60000000);
    mix_block(1100000);
    cr_assert(eq(i64, limef_mixer_input_heard_us(&input, 0), 58900000));
}
