/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A team: threads that help a filter with one frame, where its work falls into
 * parts that do not depend on each other: rows of a picture, tiles, voices. The
 * calling thread takes part, and returns when all is done. The result is that of
 * a loop over the parts, whoever does them.
 *
 * What is too little to be worth waking anybody stays a loop; so does a call that
 * finds the team at work for another thread, and all calls where there is one core.
 */
#ifndef LIMEF_THREAD_TEAM_H
#define LIMEF_THREAD_TEAM_H

#include <limef/thread/thread.h>

LIMEF_BEGIN_DECLS

/** Most parts of one run. */
#define LIMEF_TEAM_MAX_PARTS 65535

/** Works whose cost a team remembers. */
#define LIMEF_TEAM_N_LEARNED 16

/** Does one part. May be called by several threads at once, with different parts. */
typedef void limef_team_fn(void *context, unsigned part);

/** Memory of one helping thread. */
struct limef_team_worker {
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    LIMEF_ATOMIC(uint64_t)
    block; /**< run, end and next of its parts; release by the caller, compare-and-swap by all */
    struct limef_team *team;
    pthread_t handle;
    enum limef_priority priority; /**< its own; the thread itself */
    unsigned keeps_off; /**< one more than the processor that its affinity leaves out; 0: none;
                             likewise */
    LIMEF_ATOMIC(uint32_t) alive; /**< 1 until its function returns; stop sleeps on it */
};

/** Memory of a team. All-zero, it has no helpers: everything runs in the caller. */
struct limef_team {
    struct limef_team_worker *workers; /**< borrowed */
    unsigned n_workers;
    const char *name; /**< borrowed */

    /* the thread that runs something: who has `busy` */
    limef_team_fn *fn;
    void *context;
    enum limef_priority priority;
    int cpu;             /**< where the caller is */
    int64_t dispatch_ns; /**< what handing out costs the caller */
    bool dispatch_is_fixed;
    /** What was learnt of what ran. */
    struct limef_team_learned {
        limef_team_fn *fn;
        void *context;
        int64_t part_ns; /**< 0: nothing yet */
    } learned[LIMEF_TEAM_N_LEARNED];

    /* any */
    LIMEF_ATOMIC(uint32_t) busy; /**< acquire and release */
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    LIMEF_ATOMIC(uint32_t) run;        /**< counts them; what idle workers look at and sleep on */
    LIMEF_ATOMIC(uint32_t) n_sleeping; /**< workers; seq_cst, pairs with the caller's fence */
    LIMEF_ATOMIC(uint32_t) stopping;
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    LIMEF_ATOMIC(uint64_t) block;         /**< the caller's own, as the workers' */
    LIMEF_ATOMIC(uint32_t) n_left;        /**< parts that are not done; release, acquire */
    LIMEF_ATOMIC(uint32_t) caller_sleeps; /**< on n_left; seq_cst */

    /* written by whoever runs something, read by any */
    LIMEF_ATOMIC(uint64_t) n_shared;     /**< runs that were handed out */
    LIMEF_ATOMIC(uint64_t) n_sequential; /**< runs that were too small */
    LIMEF_ATOMIC(uint64_t) n_busy;       /**< runs that found the team at work; any thread adds */
};

/**
 * Starts the helping threads, which sleep until there is work; no more of them than there are
 * other cores than the caller's, which may be none.
 *
 * @param team       written; must be all-zero.
 * @param workers    borrowed, all-zero; must outlive the team.
 * @param n_workers  how many there are at most.
 * @param name       of the threads; borrowed. NULL: "team".
 * @return 0; or what the system refused a thread with: then none runs, and all is as before.
 * Thread: the controlling one
 */
LIMEF_API int limef_team_start(struct limef_team *team, struct limef_team_worker *workers,
                               unsigned n_workers, const char *name);

/**
 * Stops the helping threads; all-zero afterwards.
 *
 * @param team  nobody runs anything with it.
 * @return 0; AVERROR(ETIMEDOUT): one does not come back from a part, all memory must stay; stop may
 *         be called again.
 * Thread: the controlling one
 */
LIMEF_API int limef_team_stop(struct limef_team *team, int64_t timeout_us);

/**
 * Does all parts, and returns when they are done.
 *
 * The parts are given out in equal stretches; who has done its own takes what others have not
 * begun. Helpers take on the priority class of the limef thread that calls.
 *
 * @param team     NULL: the caller does all.
 * @param n_parts  0..LIMEF_TEAM_MAX_PARTS.
 * @param context  borrowed; together with fn it is what costs are learnt of.
 * Thread: any
 */
LIMEF_API void limef_team_run(struct limef_team *team, unsigned n_parts, limef_team_fn *fn,
                              void *context);

/** How many threads a run is shared by at most, the caller's included. Thread: any */
LIMEF_API unsigned limef_team_n_threads(const struct limef_team *team);

LIMEF_END_DECLS

#endif
