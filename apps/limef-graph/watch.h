/* SPDX-License-Identifier: MIT */
/*
 * Looks at a running graph: what its filters cost, and what waits at its boundaries.
 */
#ifndef LIMEF_GRAPH_WATCH_H
#define LIMEF_GRAPH_WATCH_H

#include "assembly.h"

/* What is known of a filter beside what the graph tells. */
struct watch_filter {
    double rate_hz;    /* frames that went in, since the look before; of a source: that came out */
    double load;       /* share of a core; or LIMEF_NOT_MEASURED */
    uint64_t n_drops;  /* at the boundaries before it, also at those that are gone */
    uint64_t n_frames; /* at the look before */
};

struct watch {
    struct assembly *assembly;
    struct limef_graph_filter_look *filters;
    struct watch_filter *more; /* of the same filters */
    struct limef_graph_boundary_look *boundaries;
    size_t n_filters, n_boundaries, max_filters, max_boundaries;
    struct limef_graph_change changes[LIMEF_GRAPH_CHANGES]; /* of the plan, the oldest first */
    size_t n_changes;
    int64_t began_us, looked_us;
    unsigned n_threads, max_threads;
    double cpu_s, cpu_load; /* of the process: since its start, and since the look before */
    uint64_t n_switches;    /* context switches, since the start */
    double switch_hz;
};

/* Returns 0, or AVERROR(ENOMEM), logged. */
int watch_init(struct watch *watch, struct assembly *assembly);

/* Renews everything. */
void watch_look(struct watch *watch);

/* A line for each of the latest n changes of the plan: when, which one, what, why. */
void watch_print_changes(const struct watch *watch, size_t n, FILE *file);

/* The place of a filter among the watch's; n_filters: it is not there. */
size_t watch_find(const struct watch *watch, const struct limef_filter *filter);

void watch_clear(struct watch *watch);

#endif
