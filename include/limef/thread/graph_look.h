/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a graph does at this moment: its plan as text, and which thread runs which
 * filter, what waits at which boundary. For people and reports; it takes the
 * graph's lock, and no media path does.
 *
 * What a filter costs is measured by its probe, see limef_probe_read().
 */
#ifndef LIMEF_THREAD_GRAPH_LOOK_H
#define LIMEF_THREAD_GRAPH_LOOK_H

#include <limef/thread/graph.h>

#include <stdio.h>

LIMEF_BEGIN_DECLS

/** How limef_graph_print() writes a plan. */
enum limef_graph_format {
    LIMEF_GRAPH_TEXT, /**< threads, then every connection with its reason */
    LIMEF_GRAPH_DOT,  /**< for Graphviz */
    LIMEF_GRAPH_JSON, /**< one object (RFC 8259) */
};

/**
 * Prints the plan that runs, or, of a graph that was not started, the one it would start with.
 *
 * @param file  borrowed.
 * @return 0; as limef_plan_make(); AVERROR(EIO): the file does not take it.
 * Thread: any
 */
LIMEF_API int limef_graph_print(struct limef_graph *graph, enum limef_graph_format format,
                                FILE *file);

/** A filter of a graph. */
struct limef_graph_filter_view {
    struct limef_filter *filter; /**< borrowed from the application */
    char thread[16];             /**< name of who runs it; empty: nobody yet */
    int tid;                     /**< the system's number of that thread; 0: it does not run */
    enum limef_priority priority;
    enum limef_scheduled scheduled; /**< what it got for that */
    bool is_explicit;               /**< the application's thread */
};

/** A connection of a graph. */
struct limef_graph_edge_view {
    uint32_t from, to; /**< filters of the view */
    uint32_t output;   /**< which of from's */
    bool is_cut;       /**< a boundary; only then the members below mean something */
    struct limef_lane_counters lane;
    unsigned n_waiting;
    enum limef_overflow overflow;
    int64_t wait_p50_us, wait_p99_us; /**< from written to read, since the boundary is there */
};

/** What limef_graph_look() writes. */
struct limef_graph_view {
    struct limef_graph_filter_view *filters; /**< the caller's; room for max_filters */
    struct limef_graph_edge_view *edges;     /**< the caller's; room for max_edges */
    uint32_t max_filters, max_edges;
    uint32_t n_filters, n_edges; /**< how many there are, also if there is no room for them */
};

/**
 * Looks at a graph.
 *
 * @param view  filters, edges and their numbers are the caller's; the rest is written.
 * Thread: any
 */
LIMEF_API void limef_graph_look(struct limef_graph *graph, struct limef_graph_view *view);

LIMEF_END_DECLS

#endif
