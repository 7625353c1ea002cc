/* SPDX-License-Identifier: MIT */
/* An output that a thread of the test's pulls, as a device's callback would. */
#include "one_output.h"
#include "support/silence.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#define N_RING 4096
#define CALL 256

static struct limef_mixer mixer;
static struct limef_mixer_input input;
static float memory[16384 * 2], samples[N_RING * 2];
static struct limef_audio_callback callback;
static LIMEF_ATOMIC(bool) over;
static LIMEF_ATOMIC(int) n_heard; /* frames of sound */
static LIMEF_ATOMIC(int) rate;

static void open_mixer(void)
{
    static float sound[8192 * 2];

    for (int i = 0; i < 8192 * 2; i++)
        sound[i] = 0.25f;
    limef_log_set_sink(log_to_nobody, NULL);
    cr_assert(zero(int, limef_mixer_init(&mixer, NULL, NULL)));
    cr_assert(zero(int, limef_mixer_input_init(&input, &mixer, NULL, memory, 16384, NULL)));
    limef_mixer_connect(&mixer, &input);
    limef_mixer_input_write(&input, sound, 8192, 3000000, 1000);
}

/* Comes as often as a device of its rate would, and has more to be heard each time. */
static void *call_back(void *context)
{
    int64_t due_us = limef_now_us();
    float sound[CALL * 2];

    (void)context;
    for (int i = 0; i < CALL * 2; i++)
        sound[i] = 0.25f;
    while (!atomic_load(&over)) {
        struct timespec until = {.tv_sec = due_us / 1000000, .tv_nsec = due_us % 1000000 * 1000};
        float frames[CALL * 2];
        unsigned n = limef_audio_callback_read(&callback, frames, CALL, LIMEF_NO_TIME);

        limef_mixer_input_write(&input, sound, CALL, LIMEF_NO_TIME, 1000);
        for (unsigned i = 0; i < n; i++)
            n_heard += frames[2 * i] > 0.2f;
        due_us += CALL * 1000000 / atomic_load(&rate);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
    return NULL;
}

static struct limef_audio_output_settings settings_of(struct limef_audio_callback *of)
{
    return (struct limef_audio_output_settings){
        .kind = LIMEF_AUDIO_CALLBACK, .period_frames = 128, .callback = of};
}

TestSuite(audio_callback, .init = open_mixer, .timeout = 60);

static void play(uint32_t at_rate)
{
    struct limef_audio_callback_settings settings = {.rate = at_rate};
    struct limef_audio_output_settings with = settings_of(&callback);
    pthread_t thread;

    atomic_store(&rate, (int)at_rate);
    cr_assert(zero(int, limef_audio_callback_init(&callback, samples, N_RING, &settings)));
    cr_assert(zero(int, pthread_create(&thread, NULL, call_back, NULL)));
    cr_assert(zero(int, limef_audio_output_start(&output, NULL, &mixer, &with)));
    ASSERT_COMES(limef_mixer_input_heard_us(&input, limef_now_us()) != LIMEF_NO_TIME);
    ASSERT_COMES(atomic_load(&n_heard) > 4000);
    cr_assert(eq(str, (char *)counters().kind, "callback"));
    cr_assert(eq(uint, counters().device_rate, at_rate));
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    stop();
}

Test(audio_callback, is_given_what_is_mixed)
{
    play(48000);
}

Test(audio_callback, is_given_it_at_a_rate_of_its_own)
{
    play(44100);
}

Test(audio_callback, may_come_before_the_output_and_after_it)
{
    struct limef_audio_output_settings settings = settings_of(&callback);
    float frames[CALL * 2], silence[CALL * 2] = {0};

    cr_assert(zero(int, limef_audio_callback_init(&callback, samples, N_RING, NULL)));
    cr_assert(zero(uint, limef_audio_callback_read(&callback, frames, CALL, LIMEF_NO_TIME)));
    cr_assert(zero(int, memcmp(frames, silence, sizeof(silence))));
    for (int i = 0; i < 2; i++) {
        cr_assert(zero(int, limef_audio_output_start(&output, NULL, &mixer, &settings)));
        ASSERT_COMES(counters().n_periods > 3);
        cr_assert(zero(ulong, counters().n_underruns));
        stop();
        while (limef_audio_callback_read(&callback, frames, CALL, LIMEF_NO_TIME))
            continue;
    }
    /* the first, and what was left each time: a part of a call, and none */
    cr_assert(eq(ulong, LIMEF_COUNTED(callback.ring.n_underruns), 1 + 2 * 2));
}

Test(audio_callback, must_be_there_and_have_the_mixer_s_channels)
{
    struct limef_audio_callback_settings mono = {.n_channels = 1}, large = {.call_frames = N_RING};
    struct limef_audio_output_settings settings = settings_of(NULL);

    cr_assert(eq(int, limef_audio_output_start(&output, NULL, &mixer, &settings), AVERROR(EINVAL)));
    cr_assert(eq(int, limef_audio_callback_init(&callback, samples, 256, NULL), AVERROR(EINVAL)));
    cr_assert(
        eq(int, limef_audio_callback_init(&callback, samples, N_RING, &large), AVERROR(EINVAL)));
    cr_assert(zero(int, limef_audio_callback_init(&callback, samples, N_RING, &mono)));
    settings.callback = &callback;
    cr_assert(eq(int, limef_audio_output_start(&output, NULL, &mixer, &settings), AVERROR(EINVAL)));
    stop();
}
