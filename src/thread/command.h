/* SPDX-License-Identifier: MIT */
/*
 * The command lane of a thread: signals and calls that do not queue behind media.
 */
#ifndef LIMEF_SRC_THREAD_COMMAND_H
#define LIMEF_SRC_THREAD_COMMAND_H

#include <limef/thread/thread.h>

struct limef_filter;

/* On the caller's stack until the call is done or withdrawn. */
struct limef_thread_reply {
    LIMEF_ATOMIC(uint32_t) state; /* release by the thread; pairs with the caller's acquire */
    int ret;
};

/*
 * The two halves of limef_thread_call(), for a caller that holds a lock during the first only.
 * Returns 0: wait for the reply; AVERROR(EAGAIN): too many commands wait; AVERROR_EXIT: the thread
 * does not run. Thread: any
 */
int command_post_call(struct limef_thread *thread, limef_call_fn *call, void *context,
                      struct limef_thread_reply *reply);

/* Returns whether the thread answered: *ret is what the function returned, AVERROR(ETIMEDOUT) if it
 * was withdrawn. False: the thread ended first. */
bool command_wait(struct limef_thread *thread, struct limef_thread_reply *reply,
                  int64_t deadline_us, int *ret);

/* limef_thread_send() to a filter that the thread runs. Thread: any */
int command_send_to(struct limef_thread *thread, struct limef_filter *to,
                    const struct limef_signal_frame *signal_frame);

/* Runs what waits. Returns whether there was anything. Thread: the thread itself */
bool commands_run(struct limef_thread *thread);

/* Sends the callers of calls that wait away. The thread's lock is held. */
void commands_refuse(struct limef_thread *thread);

#endif
