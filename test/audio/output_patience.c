/* SPDX-License-Identifier: MIT */
/* An output that has more waiting in its device than it needs: test/audio/vanishing_device.c lies
 * where a static library looks for the module of ALSA, and takes periods of 100 frames. */
#include "one_output.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>

#define PERIOD 100

static struct limef_mixer mixer;
static struct limef_mixer_input input;
static float memory[1024 * 2];
static LIMEF_ATOMIC(int64_t) * dry_us;
static LIMEF_ATOMIC(int) * n_waits;

static void write_frames(unsigned n)
{
    static const float samples[1024 * 2];

    cr_assert(zero(uint, limef_mixer_input_write(&input, samples, n, LIMEF_NO_TIME, 1000)));
}

static void play(unsigned n_frames)
{
    struct limef_mixer_input_settings settings = {.n_ahead = PERIOD};
    struct limef_audio_output_settings patient = {
        .kind = LIMEF_AUDIO_ALSA, .device = "patient", .patience_us = 10000};
    void *module = dlopen(VANISHING, RTLD_NOW);

    dry_us = module ? dlsym(module, "limef_test_dry_us") : NULL;
    n_waits = module ? dlsym(module, "limef_test_n_waits") : NULL;
    cr_assert(dry_us && n_waits);
    atomic_store(dry_us, INT64_MAX / 2);
    cr_assert(zero(int, limef_mixer_init(&mixer, NULL, NULL)));
    cr_assert(zero(int, limef_mixer_input_init(&input, &mixer, NULL, memory, 1024, &settings)));
    cr_assert(zero(int, limef_mixer_connect(&mixer, &input)));
    write_frames(n_frames);
    if (n_frames % PERIOD == 0) /* it is complete */
        limef_mixer_input_end(&input, true);
    cr_assert(zero(int, limef_audio_output_start(&output, NULL, &mixer, &patient)));
}

static uint64_t n_underruns(void)
{
    return LIMEF_COUNTED(input.ring.n_underruns);
}

/* It looks at the device and at the input some times more. */
static void stays_at(unsigned long n_periods)
{
    int n_before = atomic_load(n_waits);

    ASSERT_COMES(atomic_load(n_waits) > n_before + 3);
    cr_assert(eq(ulong, counters().n_periods, n_periods));
}

TestSuite(audio_output_patience, .fini = stop, .timeout = 60);

Test(audio_output_patience, a_period_waits_for_an_input_that_is_late_while_the_device_has_enough)
{
    play(250);
    ASSERT_COMES(counters().n_late == 1);
    stays_at(2);
    write_frames(150);
    ASSERT_COMES(counters().n_late == 2);
    stays_at(4);
    cr_assert(zero(ulong, n_underruns()));
    write_frames(50);
    atomic_store(dry_us, 0);
    ASSERT_COMES(counters().n_periods > 10);
    cr_assert(eq(ulong, n_underruns(), 1));
    cr_assert(eq(ulong, counters().n_late, 2));
}

Test(audio_output_patience, nothing_waits_for_an_input_that_has_ended)
{
    play(300);
    ASSERT_COMES(counters().n_periods > 10);
    cr_assert(zero(ulong, counters().n_late));
    cr_assert(zero(ulong, n_underruns()));
}

Test(audio_output_patience, nothing_waits_for_an_input_that_leaves)
{
    play(250);
    ASSERT_COMES(counters().n_late == 1);
    cr_assert(zero(int, limef_mixer_disconnect(&mixer, &input, TOO_LONG_US)));
    ASSERT_COMES(counters().n_periods > 10);
    cr_assert(eq(ulong, counters().n_late, 1));
}

Test(audio_output_patience, nothing_waits_for_an_input_that_was_flushed)
{
    play(250);
    ASSERT_COMES(counters().n_late == 1);
    limef_mixer_input_flush(&input);
    ASSERT_COMES(counters().n_periods > 10);
    cr_assert(eq(ulong, counters().n_late, 1));
    cr_assert(zero(ulong, n_underruns()));
}
