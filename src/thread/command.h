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

/* Whether a filter is among some. */
typedef bool command_meant_fn(void *context, const struct limef_filter *filter);

/*
 * The two halves of limef_thread_call(), for a caller that holds a lock during the first only.
 * Returns 0: wait for the reply; AVERROR(EAGAIN): too many commands wait; AVERROR_EXIT: the thread
 * does not run. to: the filter that it is about; NULL: none. Thread: any
 */
int command_post_call(struct limef_thread *thread, struct limef_filter *to, limef_call_fn *call,
                      void *context, struct limef_thread_reply *reply);

/* Returns whether the thread answered: *ret is what the function returned, AVERROR(ETIMEDOUT) if it
 * was withdrawn. False: the thread ended first, or the filter was moved: look again who runs it. */
bool command_wait(struct limef_thread *thread, struct limef_thread_reply *reply,
                  int64_t deadline_us, int *ret);

/* limef_thread_send() to a filter that the thread runs. Thread: any */
int command_send_to(struct limef_thread *thread, struct limef_filter *to,
                    const struct limef_signal_frame *signal_frame);

/*
 * Filters go to another thread: so does what waits for them, and callers are sent to look again.
 * Returns 0; AVERROR(EAGAIN): too many commands wait there, all is as before. Both are held.
 */
int commands_move(struct limef_thread *from, struct limef_thread *to, command_meant_fn *is_meant,
                  void *context);

/* Runs what waits. Returns whether there was anything. Thread: the thread itself */
bool commands_run(struct limef_thread *thread);

/* Makes the thread's step return soon. Its lock is held. */
static inline void command_wake(struct limef_thread *thread)
{
    if (thread->ops->wake)
        thread->ops->wake(thread);
}

/* Sends the callers of calls that wait away. The thread's lock is held. */
void commands_refuse(struct limef_thread *thread);

#endif
