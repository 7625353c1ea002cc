/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A producer thread: drives a source, one step after the other.
 */
#ifndef LIMEF_THREAD_PRODUCER_H
#define LIMEF_THREAD_PRODUCER_H

#include <limef/filter/filter.h>
#include <limef/thread/thread.h>

LIMEF_BEGIN_DECLS

/** The base of every source: a filter that makes frames of its own. Its first member. */
struct limef_source {
    struct limef_filter filter; /**< its go takes signals: play, pause, seek, rate */
    /**
     * Makes and passes on what comes next, at most a few frames.
     *
     * @param due_us  written if nothing is due yet: when to call again.
     * @return 0: call again at once; AVERROR(EAGAIN): call again at *due_us, or after a signal;
     *         AVERROR_EOF: nothing more until a signal comes; AVERROR_EXIT: downstream stopped.
     */
    int (*step)(struct limef_source *source, int64_t *due_us);
    /** A descriptor that is readable when there is something to do before due_us, so that one
     * thread can serve many sources: step then never waits. Set by init; 0: there is none. */
    int wait_fd;
    /** Not 0: frames come when they come; what is behind has to drop, not to block. Set by init
     *  where that can be told so early, else while it opens; read by any thread. */
    LIMEF_ATOMIC(uint32_t) is_live;

    /* written by the thread that steps it, read by any */
    LIMEF_ATOMIC(uint64_t) n_steps;  /**< all that did something */
    LIMEF_ATOMIC(uint64_t) n_waited; /**< all that had nothing to do yet, or nothing more */
};

/** Memory of a producer thread. */
struct limef_producer {
    struct limef_thread thread;
    struct limef_source *source; /**< borrowed */
    int wake_fd;                 /**< eventfd, if the source has a wait_fd; 0: none */
};

/**
 * @param producer  written; must be all-zero.
 * @param source    borrowed; must outlive the thread's run.
 * @param settings  copied; NULL: the defaults. Ingest is the priority to ask for.
 * Thread: the controlling one
 */
LIMEF_API void limef_producer_init(struct limef_producer *producer, struct limef_source *source,
                                   const struct limef_thread_settings *settings);

/** All-zero afterwards; must be stopped. Thread: the controlling one */
LIMEF_API void limef_producer_clear(struct limef_producer *producer);

LIMEF_END_DECLS

#endif
