/* SPDX-License-Identifier: MIT */
/* Which media time is heard, when many marks of it wait that nobody hears. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limef/audio/mixer.h>
#include <stdlib.h>

#define N_RING 32768
#define FREE (N_RING / 4)
#define BLOCK 240 /* 5 ms */
#define BLOCK_US 5000

static struct limef_mixer mixer;
static struct limef_mixer_input input;
static float memory[N_RING * 2], samples[N_RING * 2], out[BLOCK * 2];
static int64_t now_us, media_us;

static void open_mixer(void)
{
    struct limef_mixer_input_settings settings = {.n_ahead = 1920};

    cr_assert(zero(int, limef_mixer_init(&mixer, NULL, NULL)));
    cr_assert(zero(int, limef_mixer_input_init(&input, &mixer, NULL, memory, N_RING, &settings)));
    cr_assert(zero(int, limef_mixer_connect(&mixer, &input)));
    now_us = 1000000;
    media_us = 0;
}

TestSuite(mixer_marks, .init = open_mixer, .timeout = 30);

static void write_block(unsigned n)
{
    limef_mixer_input_write(&input, samples, n, media_us, 1000);
    media_us += (int64_t)n * 1000000 / 48000;
}

/* As a file is read ahead. */
static void fill(unsigned n)
{
    while (limef_mixer_input_room(&input) >= FREE + n)
        write_block(n);
}

static void mix(void)
{
    limef_mixer_mix(&mixer, out, BLOCK, now_us);
    now_us += BLOCK_US;
}

static void play(unsigned n_blocks, unsigned n)
{
    for (unsigned i = 0; i < n_blocks; i++) {
        fill(n);
        mix();
    }
}

static void seek(int64_t to_us)
{
    limef_mixer_input_hold(&input, true);
    limef_mixer_input_flush(&input);
    media_us = to_us;
}

/* What was sought is heard at once, and goes on. */
static void expect_heard_from(int64_t from_us, unsigned n)
{
    limef_mixer_input_hold(&input, false);
    fill(n);
    for (unsigned i = 0; i < 200; i++) {
        mix();
        cr_assert(lt(i64,
                     llabs(limef_mixer_input_heard_us(&input, now_us - BLOCK_US) -
                           (from_us + (int64_t)i * BLOCK_US)),
                     1000));
        fill(n);
    }
}

Test(mixer_marks, seeks_that_nobody_hears_are_not_in_the_way_of_the_next)
{
    play(200, 1024);
    for (int i = 0; i < 90; i++) {
        seek(60000000 + i * 5000000);
        mix();
        fill(1024);
        mix();
    }
    seek(900000000);
    mix();
    fill(1024);
    mix();
    expect_heard_from(900000000, 1024);
}

Test(mixer_marks, steps_while_it_is_paused_are_not_in_the_way_of_a_seek)
{
    play(200, 1024);
    limef_mixer_set(&mixer, &input, LIMEF_MIXER_PAUSE, 1);
    for (int i = 0; i < 90 * 2; i++) { /* two blocks for each picture; the oldest is dropped */
        write_block(1024);
        mix();
    }
    seek(900000000);
    mix();
    limef_mixer_set(&mixer, &input, LIMEF_MIXER_PAUSE, 0);
    fill(1024);
    mix();
    expect_heard_from(900000000, 1024);
}

Test(mixer_marks, many_short_blocks_tell_their_time_also_behind_a_seek)
{
    play(400, 120);
    for (int i = 0; i < 3; i++) {
        seek(60000000 + i * 5000000);
        mix();
        fill(120);
        mix();
    }
    seek(900000000);
    mix();
    expect_heard_from(900000000, 120);
    cr_assert(zero(u64, LIMEF_COUNTED(input.n_unmarked)));
}

Test(mixer_marks, the_newest_of_too_many_holds_and_the_others_are_counted)
{
    for (int i = 0; i < LIMEF_MIXER_N_MARKS + 10; i++) {
        media_us = (int64_t)i * 1000000; /* none goes on from the one before */
        write_block(48);
    }
    cr_assert(eq(u64, LIMEF_COUNTED(input.n_unmarked), 9));
    cr_assert(eq(i64, limef_mixer_input_media_us(&input, (LIMEF_MIXER_N_MARKS + 9) * 48),
                 (int64_t)(LIMEF_MIXER_N_MARKS + 9) * 1000000));
    for (int i = 0; i < 26; i++) {
        limef_mixer_input_room(&input);
        mix();
    }
    limef_mixer_input_room(&input);
    write_block(BLOCK * 2);
    for (int i = 0; i < 3; i++) /* up to behind the last mark */
        mix();
    cr_assert(gt(i64, limef_mixer_input_heard_us(&input, now_us - BLOCK_US),
                 (int64_t)(LIMEF_MIXER_N_MARKS + 9) * 1000000));
}
