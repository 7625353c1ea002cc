/* SPDX-License-Identifier: MIT */
#include <limef/audio/drift.h>

#include <libavutil/common.h>
#include <math.h>

/* The loop's bandwidth, rad/s: it settles within half a minute; blocks that come unevenly, by a few
 * milliseconds, disturb the speed by some 10 ppm. */
#define OMEGA 0.08
#define SMOOTHING_S 1.0
#define MOST_PPM 1500.0
/* After such a gap the past says nothing. */
#define GAP_US 2000000

static double clip(double value, double most)
{
    return value < -most ? -most : value > most ? most : value;
}

int limef_drift_update(struct limef_drift *drift, int64_t fill_us, int64_t wanted_us,
                       int64_t now_us)
{
    double error_us = (double)(fill_us - wanted_us),
           seconds = (double)(now_us - drift->at_us) / 1e6;

    if (!drift->started || now_us - drift->at_us > GAP_US) {
        drift->started = true;
        drift->smoothed_us = error_us;
        seconds = 0;
    }
    drift->at_us = now_us;
    drift->smoothed_us += (error_us - drift->smoothed_us) * (1 - exp(-seconds / SMOOTHING_S));
    drift->drift_ppm =
        clip(drift->drift_ppm + OMEGA * OMEGA * drift->smoothed_us * seconds, MOST_PPM);
    return (int)lrint(-clip(drift->drift_ppm + 2 * OMEGA * drift->smoothed_us, MOST_PPM));
}
