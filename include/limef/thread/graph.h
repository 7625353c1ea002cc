/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The graph: sources and everything that is connected behind them, run on threads
 * that the library places. The user connects filters, adds the sources, and starts.
 * While it runs, costs are measured, and the plan is changed where it was wrong,
 * without losing, repeating or reordering a frame. doc/graph.md explains the pass.
 */
#ifndef LIMEF_THREAD_GRAPH_H
#define LIMEF_THREAD_GRAPH_H

#include <limef/thread/consumer.h>
#include <limef/thread/plan.h>
#include <limef/thread/producer.h>

#include <stdio.h>

LIMEF_BEGIN_DECLS

struct limef_graph_inside;

/** A graph. All-zero and limef_graph_init(). */
struct limef_graph {
    struct limef_graph_inside *inside; /**< in the memory that was given; NULL: not initialised */
};

/** How a graph runs. All-zero is sane. */
struct limef_graph_settings {
    const char *name;              /**< of its threads; borrowed */
    struct limef_reports *reports; /**< of all its threads; borrowed. NULL: none */
    enum limef_plan_mode mode;     /**< for comparison; LIMEF_PLAN_AUTO */
    int64_t window_us;             /**< how long costs are measured before they count; 0: 2 s */
    double n_cpus;                 /**< cores to plan for; 0: those the process may use */
    int64_t latency_us; /**< of a live stream: stream time that may wait in all fifos on its way; 0:
                             500 ms in each */
    const char *cache_file; /**< plans and costs kept for the next start; borrowed; NULL: they are
                                 kept in memory alone, for chains that come again */
    int64_t stuck_us; /**< after which a filter that does not come back, or that frames wait for in
                           vain, is said to be stuck: LIMEF_SIGNAL_STUCK and a line; five times that
                           for one that blocks. So is who keeps frames of a live stream for longer
                           than latency_us. 0: 5 s; LIMEF_FOREVER: never, and without an automatic
                           plan no thread looks */
};

/** Bytes for limef_graph_init() that are enough for so many filters, about. */
#define LIMEF_GRAPH_BYTES(n_filters) ((n_filters) * (size_t)16384 + (size_t)65536)

/**
 * Prepares an empty graph.
 *
 * @param graph     written; must be all-zero.
 * @param memory    where the graph keeps what it knows: filters, connections, boundaries with
 *                  their stack frames, threads; borrowed; must outlive the graph.
 * @param bytes     its size; LIMEF_GRAPH_BYTES() is a guide.
 * @param settings  copied; NULL: the defaults.
 * @return 0; AVERROR(ENOMEM): memory is too small even for an empty graph. Logged.
 * Thread: the controlling one
 */
LIMEF_API int limef_graph_init(struct limef_graph *graph, void *memory, size_t bytes,
                               const struct limef_graph_settings *settings);

/** All-zero afterwards; must be stopped. The filters stay the caller's, connected as the caller
 * connected them. Thread: the controlling one */
LIMEF_API void limef_graph_clear(struct limef_graph *graph);

/**
 * Adds a source with everything behind it, found by walking the connections. What another source
 * leads to already is joined. While the graph runs it is planned and started at once; other
 * chains do not notice.
 *
 * @param source  borrowed; must outlive its stay.
 * @return 0; AVERROR(ELOOP): a cycle; AVERROR(ENOMEM): more than the graph's memory holds;
 *         AVERROR(EEXIST): it is part of it; AVERROR(EDEADLK): threads would wait for each other
 *         in a circle; AVERROR(EINVAL): its type lacks LIMEF_FILTER_SOURCE, or filters that cannot
 *         be on one thread must be; what the system refused a thread with; AVERROR(ETIMEDOUT): a
 *         thread that is stuck would have to take part. Logged; the graph is as before.
 * Thread: the controlling one
 */
LIMEF_API int limef_graph_add(struct limef_graph *graph, struct limef_source *source);

/**
 * Adds a consumer that the application made, with its chain. What comes to the chain's first
 * filter is handed to it through a boundary of the graph. The application starts and stops the
 * thread itself.
 *
 * @param consumer  borrowed; must outlive its stay.
 * @return as limef_graph_add().
 * Thread: the controlling one
 */
LIMEF_API int limef_graph_add_thread(struct limef_graph *graph, struct limef_consumer *consumer);

/**
 * Takes a thread of the application out, with its filters, and what only they lead to. Connections
 * between its filters and others lead nowhere afterwards; those among its own stay. What was still
 * sent to it is consumed by it, or dropped if it does not run, and counted. The application stops
 * the thread itself, before or after.
 *
 * @return 0; AVERROR(ENOENT): it is not of this graph; AVERROR(ETIMEDOUT): as limef_graph_remove().
 * Thread: the controlling one
 */
LIMEF_API int limef_graph_remove_thread(struct limef_graph *graph, struct limef_consumer *consumer,
                                        int64_t timeout_us);

/**
 * Takes a source out, and what only it leads to; what it still sent is consumed or dropped, and
 * counted. Its filters are connected afterwards as the caller connected them.
 *
 * @return 0; AVERROR(ENOENT): it is not of this graph; AVERROR(ETIMEDOUT): something behind it does
 *         not come back, it is still part of the graph: call again. Other chains can be taken out.
 * Thread: the controlling one
 */
LIMEF_API int limef_graph_remove(struct limef_graph *graph, struct limef_source *source,
                                 int64_t timeout_us);

/**
 * Connects an output of a filter of the graph with a filter that may be new, while frames flow.
 *
 * @param output  0..limef_filter_ops.n_outputs - 1; of most filters 0.
 * @param to      borrowed; NULL: takes out what is there, and what only that leads to.
 * @return as limef_graph_add(); AVERROR(ENOENT): from is not of this graph; AVERROR(EINVAL): it has
 *         no such output; AVERROR(ETIMEDOUT): the threads did not get to it in timeout_us; if only
 *         what was there before does not come back, it leaves later: call again.
 * Thread: the controlling one
 */
LIMEF_API int limef_graph_connect(struct limef_graph *graph, struct limef_filter *from,
                                  unsigned output, struct limef_filter *to, int64_t timeout_us);

/**
 * Plans and starts all threads. An empty graph starts too.
 *
 * @return 0; as limef_graph_add(); as limef_plan_make(); AVERROR(EBUSY): it runs already. If
 *         something else than that failed nothing runs.
 * Thread: the controlling one
 */
LIMEF_API int limef_graph_start(struct limef_graph *graph);

/**
 * Stops all threads of the graph.
 *
 * @return as limef_thread_stop(); AVERROR(ETIMEDOUT) also if something else was done to the graph
 *         all the time; AVERROR(EDEADLK) also from a filter while something else is done to it:
 *         call it again from another thread.
 * Thread: any, one at a time
 */
LIMEF_API int limef_graph_stop(struct limef_graph *graph, int64_t timeout_us);

/**
 * Runs a function on the thread that runs a filter, between two frames, and waits for it.
 *
 * @return as limef_thread_call(); AVERROR(ENOENT): the filter is not of this graph, or leaves it.
 * Thread: any
 */
LIMEF_API int limef_graph_call(struct limef_graph *graph, struct limef_filter *filter,
                               limef_call_fn *call, void *context, int64_t timeout_us);

/**
 * Sends a signal to a filter, a source mostly, on its own thread, ahead of all media. A filter may
 * do so in its go, whatever is done to the graph meanwhile.
 *
 * @return as limef_thread_send(); AVERROR(ENOENT): the filter is not of this graph, or leaves it.
 * Thread: any
 */
LIMEF_API int limef_graph_send(struct limef_graph *graph, struct limef_filter *filter,
                               const struct limef_signal_frame *signal_frame);

/** A filter of a graph, as it is at this moment; costs are those of the last window. */
struct limef_graph_filter_look {
    const struct limef_filter *filter;
    const char *name, *kind; /**< borrowed from the filter */
    double cost_us, p95_us;  /**< processor time of one frame; or LIMEF_NOT_MEASURED */
    double rate_hz;          /**< frames a second; likewise */
    uint64_t n_frames;       /**< that it took so far */
    char thread[16];         /**< name of who runs it; empty: nobody yet */
    int tid;                 /**< the system's number of that; 0: it does not run */
    enum limef_scheduled scheduled_as;
    enum limef_priority priority;
};

/** A connection that is a boundary, or was one before the plan changed. What is counted goes on
 * where a boundary comes, goes, and comes again. */
struct limef_graph_boundary_look {
    const struct limef_filter *from, *to;
    unsigned output;
    bool is_cut;                      /**< it is a boundary now; else the next three are 0 */
    unsigned n_waiting;               /**< frames at this moment */
    int64_t oldest_us;                /**< since when the oldest of them waits, as
                                           limef_lane_oldest_us() */
    enum limef_overflow overflow;     /**< at this moment */
    int64_t wait_p50_us, wait_p99_us; /**< from write to read, of all boundaries that were here */
    struct limef_lane_counters counters; /**< likewise their sums; max_used is the largest, depth
                                              that of the last one */
};

/**
 * Looks at a graph, whether it runs or not.
 *
 * @param filters     written, at most *n_filters of them, in the order in which they were found;
 *                    NULL: they are only counted.
 * @param n_filters   room; set to how many there are, which may be more. NULL: none.
 * @param boundaries  likewise; every connection that is a boundary, or was one.
 * @return 0; AVERROR(EAGAIN): the graph is being changed at this moment.
 * Thread: any
 */
LIMEF_API int limef_graph_look(struct limef_graph *graph, struct limef_graph_filter_look *filters,
                               size_t *n_filters, struct limef_graph_boundary_look *boundaries,
                               size_t *n_boundaries);

/** limef_plan_print_text(), limef_plan_print_dot(), limef_plan_print_json(), or one's own. */
typedef int limef_graph_print_fn(const struct limef_plan *plan,
                                 const struct limef_plan_problem *problem, FILE *file);

/**
 * Prints the plan that runs, with the costs of the last window; of a graph that does not run
 * the plan that it would start with; that takes up what the application connected since. What
 * runs is not changed by it. Waits for a change of the plan that is being made, some tenths of a
 * second; for what is shown again and again limef_graph_look() does not wait.
 *
 * @return what print returned; or as limef_graph_start().
 * Thread: the controlling one
 */
LIMEF_API int limef_graph_print(struct limef_graph *graph, limef_graph_print_fn *print, FILE *file);

/** How often the plan was changed while the graph ran. Thread: any */
LIMEF_API uint64_t limef_graph_n_plan_changes(const struct limef_graph *graph);

/** How often that was wanted and did not come about; the old plan went on. Thread: any */
LIMEF_API uint64_t limef_graph_n_failed_changes(const struct limef_graph *graph);

/** Parts of changes that a graph keeps, and of their texts. */
#define LIMEF_GRAPH_CHANGES 32
#define LIMEF_GRAPH_WHAT 48
#define LIMEF_GRAPH_WHY 240

/** A part of a change of the plan while the graph ran: one connection, or one filter. */
struct limef_graph_change {
    int64_t at_us;               /**< limef_now_us() */
    uint64_t number;             /**< which change, limef_graph_n_plan_changes() counts them; of one
                                      that did not come about: how many there were before */
    int code;                    /**< 0; or why it did not come about, a negative AVERROR code */
    char what[LIMEF_GRAPH_WHAT]; /**< "cut before scale" */
    char why[LIMEF_GRAPH_WHY];   /**< as limef_plan_explain() */
};

/**
 * What changed of late, and why; of one change eight parts at most are kept, cuts and fusions
 * first.
 *
 * @param changes  written, the latest, the oldest of them first.
 * @param n        room; more than LIMEF_GRAPH_CHANGES there never are.
 * @return how many were written.
 * Thread: any
 */
LIMEF_API size_t limef_graph_changes(struct limef_graph *graph, struct limef_graph_change *changes,
                                     size_t n);

/** How often a plan, of the whole graph at a start or of one chain, was taken from what was kept
 * when it ran before. Thread: any */
LIMEF_API uint64_t limef_graph_n_recalled(const struct limef_graph *graph);

/** Frames that were dropped where a chain was taken out. Thread: the controlling one */
LIMEF_API uint64_t limef_graph_n_lost(const struct limef_graph *graph);

LIMEF_END_DECLS

#endif
