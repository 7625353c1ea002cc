/* SPDX-License-Identifier: MIT */
/*
 * What a graph knows: filters, connections, threads. Everything lies in the memory given to
 * limef_graph_init() and is protected by the graph's lock, if nothing else is said; no media
 * path takes it.
 *
 * What is needed to find the thread of a filter (the list of nodes, and of each its thread and
 * whether it leaves), and to say where a frame is (the lists of edges and threads, and of each
 * edge its bounds, its past and is_shown) is written under the registry's lock too, and read under
 * either of them. It is held for some instructions only, never while somebody is waited for, so
 * that a filter may take it in its go.
 *
 * A connection is a boundary if, and only if, its two filters run on different threads.
 */
#ifndef LIMEF_SRC_THREAD_GRAPH_PRIVATE_H
#define LIMEF_SRC_THREAD_GRAPH_PRIVATE_H

#include "thread/arena.h"
#include "thread/worker.h"

#include <limef/filter/input.h>
#include <limef/filter/probe.h>
#include <limef/thread/graph.h>
#include <limef/thread/replan.h>

#include <pthread.h>

/* For what is to be tidied although the time is over. */
#define GRAPH_GRACE_US 10000

/* A thread of the graph, or an explicit one. Those of the graph are never given back before the
 * graph is cleared: a writer may still look at the fifo that its lane has left. */
struct graph_thread {
    struct graph_thread *next;
    struct limef_thread *thread;     /* the worker's, or the consumer's */
    struct limef_fifo *fifo;         /* likewise */
    struct limef_consumer *consumer; /* the application's; NULL: it is the worker */
    struct worker worker;
    char name[16];
    bool in_use;            /* has filters, or will have */
    bool reached;           /* while cycles are looked for */
    uint32_t number;        /* of an explicit one in the problem, of a worker in the plan of now */
    int64_t cpu_us;         /* that it had used when the window began */
    double load;            /* of a core, in the last window */
    int64_t glanced_cpu_us; /* that it had used at the last glance */

    /* whoever holds the registry */
    uint32_t seen_number; /* in a snapshot */
    int64_t stuck_us;     /* inside_us of the call that was said to be stuck; 0: none */
    char stuck_in[80];    /* the filter then */
};

/* A progress clock: a count that was looked at, and when it was first seen as it is. Whoever holds
 * the registry. */
struct graph_progress {
    uint64_t n;
    int64_t since_us; /* 0: nobody looked yet */
};

struct graph_node {
    struct graph_node *next;
    struct limef_filter *filter;
    uint64_t id; /* of this stay in the graph; never used again, as its address is */
    struct worker_source source;     /* source.source NULL: it is none */
    struct limef_consumer *consumer; /* the explicit thread that runs it; NULL: the graph says */
    struct graph_thread *thread;     /* who runs it; NULL: nobody yet. Written while that thread is
                                        held in a call or does not run */
    struct graph_thread *wanted;     /* who shall run it, while that is changed */
    uint32_t number;                 /* in the problem */
    uint32_t level;   /* longest way from a filter that nobody leads to; 0 of one that is new */
    uint32_t ordered; /* the level that is found now; ORDER_UNKNOWN: not yet */
    struct graph_thread *target; /* where the plan wants it */
    struct limef_probe probe;
    struct limef_probe_reading began; /* when the window began */
    struct limef_plan_filter measured;
    struct limef_plan_edge arrived; /* what came to it in the window, if it is measured */
    unsigned n_edges;               /* that lead to it */
    uint64_t n_media;               /* frames in the window */
    double taken_share;             /* of frames, the others are refused; over some windows */
    double age_us;                  /* of live ones, mean; LIMEF_NOT_MEASURED: none was looked at */
    bool is_measured;               /* in this window */
    bool is_probed;
    uint64_t fingerprint;           /* as it was known before the filter ran */
    bool is_root;                   /* was added by name: stays until it is removed */
    bool is_new;                    /* found by the walk that is going on */
    bool is_reached;                /* while what stays is looked for */
    bool source_is_on;              /* its thread steps it, or runs its tick */
    bool leaves;                    /* a removal has begun */
    bool is_pinned;                 /* belongs to a chain that stays as it is */
    uint32_t group;                 /* of what leaves together */
    uint32_t seen_number;           /* whoever holds the registry: in a snapshot */
    struct graph_progress progress; /* frames taken; of a source, passed on */
    uint32_t depth, told_depth;     /* graph_depth.c: pictures held behind it; what it was told */
    bool depth_is_known;            /* while they are counted */

    /* graph_apply.c: why it is not where the plan wants it; AVERROR_EXIT: nobody tried; 0: it is */
    int failed;
};

struct graph_edge {
    struct graph_edge *next;
    struct graph_node *from, *to;
    uint32_t output;
    uint32_t number; /* in the problem; LIMEF_PLAN_NONE: between glued filters */
    bool is_new;
    bool is_touched; /* while what is new is attached: this is */
    bool leaves;
    uint32_t group; /* likewise */
    struct limef_plan_edge measured;
    struct limef_plan_link link;     /* what the last plan said */
    uint64_t n_written, n_dropped;   /* of the boundary when the window began */
    uint64_t n_missed;               /* in the window */
    struct limef_input_filter input; /* of a boundary; filter.ops NULL: it is none */
    struct limef_stack_frame *frames;
    unsigned narrowed_from; /* depth of a boundary that is about to go; 0: it is not */
    bool is_shown;          /* the boundary is there to be looked at */
    uint32_t seen_number;   /* whoever holds the registry: in a snapshot */
    int64_t neglected_us;   /* likewise: since when nobody has read what waits */
    uint64_t n_read_then;
    bool said_neglected;
    struct graph_progress written, read; /* of the boundary; without one both are of its filter */
    bool is_late;                        /* likewise: frames have been older than is granted */
    unsigned n_unlike;                   /* looks in a row at which they were not as is_late says */
    int64_t late_us;                     /* since when they are late */
    uint64_t n_late;                     /* times that they became so */
    char late_in[80];                    /* the filter then */
    bool was_cut;                        /* by a boundary that is gone; the next two are of those */
    struct limef_lane_counters past;     /* sums; max_used the largest, depth the last */
    struct limef_histogram past_wait;
};

/* A plan with the problem that it answers, one block of the arena. */
struct graph_plan {
    struct limef_plan plan;
    struct limef_plan_problem problem;
    struct limef_plan_filter *filters;
    struct limef_plan_edge *edges;
    unsigned n_recalled; /* the whole, or so many chains, from the cache */
};

struct limef_graph_inside {
    struct limef_graph_settings settings;
    pthread_mutex_t lock;
    pthread_mutex_t registry; /* after lock, before that of a thread or a fifo */
    struct arena arena;
    struct graph_node *nodes; /* in the order in which they were found */
    struct graph_node **nodes_end;
    struct graph_edge *edges, **edges_end;
    uint64_t n_nodes_made;
    struct graph_thread *threads;
    struct graph_plan *plan; /* the last that was adopted; NULL: none */
    unsigned n_threads_made; /* for their names */
    bool running;
    bool said_no_memory, said_shallow;
    struct graph_cache *cache; /* NULL: none */
    struct worker supervisor;
    struct limef_replan replan;
    void *replan_memory;
    int64_t window_began_us;          /* 0: nothing was read yet */
    int64_t window_due_us;            /* when it ends; 0: at the next glance */
    int64_t glanced_us;               /* when the last glance was, or the window began */
    int64_t process_cpu_us;           /* when the window began */
    double inside_load;               /* cores that threads within filters use */
    uint32_t n_first;                 /* windows left that judge what was planned without costs */
    double n_cpus;                    /* cores that it was planned for in the last window */
    uint32_t n_calm;                  /* windows in a row in which nothing was wanted */
    uint32_t stretch;                 /* so many times as long is a window; 0: as 1 */
    int64_t watch_due_us;             /* when the plan is looked at again */
    int64_t stuck_after_us;           /* LIMEF_FOREVER: nobody looks */
    int64_t late_after_us;            /* the age that is granted to what waits of live streams */
    int64_t stuck_due_us;             /* when somebody looks for who is stuck */
    LIMEF_ATOMIC(uint64_t) n_changes; /* of the plan while running; any may look */
    LIMEF_ATOMIC(uint64_t) n_failed_changes;
    LIMEF_ATOMIC(uint64_t) n_recalled;        /* plans that were found in the cache, likewise */
    LIMEF_ATOMIC(uint64_t) n_lost_at_removal; /* frames that waited where a chain was taken out */
    LIMEF_ATOMIC(uint32_t) stopping;          /* any; 1: whoever changes the plan gives up */

    pthread_mutex_t said_lock; /* the last one */
    /* protected by said_lock */
    struct limef_graph_change said[LIMEF_GRAPH_CHANGES]; /* ring */
    size_t n_said;
};

/* What is left until a deadline, for a call that takes a timeout. */
static inline int64_t graph_left_us(int64_t deadline_us)
{
    int64_t left_us;

    if (deadline_us == LIMEF_FOREVER)
        return LIMEF_FOREVER;
    left_us = deadline_us - limef_now_us();
    return left_us > 0 ? left_us : 0;
}

/* graph_seen.c: takes a lock, at the latest at the deadline on limef_now_us()'s clock, which nobody
 * sets. Returns 0, AVERROR(ETIMEDOUT). */
int graph_lock_until(pthread_mutex_t *lock, int64_t deadline_us);

/* graph.c: while nothing runs, takes up what the application connected since. Returns 0, or as
 * limef_graph_add(). */
int graph_refresh(struct limef_graph_inside *graph);

/* graph.c: what was walked, with that result, becomes part of the graph, or is forgotten. */
int graph_take_up(struct limef_graph_inside *inside, int ret, int64_t deadline_us);

/* graph_walk.c: what is connected */
struct graph_node *graph_find(const struct limef_graph_inside *graph,
                              const struct limef_filter *filter);
struct graph_edge *graph_edge_at(const struct limef_graph_inside *graph,
                                 const struct graph_node *from, uint32_t output);
/* Who is behind an output, and who shall be. Thread: as limef_filter_ops */
struct limef_filter *graph_output(const struct limef_filter *filter, uint32_t output);
void graph_reroute(struct limef_filter *filter, uint32_t output, struct limef_filter *to);
/* Adds what is not there yet: a filter (as a root), or a connection; then all behind. What is new
 * is marked is_new. Returns 0, AVERROR(ENOMEM); logged. */
int graph_walk_filter(struct limef_graph_inside *graph, struct limef_filter *filter,
                      struct graph_node **node);
int graph_walk_edge(struct limef_graph_inside *graph, struct graph_node *from, uint32_t output,
                    struct limef_filter *to);
/* While nothing runs: takes up what the application connected since. */
int graph_walk_again(struct limef_graph_inside *graph);
/* Gives what is behind an explicit thread's first filter to that thread. */
void graph_pin(struct limef_graph_inside *graph, struct graph_node *first,
               struct limef_consumer *consumer);
/* Writes the levels. Returns 0, AVERROR(ELOOP): they are as before; logged with the names. */
int graph_order(struct limef_graph_inside *graph);
/* Forgets what is_new, or makes it not new. */
void graph_walk_undo(struct limef_graph_inside *graph);
void graph_walk_keep(struct limef_graph_inside *graph);
void graph_drop_edge(struct limef_graph_inside *graph, struct graph_edge *edge);
void graph_drop_node(struct limef_graph_inside *graph, struct graph_node *node);

/* graph_threads.c */
/* A worker that has nothing to do, or a new one; running if the graph is. NULL: none; *ret. */
struct graph_thread *graph_take_worker(struct limef_graph_inside *graph,
                                       enum limef_priority priority, int *ret);
struct graph_thread *graph_thread_of(struct limef_graph_inside *graph,
                                     struct limef_consumer *consumer);
/* Forgets an explicit thread, and which filters it was to run. */
void graph_drop_consumer(struct limef_graph_inside *graph, const struct limef_consumer *consumer);
/* Whether a filter wants more of its thread than frames: a source's steps, a tick. */
bool graph_is_driven(const struct graph_node *node);
/* Thread: the worker's, or the controlling one while it does not run */
void graph_drive(struct graph_node *node, struct worker *worker);
void graph_drive_no_more(struct graph_node *node, struct worker *worker);
/* Stops the workers that no filter runs on. Returns 0, or AVERROR(ETIMEDOUT): one has not come
 * back, which waits for a processor, mostly; it is not taken before it has, the next time. Not
 * logged. */
int graph_stop_idle(struct limef_graph_inside *graph, int64_t deadline_us);
/* Whether frames can get from a thread back to it, if all filters run where they are wanted. */
bool graph_has_circle(struct limef_graph_inside *graph, struct graph_thread *through);
/* Whether frames can get from one thread to another, as filters run now. */
bool graph_leads_to(struct limef_graph_inside *graph, struct graph_thread *from,
                    struct graph_thread *to);

/* graph_plan.c */
/* Who a glued filter is one with; any other is one with itself. */
struct graph_node *graph_glued_to(const struct limef_graph_inside *graph, struct graph_node *node);
/* Numbers filters and edges, and describes them. Returns 0, or an error; logged. */
int graph_plan_lay_out(struct limef_graph_inside *graph, struct graph_plan **plan);
/* What runs, or NULL without a word if there is no room. */
struct graph_plan *graph_plan_running(struct limef_graph_inside *graph);
int graph_make_plan(struct limef_graph_inside *graph, struct graph_plan **plan);
/* Whether it was made of any costs. */
bool graph_plan_is_measured(const struct graph_plan *plan);
void graph_copy_plan(struct limef_plan *to, const struct limef_plan *from);
void graph_note_links(struct limef_graph_inside *graph, const struct limef_plan *plan);
void graph_adopt_plan(struct limef_graph_inside *graph, struct graph_plan *plan);

/* What runs, as a plan; numbers the workers. The plan is laid out for the graph as it is. */
void graph_describe_running(struct limef_graph_inside *graph, struct graph_plan *plan);

/* graph_cache.c: plans of graphs that ran before, and of chains */
/* Makes the cache, and reads settings.cache_file, once. */
void graph_cache_open(struct limef_graph_inside *graph);
/* Whether the plan was found, with its costs. */
bool graph_cache_recall(struct limef_graph_inside *graph, struct graph_plan *plan);
/* Looks up each chain that does not run yet. Those that are found are written into what runs, as
 * if they did, with their costs; map and edges_map say so too. */
void graph_cache_recall_chains(struct limef_graph_inside *graph, struct graph_plan *plan,
                               struct graph_plan *running, uint32_t *map, uint32_t *edges_map);
/* Keeps the plan that ran, with its costs. */
void graph_cache_keep(struct limef_graph_inside *graph);
/* Keeps that of one chain, in memory: it is about to be taken out. */
void graph_cache_keep_chain(struct limef_graph_inside *graph, const struct graph_node *node);
/* Whether what runs changed, and has proved itself since; then it waits for graph_cache_write(),
 * which is called by the same thread without the lock. */
bool graph_cache_is_due(struct limef_graph_inside *graph, int64_t now_us, int64_t window_us);
void graph_cache_write(struct limef_graph_inside *graph);

/* As the judge has it: what is behind such a filter is another chain. */
static inline bool graph_ends_chain(const struct graph_node *node)
{
    return node->consumer || node->filter->ops->flags & LIMEF_FILTER_THREAD_BOUND;
}

/* graph_measure.c: what a window measured, into nodes and edges. Returns its length; 0: it was the
 * first look. */
int64_t graph_measure(struct limef_graph_inside *graph, int64_t now_us);

/* Whether a thread is more or less busy than in the last window; reads the threads' clocks alone.
 */
bool graph_has_other_load(struct limef_graph_inside *graph, int64_t now_us);
/* How often a second filters are measured that cost little; 0: as always. */
void graph_probe_seldom(struct limef_graph_inside *graph, uint32_t hz);

/* graph_watch.c: the thread that looks every window, and changes the plan */
int graph_watch_start(struct limef_graph_inside *graph);
/* Filters or connections come or go: windows are short again. */
void graph_watch_closely(struct limef_graph_inside *graph);
/* Goes over to the plan of graph->plan, chain by chain: one that cannot is left as it was, and its
 * filters say why. changed: whether any did. Returns 0, or the first of the reasons. */
int graph_apply(struct limef_graph_inside *graph, bool *changed);
/* graph_say.c: to the application and to the log that the plan changed, or with which code it did
 * not; why it did to the log alone. */
void graph_say(struct limef_graph_inside *graph, int code, const char *what, const char *why);
/* Likewise all that the judge wanted and that came about, or that did not; kept for
 * limef_graph_changes(). */
void graph_say_changes(struct limef_graph_inside *graph, int code);

/* graph_stuck.c: says who is stuck, and who is no more. Returns when to look again. Thread: the
 * supervisor */
int64_t graph_look_for_stuck(struct limef_graph_inside *graph, int64_t now_us);

/* Before a connection goes: what was said of it is over. */
void graph_stop_watching(struct limef_graph_inside *graph, struct graph_edge *edge);

/* graph_attach.c: places what is not placed yet, and starts it if the graph runs */
int graph_attach(struct limef_graph_inside *graph, int64_t deadline_us);
/* Has the sources stepped that are not yet. */
int graph_sources_on(struct limef_graph_inside *graph, int64_t deadline_us);
/* The bounds of a boundary, the depth among them, and the stack frames for it. */
struct limef_lane_settings graph_bounds_of(const struct limef_plan_link *link);
unsigned graph_depth_of(const struct limef_plan_link *link);
unsigned graph_frames_for(const struct limef_plan_link *link);
/* Stack frames of a boundary. NULL: there is not so much memory, or so many would leave too little
 * of it to filters that come. */
struct limef_stack_frame *graph_get_frames(struct limef_graph_inside *graph, unsigned n_frames);
/* Makes a boundary of a connection, in nobody's fifo yet; shallower where memory is short. */
int graph_prepare_boundary(struct limef_graph_inside *graph, struct graph_edge *edge,
                           const struct limef_plan_link *link);
/* What it counted is kept in the edge. */
void graph_clear_boundary(struct limef_graph_inside *graph, struct graph_edge *edge);
static inline bool graph_is_cut(const struct graph_edge *edge)
{
    return edge->input.filter.ops != NULL;
}
/* How a connection's boundary shall be, by the plan that was adopted. */
struct limef_plan_link graph_link_of(const struct graph_edge *edge);

/* graph_depth.c: tells filters with pools how many pictures are held behind them, if that is news
 * to them; the graph runs */
void graph_tell_depths(struct limef_graph_inside *graph);

/* graph_look.c: adds what a lane has counted */
void graph_add_counters(struct limef_lane_counters *sum, const struct limef_lane *lane);
/* Keeps what a boundary, if there is one, has counted; it is about to be cleared */
void graph_keep_counters(struct graph_edge *edge);

/* graph_detach.c: takes out what leaves */
void graph_mark_leaving(struct limef_graph_inside *graph);
int graph_source_off(struct graph_node *node, int64_t timeout_us);
/* What leaves with a filter or a connection, and what else can go at once. NULL: all that leaves.
 * What does not come back stays and leaves later. */
int graph_detach(struct limef_graph_inside *graph, const struct graph_node *node,
                 const struct graph_edge *edge, int64_t deadline_us);

/* graph_move.c: while frames flow, gives all filters of `from` that are wanted on `to` to that
 * thread. Returns 0, or why it was left as it was. */
int graph_move(struct limef_graph_inside *graph, struct graph_thread *from, struct graph_thread *to,
               int64_t timeout_us);
/* Gives a boundary other bounds, and more stack frames if it has too few. Returns 0, or why it was
 * left as it was. */
int graph_set_bounds(struct limef_graph_inside *graph, struct graph_edge *edge,
                     const struct limef_plan_link *link, int64_t timeout_us);

#endif
