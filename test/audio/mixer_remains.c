/* SPDX-License-Identifier: MIT */
/* Wherever sound breaks off: no step is larger than that of a fade of 2.5 ms. */
#include "support/chain.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limef/audio/mixer.h>

#define N_RING 1024
#define BLOCK 128
#define LASTS 120 /* frames */

static struct limef_mixer mixer;
static struct limef_mixer_input input;
static float memory[N_RING * 2], out[BLOCK * 2], last[2];

static void open_mixer(void)
{
    struct limef_mixer_input_settings settings = {.n_ahead = BLOCK};

    cr_assert(zero(int, limef_mixer_init(&mixer, NULL, NULL)));
    cr_assert(zero(int, limef_mixer_input_init(&input, &mixer, NULL, memory, N_RING, &settings)));
    cr_assert(zero(int, limef_mixer_connect(&mixer, &input)));
}

static void write_level(float left, float right, unsigned n)
{
    float samples[N_RING * 2];

    for (unsigned i = 0; i < n; i++) {
        samples[2 * i] = left;
        samples[2 * i + 1] = right;
    }
    limef_mixer_input_write(&input, samples, n, 0, 1000);
}

/* Without a step that is larger than a fade of this has. */
static void mix_smoothly(float of)
{
    limef_mixer_mix(&mixer, out, BLOCK, 0);
    for (int i = 0; i < 2 * BLOCK; i++) {
        cr_assert(lt(flt, fabsf(out[i] - last[i % 2]), of / LASTS * 1.02f), "%d: %f behind %f", i,
                  (double)out[i], (double)last[i % 2]);
        last[i % 2] = out[i];
    }
}

static void begin_to_sound(void)
{
    write_level(0.5f, -0.3f, 4 * BLOCK);
    mix_smoothly(0.5f);
    mix_smoothly(0.5f);
    cr_assert(eq(flt, out[2 * BLOCK - 2], 0.5f));
}

TestSuite(mixer_remains, .init = open_mixer, .timeout = 30);

Test(mixer_remains, flushed_sound_does_not_stop_with_a_step)
{
    begin_to_sound();
    limef_mixer_input_flush(&input);
    mix_smoothly(0.5f);
    cr_assert(eq(flt, out[2 * BLOCK - 2], 0));
}

Test(mixer_remains, flushed_sound_becomes_what_follows_at_once)
{
    begin_to_sound();
    limef_mixer_input_flush(&input);
    write_level(-0.5f, 0.3f, 4 * BLOCK);
    mix_smoothly(1);
    cr_assert(eq(flt, out[2 * BLOCK - 2], -0.5f));
    cr_assert(eq(flt, out[2 * BLOCK - 1], 0.3f));
}

Test(mixer_remains, an_underrun_begins_without_a_step_wherever_in_a_block)
{
    write_level(0.5f, -0.3f, BLOCK + 100);
    for (int i = 0; i < 3; i++)
        mix_smoothly(0.5f);
    cr_assert(eq(flt, out[2 * BLOCK - 2], 0));
    cr_assert(eq(u64, LIMEF_COUNTED(input.ring.n_underruns), 1));
}

Test(mixer_remains, an_overflow_is_no_step)
{
    begin_to_sound();
    write_level(0.2f, 0.4f, N_RING); /* all that waited goes */
    cr_assert(gt(u64, LIMEF_COUNTED(input.ring.n_dropped), 0));
    mix_smoothly(0.7f);
    cr_assert(eq(flt, out[2 * BLOCK - 2], 0.2f));
}

Test(mixer_remains, what_is_skipped_because_it_is_late_is_no_step)
{
    begin_to_sound();
    write_level(0.2f, 0.4f, N_RING / 2);
    limef_mixer_input_set_most(&input, N_RING / 2);
    mix_smoothly(0.7f);
    cr_assert(gt(u64, LIMEF_COUNTED(input.ring.n_skipped), 0));
}

Test(mixer_remains, an_input_that_leaves_and_comes_back_does_so_without_a_step)
{
    begin_to_sound();
    cr_assert(zero(int, limef_mixer_disconnect(&mixer, &input, 0)));
    mix_smoothly(0.5f);
    cr_assert(eq(flt, out[2 * BLOCK - 2], 0));
    cr_assert(zero(int, limef_mixer_connect(&mixer, &input)));
    mix_smoothly(0.5f);
    cr_assert(eq(flt, out[2 * BLOCK - 2], 0.5f));
}

Test(mixer_remains, one_break_after_the_other_is_no_step)
{
    begin_to_sound();
    for (int i = 0; i < 20; i++) {
        limef_mixer_input_flush(&input);
        write_level(i % 2 ? 0.5f : -0.5f, 0, BLOCK + 3);
        limef_mixer_mix(&mixer, out, 48, 0); /* shorter than the fade */
        for (int k = 0; k < 48; k++) {
            cr_assert(lt(flt, fabsf(out[2 * k] - last[0]), 0.04f), "%d %d", i, k);
            last[0] = out[2 * k];
        }
    }
}
