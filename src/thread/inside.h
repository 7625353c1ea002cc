/* SPDX-License-Identifier: MIT */
/*
 * A thread's progress clock: when it went to work, and that it came back.
 */
#ifndef LIMEF_SRC_THREAD_INSIDE_H
#define LIMEF_SRC_THREAD_INSIDE_H

#include <limef/filter/probe.h>
#include <limef/thread/thread.h>

#include <time.h>

/* Around each call into filters, a command or a task. */
static inline void thread_goes_in(struct limef_thread *thread)
{
    struct timespec t;

    /* a fourth of what limef_now_us() costs, and exact to a tick of the kernel */
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    atomic_store_explicit(&thread->inside_us, (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 + 1,
                          memory_order_relaxed);
}

static inline void thread_comes_out(struct limef_thread *thread)
{
    atomic_store_explicit(&thread->inside_us, 0, memory_order_relaxed);
}

/* As limef_probe_step(). */
static inline int thread_step(struct limef_thread *thread, struct limef_source *source,
                              int64_t *due_us)
{
    int ret;

    thread_goes_in(thread);
    thread->stepped = source;
    ret = limef_probe_step(source, due_us);
    thread->stepped = NULL;
    thread_comes_out(thread);
    return ret;
}

#endif
