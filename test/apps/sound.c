/* SPDX-License-Identifier: MIT */
/* Which streams of a player are heard side by side, and what becomes of those too many. */
#include "sound.h"

#include "support/kept_log.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define N_STREAMS (LIMEF_MIXER_MAX_INPUTS + 2)
#define BLOCK 128

static struct play_sound sound;
static struct limef_reports reports;
static struct kept_log warnings = {.level = LIMEF_LOG_WARNING};

static void open_sound(void)
{
    static const struct play_options options = {.ao = "null"};

    limef_log_set_sink(keep_log, &warnings);
    cr_assert(zero(int, play_sound_init(&sound, &options, N_STREAMS, &reports)));
}

static void close_sound(void)
{
    play_sound_clear(&sound);
}

TestSuite(sound, .init = open_sound, .fini = close_sound, .timeout = 60);

/* As its sink has it when sound came. */
static void give_sound(uint32_t slot)
{
    atomic_store_explicit(&sound.slots[slot].n_blocks, 1, memory_order_relaxed);
}

static void expect_side_by_side(int n)
{
    float out[BLOCK * 2];

    play_sound_tell(&sound);
    limef_mixer_mix(&sound.mixer, out, BLOCK, 0); /* it obeys first */
    cr_assert(epsilon_eq(flt, sound.mixer.gain, 1 / sqrtf((float)n), 1e-6f));
}

Test(sound, says_once_how_many_streams_the_mixer_has_no_room_for)
{
    cr_assert(eq(uint, warnings.n, 1));
    cr_assert(not(zero(ptr, strstr(warnings.line, "2 of 66 streams are silent"))), "%s",
              warnings.line);
    cr_assert(not(zero(ptr, sound.slots[LIMEF_MIXER_MAX_INPUTS - 1].input)));
    cr_assert(zero(ptr, sound.slots[LIMEF_MIXER_MAX_INPUTS].input));
}

Test(sound, makes_no_stream_quieter_for_one_that_is_silent)
{
    give_sound(0);
    expect_side_by_side(1);
    give_sound(1);
    expect_side_by_side(2);
    give_sound(LIMEF_MIXER_MAX_INPUTS);
    expect_side_by_side(2);
}

Test(sound, is_as_loud_as_before_when_a_stream_beside_has_ended)
{
    give_sound(0);
    give_sound(1);
    expect_side_by_side(2);
    limef_mixer_input_end(sound.slots[1].input, true);
    expect_side_by_side(2); /* what was written is still to be heard as far as anyone knows */
    expect_side_by_side(1);
    limef_mixer_input_end(sound.slots[1].input, false); /* it goes on */
    expect_side_by_side(1);
    expect_side_by_side(2);
}
