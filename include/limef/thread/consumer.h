/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A consumer thread: owns a FrameFifo, reads a frame, runs the chain behind
 * it, recycles the frame. Producers reach it through struct limef_input_filter.
 */
#ifndef LIMEF_THREAD_CONSUMER_H
#define LIMEF_THREAD_CONSUMER_H

#include <limef/fifo/fifo.h>
#include <limef/filter/filter.h>
#include <limef/thread/thread.h>

LIMEF_BEGIN_DECLS

/** Memory of a consumer thread. */
struct limef_consumer {
    struct limef_thread thread;
    struct limef_fifo fifo;
    struct limef_filter *chain; /**< first filter behind the fifo; borrowed */

    /* the thread itself */
    int64_t retry_us; /**< when a frame that was refused is offered again, without a task */
};

/**
 * @param consumer  written; must be all-zero.
 * @param chain     first filter to run on the thread; borrowed; must outlive the thread's run.
 * @param settings  copied; NULL: the defaults.
 * Thread: the controlling one
 */
LIMEF_API void limef_consumer_init(struct limef_consumer *consumer, struct limef_filter *chain,
                                   const struct limef_thread_settings *settings);

/** All-zero afterwards; must be stopped. Thread: the controlling one */
LIMEF_API void limef_consumer_clear(struct limef_consumer *consumer);

LIMEF_END_DECLS

#endif
