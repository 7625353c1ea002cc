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
#define LAST (N_STREAMS - 1)
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

static bool has_place(uint32_t slot)
{
    return LIMEF_COUNTED(sound.inputs[slot].connected);
}

/* As its sink has it when sound came of a stream that has no place. */
static void want_place(uint32_t slot)
{
    give_sound(slot);
    atomic_store_explicit(&sound.slots[slot].wants_place, true, memory_order_relaxed);
}

/* And what follows when the mixer has given it one. */
static void look(void)
{
    float out[BLOCK * 2];

    play_sound_tell(&sound);
    limef_mixer_mix(&sound.mixer, out, BLOCK, 0);
    for (uint32_t i = 0; i < N_STREAMS; i++)
        if (has_place(i))
            atomic_store_explicit(&sound.slots[i].wants_place, false, memory_order_relaxed);
}

Test(sound, gives_a_place_in_the_mixer_to_whichever_stream_gives_sound)
{
    cr_assert(has_place(0) && !has_place(LAST));
    want_place(LAST);
    look();
    cr_assert(has_place(LAST));
    expect_side_by_side(1);
    give_sound(0);
    expect_side_by_side(2);
    cr_assert(zero(uint, warnings.n));
}

Test(sound, gives_the_place_of_a_stream_that_has_ended_to_another_one)
{
    for (uint32_t i = 0; i < LIMEF_MIXER_MAX_INPUTS; i++)
        give_sound(i);
    look();
    want_place(LAST);
    look();
    cr_assert(not(has_place(LAST)));
    limef_mixer_input_end(sound.slots[7].input, true);
    look();
    look();
    cr_assert(has_place(LAST) && !has_place(7));
}

Test(sound, gives_the_place_of_a_stream_that_is_gone_without_an_end_to_another_one)
{
    for (uint32_t i = 0; i < LIMEF_MIXER_MAX_INPUTS; i++)
        give_sound(i);
    look();
    for (int n_mixed = 0; n_mixed < 2 * 48000; n_mixed += BLOCK) { /* 7 is gone */
        for (uint32_t i = 0; i < LIMEF_MIXER_MAX_INPUTS; i++)
            LIMEF_COUNT(sound.slots[i].n_blocks, i != 7);
        look();
    }
    expect_side_by_side(LIMEF_MIXER_MAX_INPUTS - 1);
    want_place(LAST);
    look();
    cr_assert(has_place(LAST) && !has_place(7));
}

Test(sound, gives_a_place_to_the_stream_that_is_alone_and_takes_it_back)
{
    for (uint32_t i = 0; i < LIMEF_MIXER_MAX_INPUTS; i++)
        give_sound(i);
    play_sound_solo(&sound, LAST); /* before it has given anything */
    look();
    cr_assert(has_place(LAST));
    want_place(LIMEF_MIXER_MAX_INPUTS - 1);
    look();
    cr_assert(has_place(LAST));
    play_sound_solo(&sound, UINT32_MAX);
    look();
    cr_assert(has_place(LIMEF_MIXER_MAX_INPUTS - 1) && !has_place(LAST));
}

Test(sound, lets_nobody_be_heard_beside_the_one_that_is_alone_who_gets_a_place_meanwhile)
{
    const uint32_t late = LIMEF_MIXER_MAX_INPUTS - 1;

    for (uint32_t i = 0; i < late; i++)
        give_sound(i);
    play_sound_solo(&sound, LAST); /* in the place of the late one */
    look();
    cr_assert(not(has_place(late)));
    limef_mixer_input_end(sound.slots[7].input, true);
    look();
    want_place(late);
    look();
    cr_assert(has_place(late) && sound.inputs[late].muted);
    play_sound_solo(&sound, UINT32_MAX);
    look();
    cr_assert(has_place(late) && !sound.inputs[late].muted);
}

Test(sound, gives_places_as_before_when_a_device_that_hung_goes_on)
{
    unsigned n = 0;

    limef_mixer_set_running(&sound.mixer, true); /* and nobody mixes */
    want_place(LAST - 1);
    want_place(LAST);
    for (int i = 0; i < 3; i++)
        play_sound_tell(&sound);
    cr_assert(not(has_place(LAST - 1) || has_place(LAST)));
    for (int i = 0; i < 3; i++)
        look();
    cr_assert(has_place(LAST - 1) && has_place(LAST));
    for (uint32_t i = 0; i < N_STREAMS; i++)
        n += has_place(i);
    cr_assert(eq(uint, n, LIMEF_MIXER_MAX_INPUTS));
    cr_assert(eq(uint, sound.mixer.n_connected, n));
}

Test(sound, says_once_how_many_streams_the_mixer_has_no_room_for)
{
    for (uint32_t i = 0; i < LIMEF_MIXER_MAX_INPUTS; i++)
        give_sound(i);
    for (int i = 0; i < 3; i++) {
        want_place(LAST - 1);
        want_place(LAST);
        look();
    }
    cr_assert(eq(uint, warnings.n, 1));
    cr_assert(not(zero(ptr, strstr(warnings.line, "2 of 66 streams are silent"))), "%s",
              warnings.line);
}

Test(sound, makes_no_stream_quieter_for_one_that_is_silent)
{
    give_sound(0);
    expect_side_by_side(1);
    give_sound(1);
    expect_side_by_side(2);
    give_sound(LAST); /* it has no place */
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
