/* SPDX-License-Identifier: MIT */
/*
 * A mixer of many inputs, 48 kHz stereo, blocks of 128 frames.
 *
 *   audio_mixer mix LOOPS [INPUTS]  LOOPS: scalar, vector, avx2, team; us a block
 *
 * Prints one JSON object.
 */
#include "audio/mix.h"
#include "bench.h"

#include <limef/audio/mixer.h>
#include <limef/thread/team.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_INPUTS 64
#define BLOCK 128
#define RING_FRAMES 4096

static struct limef_mixer mixer;
static struct limef_mixer_input inputs[MAX_INPUTS];
static float memory[MAX_INPUTS][RING_FRAMES * 2], sound[BLOCK * 2], out[BLOCK * 2];

static void open_mixer(int n_inputs)
{
    struct limef_mixer_input_settings settings = {.n_ahead = BLOCK};

    if (limef_mixer_init(&mixer, NULL, NULL) < 0)
        abort();
    for (int i = 0; i < n_inputs; i++)
        if (limef_mixer_input_init(&inputs[i], &mixer, NULL, memory[i], RING_FRAMES, &settings) <
                0 ||
            limef_mixer_connect(&mixer, &inputs[i]) < 0)
            abort();
    for (int i = 0; i < BLOCK * 2; i++)
        sound[i] = 0.01f * sinf((float)i / 5);
}

/* The inner loops alone, shared by the threads of a team: half of the inputs each. */
struct half {
    const struct mix_ops *ops;
    int n_inputs, n_parts;
    float sums[2][BLOCK * 2];
};

static void add_part(void *context, unsigned part)
{
    struct half *half = context;
    struct mix_levels levels = {{0}};
    struct mix_gain gain = {{0}};

    for (int i = 0; i < MIX_LANES; i++)
        gain.base[i] = 1;
    memset(half->sums[part], 0, sizeof(half->sums[part]));
    for (int i = (int)part; i < half->n_inputs; i += half->n_parts)
        half->ops->add(half->sums[part], memory[i], BLOCK * 2, &gain, &levels);
}

static double loops_us(struct limef_team *team, const struct mix_ops *ops, int n_inputs,
                       int n_parts)
{
    struct half half = {.ops = ops, .n_inputs = n_inputs, .n_parts = n_parts};
    int64_t best_ns = INT64_MAX;

    for (int round = 0; round < 20; round++) {
        int64_t began_ns = bench_now_ns();

        for (int i = 0; i < 200; i++)
            limef_team_run(team, (unsigned)n_parts, add_part, &half);
        if (bench_now_ns() - began_ns < best_ns)
            best_ns = bench_now_ns() - began_ns;
    }
    return (double)best_ns / 200e3;
}

static void mix_in_team(int n_inputs)
{
    static struct limef_team team;
    static struct limef_team_worker workers[1];
    double alone_us, shared_us;

    if (limef_team_start(&team, workers, 1, NULL) < 0)
        abort();
    alone_us = loops_us(NULL, mix_choose(), n_inputs, 1);
    shared_us = loops_us(&team, mix_choose(), n_inputs, 2);
    limef_team_stop(&team, 1000000);
    printf("{\"loops_us\": %.2f, \"us\": %.2f}\n", alone_us, shared_us);
}

static void mix(const struct mix_ops *ops, int n_inputs)
{
    int64_t best_ns = INT64_MAX;

    open_mixer(n_inputs);
    mixer.ops = ops;
    for (int round = 0; round < 30; round++) {
        int64_t took_ns = 0;

        for (int i = 0; i < 100; i++) {
            int64_t began_ns;

            for (int k = 0; k < n_inputs; k++)
                limef_mixer_input_write(&inputs[k], sound, BLOCK, i, 1000);
            began_ns = bench_now_ns();
            limef_mixer_mix(&mixer, out, BLOCK, 0);
            took_ns += bench_now_ns() - began_ns;
        }
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    printf("{\"us\": %.2f}\n", (double)best_ns / 100e3);
}

int main(int n_arguments, char **arguments)
{
    const char *what = n_arguments > 2 ? arguments[2] : "";
    int number = n_arguments > 3 ? atoi(arguments[3]) : MAX_INPUTS;

    bench_pin(0);
    if (n_arguments < 2)
        return 1;
    if (!strcmp(what, "team")) {
        mix_in_team(number);
    } else {
        mix(!strcmp(what, "scalar")   ? &mix_scalar
            : !strcmp(what, "vector") ? &mix_vector
                                      : mix_choose(),
            number);
    }
    return 0;
}
