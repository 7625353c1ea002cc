/* SPDX-License-Identifier: MIT */
/*
 * Looks at a running graph: what its filters cost, and what waits at its boundaries.
 */
#ifndef LIMEF_GRAPH_WATCH_H
#define LIMEF_GRAPH_WATCH_H

#include "assembly.h"

#include <limef/filter/probe.h>
#include <limef/thread/graph_look.h>

/* What a filter did in the last period. */
struct watch_filter {
    double cost_us, p95_us, rate_hz; /* LIMEF_NOT_MEASURED: not known */
    double load;                     /* share of a core */
    uint64_t n_drops;                /* at the boundaries before it, since the start */
};

struct watch {
    struct assembly *assembly;
    struct limef_graph_view view;
    struct watch_filter *filters;             /* as in the view */
    struct limef_probe_reading *first, *last; /* of each filter: at the start, and one ago */
    int64_t began_us, looked_us;
    unsigned n_threads, max_threads;
    double cpu_s, cpu_load; /* of the process: since its start, and in the last period */
    uint64_t n_switches;    /* context switches, since the start */
    double switch_hz;
};

/* Returns 0, or AVERROR(ENOMEM), logged. */
int watch_init(struct watch *watch, struct assembly *assembly);

/* Renews everything: what was measured since the last look, or, `whole`, since the start. */
void watch_look(struct watch *watch, bool whole);

/* Frames dropped at a boundary, whatever the reason. */
uint64_t watch_n_drops(const struct limef_graph_edge_view *edge);

void watch_clear(struct watch *watch);

#endif
