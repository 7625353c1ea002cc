/* SPDX-License-Identifier: MIT */
/*
 * A mixer of many inputs, 48 kHz stereo, blocks of 128 frames.
 *
 *   audio_mixer mix LOOPS [INPUTS]    LOOPS: scalar, vector, best; us a block, by a whole mixer, of
 *                                     inputs that are quiet and stay as loud as they are
 *   audio_mixer loud LOOPS [INPUTS]   the same of inputs so loud that the limiter is at work, whose
 *                                     gains all change in each block
 *   audio_mixer loops LOOPS [INPUTS]  by the inner loops alone, which add inputs: by one thread, or
 *                                     by a team of two that add half of them each, whose sums are
 *                                     added then. Also team, which decides itself what it hands
 *                                     out, and shared, which hands out each block
 *
 * Inputs are written, and gains sent, before each block, which is not counted. Each input has a
 * tone of its own. Medians of rounds of 100 blocks. Prints one JSON object.
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
#define TONES 4096
/* Of 64 inputs the sum stays below 1, or is far beyond. */
#define QUIET 0.01f
#define LOUD 0.5f
#define N_ROUNDS 30
#define ROUND_BLOCKS 100

static struct limef_mixer mixer;
static struct limef_mixer_input inputs[MAX_INPUTS];
static float memory[MAX_INPUTS][RING_FRAMES * 2], out[BLOCK * 2], tones[TONES];

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
}

/* What glides from low to high, so that one that begins elsewhere has another pitch. */
static void make_tones(float amplitude)
{
    for (int i = 0; i < TONES; i++)
        tones[i] = amplitude * sinf((float)i * (float)i / 900);
}

static const float *tone_of(unsigned input, int block)
{
    return &tones[(input * 37 + (unsigned)block) % (TONES - BLOCK * 2)];
}

/* Of a block. */
static double median_us(int64_t *took_ns)
{
    return (double)bench_percentile(took_ns, N_ROUNDS, 0.5) / (1e3 * ROUND_BLOCKS);
}

/* The inner loops alone; of a team's parts each adds half of the inputs. */
struct adding {
    const struct mix_ops *ops;
    unsigned n_inputs, n_parts;
    struct mix_gain gain;
    struct {
        LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES) float sum[BLOCK * 2];
        struct mix_levels levels[MAX_INPUTS];
    } parts[2];
};

static void add_part(void *context, unsigned part)
{
    struct adding *adding = context;

    memset(adding->parts[part].sum, 0, sizeof(adding->parts[part].sum));
    for (unsigned i = part; i < adding->n_inputs; i += adding->n_parts) {
        adding->parts[part].levels[i] = (struct mix_levels){{0}};
        adding->ops->add(adding->parts[part].sum, memory[i], BLOCK * 2, &adding->gain,
                         &adding->parts[part].levels[i]);
    }
}

/* Into the first part's sum. */
static void add_all(struct limef_team *team, struct adding *adding)
{
    limef_team_run(team, adding->n_parts, add_part, adding);
    for (unsigned part = 1; part < adding->n_parts; part++)
        for (int i = 0; i < BLOCK * 2; i++)
            adding->parts[0].sum[i] += adding->parts[part].sum[i];
}

static void write_inputs(unsigned n_inputs, int block)
{
    for (unsigned i = 0; i < n_inputs; i++)
        memcpy(memory[i], tone_of(i, block), sizeof(float) * BLOCK * 2);
}

/* Whoever adds them, the sum is the inputs'. */
static void check_sum(const struct adding *adding)
{
    for (int i = 0; i < BLOCK * 2; i++) {
        double sum = 0;

        for (unsigned k = 0; k < adding->n_inputs; k++)
            sum += (double)memory[k][i];
        if (!(fabs(sum - (double)adding->parts[0].sum[i]) < 1e-5))
            abort();
    }
}

static double loops_us(struct limef_team *team, struct adding *adding)
{
    int64_t took_ns[N_ROUNDS] = {0};

    for (int round = 0; round < N_ROUNDS; round++) {
        for (int i = 0; i < ROUND_BLOCKS; i++) {
            int64_t began_ns;

            write_inputs(adding->n_inputs, i);
            began_ns = bench_now_ns();
            add_all(team, adding);
            took_ns[round] += bench_now_ns() - began_ns;
        }
        check_sum(adding);
    }
    return median_us(took_ns);
}

static void add_loops(const char *who, const struct mix_ops *ops, int n_inputs)
{
    static struct limef_team team;
    static struct limef_team_worker workers[1];
    static struct adding adding;
    bool shared = !strcmp(who, "shared");
    double us, n_runs;

    make_tones(QUIET);
    adding = (struct adding){.ops = ops, .n_inputs = (unsigned)n_inputs, .n_parts = 1};
    for (int i = 0; i < MIX_LANES; i++)
        adding.gain.base[i] = 1;
    if (shared || !strcmp(who, "team")) {
        adding.n_parts = 2;
        /* before the thread is pinned: a team has no more threads than there are processors */
        if (limef_team_start(&team, workers, 1, NULL) < 0)
            abort();
        if (shared) { /* handing out costs nothing, it says */
            team.dispatch_ns = 0;
            team.dispatch_is_fixed = true;
        }
    }
    bench_pin(0);
    us = loops_us(adding.n_parts > 1 ? &team : NULL, &adding);
    n_runs = (double)(LIMEF_COUNTED(team.n_shared) + LIMEF_COUNTED(team.n_sequential));
    printf("{\"us\": %.2f, \"threads\": %u, \"handed_out\": %.1f}\n", us,
           limef_team_n_threads(adding.n_parts > 1 ? &team : NULL),
           n_runs > 0 ? 100 * (double)LIMEF_COUNTED(team.n_shared) / n_runs : 0);
    limef_team_stop(&team, 1000000);
}

/* Before a block of the mixer's. */
static void prepare_block(int n_inputs, int block, bool is_loud)
{
    for (int k = 0; k < n_inputs; k++) {
        limef_mixer_input_write(&inputs[k], tone_of((unsigned)k, block), BLOCK, block, 1000);
        if (is_loud &&
            limef_mixer_set(&mixer, &inputs[k], LIMEF_MIXER_GAIN, block % 2 ? 0.9f : 1) < 0)
            abort();
    }
}

static void mix(const struct mix_ops *ops, int n_inputs, bool is_loud)
{
    int64_t took_ns[N_ROUNDS] = {0};
    struct limef_mixer_counters counters;

    make_tones(is_loud ? LOUD : QUIET);
    open_mixer(n_inputs);
    mixer.ops = ops;
    for (int round = 0; round < N_ROUNDS; round++)
        for (int i = 0; i < ROUND_BLOCKS; i++) {
            int64_t began_ns;

            prepare_block(n_inputs, i, is_loud);
            began_ns = bench_now_ns();
            limef_mixer_mix(&mixer, out, BLOCK, 0);
            took_ns[round] += bench_now_ns() - began_ns;
        }
    limef_mixer_get_counters(&mixer, &counters);
    printf("{\"us\": %.2f, \"limited\": %.1f}\n", median_us(took_ns),
           100 * (double)counters.n_limited / (N_ROUNDS * ROUND_BLOCKS));
}

int main(int n_arguments, char **arguments)
{
    const char *loops = n_arguments > 2 ? arguments[2] : "";
    int n_inputs = n_arguments > 3 ? atoi(arguments[3]) : MAX_INPUTS;
    const struct mix_ops *ops = !strcmp(loops, "scalar")   ? &mix_scalar
                                : !strcmp(loops, "vector") ? &mix_vector
                                                           : mix_choose();

    if (n_arguments < 2 || n_inputs < 1 || n_inputs > MAX_INPUTS)
        return 1;
    if (!strcmp(arguments[1], "loops")) {
        add_loops(loops, ops, n_inputs);
        return 0;
    }
    bench_pin(0);
    mix(ops, n_inputs, !strcmp(arguments[1], "loud"));
    return 0;
}
