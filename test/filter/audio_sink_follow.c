/* SPDX-License-Identifier: MIT */
/*
 * The way of a live source's sound through the sink, six minutes for each clock, in simulated time:
 * the program's monotonic clock is the test's.
 *
 *     audio_sink_follow [short]    short: the largest blocks alone, which are the hardest to follow
 */
#include "support/check.h"
#include "support/simulated_clock.h"
#include "support/sound.h"

#include <limef/audio/mixer.h>
#include <limef/filter/audio_sink.h>
#include <limef/filter/resample.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_RING 32768
#define RATE 48000
#define HZ 1000
#define PERIOD 240 /* frames of the device; it takes so many every 5 ms */
#define PERIOD_US 5000
#define STEP_US 500
#define MINUTE_US INT64_C(60000000)
#define AHEAD 1920
#define JITTER_US 3000
#define HEARD_US 7500 /* after it was mixed, unless the device ran dry */

static struct run {
    struct limef_mixer mixer;
    struct limef_mixer_input input;
    struct limef_audio_slot slot;
    struct limef_audio_sink sink;
    struct limef_resample_filter resample;
    float memory[N_RING * 2], out[PERIOD * 2];
    struct sound_block block;
    double source_us; /* time between its blocks */
    int64_t begins_us, mixed_us, n_sent;
    double next_us, arrives_us;
    float window[PERIOD + 2]; /* heard last, and two frames of before */
    double roughness;         /* of the tone, at most since that was looked at */
    int64_t stalls_us;        /* when somebody stands still next; 0: nobody does */
} run;

static void begin(int n_samples, double ppm)
{
    struct limef_mixer_input_settings input = {.n_ahead = AHEAD};
    struct limef_resample_settings resample = {.follows = true};

    memset(&run, 0, sizeof(run));
    srand(1);
    sim_us = 1000000;
    run.source_us = n_samples * 1e6 / RATE / (1 + ppm * 1e-6);
    run.begins_us = run.mixed_us = sim_us;
    run.next_us = run.arrives_us = (double)sim_us;
    CHECK(!limef_mixer_init(&run.mixer, NULL, NULL));
    CHECK(!limef_mixer_input_init(&run.input, &run.mixer, NULL, run.memory, N_RING, &input));
    CHECK(!limef_mixer_connect(&run.mixer, &run.input));
    limef_mixer_set_running(&run.mixer, true);
    CHECK(!limef_resample_filter_init(&run.resample, NULL, &resample));
    run.slot.input = &run.input;
    run.slot.resample = &run.resample;
    limef_audio_sink_init(&run.sink, NULL, &run.slot, 1, &run.mixer);
    limef_connect(&run.resample.filter, &run.sink.filter);
    sound_block_make(&run.block, RATE, 2, n_samples, AV_SAMPLE_FMT_FLT);
    run.block.frame.frame.flags = LIMEF_FRAME_LIVE;
}

static void end(void)
{
    limef_filter_clear(&run.resample.filter);
    limef_filter_clear(&run.sink.filter);
    sound_block_free(&run.block);
    sim_us = 0;
}

/* A block comes at its time, or up to JITTER_US later. */
static void send_due(void)
{
    while ((double)sim_us >= run.arrives_us) {
        double late_us = (double)JITTER_US * rand() / RAND_MAX;

        sound_block_tone(&run.block, HZ, run.n_sent * run.block.frame.av->nb_samples % RATE);
        run.block.frame.frame.pts_us =
            run.n_sent++ * run.block.frame.av->nb_samples * 1000000 / RATE;
        CHECK(!limef_go(&run.resample.filter, &run.block.frame.frame));
        run.next_us += run.source_us;
        if (run.next_us + late_us > run.arrives_us)
            run.arrives_us = run.next_us + late_us;
    }
}

/* For 10 to 300 ms: the whole program, whose device runs dry; the source, which then sends all at
 * once; or the source, and what it did not hear meanwhile is missing. */
static void stand_still(void)
{
    int us = 10000 + rand() % 290000;

    switch (rand() % 3) {
    case 0:
        sim_us += us;
        if (sim_us > run.mixed_us + HEARD_US)
            run.mixed_us = sim_us;
        break;
    case 1:
        run.arrives_us += us;
        break;
    default:
        run.arrives_us += us;
        run.next_us += us;
        break;
    }
    run.stalls_us = sim_us + 2000000 + rand() % 6000000;
}

static void listen(void)
{
    double roughness;

    memmove(run.window, run.window + PERIOD, 2 * sizeof(*run.window));
    for (int i = 0; i < PERIOD; i++)
        run.window[i + 2] = run.out[(ptrdiff_t)2 * i];
    roughness = sound_roughness(run.window, PERIOD + 2, HZ, RATE);
    run.roughness = roughness > run.roughness ? roughness : run.roughness;
}

static void play_until(int64_t until_us)
{
    for (; sim_us < run.begins_us + until_us; sim_us += STEP_US) {
        if (run.stalls_us && sim_us >= run.stalls_us)
            stand_still();
        send_due();
        if (sim_us < run.mixed_us)
            continue;
        limef_mixer_mix(&run.mixer, run.out, PERIOD, run.mixed_us + HEARD_US);
        listen();
        run.mixed_us += PERIOD_US;
    }
}

static struct limef_sample_ring_counters counters(void)
{
    struct limef_sample_ring_counters counters;

    limef_sample_ring_get_counters(&run.input.ring, &counters);
    return counters;
}

static int ppm_now(void)
{
    return LIMEF_COUNTED(run.slot.ppm);
}

/* What waits, in frames; of many looks, since blocks and periods come and go. */
static int mean_fill(void)
{
    int64_t sum = 0;

    for (int i = 0; i < 400; i++) {
        play_until(sim_us - run.begins_us + 2500);
        sum += limef_sample_ring_fill(&run.input.ring);
    }
    return (int)(sum / 400);
}

/* Its clock is so much faster than the device's. */
static void follows(int n_samples, double ppm)
{
    struct limef_sample_ring_counters before, after;
    int fill;

    begin(n_samples, ppm);
    play_until(MINUTE_US); /* it has begun */
    run.roughness = 0;
    play_until(3 * MINUTE_US);
    before = counters();
    for (int i = 4; i <= 6; i++) {
        play_until(i * MINUTE_US);
        CHECK(abs(ppm_now() + (int)ppm) <= 60);
    }
    fill = mean_fill();
    after = counters();
    printf("%+.0f ppm, blocks of %d: %d ppm, %d frames wait\n", ppm, n_samples, ppm_now(), fill);
    CHECK(after.n_underruns == before.n_underruns);
    CHECK(after.n_skipped == before.n_skipped && after.n_dropped == before.n_dropped);
    CHECK(run.roughness < 2e-3 && LIMEF_COUNTED(run.slot.drift.n_steps) == 0);
    /* it goes slowly to what is wanted; 500 ppm would be 8640 frames more or less by now */
    CHECK(fill > AHEAD - PERIOD && fill < AHEAD + n_samples + PERIOD);
    end();
}

/* A pause of the source, which makes the input run dry, says nothing about its clock. */
static void keeps_what_it_knows_over_a_gap(double ppm)
{
    int least = 100000, most = -100000;

    begin(480, ppm);
    play_until(3 * MINUTE_US);
    run.arrives_us += 300000; /* and then all at once */
    for (int64_t at_us = 3 * MINUTE_US; at_us < 5 * MINUTE_US; at_us += 100000) {
        play_until(at_us);
        least = ppm_now() < least ? ppm_now() : least;
        most = ppm_now() > most ? ppm_now() : most;
    }
    printf("%+.0f ppm over a gap: %d to %d ppm\n", ppm, least, most);
    CHECK(counters().n_underruns > 0);
    CHECK(abs(least + (int)ppm) <= 300 && abs(most + (int)ppm) <= 300);
    CHECK(abs(ppm_now() + (int)ppm) <= 60);
    end();
}

/* Nor does anybody who stands still, as often as every five seconds. */
static void takes_no_stall_for_a_clock(double ppm)
{
    int before, most = 0, jump = 0;

    begin(480, ppm);
    play_until(3 * MINUTE_US);
    run.stalls_us = sim_us;
    before = ppm_now();
    for (int64_t at_us = 3 * MINUTE_US; at_us < 8 * MINUTE_US; at_us += 100000) {
        int now;

        play_until(at_us);
        now = ppm_now();
        most = abs(now + (int)ppm) > most ? abs(now + (int)ppm) : most;
        jump = abs(now - before) > jump ? abs(now - before) : jump;
        before = now;
    }
    printf("%+.0f ppm beside stalls: off by %d ppm at most, within 100 ms by %d; %llu steps\n", ppm,
           most, jump, (unsigned long long)LIMEF_COUNTED(run.slot.drift.n_steps));
    CHECK(LIMEF_COUNTED(run.slot.drift.n_steps) > 0 && counters().n_underruns > 0);
    CHECK(most <= 300 && jump <= 200);
    end();
}

int main(int argc, char **argv)
{
    follows(1024, 500);
    keeps_what_it_knows_over_a_gap(-500);
    takes_no_stall_for_a_clock(0);
    if (argc > 1 && strcmp(argv[1], "short") == 0)
        return 0;
    follows(480, 500);
    follows(480, -500);
    follows(1024, -500);
    follows(960, 0);
    keeps_what_it_knows_over_a_gap(500);
    takes_no_stall_for_a_clock(500);
    takes_no_stall_for_a_clock(-500);
    return 0;
}
