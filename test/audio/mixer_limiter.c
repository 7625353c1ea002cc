/* SPDX-License-Identifier: MIT */
/* What the sum's limiter leaves alone, and how it takes down what is too loud. */
#include "support/chain.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <string.h>

#define RATE 48000
#define N_RING 4096
#define MAX_BLOCK 1024
#define WINDOW (RATE / 100)
#define LEAD 5000

static const unsigned blocks[] = {64, 1024};
static struct limef_mixer mixer;
static struct limef_mixer_input inputs[2];
static float memory[2][N_RING * 2], out[2 * RATE * 2];

static void open_mixer(unsigned block)
{
    struct limef_mixer_input_settings settings = {.n_ahead = block};

    memset(&mixer, 0, sizeof(mixer));
    memset(inputs, 0, sizeof(inputs));
    cr_assert(zero(int, limef_mixer_init(&mixer, NULL, NULL)));
    for (int i = 0; i < 2; i++) {
        cr_assert(zero(
            int, limef_mixer_input_init(&inputs[i], &mixer, NULL, memory[i], N_RING, &settings)));
        cr_assert(zero(int, limef_mixer_connect(&mixer, &inputs[i])));
    }
}

static float sine(float amplitude, unsigned hz, unsigned frame)
{
    return amplitude * (float)sin(2 * M_PI * hz * (frame % RATE) / RATE);
}

struct tone {
    float left, right; /* amplitudes */
    unsigned hz;
};

static void write_tone(struct limef_mixer_input *input, struct tone tone, unsigned from, unsigned n)
{
    float samples[MAX_BLOCK * 2];

    for (unsigned i = 0; i < n; i++) {
        samples[2 * i] = sine(tone.left, tone.hz, from + i);
        samples[2 * i + 1] = sine(tone.right, tone.hz, from + i);
    }
    cr_assert(zero(uint, limef_mixer_input_write(input, samples, n, LIMEF_NO_TIME, 1000)));
}

/* Whole blocks of one tone in each input, from `from` on into out, until at least `until`; how many
 * frames. Nothing of it passes 1. */
static unsigned play(struct tone first, struct tone second, unsigned block, unsigned from,
                     unsigned until)
{
    for (; from < until; from += block) {
        write_tone(&inputs[0], first, from, block);
        write_tone(&inputs[1], second, from, block);
        limef_mixer_mix(&mixer, out + (size_t)from * 2, block, 0);
        for (unsigned i = 2 * from; i < 2 * (from + block); i++)
            cr_assert(fabsf(out[i]) <= 1, "sample %u is %g", i, (double)out[i]);
    }
    return from;
}

static void expect_same(struct tone tone, unsigned from, unsigned until)
{
    for (unsigned i = from; i < until; i++) {
        cr_assert(eq(flt, out[2 * i], sine(tone.left, tone.hz, i)));
        cr_assert(eq(flt, out[2 * i + 1], sine(tone.right, tone.hz, i)));
    }
}

static uint64_t n_limited(void)
{
    struct limef_mixer_counters counters;

    limef_mixer_get_counters(&mixer, &counters);
    return counters.n_limited;
}

/* What is in a second of the left channel but for these tones, as a part of it. */
static double distortion(const unsigned *hz, int n_hz, unsigned from)
{
    double all = 0, wanted = 0;

    for (unsigned i = from; i < from + RATE; i++)
        all += (double)out[2 * i] * (double)out[2 * i];
    for (int k = 0; k < n_hz; k++) {
        double re = 0, im = 0;

        for (unsigned i = from; i < from + RATE; i++) {
            double turn = 2 * M_PI * hz[k] * (i % RATE) / RATE;

            re += (double)out[2 * i] * cos(turn);
            im += (double)out[2 * i] * sin(turn);
        }
        wanted += (re * re + im * im) * 2 / RATE;
    }
    return sqrt(fmax(all - wanted, 0) / all);
}

TestSuite(mixer_limiter, .timeout = 60);

Test(mixer_limiter, leaves_what_does_not_pass_one_bit_by_bit)
{
    const float amplitudes[] = {1, 0.95f, 0.1f};
    const struct tone silence = {0, 0, 1};

    for (int b = 0; b < 2; b++)
        for (int i = 0; i < 3; i++) {
            struct tone tone = {amplitudes[i], amplitudes[i], 997};

            open_mixer(blocks[b]);
            play(tone, silence, blocks[b], 0, RATE);
            expect_same(tone, blocks[b], RATE); /* behind what it fades in with */
            cr_assert(zero(ulong, n_limited()));
        }
}

Test(mixer_limiter, takes_two_full_scale_tones_down_without_bending_them_and_comes_back)
{
    const struct tone quiet = {0.5f, 0.5f, 997}, silence = {0, 0, 1};
    const unsigned pairs[][2] = {{440, 1000}, {50, 70}, {3000, 3200}, {1000, 1000}};

    for (int b = 0; b < 2; b++)
        for (int i = 0; i < 4; i++) {
            struct tone first = {1, 1, pairs[i][0]}, second = {1, 1, pairs[i][1]};
            double bent;
            uint64_t n;
            unsigned at;

            open_mixer(blocks[b]);
            play(first, second, blocks[b], 0, RATE / 2 + RATE);
            bent = distortion(pairs[i], pairs[i][0] == pairs[i][1] ? 1 : 2, RATE / 2);
            cr_log_info("%u and %u Hz, blocks of %u: %.4f %%", pairs[i][0], pairs[i][1], blocks[b],
                        100 * bent);
            cr_assert(bent < 0.01, "%g of it", bent);
            at = play(quiet, silence, blocks[b], 0, RATE / 2);
            n = n_limited();
            cr_assert(n > 0);
            play(quiet, silence, blocks[b], at, RATE);
            expect_same(quiet, at, RATE);
            cr_assert(eq(ulong, n_limited(), n));
        }
}

Test(mixer_limiter, holds_a_step_below_one)
{
    const struct tone soft = {0.25f, 0.25f, 480}, loud = {4, 4, 480}, silence = {0, 0, 1};

    for (int b = 0; b < 2; b++) {
        unsigned at;

        open_mixer(blocks[b]);
        at = play(soft, silence, blocks[b], 0, RATE / 4 + 37);
        play(loud, silence, blocks[b], at, RATE);
        for (unsigned i = at + blocks[b]; i < RATE; i++)
            cr_assert(epsilon_eq(flt, out[2 * i], sine(1, 480, i), 0.001f), "frame %u", i);
    }
}

/* One sample of each block. */
static void write_click(struct limef_mixer_input *input, float height, unsigned n)
{
    float samples[MAX_BLOCK * 2] = {0};

    samples[n] = height;
    cr_assert(zero(uint, limef_mixer_input_write(input, samples, n, LIMEF_NO_TIME, 1000)));
}

Test(mixer_limiter, takes_nobody_down_for_what_is_no_sound)
{
    const float heights[] = {25, 900, -900, 1e5f};
    const struct tone tone = {0.5f, 0.5f, 997};

    for (int i = 0; i < 4; i++) {
        struct limef_mixer_counters counters;

        open_mixer(64);
        for (unsigned at = 0; at < RATE / 4; at += 64) {
            write_tone(&inputs[0], tone, at, 64);
            write_click(&inputs[1], heights[i], 64);
            limef_mixer_mix(&mixer, out + (size_t)at * 2, 64, 0);
        }
        expect_same(tone, 64, RATE / 4);
        limef_mixer_get_counters(&mixer, &counters);
        cr_assert(zero(ulong, counters.n_limited));
        cr_assert(ge(ulong, counters.n_cleaned, RATE / 4 / 64 - 1));
    }
}

Test(mixer_limiter, hears_what_is_far_too_loud_behind_its_gain)
{
    const struct tone loud = {500, 500, 997}, silence = {0, 0, 1};

    open_mixer(64);
    limef_mixer_set(&mixer, &inputs[0], LIMEF_MIXER_GAIN, 1.0f / 1024);
    play(loud, silence, 64, 0, RATE / 4);
    for (unsigned i = 64; i < RATE / 4; i++)
        cr_assert(epsilon_eq(flt, out[2 * i], sine(500.0f / 1024, 997, i), 1e-6f));
}

/* Overtones of a tone in 10 ms of the left channel, as a part of it. */
static double overtones(unsigned hz, unsigned from)
{
    double all = 0, first = 0;

    for (unsigned k = 1; k * hz < RATE / 2; k++) {
        double re = 0, im = 0;

        for (unsigned i = 0; i < WINDOW; i++) {
            double weight = 1 - cos(2 * M_PI * i / WINDOW), turn = 2 * M_PI * hz * k * i / RATE;

            re += weight * (double)out[2 * (from + i)] * cos(turn);
            im += weight * (double)out[2 * (from + i)] * sin(turn);
        }
        *(k == 1 ? &first : &all) += re * re + im * im;
    }
    return sqrt(all / first);
}

/* 0.25 at first, and from LEAD on it rises so fast up to 8. */
static float rising(double db_per_s, unsigned hz, unsigned frame)
{
    double db = db_per_s * (frame > LEAD ? frame - LEAD : 0) / RATE;

    return sine(0.25f * powf(10, (float)fmin(db, 30) / 20), hz, frame);
}

/* The worst 10 ms of a tone that rises so fast. */
static double rise(double db_per_s, unsigned hz, unsigned block)
{
    unsigned n = LEAD + (unsigned)(RATE * 30 / db_per_s) + LEAD;
    double worst = 0;
    float samples[MAX_BLOCK * 2];

    open_mixer(block);
    n = n / block * block;
    for (unsigned at = 0; at < n; at += block) {
        for (unsigned i = 0; i < block; i++)
            samples[2 * i] = samples[2 * i + 1] = rising(db_per_s, hz, at + i);
        cr_assert(
            zero(uint, limef_mixer_input_write(&inputs[0], samples, block, LIMEF_NO_TIME, 1000)));
        limef_mixer_mix(&mixer, out + (size_t)at * 2, block, 0);
    }
    cr_assert(n_limited() > 0);
    for (unsigned at = block; at + WINDOW <= n; at += WINDOW / 4)
        worst = fmax(worst, overtones(hz, at));
    return worst;
}

Test(mixer_limiter, hardly_bends_what_rises)
{
    const unsigned hz[] = {500, 1000, 3000};
    const double db_per_s[] = {30, 300}, most[] = {0.001, 0.01};

    for (int b = 0; b < 2; b++)
        for (int k = 0; k < 2; k++)
            for (int i = 0; i < 3; i++) {
                double bent = rise(db_per_s[k], hz[i], blocks[b]);

                cr_log_info("%u Hz, %.0f dB/s, blocks of %u: %.3f %%", hz[i], db_per_s[k],
                            blocks[b], 100 * bent);
                cr_assert(bent < most[k], "%g of it", bent);
            }
}

Test(mixer_limiter, takes_both_channels_down_alike)
{
    const struct tone uneven = {2, 0.5f, 480}, silence = {0, 0, 1};

    open_mixer(64);
    play(uneven, silence, 64, 0, RATE / 4);
    for (unsigned i = RATE / 8; i < RATE / 4; i++)
        cr_assert(epsilon_eq(flt, out[2 * i + 1], out[2 * i] / 4, 1e-6f));
}

Test(mixer_limiter, rises_in_the_same_time_whatever_the_blocks)
{
    const struct tone loud = {2, 2, 480}, soft = {0.1f, 0.1f, 480}, silence = {0, 0, 1};
    unsigned n_frames[2];

    for (int b = 0; b < 2; b++) {
        unsigned at, n = 0;

        open_mixer(blocks[b]);
        at = play(loud, silence, blocks[b], 0, RATE / 4);
        play(soft, silence, blocks[b], at, RATE);
        for (n_frames[b] = 0; at + n < RATE; n++)
            if (out[2 * (at + n)] != sine(0.1f, 480, at + n))
                n_frames[b] = n;
        cr_log_info("blocks of %u: %u frames", blocks[b], n_frames[b]);
        cr_assert(n_frames[b] > RATE * 23 / 100 && n_frames[b] < RATE * 27 / 100);
    }
    cr_assert(n_frames[0] < n_frames[1] + MAX_BLOCK && n_frames[1] < n_frames[0] + MAX_BLOCK);
}
