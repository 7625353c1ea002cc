/* SPDX-License-Identifier: MIT */
#include <limef/audio/drift.h>

#include <libavutil/common.h>
#include <math.h>
#include <string.h>

/* The loop's bandwidth, rad/s: it settles within half a minute. */
#define OMEGA 0.08
#define SMOOTHING_S 0.5
#define MOST_PPM 1500.0
/* After such a gap the past says nothing. */
#define GAP_US 2000000
/* One look in so many may be of a clock that was read wrong. */
#define FULLER 16
/* What it begins with is shortened to what is wanted by so much a second. */
#define NEARER_PPM 30.0
/* Nearer than this to what was seen within SMOOTHING_S a clock always is: at twice the limit it
 * goes 1.5 ms further. Each step makes it wider, for steps that come all the time are how unevenly
 * it is to be seen, and have to be followed. */
#define STEP_US 2000.0
#define STEP_WIDER 1.5
#define STEP_FORGOTTEN_S 10.0

static double clip(double value, double most)
{
    return value < -most ? -most : value > most ? most : value;
}

void limef_drift_restart(struct limef_drift *drift)
{
    drift->started = false;
    drift->n_looks = 0;
}

/* A look more; of the last ones the fullest but a few: blocks come late, and others with them in
 * one go, which says nothing about the clock, but hardly any come early. */
static double fullest_with(struct limef_drift *drift, float error_us)
{
    unsigned n = FFMIN(drift->n_looks, LIMEF_DRIFT_LOOKS), i;
    float *sorted = drift->sorted_us;

    if (n == LIMEF_DRIFT_LOOKS) { /* without the oldest */
        float oldest = drift->looks_us[drift->n_looks % LIMEF_DRIFT_LOOKS];

        for (i = 0; i < n - 1 && sorted[i] != oldest;)
            i++;
        n--;
        memmove(&sorted[i], &sorted[i + 1], (n - i) * sizeof(*sorted));
    }
    for (i = n; i > 0 && sorted[i - 1] > error_us; i--)
        sorted[i] = sorted[i - 1];
    sorted[i] = error_us;
    drift->looks_us[drift->n_looks++ % LIMEF_DRIFT_LOOKS] = error_us;
    return (double)sorted[n - n / FULLER];
}

/* Whether so much more, or less, is there at once: somebody stood still, or left something out. */
static bool is_step(struct limef_drift *drift, double off_us, double seconds)
{
    drift->wider_us *= exp(-seconds / STEP_FORGOTTEN_S);
    if (fabs(off_us) <= STEP_US + drift->wider_us)
        return false;
    drift->wider_us = (STEP_US + drift->wider_us) * STEP_WIDER - STEP_US;
    LIMEF_COUNT(drift->n_steps, 1);
    return true;
}

int limef_drift_update(struct limef_drift *drift, int64_t fill_us, int64_t wanted_us,
                       int64_t now_us)
{
    double seconds = (double)(now_us - drift->at_us) / 1e6, fullest_us, wanted_ppm, ppm;

    if (drift->started && now_us - drift->at_us > GAP_US)
        limef_drift_restart(drift);
    drift->at_us = now_us;
    fullest_us = fullest_with(drift, (float)(fill_us - wanted_us));
    if (drift->started && is_step(drift, fullest_us - drift->base_us - drift->smoothed_us, seconds))
        limef_drift_restart(drift);
    if (!drift->started) {
        drift->base_us = fullest_us;
        drift->smoothed_us = 0;
        drift->started = drift->n_looks >= LIMEF_DRIFT_LOOKS;
        return (int)lrint(-drift->drift_ppm);
    }
    drift->base_us -= clip(drift->base_us, NEARER_PPM * seconds);
    drift->smoothed_us +=
        (fullest_us - drift->base_us - drift->smoothed_us) * (1 - exp(-seconds / SMOOTHING_S));
    wanted_ppm = drift->drift_ppm + 2 * OMEGA * drift->smoothed_us;
    ppm = clip(wanted_ppm, MOST_PPM);
    /* what cannot be done is not added up, or it would be undone for as long */
    if (wanted_ppm == ppm || (wanted_ppm > 0) != (drift->smoothed_us > 0))
        drift->drift_ppm =
            clip(drift->drift_ppm + OMEGA * OMEGA * drift->smoothed_us * seconds, MOST_PPM);
    return (int)lrint(-ppm);
}
