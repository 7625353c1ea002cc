/* SPDX-License-Identifier: MIT */
/*
 * What a thread that owns a FrameFifo does with it: consumers and the workers of a graph.
 */
#ifndef LIMEF_SRC_THREAD_READING_H
#define LIMEF_SRC_THREAD_READING_H

#include <limef/fifo/fifo.h>
#include <limef/filter/filter.h>
#include <limef/thread/thread.h>

/*
 * Reads a frame, waiting until `deadline_us` at most, and runs the chain of its lane, or `chain`
 * if the lane has none. *retry_us: when a frame that was refused is offered again on a thread
 * without a periodic task; the caller keeps it. Returns as limef_thread_ops.step.
 */
int reading_step(struct limef_thread *thread, struct limef_fifo *fifo, struct limef_filter *chain,
                 int64_t *retry_us, int64_t deadline_us);

/* Runs a chain with a frame that was read: a burst packet by packet. Returns what the chain did. */
int reading_give(struct limef_filter *chain, const struct limef_frame *frame);

/* limef_thread_ops.wake. Thread: any */
void reading_wake(struct limef_thread *thread, struct limef_fifo *fifo);

/* limef_thread_ops.open. */
void reading_open(struct limef_fifo *fifo);

#endif
