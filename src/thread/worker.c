/* SPDX-License-Identifier: MIT */
#include "thread/worker.h"

#include "thread/inside.h"
#include "thread/reading.h"

#include <limef/base/log.h>
#include <limef/filter/probe.h>

#include <assert.h>
#include <libavutil/error.h>

/* A source whose downstream stopped tries again after this: it may be started anew. */
#define RETRY_US 100000

static struct worker *worker_of(struct limef_thread *thread)
{
    return LIMEF_CONTAINER_OF(thread, struct worker, thread);
}

static int64_t earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

static void step_source(struct limef_thread *thread, struct worker_source *source)
{
    int64_t due_us = LIMEF_FOREVER;
    int ret;

    ret = thread_step(thread, source->source, &due_us);
    source->due_us = ret == AVERROR(EAGAIN) || ret == AVERROR_EOF ? due_us : 0;
    if (ret == AVERROR_EXIT)
        source->due_us = limef_deadline_us(RETRY_US);
    if (ret < 0 && ret != AVERROR(EAGAIN) && ret != AVERROR_EOF)
        LIMEF_COUNT(thread->n_errors, 1);
}

/* Steps what is due; returns when the next one will be. */
static int64_t step_sources(struct limef_thread *thread, struct worker_source *sources)
{
    int64_t next_us = LIMEF_FOREVER, now_us = 0;

    for (struct worker_source *source = sources; source; source = source->next) {
        if (source->due_us && source->due_us != LIMEF_FOREVER && !now_us)
            now_us = limef_now_us();
        if (source->due_us <= now_us)
            step_source(thread, source);
        next_us = earlier(next_us, source->due_us);
    }
    return next_us;
}

static void source_is_ready(void *context)
{
    struct worker_source *source = context;

    if (source) /* else it was the fifo */
        source->due_us = 0;
}

static int worker_step(struct limef_thread *thread, int64_t deadline_us)
{
    struct worker *worker = worker_of(thread);

    int ret;

    if (worker->sources)
        deadline_us = earlier(deadline_us, step_sources(thread, worker->sources));
    if (!worker->polling.n)
        return reading_step(thread, &worker->fifo, NULL, &worker->retry_us, deadline_us);
    ret = reading_step(thread, &worker->fifo, NULL, &worker->retry_us, 0);
    if (worker->fifo.n_held)
        deadline_us = earlier(deadline_us, worker->retry_us);
    if (ret == AVERROR(EAGAIN))
        polling_wait(&worker->polling, deadline_us, source_is_ready);
    return ret;
}

/* Signals go to a filter that the command names. */
static int worker_go(struct limef_thread *thread, const struct limef_signal_frame *signal_frame)
{
    (void)thread;
    (void)signal_frame;
    assert(!"a worker has no chain of its own");
    return 0;
}

static void worker_wake(struct limef_thread *thread)
{
    reading_wake(thread, &worker_of(thread)->fifo);
}

static void worker_open(struct limef_thread *thread)
{
    reading_open(&worker_of(thread)->fifo);
}

/* A command may have been a signal to any of them. */
static void worker_retry(struct limef_thread *thread)
{
    struct worker *worker = worker_of(thread);

    for (struct worker_source *source = worker->sources; source; source = source->next)
        source->due_us = 0;
    limef_fifo_unhold(&worker->fifo);
}

static void leave(struct limef_filter *filter)
{
    if (filter && filter->ops->leave)
        filter->ops->leave(filter);
}

static void worker_leave(struct limef_thread *thread)
{
    leave(worker_of(thread)->ticking);
}

static const struct limef_thread_ops worker_ops = {
    .step = worker_step,
    .go = worker_go,
    .wake = worker_wake,
    .open = worker_open,
    .retry = worker_retry,
    .leave = worker_leave,
};

void worker_init(struct worker *worker, const struct limef_thread_settings *settings)
{
    limef_thread_init(&worker->thread, &worker_ops, settings);
    limef_fifo_init(&worker->fifo, worker->thread.settings.name);
}

void worker_clear(struct worker *worker)
{
    polling_clear(&worker->polling);
    limef_fifo_clear(&worker->fifo);
    limef_thread_clear(&worker->thread);
    *worker = (struct worker){.retry_us = 0};
}

/* Without it the source is stepped when it said: late, but it works. */
static void listen(struct worker *worker, struct worker_source *source)
{
    int ret = limef_fifo_fd(&worker->fifo);

    if (ret >= 0 && !worker->polling.fd)
        ret = polling_add(&worker->polling, ret, NULL);
    if (ret >= 0)
        ret = polling_add(&worker->polling, source->source->wait_fd, source);
    if (ret < 0)
        limef_fail(ret, worker->thread.settings.name, "cannot wait for the descriptor of '%s'",
                   source->source->filter.name);
}

void worker_add_source(struct worker *worker, struct worker_source *source)
{
    source->due_us = 0;
    source->next = worker->sources;
    worker->sources = source;
    if (source->source->wait_fd)
        listen(worker, source);
}

void worker_remove_source(struct worker *worker, struct worker_source *source)
{
    struct worker_source **link = &worker->sources;

    while (*link && *link != source)
        link = &(*link)->next;
    if (*link)
        *link = source->next;
    source->next = NULL;
    if (source->source->wait_fd)
        polling_remove(&worker->polling, source->source->wait_fd);
}

static int64_t tick(void *context, int64_t now_us)
{
    struct limef_filter *filter = context;
    int64_t due_us;

    limef_filter_mark(filter, 1);
    due_us = filter->ops->tick(filter, now_us);
    limef_filter_mark(filter, 0);
    return due_us;
}

void worker_set_ticking(struct worker *worker, struct limef_filter *filter)
{
    if (worker->ticking && limef_thread_current() == &worker->thread)
        leave(worker->ticking);
    worker->ticking = filter;
    limef_thread_set_task(&worker->thread, filter ? tick : NULL, filter);
}
