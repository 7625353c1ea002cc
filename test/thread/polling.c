/* SPDX-License-Identifier: MIT */
/* Sources that are stepped when a descriptor of theirs is readable. */
#include "thread/polling.h"
#include "graph.h"

#include "thread/worker.h"

#include <sys/eventfd.h>
#include <unistd.h>

#define N_SOURCES 16

/* Never due by itself; counts what its descriptor said. */
struct bell {
    struct limef_source source;
    LIMEF_ATOMIC(uint64_t) n_rings;
    LIMEF_ATOMIC(int) n_steps, tid;
};

static int bell_step(struct limef_source *source, int64_t *due_us)
{
    struct bell *bell = LIMEF_CONTAINER_OF(source, struct bell, source);
    uint64_t n_rings;

    atomic_fetch_add(&bell->n_steps, 1);
    atomic_store(&bell->tid, gettid());
    if (read(source->wait_fd, &n_rings, sizeof(n_rings)) == sizeof(n_rings))
        atomic_fetch_add(&bell->n_rings, n_rings);
    *due_us = LIMEF_FOREVER;
    return AVERROR(EAGAIN);
}

static int bell_go(struct limef_filter *filter, const struct limef_frame *in)
{
    return limef_pass(filter, in);
}

static const struct limef_filter_ops bell_ops = {
    .kind = "bell", .flags = LIMEF_FILTER_SOURCE, .go = bell_go};

static void bell_init(struct bell *bell)
{
    memset(bell, 0, sizeof(*bell));
    limef_filter_init(&bell->source.filter, &bell_ops, NULL);
    bell->source.step = bell_step;
    bell->source.wait_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_store(&bell->source.is_live, 1);
    cr_assert(gt(int, bell->source.wait_fd, 0));
}

static void ring(struct bell *bell)
{
    uint64_t before = atomic_load(&bell->n_rings);

    cr_assert(eq(int, eventfd_write(bell->source.wait_fd, 1), 0));
    ASSERT_COMES(atomic_load(&bell->n_rings) == before + 1);
}

TestSuite(polling, .timeout = 60);

Test(polling, a_producer_steps_its_source_when_it_is_rung)
{
    static struct limef_producer producer;
    static struct bell bell;
    int n_steps;

    bell_init(&bell);
    limef_producer_init(&producer, &bell.source, NULL);
    cr_assert(eq(int, limef_thread_start(&producer.thread), 0));
    for (int i = 0; i < 100; i++)
        ring(&bell);
    n_steps = atomic_load(&bell.n_steps);
    cr_assert(le(int, n_steps, 202)); /* it does not turn round and round */
    cr_assert(eq(int, limef_thread_stop(&producer.thread, TOO_LONG_US), 0));
    limef_producer_clear(&producer);
    close(bell.source.wait_fd);
}

Test(polling, a_thread_that_polls_is_stopped_and_takes_signals)
{
    static struct limef_producer producer;
    static struct number_sink sink;
    static struct bell bell;
    struct limef_signal_frame signal;

    bell_init(&bell);
    number_sink_init(&sink);
    limef_connect(&bell.source.filter, &sink.filter);
    limef_producer_init(&producer, &bell.source, NULL);
    for (int round = 0; round < 20; round++) {
        int before = atomic_load(&sink.n_signals);

        cr_assert(eq(int, limef_thread_start(&producer.thread), 0));
        ring(&bell);
        limef_signal_frame_set(&signal, LIMEF_SIGNAL_USER, 0, NULL);
        cr_assert(eq(int, limef_thread_send(&producer.thread, &signal), 0));
        ASSERT_COMES(atomic_load(&sink.n_signals) > before);
        cr_assert(eq(int, limef_thread_stop(&producer.thread, TOO_LONG_US), 0));
    }
    limef_producer_clear(&producer);
    close(bell.source.wait_fd);
}

static int nothing(void *context)
{
    (void)context;
    return 0;
}

/* A call that comes between the thread's look at its commands and its read is not slept through. */
Test(polling, every_call_to_a_worker_that_polls_comes_back)
{
    static struct worker_source source;
    static struct worker worker;
    static struct bell bell;

    bell_init(&bell);
    source.source = &bell.source;
    worker_init(&worker, NULL);
    worker_add_source(&worker, &source);
    cr_assert(eq(int, limef_thread_start(&worker.thread), 0));
    for (int i = 0; i < 20000; i++)
        cr_assert(eq(int, limef_thread_call(&worker.thread, nothing, NULL, TOO_LONG_US), 0));
    cr_assert(eq(int, limef_thread_stop(&worker.thread, TOO_LONG_US), 0));
    worker_remove_source(&worker, &source);
    worker_clear(&worker);
    close(bell.source.wait_fd);
}

static int count_threads(struct bell *bells)
{
    int n = 0;

    for (int i = 0; i < N_SOURCES; i++) {
        int other = 0;

        while (other < i && atomic_load(&bells[other].tid) != atomic_load(&bells[i].tid))
            other++;
        n += other == i;
    }
    return n;
}

Test(polling, a_graph_serves_many_live_sources_on_one_thread)
{
    static struct bell bells[N_SOURCES];
    static struct number_sink sinks[N_SOURCES];
    struct limef_graph graph = {0};

    cr_assert(eq(int,
                 limef_graph_init(&graph, memory, sizeof(memory),
                                  &(struct limef_graph_settings){.n_cpus = 2}),
                 0));
    for (int i = 0; i < N_SOURCES; i++) {
        bell_init(&bells[i]);
        number_sink_init(&sinks[i]);
        limef_connect(&bells[i].source.filter, &sinks[i].filter);
        cr_assert(eq(int, limef_graph_add(&graph, &bells[i].source), 0));
    }
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    for (int round = 0; round < 5; round++)
        for (int i = 0; i < N_SOURCES; i++)
            ring(&bells[i]);
    cr_assert(eq(int, count_threads(bells), 1));
    cr_assert(eq(int, limef_graph_remove(&graph, &bells[3].source, TOO_LONG_US), 0));
    ring(&bells[4]);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
    for (int i = 0; i < N_SOURCES; i++)
        close(bells[i].source.wait_fd);
}

static void count(void *context)
{
    ++*(int *)context;
}

Test(polling, many_descriptors_that_are_always_readable_wake_a_thread_once_in_a_millisecond)
{
    struct polling polling = {.fd = 0};
    int fds[3], n_ready = 0, n_waits = 50;
    int64_t began_us;

    for (int i = 0; i < 3; i++) {
        fds[i] = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
        cr_assert(zero(int, polling_add(&polling, fds[i], &n_ready)));
    }
    began_us = limef_now_us();
    for (int i = 0; i < n_waits; i++)
        polling_wait(&polling, LIMEF_FOREVER, count);
    cr_assert(eq(int, n_ready, 3 * n_waits));
    cr_assert(ge(i64, limef_now_us() - began_us, (n_waits - 2) * 1000));
    polling_remove(&polling, fds[2]);
    polling_wait(&polling, LIMEF_FOREVER, count);
    cr_assert(not(polling.gathers)); /* one of two may be the fifo */
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    polling_clear(&polling);
}

Test(polling, waits_no_longer_than_it_may_where_much_comes)
{
    struct polling polling = {.fd = 0};
    int fds[3], n_ready = 0;

    for (int i = 0; i < 3; i++) {
        fds[i] = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
        cr_assert(zero(int, polling_add(&polling, fds[i], &n_ready)));
    }
    for (int i = 0; i < 1000; i++)
        polling_wait(&polling, 0, count); /* the deadline is over: what is there, at once */
    cr_assert(eq(int, n_ready, 3000));
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    polling_clear(&polling);
}
