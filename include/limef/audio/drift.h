/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Follows a clock that runs a little faster or slower than another: from how full the
 * buffer between the two is, it finds how much faster or slower to play so that the
 * buffer stays as full as it should be. A second-order control loop, critically damped,
 * behind a filter of
 * blocks that come late; its integral is the drift itself. It begins with as much as there is,
 * and comes nearer to what is wanted by 30 us a second. What there is more or less of at once is no
 * clock's doing: it begins anew with that, and with the drift that it knows. Pure: the time comes
 * from the caller.
 * (Gardner, Phaselock Techniques, chapter 2.)
 */
#ifndef LIMEF_AUDIO_DRIFT_H
#define LIMEF_AUDIO_DRIFT_H

#include <limef/base/api.h>

LIMEF_BEGIN_DECLS

/** Looks of which the fullest count. */
#define LIMEF_DRIFT_LOOKS 63

/** Memory of a loop. All-zero begins anew. */
struct limef_drift {
    bool started;
    int64_t at_us;      /**< when it last looked */
    double base_us;     /**< how much too full it was when it began, less what was made up for */
    double smoothed_us; /**< how much fuller than that it is */
    double drift_ppm;   /**< what is to be made up for all the time */
    double wider_us;    /**< by so much more than 2 ms is a step larger, since the last ones */
    LIMEF_ATOMIC(uint64_t) n_steps; /**< times that there was more or less at once; any reads */
    unsigned n_looks;
    float looks_us[LIMEF_DRIFT_LOOKS], sorted_us[LIMEF_DRIFT_LOOKS];
};

/**
 * Begins anew with as much as the buffer has then, and with the drift that was found: it ran dry,
 * or something was left out.
 *
 * Thread: the one that owns drift
 */
LIMEF_API void limef_drift_restart(struct limef_drift *drift);

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
