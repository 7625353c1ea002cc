/* SPDX-License-Identifier: MIT */
#include <limef/thread/consumer.h>

#include "fifo/lane_private.h"

#include <limef/filter/probe.h>

#include <libavutil/error.h>

/* A sink that refused a frame, on a thread without a periodic task, is asked again after this. */
#define RETRY_US 10000

static struct limef_consumer *consumer_of(struct limef_thread *thread)
{
    return LIMEF_CONTAINER_OF(thread, struct limef_consumer, thread);
}

/* Whether the periodic task says when a refused frame is offered again. */
static bool has_pace(const struct limef_thread *thread)
{
    return thread->task && thread->task_due_us != LIMEF_FOREVER;
}

static int64_t timeout_until(int64_t deadline_us)
{
    int64_t left_us;

    if (deadline_us == LIMEF_FOREVER)
        return LIMEF_FOREVER;
    left_us = deadline_us - limef_now_us();
    return left_us > 0 ? left_us : 0;
}

/* Unholds when it is time; returns until when to wait for a frame. */
static int64_t retry_in_time(struct limef_consumer *consumer, int64_t deadline_us)
{
    if (!consumer->fifo.n_held || has_pace(&consumer->thread))
        return deadline_us;
    if (limef_now_us() >= consumer->retry_us) {
        limef_fifo_unhold(&consumer->fifo);
        return deadline_us;
    }
    return deadline_us < consumer->retry_us ? deadline_us : consumer->retry_us;
}

static int consumer_step(struct limef_thread *thread, int64_t deadline_us)
{
    struct limef_consumer *consumer = consumer_of(thread);
    struct limef_fifo *fifo = &consumer->fifo;
    struct limef_stack_frame *frame;
    int ret;

    deadline_us = retry_in_time(consumer, deadline_us);
    ret = limef_fifo_read(fifo, &frame, timeout_until(deadline_us));
    if (ret < 0)
        return ret;
    ret = limef_probe_run(consumer->chain, &frame->any.frame);
    if (ret == AVERROR(EAGAIN)) {
        consumer->retry_us = limef_now_us() + RETRY_US;
        limef_fifo_unread(fifo, frame);
    } else {
        limef_fifo_recycle(fifo, frame);
    }
    if (ret == AVERROR_EXIT) {
        /* what is behind was stopped: the frame is lost, the thread is not */
        LIMEF_COUNT(thread->n_errors, 1);
        return 0;
    }
    return ret;
}

static int consumer_go(struct limef_thread *thread, const struct limef_signal_frame *signal_frame)
{
    return limef_go(consumer_of(thread)->chain, &signal_frame->frame);
}

static void consumer_wake(struct limef_thread *thread)
{
    struct limef_fifo *fifo = &consumer_of(thread)->fifo;

    if (limef_thread_stopping(thread))
        limef_fifo_close(fifo);
    else
        limef_fifo_wake(fifo);
}

/* What waited when the thread was stopped is stale. */
static void consumer_open(struct limef_thread *thread)
{
    struct limef_fifo *fifo = &consumer_of(thread)->fifo;

    /* while it is closed: what a producer that runs already writes from now on is not stale */
    if (atomic_load_explicit(&fifo->closed, memory_order_relaxed))
        fifo_drop_media(fifo);
    limef_fifo_unhold(fifo);
    limef_fifo_open(fifo);
}

static void consumer_retry(struct limef_thread *thread)
{
    limef_fifo_unhold(&consumer_of(thread)->fifo);
}

static const struct limef_thread_ops consumer_ops = {
    .step = consumer_step,
    .go = consumer_go,
    .wake = consumer_wake,
    .open = consumer_open,
    .retry = consumer_retry,
};

void limef_consumer_init(struct limef_consumer *consumer, struct limef_filter *chain,
                         const struct limef_thread_settings *settings)
{
    limef_thread_init(&consumer->thread, &consumer_ops, settings);
    limef_fifo_init(&consumer->fifo, consumer->thread.settings.name);
    consumer->chain = chain;
}

void limef_consumer_clear(struct limef_consumer *consumer)
{
    limef_fifo_clear(&consumer->fifo);
    limef_thread_clear(&consumer->thread);
    *consumer = (struct limef_consumer){0};
}
