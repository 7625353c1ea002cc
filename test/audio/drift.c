/* SPDX-License-Identifier: MIT */
/* In simulated time: a source whose clock is wrong, a resampler that follows, a mixer. */
#include "support/chain.h"
#include "support/sound.h"

#include <limef/audio/drift.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#define HZ 1000
#define RATE 48000
#define BLOCK 960 /* 20 ms */
#define PERIOD 128
#define N_AHEAD 1920

TestSuite(drift, .timeout = 300);

/* The buffer as an integrator: where it settles, and how far it strays. */
static void settle(double source_ppm, double jitter_us, double *fill_us, double *strayed_us,
                   double *ppm)
{
    struct limef_drift drift = {0};
    double speed = 0;

    srand(3);
    *fill_us = 40000;
    *strayed_us = 0;
    for (int64_t us = 0; us < 900 * 1000000LL; us += 20000) {
        double seen = *fill_us - jitter_us * (double)rand() / RAND_MAX; /* blocks come late */

        speed = limef_drift_update(&drift, (int64_t)seen, 40000, us);
        *fill_us += (source_ppm + speed) * 0.02;
        *strayed_us = fmax(*strayed_us, fabs(*fill_us - 40000));
    }
    *ppm = speed;
}

Test(drift, settles_where_it_should_and_does_not_stray)
{
    double fill_us, strayed_us, ppm;

    for (double source = -500; source <= 500; source += 250) {
        settle(source, 0, &fill_us, &strayed_us, &ppm);
        cr_assert(lt(dbl, fabs(fill_us - 40000), 50));
        cr_assert(lt(dbl, strayed_us, 5000));
        cr_assert(lt(dbl, fabs(ppm + source), 2));
    }
}

Test(drift, stays_calm_when_blocks_come_unevenly)
{
    double fill_us, strayed_us, ppm;

    settle(300, 4000, &fill_us, &strayed_us, &ppm);
    cr_assert(lt(dbl, fabs(fill_us - 40000), 1500));
    cr_assert(lt(dbl, fabs(ppm + 300), 150));
}

Test(drift, never_asks_for_more_than_can_be_heard)
{
    struct limef_drift drift = {0};

    for (int64_t us = 0; us < 100000000; us += 20000)
        cr_assert(le(int, abs(limef_drift_update(&drift, 1000000, 0, us)), 1500));
    /* and forgets it after a gap */
    cr_assert(ge(int, limef_drift_update(&drift, 0, 0, 200000000), -1500));
}

/* Blocks of 10 ms from a source that now and then sends none for up to stall_us, and then all at
 * once; below 0 there is silence until 40 ms are there. The speed after 90 s, and how often that
 * was. */
static double speed_after_stalls(double source_ppm, double stall_us, unsigned *n_underruns)
{
    struct limef_drift drift = {0};
    double fill_us = 0, last_us = 0, until_us = 0, stalls_us = 3e6, speed = 0, sum = 0;
    bool sounds = false;
    int n = 0;

    srand(5);
    *n_underruns = 0;
    for (int64_t i = 0; i < 9000; i++) {
        double us = (double)i * 10000 / (1 + source_ppm * 1e-6);

        if (us >= stalls_us) {
            until_us = us + stall_us * (0.3 + 0.7 * rand() / RAND_MAX);
            stalls_us += 3e6 + 3e6 * rand() / RAND_MAX;
        }
        us = fmax(us, until_us);
        if (sounds && (fill_us -= us - last_us) < 0) {
            fill_us = 0;
            sounds = false;
            ++*n_underruns;
            limef_drift_restart(&drift);
        }
        last_us = us;
        fill_us += 10000 * (1 + speed * 1e-6);
        sounds |= fill_us >= 40000;
        if (sounds)
            speed = limef_drift_update(&drift, (int64_t)fill_us, 50000, (int64_t)us);
        sum += i >= 7000 ? speed : 0;
        n += i >= 7000;
    }
    return sum / n;
}

Test(drift, is_not_misled_by_a_source_that_stalls)
{
    static const double stalls_us[] = {30000, 60000, 200000};

    for (double source = -500; source <= 500; source += 1000)
        for (int i = 0; i < 3; i++) {
            unsigned n_underruns;
            double ppm = speed_after_stalls(source, stalls_us[i], &n_underruns);

            cr_assert(i < 2 || n_underruns > 0);
            cr_assert(lt(dbl, fabs(ppm + source), 100));
        }
}

/* Ten minutes of a source that is ppm too fast: how much was lost, and how rough it was. */
static void play(int ppm, unsigned *n_lost, uint64_t *n_underruns, double *roughness)
{
    static struct limef_mixer mixer;
    static struct limef_mixer_input input;
    static float memory[16384 * 2], out[PERIOD * 2];
    struct limef_resample_settings settings = {.follows = true};
    struct limef_mixer_input_settings ahead = {.n_ahead = N_AHEAD};
    static struct limef_resample_filter resample;
    static struct sound_keeper keeper;
    static float block_kept[4096];
    struct limef_sample_ring_counters counters;
    struct limef_drift drift = {0};
    struct sound_block block;
    double sent_us = 0;
    float window[PERIOD + 2] = {0}; /* with the last two of before */
    uint64_t n_blocks = 0;

    *roughness = 0;
    mixer = (struct limef_mixer){0};
    input = (struct limef_mixer_input){0};
    cr_assert(zero(int, limef_mixer_init(&mixer, NULL, NULL)));
    cr_assert(zero(int, limef_mixer_input_init(&input, &mixer, NULL, memory, 16384, &ahead)));
    limef_mixer_connect(&mixer, &input);
    cr_assert(zero(int, limef_resample_filter_init(&resample, NULL, &settings)));
    sound_keeper_init(&keeper, block_kept, 4096);
    limef_connect(&resample.filter, &keeper.filter);
    sound_block_make(&block, RATE, 1, BLOCK, AV_SAMPLE_FMT_FLT);
    *n_lost = 0;
    for (uint64_t n = 0; n < 600ULL * RATE; n += PERIOD) {
        double now_us = (double)n * 1e6 / RATE;

        while (sent_us <= now_us) {
            float stereo[4096 * 2];

            sound_block_tone(&block, HZ, (int64_t)(n_blocks * BLOCK % RATE));
            keeper.n = 0;
            cr_assert(zero(int, limef_go(&resample.filter, &block.frame.frame)));
            for (size_t i = 0; i < keeper.n; i++)
                stereo[2 * i] = stereo[2 * i + 1] = block_kept[i];
            *n_lost +=
                limef_mixer_input_write(&input, stereo, (unsigned)keeper.n, LIMEF_NO_TIME, 1000);
            if (input.state == LIMEF_INPUT_SOUNDING)
                limef_resample_set_ppm(
                    &resample, limef_drift_update(
                                   &drift, limef_sample_ring_fill(&input.ring) * 1000000LL / RATE,
                                   (N_AHEAD + BLOCK) * 1000000LL / RATE, (int64_t)now_us));
            n_blocks++;
            sent_us = (double)n_blocks * BLOCK * 1e6 / RATE / (1 + ppm * 1e-6);
        }
        limef_mixer_mix(&mixer, out, PERIOD, (int64_t)now_us);
        memmove(window, window + PERIOD, 2 * sizeof(*window));
        for (int i = 0; i < PERIOD; i++)
            window[i + 2] = out[2 * i];
        if (n > RATE)
            *roughness = fmax(*roughness, sound_roughness(window, PERIOD + 2, HZ, RATE));
    }
    limef_sample_ring_get_counters(&input.ring, &counters);
    *n_underruns = counters.n_underruns;
    sound_block_free(&block);
    limef_filter_clear(&resample.filter);
}

Test(drift, a_source_500_ppm_off_plays_for_ten_minutes_without_a_gap_or_a_jump)
{
    for (int ppm = -500; ppm <= 500; ppm += 1000) {
        uint64_t n_underruns;
        unsigned n_lost;
        double roughness;

        play(ppm, &n_lost, &n_underruns, &roughness);
        cr_assert(zero(uint, n_lost));
        cr_assert(zero(ulong, n_underruns));
        cr_assert(lt(dbl, roughness, 2e-3));
    }
}
