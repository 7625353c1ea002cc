/* SPDX-License-Identifier: MIT */
/*
 * A thread that mixes, one for each input that writes, two that hammer it with commands, one that
 * reads snapshots, and inputs that come and go all the time.
 */
#include "stress.h"

#define N_INPUTS 4
#define N_RING 512
#define N_BLOCKS 30000
#define BLOCK 128

static struct limef_mixer mixer;
static struct limef_broadcast_ring ring;
static limef_broadcast_word words[LIMEF_BROADCAST_WORDS(1024, 2)];
static LIMEF_ATOMIC(bool) over, may_end;
static LIMEF_ATOMIC(uint64_t) n_sent;

static bool is_over(void)
{
    return atomic_load_explicit(&over, memory_order_relaxed);
}

static void *mix(void *context)
{
    float out[BLOCK * 2];

    (void)context;
    for (int i = 0; !atomic_load_explicit(&may_end, memory_order_relaxed); i++) {
        uint64_t n_before = LIMEF_COUNTED(mixer.n_commands);

        limef_mixer_mix(&mixer, out, BLOCK, i);
        CHECK(LIMEF_COUNTED(mixer.n_commands) - n_before <= LIMEF_AUDIO_N_COMMANDS);
        for (int k = 0; k < BLOCK * 2; k++)
            CHECK(out[k] >= -1 && out[k] <= 1);
        if (i == N_BLOCKS)
            atomic_store_explicit(&over, true, memory_order_relaxed);
        if (i % 8 == 0)
            sched_yield();
    }
    return NULL;
}

struct writing {
    pthread_t thread;
    struct limef_mixer_input *input;
    LIMEF_ATOMIC(bool) stop;
};

static void *write_on(void *context)
{
    struct writing *writing = context;
    uint32_t random = 5;
    float samples[64 * 2];
    int64_t media_us = 0;

    for (int i = 0; i < 64 * 2; i++)
        samples[i] = (float)(i % 16) / 20;
    while (!atomic_load_explicit(&writing->stop, memory_order_relaxed)) {
        unsigned n = 1 + next_random(&random) % 64;

        limef_mixer_input_write(writing->input, samples, n, media_us, 1000);
        media_us += n * 1000000 / 48000;
        if (next_random(&random) % 200 == 0)
            limef_mixer_input_flush(writing->input);
        if (next_random(&random) % 200 == 0)
            limef_mixer_input_end(writing->input, true);
        if (next_random(&random) % 4 == 0)
            sched_yield();
    }
    return NULL;
}

static void *command(void *context)
{
    uint32_t random = (uint32_t)(uintptr_t)context;

    while (!is_over()) {
        float value = (float)(next_random(&random) % 100) / 50;

        if (limef_mixer_set(&mixer, NULL,
                            next_random(&random) % 2 ? LIMEF_MIXER_GAIN : LIMEF_MIXER_MUTE,
                            value) == 0)
            atomic_fetch_add_explicit(&n_sent, 1, memory_order_relaxed);
        else
            sched_yield();
    }
    return NULL;
}

static void come_and_go(struct limef_mixer_input *input, float *samples, uint32_t *random)
{
    static struct writing writing;
    struct limef_mixer_heard heard;
    struct limef_levels levels;
    int ret;

    CHECK(limef_mixer_input_init(input, &mixer, "one", samples, N_RING, NULL) == 0);
    writing.input = input;
    atomic_store(&writing.stop, false);
    while ((ret = limef_mixer_connect(&mixer, input)) == AVERROR(EAGAIN))
        sched_yield();
    CHECK(ret == 0);
    CHECK(!pthread_create(&writing.thread, NULL, write_on, &writing));
    for (unsigned i = 0; i < next_random(random) % 32; i++) {
        limef_mixer_set(&mixer, input, LIMEF_MIXER_PAUSE, (float)(i % 2));
        limef_mixer_input_get_heard(input, &heard);
        CHECK(heard.state <= LIMEF_INPUT_ENDED);
        limef_mixer_input_get_levels(input, &levels);
        limef_mixer_get_levels(&mixer, &levels);
        CHECK(levels.peak[0] >= 0 && levels.peak[0] <= 1 &&
              levels.rms[0] <= levels.peak[0] + 1e-3f);
        sched_yield();
    }
    while ((ret = limef_mixer_disconnect(&mixer, input, TOO_LONG_US)) == AVERROR(EAGAIN))
        sched_yield();
    CHECK(ret == 0);
    atomic_store(&writing.stop, true);
    must_join(writing.thread);
    memset(input, 0, sizeof(*input));
    memset(samples, 0, N_RING * 2 * sizeof(*samples));
}

int main(void)
{
    static struct limef_mixer_input inputs[N_INPUTS];
    static float samples[N_INPUTS][N_RING * 2];
    struct limef_mixer_settings settings = {.ring = &ring};
    struct limef_mixer_counters counters;
    pthread_t mixing, commanding[2];
    uint32_t random = 77;
    unsigned n_stays = 0;

    CHECK(limef_broadcast_ring_init(&ring, words, 1024, 2) == 0);
    CHECK(limef_mixer_init(&mixer, NULL, &settings) == 0);
    limef_mixer_set_running(&mixer, true);
    CHECK(!pthread_create(&mixing, NULL, mix, NULL));
    for (uintptr_t i = 0; i < 2; i++)
        CHECK(!pthread_create(&commanding[i], NULL, command, (void *)(i + 3)));
    while (!is_over()) {
        come_and_go(&inputs[n_stays % N_INPUTS], samples[n_stays % N_INPUTS], &random);
        n_stays++;
    }
    atomic_store_explicit(&may_end, true, memory_order_relaxed);
    must_join(mixing);
    for (int i = 0; i < 2; i++)
        must_join(commanding[i]);
    limef_mixer_set_running(&mixer, false);
    limef_mixer_get_counters(&mixer, &counters);
    CHECK(mixer.n_inputs == 0);
    printf("%llu blocks, %llu commands done, %u stays\n", (unsigned long long)counters.n_blocks,
           (unsigned long long)counters.n_commands, n_stays);
    return 0;
}
