/* SPDX-License-Identifier: MIT */
#include "thread/command.h"

#include "fifo/futex.h"
#include "thread/inside.h"

#include <limef/filter/filter.h>

#include <libavutil/error.h>

enum {
    CALL_WAITS,
    CALL_RUNS,
    CALL_DONE,
    CALL_REFUSED, /* the thread ended first, or no longer runs the filter */
};

static uint32_t n_waiting(const struct limef_thread *thread, memory_order order)
{
    return atomic_load_explicit(&thread->n_commands, order);
}

static void set_n_waiting(struct limef_thread *thread, uint32_t n)
{
    atomic_store_explicit(&thread->n_commands, n, memory_order_release);
}

static void answer(struct limef_thread_reply *reply, uint32_t state, int ret)
{
    reply->ret = ret;
    atomic_store_explicit(&reply->state, state, memory_order_release);
    futex_wake(&reply->state);
}

/* Takes a command out, oldest at 0. The lock is held. */
static struct limef_thread_command take_at(struct limef_thread *thread, unsigned at)
{
    uint32_t n = n_waiting(thread, memory_order_relaxed) - 1;
    struct limef_thread_command command = thread->commands[at];

    for (uint32_t i = at; i < n; i++)
        thread->commands[i] = thread->commands[i + 1];
    set_n_waiting(thread, n);
    return command;
}

static bool take(struct limef_thread *thread, struct limef_thread_command *command)
{
    bool waits;

    pthread_mutex_lock(&thread->lock);
    waits = n_waiting(thread, memory_order_relaxed) > 0;
    if (waits) {
        *command = take_at(thread, 0);
        if (command->reply)
            atomic_store_explicit(&command->reply->state, CALL_RUNS, memory_order_relaxed);
    }
    pthread_mutex_unlock(&thread->lock);
    return waits;
}

static void run(struct limef_thread *thread, const struct limef_thread_command *command)
{
    int ret;

    if (command->call) {
        ret = command->call(command->context);
        if (command->reply)
            answer(command->reply, CALL_DONE, ret);
        return;
    }
    if (command->to)
        ret = limef_go(command->to, &command->signal_frame.frame);
    else
        ret = thread->ops->go ? thread->ops->go(thread, &command->signal_frame) : 0;
    if (ret < 0 && ret != AVERROR_EXIT)
        LIMEF_COUNT(thread->n_errors, 1);
}

bool commands_run(struct limef_thread *thread)
{
    struct limef_thread_command command;
    uint32_t n = n_waiting(thread, memory_order_acquire), n_run = 0;

    /* what comes meanwhile has its turn after the next frame */
    while (n_run < n && take(thread, &command)) {
        thread_goes_in(thread);
        run(thread, &command);
        thread_comes_out(thread);
        n_run++;
    }
    return n_run > 0;
}

void commands_refuse(struct limef_thread *thread)
{
    while (n_waiting(thread, memory_order_relaxed) > 0) {
        struct limef_thread_command command = take_at(thread, 0);

        if (command.reply)
            answer(command.reply, CALL_REFUSED, AVERROR_EXIT);
    }
}

static uint32_t count_meant(const struct limef_thread *thread, command_meant_fn *is_meant,
                            void *context)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < n_waiting(thread, memory_order_relaxed); i++) {
        const struct limef_thread_command *command = &thread->commands[i];

        n += command->to && !command->reply && is_meant(context, command->to);
    }
    return n;
}

static void move(struct limef_thread *from, struct limef_thread *to, command_meant_fn *is_meant,
                 void *context)
{
    uint32_t i = 0, n_to = n_waiting(to, memory_order_relaxed);

    while (i < n_waiting(from, memory_order_relaxed)) {
        struct limef_thread_command command = from->commands[i];

        if (!command.to || !is_meant(context, command.to)) {
            i++;
            continue;
        }
        take_at(from, i);
        if (command.reply)
            answer(command.reply, CALL_REFUSED, AVERROR_EXIT);
        else
            to->commands[n_to++] = command;
    }
    set_n_waiting(to, n_to);
}

int commands_move(struct limef_thread *from, struct limef_thread *to, command_meant_fn *is_meant,
                  void *context)
{
    bool is_ordered = (uintptr_t)from < (uintptr_t)to;
    uint32_t n;
    int ret = 0;

    pthread_mutex_lock(is_ordered ? &from->lock : &to->lock);
    pthread_mutex_lock(is_ordered ? &to->lock : &from->lock);
    n = count_meant(from, is_meant, context);
    if (n && (!limef_thread_running(to) ||
              n + n_waiting(to, memory_order_relaxed) > LIMEF_THREAD_MAX_COMMANDS)) {
        ret = AVERROR(EAGAIN);
    } else {
        move(from, to, is_meant, context);
        if (n)
            command_wake(to);
    }
    pthread_mutex_unlock(&to->lock);
    pthread_mutex_unlock(&from->lock);
    return ret;
}

/* Returns 0, AVERROR(EAGAIN): full, or AVERROR_EXIT: the thread does not run. */
static int enqueue(struct limef_thread *thread, const struct limef_thread_command *command)
{
    uint32_t n;
    int ret = 0;

    pthread_mutex_lock(&thread->lock);
    n = n_waiting(thread, memory_order_relaxed);
    if (!limef_thread_running(thread))
        ret = AVERROR_EXIT;
    else if (n == LIMEF_THREAD_MAX_COMMANDS)
        ret = AVERROR(EAGAIN);
    else {
        thread->commands[n] = *command;
        set_n_waiting(thread, n + 1);
        /* under the lock: a thread that is stopped and started meanwhile would be stopped again */
        command_wake(thread);
    }
    pthread_mutex_unlock(&thread->lock);
    return ret;
}

int limef_thread_send(struct limef_thread *thread, const struct limef_signal_frame *signal_frame)
{
    return command_send_to(thread, NULL, signal_frame);
}

int command_send_to(struct limef_thread *thread, struct limef_filter *to,
                    const struct limef_signal_frame *signal_frame)
{
    return enqueue(thread, &(struct limef_thread_command){.signal_frame = *signal_frame, .to = to});
}

/* Takes a call back that has not begun. */
static bool withdraw(struct limef_thread *thread, const struct limef_thread_reply *reply)
{
    bool found = false;

    pthread_mutex_lock(&thread->lock);
    for (uint32_t i = 0; i < n_waiting(thread, memory_order_relaxed) && !found; i++)
        if (thread->commands[i].reply == reply) {
            take_at(thread, i);
            found = true;
        }
    pthread_mutex_unlock(&thread->lock);
    return found;
}

/* Waits for the answer; returns the state that the call ended in, CALL_WAITS if it is withdrawn. */
static uint32_t wait_for_answer(struct limef_thread *thread, struct limef_thread_reply *reply,
                                int64_t deadline_us)
{
    uint32_t state;

    while ((state = atomic_load_explicit(&reply->state, memory_order_acquire)) < CALL_DONE) {
        futex_wait(&reply->state, state, state == CALL_RUNS ? LIMEF_FOREVER : deadline_us);
        if (deadline_us != LIMEF_FOREVER && limef_now_us() >= deadline_us &&
            withdraw(thread, reply))
            return CALL_WAITS;
    }
    return state;
}

int limef_thread_post(struct limef_thread *thread, limef_call_fn *call, void *context)
{
    return enqueue(thread, &(struct limef_thread_command){.call = call, .context = context});
}

int command_post_call(struct limef_thread *thread, struct limef_filter *to, limef_call_fn *call,
                      void *context, struct limef_thread_reply *reply)
{
    struct limef_thread_command command = {
        .to = to, .call = call, .context = context, .reply = reply};

    *reply = (struct limef_thread_reply){.state = CALL_WAITS};
    return enqueue(thread, &command);
}

bool command_wait(struct limef_thread *thread, struct limef_thread_reply *reply,
                  int64_t deadline_us, int *ret)
{
    switch (wait_for_answer(thread, reply, deadline_us)) {
    case CALL_DONE:
        *ret = reply->ret;
        return true;
    case CALL_WAITS:
        *ret = AVERROR(ETIMEDOUT);
        return true;
    default: /* refused: it does not run it any more */
        return false;
    }
}

int limef_thread_call(struct limef_thread *thread, limef_call_fn *call, void *context,
                      int64_t timeout_us)
{
    int64_t deadline_us = limef_deadline_us(timeout_us);

    if (thread == limef_thread_current())
        return call(context);
    for (;;) {
        struct limef_thread_reply reply;
        int ret = command_post_call(thread, NULL, call, context, &reply);

        if (ret == AVERROR_EXIT)
            return call(context);
        if (ret < 0 || command_wait(thread, &reply, deadline_us, &ret))
            return ret;
    }
}
