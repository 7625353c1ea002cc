/* SPDX-License-Identifier: MIT */
/*
 * A device that goes away again and again, while inputs are written, commands are sent and results
 * are read, and an output that is stopped in the middle of that.
 */
#include "stress.h"
#include "support/silence.h"

#include <limef/audio/output.h>

#define N_RUNS 12
#define N_LOSSES 8
#define N_RING 4096

static struct limef_mixer mixer;
static struct limef_mixer_input input;
static float memory[N_RING * 2];
static struct limef_audio_output output;
static LIMEF_ATOMIC(bool) over;

static void *write_and_command(void *context)
{
    float samples[64 * 2] = {0};
    int64_t media_us = 0;

    (void)context;
    for (int i = 0; !atomic_load_explicit(&over, memory_order_relaxed); i++) {
        limef_mixer_input_write(&input, samples, 64, media_us, 1000);
        limef_mixer_set(&mixer, &input, LIMEF_MIXER_GAIN, (float)(i % 3) / 2);
        media_us += 64 * 1000000 / 48000;
        limef_mixer_input_heard_us(&input, limef_now_us());
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    return NULL;
}

static struct limef_audio_output_counters counters(void)
{
    struct limef_audio_output_counters counters;

    limef_audio_output_get_counters(&output, &counters);
    return counters;
}

int main(void)
{
    struct limef_audio_output_settings settings = {
        .kind = LIMEF_AUDIO_ALSA, .device = "restless", .period_frames = 48, .reopen_us = 1};
    uint64_t n_lost = 0, n_reopened = 0;
    pthread_t writer;

    limef_log_set_sink(log_to_nobody, NULL);
    CHECK(limef_mixer_init(&mixer, NULL, NULL) == 0);
    CHECK(limef_mixer_input_init(&input, &mixer, NULL, memory, N_RING, NULL) == 0);
    CHECK(limef_mixer_connect(&mixer, &input) == 0);
    CHECK(!pthread_create(&writer, NULL, write_and_command, NULL));
    for (int i = 0; i < N_RUNS; i++) {
        CHECK(limef_audio_output_start(&output, NULL, &mixer, &settings) == 0);
        CHECK(WAIT_FOR(counters().n_lost >= (uint64_t)(i % N_LOSSES)));
        n_lost += counters().n_lost;
        n_reopened += counters().n_reopened;
        CHECK(limef_audio_output_stop(&output, TOO_LONG_US) == 0);
    }
    atomic_store_explicit(&over, true, memory_order_relaxed);
    must_join(writer);
    CHECK(limef_mixer_disconnect(&mixer, &input, TOO_LONG_US) == 0);
    printf("%llu times lost, %llu times back\n", (unsigned long long)n_lost,
           (unsigned long long)n_reopened);
    return 0;
}
