/* SPDX-License-Identifier: MIT */
/* For limef_filter_ops.counts of the library's own filters. */
#ifndef LIMEF_SRC_FILTER_FILTER_COUNTS_H
#define LIMEF_SRC_FILTER_FILTER_COUNTS_H

#include <limef/filter/filter.h>

#include <assert.h>
#include <string.h>

/* Hands out what was counted up to now; returns how many. */
static inline unsigned filter_counts(struct limef_filter_count *counts,
                                     const struct limef_filter_count *now, size_t bytes)
{
    assert(bytes <= LIMEF_FILTER_MAX_COUNTS * sizeof(*now));
    memcpy(counts, now, bytes);
    return (unsigned)(bytes / sizeof(*now));
}

#endif
