/* SPDX-License-Identifier: MIT */
/*
 * A mixer of many inputs, 48 kHz stereo, blocks of 128 frames.
 *
 *   audio_mixer mix LOOPS [INPUTS]  LOOPS: scalar, vector, avx2, team; us a block
 *   audio_mixer drift SECONDS       a writer by the clock, a null device, a thread that hammers
 * with commands; 0 seconds: ten simulated minutes
 *
 * Prints one JSON object.
 */
#include "audio/mix.h"
#include "bench.h"

#include <limef/audio/output.h>
#include <limef/thread/team.h>

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define MAX_INPUTS 64
#define BLOCK 128
#define RING_FRAMES 4096
#define RATE 48000
#define N_AHEAD 256

static struct limef_mixer mixer;
static struct limef_mixer_input inputs[MAX_INPUTS];
static float memory[MAX_INPUTS][RING_FRAMES * 2], sound[BLOCK * 2], out[BLOCK * 2];
static LIMEF_ATOMIC(bool) over;

static void open_mixer(int n_inputs, unsigned n_ahead)
{
    struct limef_mixer_input_settings settings = {.n_ahead = n_ahead};

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

    open_mixer(n_inputs, BLOCK);
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

/* What is written when, by a clock; where it is heard: how much later, at the end and at most. */
static void drift_simulated(void)
{
    double first_us = NAN, worst_us = 0, now_us = 0, late_us = 0;
    int64_t written = 0;

    open_mixer(1, N_AHEAD);
    for (int64_t n = 0; n < 600LL * RATE; n += BLOCK) {
        now_us = (double)n * 1e6 / RATE;
        while (written <= n) {
            limef_mixer_input_write(&inputs[0], sound, BLOCK, written * 1000000 / RATE, 1000);
            written += BLOCK;
        }
        limef_mixer_set(&mixer, &inputs[0], LIMEF_MIXER_GAIN, (float)(n % 7) / 7);
        limef_mixer_mix(&mixer, out, BLOCK, (int64_t)now_us);
        if (limef_mixer_input_heard_us(&inputs[0], (int64_t)now_us) == LIMEF_NO_TIME)
            continue;
        late_us = now_us - (double)limef_mixer_input_heard_us(&inputs[0], (int64_t)now_us);
        if (isnan(first_us))
            first_us = late_us;
        worst_us = fmax(worst_us, fabs(late_us - first_us));
    }
    printf("{\"drift_us\": %.1f, \"worst_us\": %.1f, \"latency_us\": %.0f, \"underruns\": %llu}\n",
           late_us - first_us, worst_us, late_us,
           (unsigned long long)LIMEF_COUNTED(inputs[0].ring.n_underruns));
}

static void *hammer(void *context)
{
    (void)context;
    for (unsigned i = 0; !atomic_load_explicit(&over, memory_order_relaxed); i++) {
        limef_mixer_set(&mixer, &inputs[0], LIMEF_MIXER_GAIN, (float)(i % 100) / 100);
        bench_sleep_until_ns(bench_now_ns() + 20000);
    }
    return NULL;
}

static void *write_by_the_clock(void *context)
{
    int64_t began_ns = bench_now_ns();

    (void)context;
    bench_real_time();
    for (int64_t n = 0; !atomic_load_explicit(&over, memory_order_relaxed); n += BLOCK) {
        bench_sleep_until_ns(began_ns + n * NS_PER_S / RATE);
        limef_mixer_input_write(&inputs[0], sound, BLOCK, n * 1000000 / RATE, 1000);
    }
    return NULL;
}

static int64_t late_us_now(void)
{
    int64_t now_us, heard_us;

    do {
        bench_sleep_until_ns(bench_now_ns() + 10000000);
        now_us = limef_now_us();
        heard_us = limef_mixer_input_heard_us(&inputs[0], now_us);
    } while (heard_us == LIMEF_NO_TIME);
    return now_us - heard_us;
}

static void drift_for(int seconds)
{
    struct limef_audio_output_settings settings = {.kind = LIMEF_AUDIO_NULL,
                                                   .period_frames = BLOCK};
    static struct limef_audio_output output;
    struct limef_audio_output_counters counters;
    struct limef_sample_ring_counters ring;
    pthread_t writer, hammering;
    int64_t first_us, last_us;

    open_mixer(1, N_AHEAD);
    if (limef_audio_output_start(&output, NULL, &mixer, &settings) < 0 ||
        pthread_create(&writer, NULL, write_by_the_clock, NULL) ||
        pthread_create(&hammering, NULL, hammer, NULL))
        abort();
    first_us = late_us_now();
    bench_sleep_until_ns(bench_now_ns() + seconds * NS_PER_S);
    last_us = late_us_now();
    atomic_store_explicit(&over, true, memory_order_relaxed);
    pthread_join(writer, NULL);
    pthread_join(hammering, NULL);
    limef_audio_output_get_counters(&output, &counters);
    limef_sample_ring_get_counters(&inputs[0].ring, &ring);
    printf("{\"drift_us\": %lld, \"underruns\": %llu, \"device_underruns\": %llu, \"mix_p99_us\": "
           "%lld, \"scheduled_as\": %d, \"buffered_us\": %.0f}\n",
           (long long)(last_us - first_us), (unsigned long long)ring.n_underruns,
           (unsigned long long)counters.n_underruns, (long long)counters.mix_p99_us,
           (int)counters.scheduled_as,
           (double)(ring.n_written - limef_sample_ring_tail(&inputs[0].ring)) * 1e6 / RATE);
    limef_audio_output_stop(&output, 1000000);
}

int main(int n_arguments, char **arguments)
{
    const char *what = n_arguments > 2 ? arguments[2] : "";
    int number = n_arguments > 3 ? atoi(arguments[3]) : MAX_INPUTS;

    bench_pin(0);
    if (n_arguments < 2)
        return 1;
    if (!strcmp(arguments[1], "drift")) {
        if (atoi(what))
            drift_for(atoi(what));
        else
            drift_simulated();
    } else if (!strcmp(what, "team")) {
        mix_in_team(number);
    } else {
        mix(!strcmp(what, "scalar")   ? &mix_scalar
            : !strcmp(what, "vector") ? &mix_vector
                                      : mix_choose(),
            number);
    }
    return 0;
}
