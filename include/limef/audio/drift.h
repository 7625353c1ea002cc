/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Follows a clock that runs a little faster or slower than another: from how full the
 * buffer between the two is, it finds how much faster or slower to play so that the
 * buffer stays as full as it should be. A second-order control loop, critically damped;
 * its integral is the drift itself. Pure: the time comes from the caller.
 * (Gardner, Phaselock Techniques, chapter 2.)
 */
#ifndef LIMEF_AUDIO_DRIFT_H
#define LIMEF_AUDIO_DRIFT_H

#include <limef/base/api.h>

LIMEF_BEGIN_DECLS

/** Memory of a loop. All-zero begins anew. */
struct limef_drift {
    bool started;
    int64_t at_us;      /**< when it last looked */
    double smoothed_us; /**< how much too full it is, over a second */
    double drift_ppm;   /**< what is to be made up for all the time */
};

/**
 * Looks how full the buffer is, as often as anyone likes.
 *
 * @param fill_us    how much is in the buffer, always at the same point of the work.
 * @param wanted_us  how much should be.
 * @param now_us     monotonic time.
 * @return how much longer, in parts per million, what comes from now on shall last; negative:
 *         shorter: -1500..1500.
 * Thread: the one that owns drift
 */
LIMEF_API int limef_drift_update(struct limef_drift *drift, int64_t fill_us, int64_t wanted_us,
                                 int64_t now_us);

LIMEF_END_DECLS

#endif
