/* SPDX-License-Identifier: MIT */
/*
 * What an audio callback does, mixing with commands coming in and snapshots going out: no malloc,
 * no allocation of the library, no lock, and no system call, which a seccomp filter would end the
 * process for.
 */
#include "support/check.h"
#include "support/counted_calls.h"

#include <limef/limef.h>

#include <math.h>
#include <stdio.h>
#include <sys/syscall.h>

#define N_INPUTS 8
#define N_RING 1024
#define BLOCK 128
#define N_BLOCKS 20000

static struct limef_mixer mixer;
static struct limef_mixer_input inputs[N_INPUTS];
static float samples[N_INPUTS][N_RING * 2], sound[BLOCK * 2];
static struct limef_broadcast_ring ring;
static limef_broadcast_word words[LIMEF_BROADCAST_WORDS(4096, 2)];

static void set_up(void)
{
    struct limef_mixer_settings settings = {.ring = &ring};

    for (int i = 0; i < BLOCK * 2; i++)
        sound[i] = sinf((float)i / 7);
    CHECK(limef_broadcast_ring_init(&ring, words, 4096, 2) == 0);
    CHECK(limef_mixer_init(&mixer, NULL, &settings) == 0);
    for (int i = 0; i < N_INPUTS; i++) {
        CHECK(!limef_mixer_input_init(&inputs[i], &mixer, NULL, samples[i], N_RING, NULL));
        CHECK(limef_mixer_connect(&mixer, &inputs[i]) == 0);
    }
}

/* Overflows, underruns, flushes, the limiter and all commands happen. */
static void play(int n_blocks)
{
    float out[BLOCK * 2];

    for (int i = 0; i < n_blocks; i++) {
        for (int k = 0; k < N_INPUTS; k++) {
            if (i % 64 < 40 + k) /* then they run dry */
                limef_mixer_input_write(&inputs[k], sound, BLOCK, i * 2667, 1000);
            if (i % 1000 == k) /* too much at once */
                for (int n = 0; n < 12; n++)
                    limef_mixer_input_write(&inputs[k], sound, BLOCK, LIMEF_NO_TIME, 1000);
            if (i % 500 == k)
                limef_mixer_input_flush(&inputs[k]);
        }
        CHECK(!limef_mixer_set(&mixer, &inputs[i % N_INPUTS],
                               (enum limef_mixer_control)(i / N_INPUTS % 4), (float)(i % 3) - 1));
        limef_mixer_mix(&mixer, out, BLOCK, i * 2667);
    }
}

static struct limef_audio_callback callback;
static float callback_samples[4096 * 2];

/* What the callback of an application does for its sound, beside an output that is at times too
 * late. */
static void pull(const void *context)
{
    float out[BLOCK * 2];

    (void)context;
    for (int i = 0; i < N_BLOCKS; i++) {
        if (i % 64 < 40)
            limef_sample_ring_write(&callback.ring, sound, BLOCK);
        limef_audio_callback_read(&callback, out, BLOCK, i % 2 ? LIMEF_NO_TIME : i * 2667);
    }
}

static void play_again(const void *context)
{
    (void)context;
    play(N_BLOCKS);
}

int main(void)
{
    struct limef_sample_ring_counters counters;
    uint64_t n_allocations, n_calls;

    set_up();
    CHECK(limef_audio_callback_init(&callback, callback_samples, 4096, NULL) == 0);
    play(100);
    n_allocations = limef_memory_n_allocations();
    n_calls = counted_calls();
    play(N_BLOCKS);
    CHECK(limef_memory_n_allocations() == n_allocations);
    pull(NULL);
    CHECK(limef_memory_n_allocations() == n_allocations);
    CHECK(counted_calls() == n_calls);
    limef_sample_ring_get_counters(&inputs[1].ring, &counters);
    printf("%llu dropped, %llu underruns, %llu skipped\n", (unsigned long long)counters.n_dropped,
           (unsigned long long)counters.n_underruns, (unsigned long long)counters.n_skipped);
    CHECK(counters.n_dropped && counters.n_underruns && counters.n_skipped);
    if (!is_sanitized()) {
        CHECK(makes_no_system_calls(play_again, NULL, -1));
        /* the time, where the kernel has no faster way */
        CHECK(makes_no_system_calls(pull, NULL, SYS_clock_gettime));
    }
    printf("%d blocks of %d inputs: no allocation%s\n", N_BLOCKS, N_INPUTS,
           is_sanitized() ? "" : ", no malloc, no lock, no system call");
    return 0;
}
