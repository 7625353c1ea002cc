/* SPDX-License-Identifier: MIT */
#include <limef/thread/consumer.h>

#include "thread/reading.h"

static struct limef_consumer *consumer_of(struct limef_thread *thread)
{
    return LIMEF_CONTAINER_OF(thread, struct limef_consumer, thread);
}

static int consumer_step(struct limef_thread *thread, int64_t deadline_us)
{
    struct limef_consumer *consumer = consumer_of(thread);

    return reading_step(thread, &consumer->fifo, consumer->chain, &consumer->retry_us, deadline_us);
}

static int consumer_go(struct limef_thread *thread, const struct limef_signal_frame *signal_frame)
{
    return limef_go(consumer_of(thread)->chain, &signal_frame->frame);
}

static void consumer_wake(struct limef_thread *thread)
{
    reading_wake(thread, &consumer_of(thread)->fifo);
}

static void consumer_open(struct limef_thread *thread)
{
    reading_open(&consumer_of(thread)->fifo);
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
