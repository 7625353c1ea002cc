/* SPDX-License-Identifier: MIT */
/* A device that vanishes and comes back: test/audio/vanishing_device.c lies where a static library
 * looks for the module of ALSA. */
#include "one_output.h"
#include "support/failing.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>
#include <string.h>

static struct limef_mixer mixer;
static LIMEF_ATOMIC(int) n_lines;

static void count_lines(void *context, enum limef_log_level level, const char *name,
                        const char *line)
{
    (void)context;
    (void)name;
    (void)line;
    if (level <= LIMEF_LOG_WARNING)
        atomic_fetch_add(&n_lines, 1);
}

Test(audio_output_lost, goes_on_without_sound_and_tries_it_again, .timeout = 60)
{
    struct limef_audio_output_settings settings = {.kind = LIMEF_AUDIO_ALSA, .reopen_us = 100000};
    uint64_t n_mixed;

    limef_log_set_sink(count_lines, NULL);
    cr_assert(zero(int, limef_mixer_init(&mixer, NULL, NULL)));
    cr_assert(zero(int, limef_audio_output_start(&output, NULL, &mixer, &settings)));
    cr_assert(eq(uint, counters().period_frames, 100));
    ASSERT_COMES(counters().n_lost == 1);
    n_mixed = LIMEF_COUNTED(mixer.n_frames);
    ASSERT_COMES(LIMEF_COUNTED(mixer.n_frames) > n_mixed + 2000 || counters().n_reopened);
    ASSERT_COMES(counters().n_reopened == 1);
    ASSERT_COMES(counters().n_periods > 100);
    cr_assert(eq(str, (char *)counters().kind, "vanishing"));
    cr_assert(eq(ulong, counters().n_lost, 1));
    stop();
    /* that it was lost, that it is back, and perhaps that real time is not permitted */
    cr_assert(ge(int, atomic_load(&n_lines), 2));
    cr_assert(le(int, atomic_load(&n_lines), 3));
}

Test(audio_output_lost, goes_on_while_a_device_that_takes_nothing_hangs, .timeout = 60)
{
    struct limef_audio_output_settings settings = {
        .kind = LIMEF_AUDIO_ALSA, .device = "stuck", .reopen_us = 1000};
    void *module = dlopen(VANISHING, RTLD_NOW);
    LIMEF_ATOMIC(int) *lets_open = module ? dlsym(module, "limef_test_lets_open") : NULL;
    uint64_t n_periods;

    cr_assert(lets_open != NULL);
    cr_assert(zero(int, limef_mixer_init(&mixer, NULL, NULL)));
    cr_assert(zero(int, limef_audio_output_start(&output, NULL, &mixer, &settings)));
    ASSERT_COMES(counters().n_lost == 1);
    n_periods = counters().n_periods;
    ASSERT_COMES(counters().n_periods > n_periods + 50);
    cr_assert(eq(str, (char *)counters().kind, "null"));
    cr_assert(eq(int, limef_audio_output_stop(&output, 1000), AVERROR(ETIMEDOUT)));
    atomic_store(lets_open, 1);
    stop();
}

Test(audio_output_lost, goes_on_while_a_call_of_the_device_does_not_return, .timeout = 60)
{
    struct limef_audio_output_settings settings = {
        .kind = LIMEF_AUDIO_ALSA, .device = "hanging", .reopen_us = 1000};
    void *module = dlopen(VANISHING, RTLD_NOW);
    LIMEF_ATOMIC(int) *lets_go = module ? dlsym(module, "limef_test_lets_open") : NULL;
    uint64_t n_mixed;

    cr_assert(lets_go != NULL);
    limef_log_set_sink(count_lines, NULL);
    cr_assert(zero(int, limef_mixer_init(&mixer, NULL, NULL)));
    cr_assert(zero(int, limef_audio_output_start(&output, NULL, &mixer, &settings)));
    ASSERT_COMES(!strcmp(counters().kind, "null"));
    n_mixed = LIMEF_COUNTED(mixer.n_frames);
    ASSERT_COMES(LIMEF_COUNTED(mixer.n_frames) > n_mixed + 5000);
    cr_assert(eq(uint, counters().period_frames, 240)); /* not the device's */
    ASSERT_COMES(counters().delay_us < 50000);
    cr_assert(zero(ulong, counters().n_lost));
    cr_assert(eq(int, limef_audio_output_stop(&output, 1000), AVERROR(ETIMEDOUT)));
    atomic_store(lets_go, 1);
    stop();
}

Test(audio_output_lost, is_itself_again_when_a_call_of_the_device_returns, .timeout = 60)
{
    struct limef_audio_output_settings settings = {
        .kind = LIMEF_AUDIO_ALSA, .device = "hanging", .reopen_us = 1000};
    void *module = dlopen(VANISHING, RTLD_NOW);
    LIMEF_ATOMIC(int) *lets_go = module ? dlsym(module, "limef_test_lets_open") : NULL;

    cr_assert(lets_go != NULL);
    limef_log_set_sink(count_lines, NULL);
    cr_assert(zero(int, limef_mixer_init(&mixer, NULL, NULL)));
    cr_assert(zero(int, limef_audio_output_start(&output, NULL, &mixer, &settings)));
    ASSERT_COMES(!strcmp(counters().kind, "null"));
    atomic_store(lets_go, 1);
    ASSERT_COMES(counters().n_reopened == 1);
    cr_assert(eq(ulong, counters().n_lost, 1));
    cr_assert(eq(str, (char *)counters().kind, "vanishing"));
    stop();
}

Test(audio_output_lost, gives_everything_back_where_there_is_no_memory, .timeout = 60)
{
    struct limef_audio_output_settings settings = {.kind = LIMEF_AUDIO_ALSA, .device = "restless"};
    bool failed = true;

    limef_log_set_sink(count_lines, NULL);
    cr_assert(zero(int, limef_mixer_init(&mixer, NULL, NULL)));
    for (unsigned n = 1; failed; n++) {
        int ret;

        cr_assert(lt(uint, n, 20));
        failing_install(n);
        ret = limef_audio_output_start(&output, NULL, &mixer, &settings);
        failed = failing_failed();
        cr_assert(eq(int, ret < 0, failed));
        cr_assert(not(failed && LIMEF_COUNTED(mixer.running)));
        stop();
        cr_assert(zero(int, failing_n_out()));
        failing_remove();
    }
}
