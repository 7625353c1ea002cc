/* SPDX-License-Identifier: MIT */
/*
 * A graph as it was at one moment, copied while the registry was held, so that it can be printed
 * slowly.
 */
#ifndef LIMEF_SRC_THREAD_GRAPH_SEEN_H
#define LIMEF_SRC_THREAD_GRAPH_SEEN_H

#include "thread/graph_private.h"

#define SEEN_NONE UINT32_MAX

struct seen_thread {
    char name[16];
    int tid; /* 0: it does not run */
    enum limef_scheduled scheduled_as;
    int64_t inside_us; /* for so long it has been at work; 0: it waits for something to do */
    uint32_t filter;   /* the innermost that it is in; SEEN_NONE: none */
    uint32_t waits_at; /* the boundary that it waits at for room; SEEN_NONE: at none */
    uint64_t n_errors;
};

struct seen_filter {
    char name[32];
    const char *kind;
    uint32_t thread; /* SEEN_NONE: nobody runs it yet */
    bool is_inside;
    bool leaves;
    uint64_t n_frames, copied_bytes;
    int64_t quiet_us; /* for so long at least it has taken no frame; a source, passed none on */
    double cost_us;   /* LIMEF_NOT_MEASURED: also while the graph is being changed */
    struct limef_filter_count counts[LIMEF_FILTER_MAX_COUNTS];
    unsigned n_counts;
};

struct seen_edge {
    uint32_t from, to;
    uint32_t output;
    bool is_cut;
    bool is_held; /* the reader refused a frame, and will be offered it again */
    bool writer_waits;
    enum limef_overflow overflow;
    unsigned n_waiting;
    int64_t oldest_us; /* that waits; 0: none, or not known */
    int64_t late_us;   /* for so long frames have been older than is granted; 0: they are not */
    int64_t unwritten_us, unread_us; /* for so long at least none was */
    uint64_t n_late;                 /* times that they became so */
    struct limef_lane_counters counters;
};

struct graph_seen {
    char name[32];
    bool is_changing; /* somebody changes it at this moment */
    int64_t at_us;
    struct seen_thread *threads;
    struct seen_filter *filters;
    struct seen_edge *edges;
    uint32_t n_threads, n_filters, n_edges;
    void *memory; /* owned: all three */
};

/* Called with the registry held, for each filter; its number is that in the snapshot. */
typedef void graph_visit_fn(void *context, struct limef_filter *filter, uint32_t number);

/*
 * Looks at a graph.
 *
 * visit  NULL: nobody.
 * Returns 0, AVERROR(ENOMEM), or AVERROR(EAGAIN): the registry was held for too long.
 * Thread: any
 */
int graph_see(struct limef_graph_inside *graph, struct graph_seen *seen, graph_visit_fn *visit,
              void *context);

void graph_seen_clear(struct graph_seen *seen);

/* Advances the progress clocks. They are as exact as they are looked at often: who stands still
 * does so for longer than they say by the time between two looks at most. The registry is held. */
void graph_note_progress(struct limef_graph_inside *graph, int64_t now_us);

/* Bounded: 0, or AVERROR(EAGAIN). */
int graph_lock_registry(struct limef_graph_inside *graph);

/* The innermost filter that a thread is in, and the boundary behind that at which it waits for
 * room; NULL: none. The registry is held. */
void graph_where(const struct limef_graph_inside *graph, const struct graph_thread *thread,
                 struct graph_node **in, struct graph_edge **waits_at);

#endif
