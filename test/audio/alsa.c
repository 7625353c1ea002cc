/* SPDX-License-Identifier: MIT */
/* Through alsa-lib to a card that test/audio/clocked_pcm.c plays. */
#include "clocked_pcm.h"
#include "one_output.h"

#include <alsa/asoundlib.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define PERIOD 480
#define HZ 1000

static struct limef_mixer mixer;
static struct limef_mixer_input input;
static float memory[32768 * 2];
static struct limef_test_card *card;
static void *plugin;
static LIMEF_ATOMIC(unsigned) n_asked, n_not_ready; /* of snd_pcm_resume() */
static char configuration[] = "/tmp/limef-asound-XXXXXX";
static LIMEF_ATOMIC(int) n_errors;

static void count_errors(void *context, enum limef_log_level level, const char *name,
                         const char *line)
{
    (void)context;
    (void)name;
    (void)line;
    if (level <= LIMEF_LOG_ERROR)
        atomic_fetch_add(&n_errors, 1);
}

static void configure(void)
{
    FILE *file = fdopen(mkstemp(configuration), "w");

    cr_assert(file != NULL);
    fprintf(file,
            "pcm_type.limef_clocked.lib \"%s\"\n"
            "pcm.card { type limef_clocked }\n"
            "pcm.other { type limef_clocked rate 44100 }\n"
            "pcm.fast { type limef_clocked rate 96000 format S32_LE }\n"
            "pcm.usb { type limef_clocked rate 44100 format S24_3LE }\n"
            "pcm.padded { type limef_clocked format S24_LE }\n"
            "pcm.old { type limef_clocked format U8 channels 1 }\n"
            "pcm.studio { type limef_clocked format S32_LE channels 10 }\n"
            "pcm.planes { type limef_clocked format S32_LE channels 10 access RW_NONINTERLEAVED }\n"
            "pcm.shared { type limef_clocked access MMAP_INTERLEAVED }\n"
            "pcm.shared_planes { type limef_clocked format S24_3LE access MMAP_NONINTERLEAVED }\n"
            "pcm.narrow_planes { type limef_clocked takes_most 100 access RW_NONINTERLEAVED }\n"
            "pcm.strange { type limef_clocked format MU_LAW }\n"
            "pcm.asleep { type limef_clocked suspended_after_ms 100 }\n"
            "pcm.loose { type limef_clocked unplugged_after_ms 100 }\n"
            "pcm.narrow { type limef_clocked takes_most 100 }\n"
            "pcm.late { type limef_clocked absent_for 3 }\n",
            CLOCKED_PCM);
    fclose(file);
    setenv("ALSA_CONFIG_PATH", configuration, 1);
}

static void open_mixer(void)
{
    static float samples[16384 * 2];

    plugin = dlopen(CLOCKED_PCM, RTLD_NOW);
    limef_log_set_sink(count_errors, NULL);
    configure();
    card = plugin ? dlsym(plugin, "limef_test_card") : NULL;
    cr_assert(card != NULL);
    for (int i = 0; i < 16384 * 2; i++)
        samples[i] = 0.25f;
    cr_assert(zero(int, limef_mixer_init(&mixer, NULL, NULL)));
    cr_assert(zero(int, limef_mixer_input_init(&input, &mixer, NULL, memory, 32768, NULL)));
    limef_mixer_connect(&mixer, &input);
    limef_mixer_input_write(&input, samples, 16384, 0, 1000);
}

static void close_mixer(void)
{
    stop();
    unlink(configuration);
}

static int play_on(const char *device, enum limef_audio_output_kind kind)
{
    struct limef_audio_output_settings settings = {
        .kind = kind, .device = device, .period_frames = PERIOD, .reopen_us = 50000};

    return limef_audio_output_start(&output, NULL, &mixer, &settings);
}

TestSuite(audio_alsa, .init = open_mixer, .fini = close_mixer, .timeout = 60);

Test(audio_alsa, plays_what_a_card_takes_which_has_no_floats)
{
    cr_assert(zero(int, play_on("card", LIMEF_AUDIO_ALSA)));
    ASSERT_COMES(atomic_load(&card->n_frames) > 20 * PERIOD);
    cr_assert(eq(str, (char *)counters().kind, "alsa"));
    cr_assert(eq(uint, counters().period_frames, PERIOD));
    cr_assert(eq(int, atomic_load(&card->loudest), 8192)); /* a quarter of 32767 */
    cr_assert(zero(ulong, counters().n_lost));
}

Test(audio_alsa, keeps_a_period_and_a_half_in_a_card_as_long_as_it_does_not_run_dry)
{
    unsigned n_dry, most;

    cr_assert(zero(int, play_on("card", LIMEF_AUDIO_ALSA)));
    ASSERT_COMES(atomic_load(&card->n_frames) > 20 * PERIOD);
    n_dry = atomic_load(&card->n_dry);
    most = atomic_load(&card->most_waiting);
    /* each time half a period more, up to three in all */
    cr_assert(le(uint, most, PERIOD * (3 + (n_dry < 3 ? n_dry : 3)) / 2));
}

Test(audio_alsa, gives_a_card_the_rest_of_a_period_that_it_takes_only_a_part_of)
{
    unsigned long n_periods;

    cr_assert(zero(int, play_on("narrow", LIMEF_AUDIO_ALSA)));
    ASSERT_COMES(counters().n_periods > 20);
    n_periods = counters().n_periods;
    /* but for the one that is counted already, and the one that is on its way */
    cr_assert(ge(ulong, atomic_load(&card->n_frames), (n_periods - 2) * PERIOD));
    cr_assert(zero(ulong, counters().n_lost));
}

Test(audio_alsa, takes_a_card_that_comes_later_where_none_is_needed)
{
    cr_assert(zero(int, play_on("late", LIMEF_AUDIO_AUTO)));
    cr_assert(eq(str, (char *)counters().kind, "null"));
    ASSERT_COMES(counters().n_reopened == 1);
    ASSERT_COMES(atomic_load(&card->n_frames) > 5 * PERIOD);
    cr_assert(eq(str, (char *)counters().kind, "alsa"));
    cr_assert(eq(uint, atomic_load(&card->n_opened), 4));
    cr_assert(zero(ulong, counters().n_lost));
}

typedef void error_handler_fn(const char *, int, const char *, int, const char *, ...);

static void handle_error(const char *file, int line, const char *function, int error,
                         const char *format, ...)
{
    (void)file;
    (void)line;
    (void)function;
    (void)error;
    (void)format;
}

Test(audio_alsa, leaves_the_application_s_handler_of_errors_alone)
{
    error_handler_fn **handler = plugin ? dlsym(plugin, "snd_lib_error") : NULL, *before;

    cr_assert(handler != NULL);
    before = *handler;
    *handler = handle_error;
    cr_assert(lt(int, play_on("there_is_none", LIMEF_AUDIO_ALSA), 0));
    cr_assert(zero(int, play_on("card", LIMEF_AUDIO_ALSA)));
    ASSERT_COMES(counters().n_periods > 2);
    cr_assert(eq(ptr, (void *)*handler, (void *)handle_error));
    *handler = before;
}

/* Behind what open_mixer() wrote. */
static void write_tone(void)
{
    static float samples[16384 * 2];

    for (int i = 0; i < 16384 * 2; i++)
        samples[i] = 0.5f * sinf((float)(2 * M_PI * HZ / 48000) * (float)(i / 2));
    limef_mixer_input_write(&input, samples, 16384, 341333, 1000);
}

/* A tone has its pitch, and as much is played as is mixed, whatever the card's rate is. */
static void expect_in_tune(const char *device, unsigned rate)
{
    double per_frame = rate / 48000.0, n_before, n_after, frames_each;
    unsigned n_played;

    write_tone();
    cr_assert(zero(int, play_on(device, LIMEF_AUDIO_ALSA)));
    cr_assert(eq(uint, counters().device_rate, rate));
    ASSERT_COMES(atomic_load(&card->n_rises) >= 300);
    n_before = (double)(counters().n_periods * counters().period_frames);
    n_played = atomic_load(&card->n_frames);
    n_after = (double)(counters().n_periods * counters().period_frames);
    frames_each = (double)(atomic_load(&card->last_rise) - atomic_load(&card->first_rise)) /
                  (atomic_load(&card->n_rises) - 1);
    cr_assert(le(dbl, fabs(frames_each - (double)rate / HZ), (double)rate / HZ * 0.005),
              "%f frames", frames_each);
    /* but for what is on its way */
    cr_assert(ge(dbl, n_played, (n_before - 2 * PERIOD) * per_frame));
    cr_assert(le(dbl, n_played, (n_after + 1) * per_frame));
    cr_assert(le(int, abs(atomic_load(&card->loudest) - 16384), 200)); /* half of 32767 */
    cr_assert(gt(i64, counters().delay_us, 0));
    cr_assert(zero(ulong, counters().n_lost));
}

Test(audio_alsa, resamples_for_a_card_of_another_rate)
{
    expect_in_tune("other", 44100);
}

Test(audio_alsa, resamples_for_a_card_of_twice_the_rate)
{
    expect_in_tune("fast", 96000);
}

Test(audio_alsa, plays_on_a_card_of_24_bits_in_three_bytes_and_of_another_rate)
{
    expect_in_tune("usb", 44100);
}

Test(audio_alsa, plays_on_a_card_of_24_bits_in_four_bytes)
{
    expect_in_tune("padded", 48000);
}

Test(audio_alsa, plays_the_mean_of_two_channels_on_a_card_of_one)
{
    cr_assert(zero(int, play_on("old", LIMEF_AUDIO_ALSA)));
    ASSERT_COMES(atomic_load(&card->n_frames) > 20 * PERIOD);
    cr_assert(eq(int, atomic_load(&card->loudest), 8192)); /* a quarter, 32 of 127 */
}

Test(audio_alsa, plays_on_the_first_two_channels_of_a_card_of_many)
{
    cr_assert(zero(int, play_on("studio", LIMEF_AUDIO_ALSA)));
    ASSERT_COMES(atomic_load(&card->n_frames) > 20 * PERIOD);
    cr_assert(eq(int, atomic_load(&card->loudest), 8192));
    cr_assert(zero(int, atomic_load(&card->loudest_of_others)));
}

Test(audio_alsa, plays_on_a_card_that_takes_each_channel_by_itself)
{
    expect_in_tune("planes", 48000);
    cr_assert(zero(int, atomic_load(&card->loudest_of_others)));
}

Test(audio_alsa, plays_on_a_card_that_takes_a_part_of_a_period_and_each_channel_by_itself)
{
    expect_in_tune("narrow_planes", 48000);
}

Test(audio_alsa, plays_on_a_card_that_is_written_to_in_shared_memory_alone)
{
    expect_in_tune("shared", 48000);
}

Test(audio_alsa, plays_on_a_card_that_has_each_channel_by_itself_in_shared_memory)
{
    expect_in_tune("shared_planes", 48000);
}

Test(audio_alsa, says_that_a_card_takes_no_samples_that_it_knows_and_plays_to_nobody)
{
    cr_assert(lt(int, play_on("strange", LIMEF_AUDIO_ALSA), 0));
    cr_assert(eq(int, atomic_load(&n_errors), 1));
    cr_assert(zero(int, play_on("strange", LIMEF_AUDIO_AUTO)));
    cr_assert(eq(str, (char *)counters().kind, "null"));
    ASSERT_COMES(counters().n_periods > 5);
}

/* In the place of alsa-lib's: a kernel's card that is not ready yet. */
LIMEF_API int snd_pcm_resume(snd_pcm_t *pcm)
{
    int (*next)(snd_pcm_t * pcm);

    if (atomic_fetch_add(&n_asked, 1) < atomic_load(&n_not_ready))
        return -EAGAIN;
    *(void **)&next = dlsym(plugin, "snd_pcm_resume"); /* alsa-lib comes with it */
    return next(pcm);
}

Test(audio_alsa, goes_on_with_a_card_that_was_suspended_as_soon_as_it_can)
{
    unsigned n;

    atomic_store(&n_not_ready, 3);
    cr_assert(zero(int, play_on("asleep", LIMEF_AUDIO_ALSA)));
    ASSERT_COMES(atomic_load(&n_asked) == 3 + 3);
    n = atomic_load(&card->n_frames);
    ASSERT_COMES(atomic_load(&card->n_frames) > n + 5 * PERIOD);
    cr_assert(eq(uint, atomic_load(&card->n_resumed), 3));
    cr_assert(eq(uint, atomic_load(&card->n_opened), 1));
    cr_assert(zero(ulong, counters().n_lost));
    cr_assert(ge(ulong, counters().n_underruns, 1));
}

Test(audio_alsa, does_not_sleep_with_a_card_that_stays_suspended)
{
    atomic_store(&n_not_ready, UINT_MAX);
    cr_assert(zero(int, play_on("asleep", LIMEF_AUDIO_ALSA)));
    ASSERT_COMES(counters().n_lost == 1);
    ASSERT_COMES(counters().n_reopened == 1); /* it is awake when it is opened anew */
}

Test(audio_alsa, goes_on_in_time_when_a_card_is_unplugged_and_takes_it_again)
{
    cr_assert(zero(int, play_on("loose", LIMEF_AUDIO_ALSA)));
    ASSERT_COMES(counters().n_lost == 1);
    ASSERT_COMES(counters().n_reopened == 1);
    ASSERT_COMES(atomic_load(&card->n_opened) == 2);
    cr_assert(eq(str, (char *)counters().kind, "alsa"));
    cr_assert(eq(ulong, counters().n_lost, 1));
}
