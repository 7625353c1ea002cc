/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The judge of a running graph: once a window it is told what was measured, asks the
 * planner what would be planned now, and decides what of it is done. A chain is changed
 * when two of its last three windows agree on the same change, one change at a time; a
 * change that made it worse is reverted, and not tried again until the costs around it
 * are 1.5 times more or less. A pure state machine: no threads, no clock.
 *
 * A chain is filters that are connected, where the connection leads neither from nor into a
 * filter of an explicit thread or one that is bound to a thread.
 */
#ifndef LIMEF_THREAD_REPLAN_H
#define LIMEF_THREAD_REPLAN_H

#include <limef/thread/plan.h>

LIMEF_BEGIN_DECLS

struct limef_replan_chain;
struct limef_replan_edge;
struct limef_replan_failure;

/** What a window saw of a filter in the running plan. */
struct limef_replan_seen {
    /** A number, not 0, that is the filter's alone as long as it lives (its address will do): in
     *  the next window's problem it may have another place. */
    uint64_t id;
    uint64_t n_frames; /**< media frames that went in; of a source: that came out */
    uint64_t n_missed; /**< media frames that were dropped before it, or by the boundary behind it
                            where another chain begins */
    double cpu_us;     /**< processor time of it in the window, with its share of its thread's */
    double age_us;     /**< of frames of live streams, when they came to it, since they entered the
                            process: mean; 0 or LIMEF_NOT_MEASURED: none came, or it is not known */
};

/** A window of a graph that runs. */
struct limef_replan_window {
    const struct limef_plan_problem *problem; /**< with its costs, rates, bursts; borrowed */
    const struct limef_replan_seen *seen;     /**< one for each filter of the problem; borrowed */
    const struct limef_plan *running; /**< what ran in it, for the same filters and edges; borrowed
                                       */
    int64_t window_us;                /**< how long it was; above 0 */
};

/** What is done to a connection or to an island. */
enum limef_replan_act {
    LIMEF_REPLAN_CUT,  /**< a boundary is inserted at the edge */
    LIMEF_REPLAN_FUSE, /**< the edge's boundary is removed */
    LIMEF_REPLAN_FIFO, /**< the edge's boundary gets other bounds or another policy */
    LIMEF_REPLAN_MOVE, /**< an island goes to another worker, or to another priority */
};

/** One thing to do. */
struct limef_replan_change {
    enum limef_replan_act act;
    bool is_revert;                /**< an earlier change made it worse */
    uint32_t edge;                 /**< or LIMEF_PLAN_NONE: LIMEF_REPLAN_MOVE */
    uint32_t filter;               /**< the island's first, behind the edge where there is one */
    enum limef_plan_reason reason; /**< of the link in the wanted plan */
};

/** What the judge did so far. */
struct limef_replan_counters {
    uint64_t n_windows;
    uint64_t n_changes;   /**< changes of a chain that were asked for, reverts not included */
    uint64_t n_reverts;   /**< changes taken back because they made it worse */
    uint64_t n_failed;    /**< changes that could not be applied */
    uint64_t n_held_back; /**< times that a change was wanted but had failed before */
};

/** The judge, in the caller's memory. */
struct limef_replan {
    struct limef_plan candidate;          /**< what the planner says now */
    struct limef_plan wanted;             /**< the running plan with the changes */
    void *plans[2];                       /**< memory of these two */
    void *scratch;                        /**< the planner's */
    double *loads;                        /**< of each island of the running plan */
    double *busy_us;                      /**< likewise: for how long slow frames keep it */
    uint32_t *chain_of;                   /**< of each filter: its chain's slot in chains[0] */
    uint32_t *notes[2];                   /**< of each filter, island or worker, while composing */
    struct limef_replan_chain *chains[2]; /**< by smallest id: this window's, the last one's */
    struct limef_replan_edge *edges[2];   /**< by their ends' ids, likewise */
    struct limef_replan_failure *failures;
    struct limef_replan_change *changes; /**< of the wanted plan; until the next window */
    uint32_t n_changes;
    uint32_t max_filters, max_edges;
    uint32_t chain_slots, edge_slots; /**< of the tables: powers of two */
    uint32_t n_failures, next_failure;
    bool is_asking;  /**< limef_replan_done() was not called yet */
    bool is_settled; /**< no chain wants anything since two windows, and none is on trial */
    struct limef_replan_counters counters;
};

/** Bytes that limef_replan_init() needs. Thread: any */
LIMEF_API size_t limef_replan_bytes(uint32_t max_filters, uint32_t max_edges);

/**
 * Prepares the judge.
 *
 * @param replan  written; must be all-zero.
 * @param memory  limef_replan_bytes() of it, aligned for any type; borrowed; must outlive the
 *                judge. Nothing else is ever allocated.
 * Thread: any, one at a time
 */
LIMEF_API void limef_replan_init(struct limef_replan *replan, void *memory, uint32_t max_filters,
                                 uint32_t max_edges);

/** Leaves all-zero. Thread: any, one at a time */
LIMEF_API void limef_replan_clear(struct limef_replan *replan);

/**
 * Judges a window.
 *
 * Filters may have come and gone since the last window, and have other places in the problem;
 * `seen[].id` says who is who. doc/replan.md says what is worse.
 *
 * @param window  borrowed.
 * @param wanted  set to the plan to go over to, where there is one: the judge's, valid until
 *                the next window. Chains that do not change keep their links, islands and
 *                workers. A worker that goes on keeps its number, so that a number can be left
 *                with no islands. What changed is in replan->changes.
 * @return 1: go over to *wanted, then say so with limef_replan_done(); 0: all stays;
 *         AVERROR(ENOMEM): more filters or edges than max_filters, max_edges (logged);
 *         or as limef_plan_make().
 * Thread: any, one at a time
 */
LIMEF_API int limef_replan_window(struct limef_replan *replan,
                                  const struct limef_replan_window *window,
                                  const struct limef_plan **wanted);

/**
 * Says that the chain of a filter did not go over to the wanted plan; before limef_replan_done(),
 * whose result is then that of the other chains.
 *
 * @param filter  its number in the window's problem; of a chain that changes nothing: no matter.
 * @param result  negative, as limef_replan_done().
 * Thread: any, one at a time
 */
LIMEF_API void limef_replan_failed(struct limef_replan *replan, uint32_t filter, int result);

/**
 * Says how it went. Until then no other change is asked for.
 *
 * @param result  0: the wanted plan runs; a negative code: the old one goes on, and what was
 *                wanted is not tried again until costs change; AVERROR_EXIT: it was not tried, and
 *                may be asked for again.
 * Thread: any, one at a time
 */
LIMEF_API void limef_replan_done(struct limef_replan *replan, int result);

LIMEF_END_DECLS

#endif
