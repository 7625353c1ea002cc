/* SPDX-License-Identifier: MIT */
/*
 * The one kind of thread that a graph starts: drives any number of sources and reads a FrameFifo
 * whose lanes know who gets their frames.
 */
#ifndef LIMEF_SRC_THREAD_WORKER_H
#define LIMEF_SRC_THREAD_WORKER_H

#include <limef/fifo/fifo.h>
#include <limef/thread/producer.h>

/* A source on a worker. */
struct worker_source {
    struct limef_source *source; /* NULL: this is not in use */
    int64_t due_us;              /* when to step it; 0: at once */
    struct worker_source *next;
};

struct worker {
    struct limef_thread thread;
    struct limef_fifo fifo;

    /* the thread itself, or whoever holds it in a call */
    struct worker_source *sources;
    struct limef_filter *ticking; /* whose tick is the thread's periodic task; NULL: nobody's */
    int64_t retry_us;             /* when a frame that was refused is offered again */
};

void worker_init(struct worker *worker, const struct limef_thread_settings *settings);

/* Must be stopped; without lanes. All-zero afterwards. */
void worker_clear(struct worker *worker);

/* Thread: the worker's, or the controlling one while it does not run */
void worker_add_source(struct worker *worker, struct worker_source *source);
void worker_remove_source(struct worker *worker, struct worker_source *source);

/* Runs a filter's tick, or nobody's any more: NULL. Who left before keeps nothing of the thread. */
void worker_set_ticking(struct worker *worker, struct limef_filter *filter);

#endif
