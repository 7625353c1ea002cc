/* SPDX-License-Identifier: MIT */
#include <limef/thread/producer.h>

#include "fifo/futex.h"
#include "thread/inside.h"

#include <limef/base/log.h>
#include <limef/filter/probe.h>

#include <errno.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A source whose downstream stopped tries again after this: it may be started anew. */
#define RETRY_US 100000

static struct limef_producer *producer_of(struct limef_thread *thread)
{
    return LIMEF_CONTAINER_OF(thread, struct limef_producer, thread);
}

static int64_t earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

/* As futex_wait(), and for the source's descriptor. */
static void poll_until(const struct limef_producer *producer, int64_t deadline_us)
{
    struct pollfd fds[] = {{.fd = producer->source->wait_fd, .events = POLLIN},
                           {.fd = producer->wake_fd, .events = POLLIN}};
    struct timespec left = {0};
    int64_t left_us = deadline_us == LIMEF_FOREVER ? 0 : deadline_us - limef_now_us();
    uint64_t n_wakes;

    if (left_us > 0)
        left = (struct timespec){.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
    if (ppoll(fds, 2, deadline_us == LIMEF_FOREVER ? NULL : &left, NULL) > 0 &&
        fds[1].revents & POLLIN && read(producer->wake_fd, &n_wakes, sizeof(n_wakes)) < 0)
        return; /* EAGAIN: somebody was woken for nothing */
}

static void idle_until(struct limef_thread *thread, int64_t deadline_us)
{
    /* 1 while idle; wake sets 0. seq_cst: before the looks, pairs with producer_wake() */
    atomic_store_explicit(&thread->wake_word, 1, memory_order_seq_cst);
    if (!limef_thread_stopping(thread) &&
        !atomic_load_explicit(&thread->n_commands, memory_order_seq_cst))
        producer_of(thread)->wake_fd ? poll_until(producer_of(thread), deadline_us)
                                     : (void)futex_wait(&thread->wake_word, 1, deadline_us);
    atomic_store_explicit(&thread->wake_word, 0, memory_order_relaxed);
}

static int producer_step(struct limef_thread *thread, int64_t deadline_us)
{
    struct limef_source *source = producer_of(thread)->source;
    int64_t due_us = LIMEF_FOREVER;
    int ret;

    ret = thread_step(thread, source, &due_us);
    if (ret == AVERROR_EXIT) {
        LIMEF_COUNT(thread->n_errors, 1);
        due_us = limef_deadline_us(RETRY_US);
        ret = AVERROR(EAGAIN);
    }
    if (ret == AVERROR(EAGAIN) || ret == AVERROR_EOF)
        idle_until(thread, earlier(due_us, deadline_us));
    return ret;
}

static int producer_go(struct limef_thread *thread, const struct limef_signal_frame *signal_frame)
{
    return limef_go(&producer_of(thread)->source->filter, &signal_frame->frame);
}

static void producer_wake(struct limef_thread *thread)
{
    /* after stopping or n_commands was set, both in a total order with idle_until()'s looks */
    atomic_thread_fence(memory_order_seq_cst);
    if (!atomic_exchange_explicit(&thread->wake_word, 0, memory_order_seq_cst))
        return;
    if (producer_of(thread)->wake_fd)
        eventfd_write(producer_of(thread)->wake_fd, 1); /* cannot fail: it holds 2^64 - 2 of them */
    else
        futex_wake(&thread->wake_word);
}

/* Without a descriptor the source is stepped when it said: late, but it works. */
static void producer_open(struct limef_thread *thread)
{
    struct limef_producer *producer = producer_of(thread);

    if (!producer->source->wait_fd || producer->wake_fd)
        return;
    producer->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (producer->wake_fd == 0) {
        producer->wake_fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
        close(0);
    }
    if (producer->wake_fd < 0) {
        limef_fail(AVERROR(errno), thread->settings.name, "no event descriptor");
        producer->wake_fd = 0;
    }
}

static void producer_retry(struct limef_thread *thread)
{
    (void)thread;
}

static const struct limef_thread_ops producer_ops = {
    .step = producer_step,
    .go = producer_go,
    .wake = producer_wake,
    .open = producer_open,
    .retry = producer_retry,
};

void limef_producer_init(struct limef_producer *producer, struct limef_source *source,
                         const struct limef_thread_settings *settings)
{
    limef_thread_init(&producer->thread, &producer_ops, settings);
    producer->source = source;
}

void limef_producer_clear(struct limef_producer *producer)
{
    limef_thread_clear(&producer->thread);
    if (producer->wake_fd)
        close(producer->wake_fd);
    *producer = (struct limef_producer){0};
}
