/* SPDX-License-Identifier: MIT */
/*
 * A callback of the application's as a device, in simulated time: the program's monotonic clock is
 * the test's. The device's thread comes by every half millisecond; the callback by a clock of its
 * own, and late. Frame n of what is written is the number n.
 */
#include "audio/device.h"
#include "audio/pace.h"
#include "support/check.h"
#include "support/simulated_clock.h"

#include <limef/audio/callback.h>

#include <libavutil/error.h>
#include <math.h>
#include <string.h>

#define RATE 48000
#define N_RING 8192
#define MOST 2048
#define STEP_US 500
#define SECOND_US INT64_C(1000000)
#define LATENCY_US 5000 /* of what is behind the callback */
#define N_PERIODS 65536

static struct run {
    struct limef_audio_callback callback;
    struct audio_device *device;
    float samples[N_RING * 2];
    unsigned period, call, n_written; /* n_written: periods */
    double call_us, due_us, comes_us; /* of the callback; due: without what it is late by */
    int jitter_us;
    int64_t heard_us[N_PERIODS]; /* when each period's first frame was to be heard */
    int64_t begun_us, until_us;
    unsigned next, most_waiting, n_jumps;
    double most_off_us;
} run;

static void begin(unsigned call, unsigned period, double ppm, int jitter_us)
{
    struct audio_device_settings settings = {.rate = RATE,
                                             .n_channels = 2,
                                             .period_frames = period,
                                             .name = "test",
                                             .callback = &run.callback};

    memset(&run, 0, sizeof(run));
    srand(1);
    sim_us = SECOND_US;
    CHECK(!limef_audio_callback_init(&run.callback, run.samples, N_RING, NULL));
    CHECK(!audio_device_callback.open(&run.device, &settings));
    run.period = period;
    run.call = call;
    run.jitter_us = jitter_us;
    run.call_us = call * 1e6 / RATE / (1 + ppm * 1e-6);
    run.due_us = run.comes_us = (double)sim_us + 3000;
    run.begun_us = run.until_us = sim_us;
}

static void end(void)
{
    run.device->ops->close(run.device);
    sim_us = 0;
}

static void write_periods(void)
{
    float frames[MOST * 2];
    int64_t heard_us;

    while (run.device->ops->wait(run.device, sim_us, &heard_us) == 0) {
        for (unsigned i = 0; i < run.period; i++)
            frames[2 * i] = frames[2 * i + 1] = (float)(run.n_written * run.period + i + 1);
        CHECK(run.n_written < N_PERIODS);
        run.heard_us[run.n_written++] = heard_us;
        CHECK(!run.device->ops->write(run.device, frames, run.period));
    }
}

/* What is heard first now, beside when that was to be. */
static void look(const float *frames, unsigned n, double heard_us)
{
    unsigned number = (unsigned)frames[0];
    double expected_us;

    for (unsigned i = 0; i < n; i++) {
        run.n_jumps += run.next && frames[2 * i] > 0 && (unsigned)frames[2 * i] != run.next;
        if (frames[2 * i] > 0)
            run.next = (unsigned)frames[2 * i] + 1;
    }
    if (!n || !number)
        return;
    expected_us =
        (double)run.heard_us[(number - 1) / run.period] + (number - 1) % run.period * 1e6 / RATE;
    run.most_off_us = fmax(run.most_off_us, fabs(expected_us - heard_us));
}

static void call_back(void)
{
    float frames[MOST * 2];
    unsigned waiting = limef_sample_ring_fill(&run.callback.ring), n;

    run.most_waiting = waiting > run.most_waiting ? waiting : run.most_waiting;
    n = limef_audio_callback_read(&run.callback, frames, run.call,
                                  (int64_t)run.due_us + LATENCY_US);
    look(frames, n, run.due_us + LATENCY_US);
    run.due_us += run.call_us;
    run.comes_us = run.due_us + (run.jitter_us ? rand() % run.jitter_us : 0);
}

static void play(int64_t us)
{
    for (run.until_us += us; sim_us < run.until_us; sim_us += STEP_US) {
        while ((double)sim_us >= run.comes_us)
            call_back();
        write_periods();
    }
}

static struct limef_sample_ring_counters counters(void)
{
    struct limef_sample_ring_counters counters;

    limef_sample_ring_get_counters(&run.callback.ring, &counters);
    return counters;
}

/* From now on. */
static void look_anew(void)
{
    run.most_off_us = 0;
    run.most_waiting = run.n_jumps = 0;
}

static void gives_each_frame_once_and_says_when_it_is_heard(unsigned call, unsigned period,
                                                            double ppm)
{
    int jitter_us = (int)(call * 1000000 / RATE / 3);
    uint64_t n_underruns;

    begin(call, period, ppm, jitter_us);
    play(5 * SECOND_US); /* it learns how large a call is */
    n_underruns = counters().n_underruns;
    CHECK(n_underruns <= 1);
    look_anew();
    play(60 * SECOND_US);
    printf("calls of %u, periods of %u, %+.0f ppm: %u frames wait at most, heard within %.0f us of "
           "what was said\n",
           call, period, ppm, run.most_waiting, run.most_off_us);
    CHECK(counters().n_underruns == n_underruns && run.n_jumps == 0);
    CHECK(counters().n_dropped + counters().n_skipped + counters().n_refused == 0);
    CHECK(LIMEF_COUNTED(run.device->n_underruns) == n_underruns);
    CHECK(run.most_waiting <= call + 2 * period + (unsigned)n_underruns * period);
    /* what a call is late by may be taken for a pause of all */
    CHECK(run.most_off_us <= jitter_us + STEP_US + 10);
    end();
}

static void keeps_the_time_while_nobody_calls(bool ever_called)
{
    unsigned n_written;

    begin(256, 128, 0, 0);
    if (ever_called)
        play(SECOND_US);
    else
        run.due_us = run.comes_us = 1e15;
    n_written = run.n_written;
    run.due_us = run.comes_us = 1e15;
    play(3 * SECOND_US);
    CHECK(abs((int)(run.n_written - n_written) - 3 * RATE / 128) <= RATE / 128 / 8);
    CHECK(counters().n_dropped > 0 && counters().n_overflows > 0);
    /* and is as soon as before when somebody calls again */
    run.due_us = run.comes_us = (double)sim_us;
    look_anew();
    call_back();
    CHECK(counters().n_skipped > 0);
    look_anew();
    play(SECOND_US); /* what waited then, too */
    CHECK(run.n_jumps == 0);
    look_anew();
    play(10 * SECOND_US);
    CHECK(run.most_waiting <= 256 + 3 * 128 && run.n_jumps == 0);
    CHECK(counters().n_underruns == 0 && run.most_off_us <= STEP_US + 10);
    end();
}

static void gives_silence_while_the_thread_stands_still_and_more_time_afterwards(void)
{
    int64_t n_silent;

    begin(128, 128, 0, 0);
    play(SECOND_US);
    CHECK(counters().n_underruns == 0);
    for (int i = 0; i < 20; i++) {
        sim_us = (int64_t)run.comes_us + 1;
        call_back();
    }
    n_silent = (int64_t)counters().n_silent;
    CHECK(counters().n_underruns >= 10 && n_silent > 0);
    run.until_us = sim_us;
    play(SECOND_US);
    look_anew();
    play(10 * SECOND_US);
    CHECK((int64_t)counters().n_silent == n_silent && run.n_jumps == 0);
    CHECK(LIMEF_COUNTED(run.device->n_underruns) == counters().n_underruns);
    CHECK(run.most_waiting > 128 && run.most_waiting <= 3 * 128 + 64);
    CHECK(run.most_off_us <= STEP_US + 10);
    end();
}

static void waits_for_two_periods_more_at_most_however_often_it_ran_dry(void)
{
    begin(128, 128, 0, 0);
    play(SECOND_US);
    for (int i = 0; i < 40; i++) {
        uint64_t n_underruns = counters().n_underruns;

        while (counters().n_underruns == n_underruns) { /* the thread stands still */
            sim_us = (int64_t)run.comes_us + 1;
            call_back();
        }
        run.until_us = sim_us;
        play(SECOND_US / 10);
    }
    CHECK(LIMEF_COUNTED(run.device->n_underruns) >= 40);
    look_anew();
    play(10 * SECOND_US);
    CHECK(run.most_waiting > 3 * 128 && run.most_waiting <= 128 + 64 + 2 * 128 + 128);
    end();
}

int main(void)
{
    for (double ppm = -500; ppm <= 500; ppm += 500) {
        gives_each_frame_once_and_says_when_it_is_heard(128, 128, ppm);
        gives_each_frame_once_and_says_when_it_is_heard(1024, 240, ppm);
        gives_each_frame_once_and_says_when_it_is_heard(64, 240, ppm);
        gives_each_frame_once_and_says_when_it_is_heard(441, 128, ppm);
    }
    keeps_the_time_while_nobody_calls(true);
    keeps_the_time_while_nobody_calls(false);
    gives_silence_while_the_thread_stands_still_and_more_time_afterwards();
    waits_for_two_periods_more_at_most_however_often_it_ran_dry();
    return 0;
}
