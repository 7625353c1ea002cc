/* SPDX-License-Identifier: MIT */
/*
 * A filter that does nothing but use processor time: for trying plans.
 */
#ifndef LIMEF_GRAPH_BURN_H
#define LIMEF_GRAPH_BURN_H

#include <limef/filter/filter.h>

/* Kind "burn". */
struct burn {
    struct limef_filter filter;
    int64_t cost_us;  /* for each media frame */
    int64_t later_us; /* instead, after_us after the first one; -1: never */
    int64_t after_us;
    int64_t first_us;
};

void burn_init(struct burn *burn, const char *name, int64_t cost_us);

#endif
