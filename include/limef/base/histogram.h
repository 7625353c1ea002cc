/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A histogram of durations: written by one thread, read by any, 416 bytes,
 * no lock. Four buckets an octave from 1 us to 67 s, so a percentile is off by
 * at most 25 %, upwards.
 */
#ifndef LIMEF_BASE_HISTOGRAM_H
#define LIMEF_BASE_HISTOGRAM_H

#include <limef/base/api.h>

LIMEF_BEGIN_DECLS

/** Buckets of a histogram: 26 octaves of four. */
#define LIMEF_HISTOGRAM_N_BUCKETS 104

/** All-zero is empty. */
struct limef_histogram {
    LIMEF_ATOMIC(uint32_t) n[LIMEF_HISTOGRAM_N_BUCKETS];
};

/**
 * Counts one duration.
 *
 * @param us  below 0 counts as 0, above the range as the last bucket.
 * Thread: the one that writes this histogram
 */
LIMEF_API void limef_histogram_add(struct limef_histogram *histogram, int64_t us);

/**
 * The duration that `share` of what was counted did not exceed.
 *
 * @param share  0..1: 0.5 for the median.
 * @return microseconds, the upper edge of the bucket; 0 if nothing was counted.
 * Thread: any
 */
LIMEF_API int64_t limef_histogram_percentile_us(const struct limef_histogram *histogram,
                                                double share);

LIMEF_END_DECLS

#endif
