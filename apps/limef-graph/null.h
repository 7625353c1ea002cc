/* SPDX-License-Identifier: MIT */
/*
 * The end of a chain: takes everything, and notes whether it came in time.
 */
#ifndef LIMEF_GRAPH_NULL_H
#define LIMEF_GRAPH_NULL_H

#include <limef/base/histogram.h>
#include <limef/filter/filter.h>

/* Kind "null". */
struct null_sink {
    struct limef_filter filter;
    LIMEF_ATOMIC(int) * end_codes; /* of each slot: what its END said; borrowed */
    uint32_t n_slots;
    int64_t deadline_us; /* on time is what is not older; 0: one frame's duration, or 40 ms */

    /* written by the thread that runs it, read by any */
    LIMEF_ATOMIC(uint64_t) n_media, n_timed, n_on_time, n_ended;
    struct limef_histogram age; /* from entering the process */
};

void null_sink_init(struct null_sink *null_sink, const char *name, int64_t deadline_us);

#endif
