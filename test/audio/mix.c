/* SPDX-License-Identifier: MIT */
/* Loops with vectors give the bits of those without. */
#include "audio/mix.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SAMPLES 300

static struct mix_gain gain;
static float in[MAX_SAMPLES], mixed[MAX_SAMPLES];

/* Silence, soft, loud, far too loud, denormal, and no sound at all. */
static float some_sample(void)
{
    static const float scales[] = {0, 1e-3f, 0.5f, 1, 3, 1000, 1e-40f, 1e7f, INFINITY, NAN};

    return scales[(size_t)rand() % (sizeof(scales) / sizeof(scales[0]))] *
           ((float)rand() / (float)RAND_MAX * 2 - 1);
}

static void make_input(void)
{
    for (int i = 0; i < MAX_SAMPLES; i++) {
        in[i] = some_sample();
        do /* of sums there is nothing else */
            mixed[i] = some_sample();
        while (!(fabsf(mixed[i]) < MIX_MOST));
    }
    for (int i = 0; i < MIX_LANES; i++) {
        gain.base[i] = (float)rand() / (float)RAND_MAX;
        gain.step[i] = rand() % 2 ? 0 : ((float)rand() / (float)RAND_MAX - 0.5f) / 40;
    }
}

static void run(const struct mix_ops *ops, size_t at, size_t n, float most, float *out,
                struct mix_levels *levels)
{
    memset(levels, 0, sizeof(*levels));
    memcpy(out, mixed, sizeof(mixed));
    ops->add(out + at, in + at, n, &gain, levels);
    ops->finish(out + at, n, &gain, most, levels);
}

TestSuite(mix, .timeout = 30);

static void compare(const struct mix_ops *ops)
{
    srand(1);
    for (int round = 0; round < 2000; round++) {
        float expected[MAX_SAMPLES], out[MAX_SAMPLES];
        struct mix_levels expected_levels, levels;
        size_t at = (size_t)rand() % 9, n = (size_t)rand() % (MAX_SAMPLES - at);
        float most = round % 2 ? 1 : INFINITY;

        make_input();
        run(&mix_scalar, at, n, most, expected, &expected_levels);
        run(ops, at, n, most, out, &levels);
        cr_assert(zero(int, memcmp(out, expected, sizeof(out))), "%s, round %d", ops->name, round);
        cr_assert(zero(int, memcmp(&levels, &expected_levels, sizeof(levels))));
    }
}

Test(mix, vectors_of_every_processor_give_the_scalar_bits)
{
    compare(&mix_vector);
}

Test(mix, the_chosen_loops_give_the_scalar_bits)
{
    compare(mix_choose());
}

Test(mix, what_is_finished_is_cut_at_the_most_and_else_left)
{
    memset(&gain, 0, sizeof(gain));
    for (int i = 0; i < MIX_LANES; i++)
        gain.base[i] = 1;
    for (float x = 0; x < 100; x = x * 1.01f + 0.001f) {
        float out[2] = {x, -x};
        struct mix_levels levels = {{0}};

        mix_choose()->finish(out, 2, &gain, 1, &levels);
        cr_assert(eq(flt, out[0], x < 1 ? x : 1));
        cr_assert(eq(flt, out[1], -out[0]));
        cr_assert(eq(flt, levels.peak[0], out[0]));
    }
}
