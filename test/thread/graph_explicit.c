/* SPDX-License-Identifier: MIT */
/* Threads of the application that come to a graph and leave it. */
#include "graph.h"

static struct line line;
static struct limef_consumer consumer;
static struct limef_graph graph;

static size_t n_filters(void)
{
    size_t n = 0;

    while (limef_graph_look(&graph, NULL, &n, NULL, NULL) == AVERROR(EAGAIN))
        sched_yield();
    return n;
}

static unsigned n_waiting(void)
{
    struct limef_graph_boundary_look look;
    size_t n = 1;

    return limef_graph_look(&graph, NULL, NULL, &look, &n) < 0 ? 0 : look.n_waiting;
}

/* source -> a, and on the application's thread b -> sink. */
static void begin(void)
{
    line_init(&line, INT64_MAX);
    limef_consumer_init(&consumer, &line.b.filter, NULL);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_FUSED);
    cr_assert(eq(int, limef_graph_add_thread(&graph, &consumer), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
}

static void start(void)
{
    cr_assert(eq(int, limef_thread_start(&consumer.thread), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(atomic_load(&line.sink.n_packets) > 10);
}

static void end_thread(void)
{
    cr_assert(eq(int, limef_thread_stop(&consumer.thread, TOO_LONG_US), 0));
    limef_consumer_clear(&consumer);
}

static void end(void)
{
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

TestSuite(graph_explicit, .init = begin, .timeout = 120);

Test(graph_explicit, a_thread_comes_and_goes_while_frames_flow)
{
    start();
    for (int round = 0; round < 5; round++) {
        int64_t n_passed;

        cr_assert(eq(int, limef_graph_remove_thread(&graph, &consumer, TOO_LONG_US), 0));
        cr_assert(eq(int, limef_graph_remove_thread(&graph, &consumer, 0), AVERROR(ENOENT)));
        end_thread();
        cr_assert(eq(i64, atomic_load(&line.sink.n_out_of_order), 0));
        cr_assert(eq(ptr, line.a.filter.next, NULL));
        cr_assert(eq(ptr, line.b.filter.next, &line.sink.filter));
        cr_assert(eq(sz, n_filters(), 2));
        n_passed = atomic_load(&line.source.n_passed); /* what is left goes on */
        ASSERT_COMES(atomic_load(&line.source.n_passed) > n_passed + 10);

        number_sink_init(&line.sink);
        atomic_store(&line.sink.n_out_of_order, -1); /* it comes in the middle */
        limef_consumer_init(&consumer, &line.b.filter, NULL);
        cr_assert(eq(int, limef_graph_add_thread(&graph, &consumer), 0));
        cr_assert(eq(int, limef_thread_start(&consumer.thread), 0));
        cr_assert(eq(
            int, limef_graph_connect(&graph, &line.a.filter, 0, &line.b.filter, TOO_LONG_US), 0));
        ASSERT_COMES(atomic_load(&line.sink.n_packets) > 10);
    }
    cr_assert(eq(u64, limef_graph_n_lost(&graph), 0));
    end();
    end_thread();
}

/* It goes on with frames of its own, and passes nothing to what has left with it. */
Test(graph_explicit, what_is_behind_it_leaves_with_it)
{
    static struct number_sink behind;

    number_sink_init(&behind);
    start();
    cr_assert(
        eq(int, limef_graph_connect(&graph, &line.sink.filter, 0, &behind.filter, TOO_LONG_US), 0));
    ASSERT_COMES(atomic_load(&behind.n_packets) > 10);
    cr_assert(eq(int, limef_graph_remove_thread(&graph, &consumer, TOO_LONG_US), 0));
    cr_assert(eq(ptr, line.sink.filter.next, NULL));
    cr_assert(eq(sz, n_filters(), 2));
    cr_assert(eq(i64, atomic_load(&behind.n_out_of_order), 1)); /* it came in the middle */
    end_thread();
    end();
}

Test(graph_explicit, one_that_does_not_come_back_stays_until_it_does)
{
    atomic_store(&line.sink.stuck, 1);
    cr_assert(eq(int, limef_thread_start(&consumer.thread), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(atomic_load(&line.sink.in_go));
    cr_assert(eq(int, limef_graph_remove_thread(&graph, &consumer, 20000), AVERROR(ETIMEDOUT)));
    cr_assert(eq(sz, n_filters(), 4));
    atomic_store(&line.sink.stuck, 0);
    cr_assert(eq(int, limef_graph_remove_thread(&graph, &consumer, TOO_LONG_US), 0));
    cr_assert(eq(sz, n_filters(), 2));
    end_thread();
    end();
}

/* What waits for a thread that was stopped is dropped: no other may run its filters. */
Test(graph_explicit, one_that_was_stopped_runs_nothing_more)
{
    int64_t n;

    start();
    atomic_store(&line.sink.stuck, 1);
    ASSERT_COMES(n_waiting() >= 3);
    limef_thread_ask_stop(&consumer.thread);
    atomic_store(&line.sink.stuck, 0);
    cr_assert(eq(int, limef_thread_stop(&consumer.thread, TOO_LONG_US), 0));
    n = atomic_load(&line.sink.n_packets);
    cr_assert(eq(int, limef_graph_remove_thread(&graph, &consumer, TOO_LONG_US), 0));
    cr_assert(eq(i64, atomic_load(&line.sink.n_packets), n));
    cr_assert(ge(u64, limef_graph_n_lost(&graph), 1));
    limef_consumer_clear(&consumer);
    end();
}

Test(graph_explicit, leaves_before_anything_has_started)
{
    cr_assert(eq(int, limef_graph_remove_thread(&graph, &consumer, TOO_LONG_US), 0));
    cr_assert(eq(ptr, line.a.filter.next, NULL));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(atomic_load(&line.source.n_passed) > 10);
    cr_assert(eq(sz, n_filters(), 2));
    end();
    limef_consumer_clear(&consumer);
}
