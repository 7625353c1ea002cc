/* SPDX-License-Identifier: MIT */
#include <limef/thread/thread.h>

#include "base/memory_private.h"
#include "fifo/futex.h"
#include "thread/command.h"
#include "thread/inside.h"
#include "thread/interrupt.h"
#include "thread/priority.h"

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SYSTEM_NAME_BYTES 16

static _Thread_local struct limef_thread *current;

struct limef_thread *limef_thread_current(void)
{
    return current;
}

bool limef_thread_stopping(const struct limef_thread *thread)
{
    return thread && atomic_load_explicit(&thread->stopping, memory_order_seq_cst);
}

bool limef_thread_running(const struct limef_thread *thread)
{
    return atomic_load_explicit(&thread->alive, memory_order_acquire);
}

void thread_set_sleeps_on(LIMEF_ATOMIC(uint32_t) * word)
{
    if (!current)
        return;
    /* the lock: whoever asks for a stop touches the word while it is one to sleep on, not after */
    pthread_mutex_lock(&current->lock);
    current->sleeps_on = word;
    pthread_mutex_unlock(&current->lock);
}

void limef_thread_init(struct limef_thread *thread, const struct limef_thread_ops *ops,
                       const struct limef_thread_settings *settings)
{
    thread->ops = ops;
    if (settings)
        thread->settings = *settings;
    if (!thread->settings.name)
        thread->settings.name = "limef";
    thread->task_due_us = LIMEF_FOREVER;
    pthread_mutex_init(&thread->lock, NULL);
}

void limef_thread_clear(struct limef_thread *thread)
{
    if (!thread->ops)
        return;
    pthread_mutex_destroy(&thread->lock);
    *thread = (struct limef_thread){0};
}

void limef_thread_set_task(struct limef_thread *thread, limef_task_fn *task, void *context)
{
    thread->task = task;
    thread->task_context = context;
    thread->task_due_us = task ? 0 : LIMEF_FOREVER;
}

static bool run_task(struct limef_thread *thread)
{
    limef_task_fn *task = thread->task;
    int64_t now_us, due_us;

    if (!task)
        return false;
    now_us = limef_now_us();
    if (now_us < thread->task_due_us)
        return false;
    thread_goes_in(thread);
    due_us = task(thread->task_context, now_us);
    thread_comes_out(thread);
    if (thread->task == task) /* else it put another one in its place */
        thread->task_due_us = due_us;
    return true;
}

static void run_steps(struct limef_thread *thread)
{
    while (!limef_thread_stopping(thread)) {
        bool commanded = commands_run(thread);
        int ret;

        if ((run_task(thread) || commanded) && thread->ops->retry)
            thread->ops->retry(thread);
        ret = thread->ops->step(thread, thread->task_due_us);
        if (ret == AVERROR_EXIT)
            break;
        if (ret < 0 && ret != AVERROR(EAGAIN) && ret != AVERROR_EOF)
            LIMEF_COUNT(thread->n_errors, 1);
    }
}

static void *thread_main(void *argument)
{
    struct limef_thread *thread = argument;
    char system_name[SYSTEM_NAME_BYTES];

    current = thread;
    snprintf(system_name, sizeof(system_name), "%s", thread->settings.name);
    pthread_setname_np(pthread_self(), system_name);
    atomic_store_explicit(&thread->tid, gettid(), memory_order_relaxed);
    affinity_apply(thread->settings.cpu_mask, thread->settings.name);
    atomic_store_explicit(&thread->scheduled_as,
                          (int)priority_apply(thread->settings.priority, thread->settings.name),
                          memory_order_relaxed);
    run_steps(thread);
    commands_run(thread); /* what was sent before the stop is not lost */
    if (thread->ops->leave)
        thread->ops->leave(thread);
    pthread_mutex_lock(&thread->lock);
    commands_refuse(thread);
    /* release: what the thread did; pairs with the acquire of stop. Under the lock: no command
     * comes after the last refusal */
    atomic_store_explicit(&thread->alive, 0, memory_order_release);
    pthread_mutex_unlock(&thread->lock);
    futex_wake(&thread->alive);
    return NULL;
}

int limef_thread_start(struct limef_thread *thread)
{
    int error;

    pthread_mutex_lock(&thread->lock);
    if (thread->started) {
        pthread_mutex_unlock(&thread->lock);
        return limef_fail(AVERROR(EBUSY), thread->settings.name, "the thread is started already");
    }
    atomic_store_explicit(&thread->stopping, 0, memory_order_relaxed);
    atomic_store_explicit(&thread->wake_word, 0, memory_order_relaxed);
    atomic_store_explicit(&thread->inside_us, 0, memory_order_relaxed);
    thread->sleeps_on = NULL;
    if (thread->ops->open)
        thread->ops->open(thread);
    if (thread->task)
        thread->task_due_us = 0;
    /* from here on commands are for the thread */
    atomic_store_explicit(&thread->alive, 1, memory_order_relaxed);
    /* its stack is memory that the C library takes */
    error = memory_permits() ? pthread_create(&thread->handle, NULL, thread_main, thread) : EAGAIN;
    thread->started = !error;
    if (error)
        atomic_store_explicit(&thread->alive, 0, memory_order_relaxed);
    pthread_mutex_unlock(&thread->lock);
    if (error)
        return limef_fail(AVERROR(error), thread->settings.name, "cannot start the thread");
    return 0;
}

int64_t limef_thread_cpu_us(struct limef_thread *thread)
{
    struct timespec t;
    clockid_t clock;
    int64_t cpu_us = AVERROR(ESRCH);

    /* under the lock: while it is started, it is not joined */
    pthread_mutex_lock(&thread->lock);
    if (thread->started && pthread_getcpuclockid(thread->handle, &clock) == 0 &&
        clock_gettime(clock, &t) == 0)
        cpu_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    pthread_mutex_unlock(&thread->lock);
    return cpu_us;
}

void thread_will_stop(struct limef_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    atomic_store_explicit(&thread->stopping, 1, memory_order_seq_cst);
    pthread_mutex_unlock(&thread->lock);
}

void limef_thread_ask_stop(struct limef_thread *thread)
{
    LIMEF_ATOMIC(uint32_t) * word;

    if (!thread->ops)
        return;
    /* under the lock: not in the middle of a start */
    pthread_mutex_lock(&thread->lock);
    /* seq_cst: pairs with the looks of what is about to sleep: a step, a write, a source */
    atomic_store_explicit(&thread->stopping, 1, memory_order_seq_cst);
    word = thread->sleeps_on;
    if (word) {
        atomic_store_explicit(word, 0, memory_order_relaxed);
        futex_wake(word);
    }
    command_wake(thread);
    pthread_mutex_unlock(&thread->lock);
}

static bool is_started(struct limef_thread *thread)
{
    bool started;

    pthread_mutex_lock(&thread->lock);
    started = thread->started;
    pthread_mutex_unlock(&thread->lock);
    return started;
}

/* One of those who stop it does; what is left of the thread takes no lock. */
static void join(struct limef_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    if (thread->started && !limef_thread_running(thread)) {
        pthread_join(thread->handle, NULL);
        thread->started = false;
        atomic_store_explicit(&thread->tid, 0, memory_order_relaxed);
    }
    pthread_mutex_unlock(&thread->lock);
}

int thread_stop_until(struct limef_thread *thread, int64_t deadline_us)
{
    if (!thread->ops || !is_started(thread))
        return 0;
    limef_thread_ask_stop(thread);
    if (thread == current)
        return AVERROR(EDEADLK);
    /* acquire: pairs with the release in thread_main() */
    while (atomic_load_explicit(&thread->alive, memory_order_acquire)) {
        if (deadline_us != LIMEF_FOREVER && limef_now_us() >= deadline_us)
            return AVERROR(ETIMEDOUT);
        futex_wait(&thread->alive, 1, deadline_us);
    }
    join(thread);
    return 0;
}

int limef_thread_stop(struct limef_thread *thread, int64_t timeout_us)
{
    int ret = thread_stop_until(thread, limef_deadline_us(timeout_us));

    if (ret == AVERROR(ETIMEDOUT))
        limef_fail(ret, thread->settings.name, "the thread does not come back");
    return ret;
}
