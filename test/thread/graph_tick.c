/* SPDX-License-Identifier: MIT */
/* Filters with work besides their frames, on threads that a graph places. */
#include "graph.h"

#include <unistd.h>

/* Counts where its functions run. */
struct clockwork {
    struct limef_filter filter;
    LIMEF_ATOMIC(int) go_tid, tick_tid, leave_tid;
    LIMEF_ATOMIC(int) n_ticks, n_leaves;
};

static struct clockwork *clockwork_of(struct limef_filter *filter)
{
    return LIMEF_CONTAINER_OF(filter, struct clockwork, filter);
}

static int clockwork_go(struct limef_filter *filter, const struct limef_frame *in)
{
    atomic_store(&clockwork_of(filter)->go_tid, gettid());
    return limef_pass(filter, in);
}

static int64_t clockwork_tick(struct limef_filter *filter, int64_t now_us)
{
    struct clockwork *clockwork = clockwork_of(filter);

    atomic_store(&clockwork->tick_tid, gettid());
    atomic_fetch_add(&clockwork->n_ticks, 1);
    return now_us + 1000;
}

static void clockwork_leave(struct limef_filter *filter)
{
    struct clockwork *clockwork = clockwork_of(filter);

    atomic_store(&clockwork->leave_tid, gettid());
    atomic_fetch_add(&clockwork->n_leaves, 1);
}

static const struct limef_filter_ops clockwork_ops = {
    .kind = "clockwork",
    .flags = LIMEF_FILTER_THREAD_BOUND | LIMEF_FILTER_DISPLAY,
    .go = clockwork_go,
    .tick = clockwork_tick,
    .leave = clockwork_leave,
};

/* source -> a -> clockwork -> sink */
struct ticking {
    struct line line;
    struct clockwork clockwork;
    struct limef_graph graph;
};

static void ticking_init(struct ticking *ticking, int64_t n_frames)
{
    memset(ticking, 0, sizeof(*ticking));
    line_init(&ticking->line, n_frames);
    limef_filter_init(&ticking->clockwork.filter, &clockwork_ops, "clockwork");
    limef_connect(&ticking->line.a.filter, &ticking->clockwork.filter);
    limef_connect(&ticking->clockwork.filter, &ticking->line.sink.filter);
    graph_init(&ticking->graph, sizeof(memory), LIMEF_PLAN_AUTO);
}

static void assert_left_where_it_ran(struct clockwork *clockwork, int n_leaves)
{
    cr_assert(eq(int, atomic_load(&clockwork->n_leaves), n_leaves));
    cr_assert(eq(int, atomic_load(&clockwork->leave_tid), atomic_load(&clockwork->tick_tid)));
    cr_assert(eq(int, atomic_load(&clockwork->go_tid), atomic_load(&clockwork->tick_tid)));
}

Test(graph_tick, runs_on_the_filters_thread_until_that_stops)
{
    static struct ticking ticking;
    int n_ticks;

    ticking_init(&ticking, INT64_MAX);
    cr_assert(eq(int, limef_graph_add(&ticking.graph, &ticking.line.source.source), 0));
    for (int round = 1; round <= 3; round++) {
        int64_t before = atomic_load(&ticking.line.sink.n_packets);

        n_ticks = atomic_load(&ticking.clockwork.n_ticks);
        cr_assert(eq(int, limef_graph_start(&ticking.graph), 0));
        ASSERT_COMES(atomic_load(&ticking.line.sink.n_packets) > before + 10);
        ASSERT_COMES(atomic_load(&ticking.clockwork.n_ticks) > n_ticks + 5);
        cr_assert(eq(int, limef_graph_stop(&ticking.graph, TOO_LONG_US), 0));
        assert_left_where_it_ran(&ticking.clockwork, round);
    }
    n_ticks = atomic_load(&ticking.clockwork.n_ticks);
    limef_graph_clear(&ticking.graph);
    cr_assert(eq(int, atomic_load(&ticking.clockwork.n_ticks), n_ticks));
    cr_assert(eq(int, atomic_load(&ticking.clockwork.n_leaves), 3));
}

Test(graph_tick, begins_when_its_filter_is_connected_while_frames_flow)
{
    static struct ticking ticking;

    ticking_init(&ticking, INT64_MAX);
    limef_connect(&ticking.line.a.filter, &ticking.line.sink.filter);
    limef_connect(&ticking.clockwork.filter, NULL);
    cr_assert(eq(int, limef_graph_add(&ticking.graph, &ticking.line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&ticking.graph), 0));
    cr_assert(eq(int,
                 limef_graph_connect(&ticking.graph, &ticking.line.a.filter, 0,
                                     &ticking.clockwork.filter, TOO_LONG_US),
                 0));
    ASSERT_COMES(atomic_load(&ticking.clockwork.n_ticks) > 5);
    ASSERT_COMES(atomic_load(&ticking.clockwork.go_tid) != 0);
    cr_assert(eq(int, limef_graph_stop(&ticking.graph, TOO_LONG_US), 0));
    assert_left_where_it_ran(&ticking.clockwork, 1);
    limef_graph_clear(&ticking.graph);
}

Test(graph_tick, leaves_its_thread_when_its_chain_is_taken_out)
{
    static struct ticking ticking;

    ticking_init(&ticking, INT64_MAX);
    cr_assert(eq(int, limef_graph_start(&ticking.graph), 0));
    cr_assert(eq(int, limef_graph_add(&ticking.graph, &ticking.line.source.source), 0));
    ASSERT_COMES(atomic_load(&ticking.clockwork.n_ticks) > 5);
    ASSERT_COMES(atomic_load(&ticking.clockwork.go_tid) != 0);
    cr_assert(
        eq(int, limef_graph_remove(&ticking.graph, &ticking.line.source.source, TOO_LONG_US), 0));
    assert_left_where_it_ran(&ticking.clockwork, 1);
    cr_assert(eq(int, limef_graph_stop(&ticking.graph, TOO_LONG_US), 0));
    cr_assert(eq(int, atomic_load(&ticking.clockwork.n_leaves), 1));
    limef_graph_clear(&ticking.graph);
}

Test(graph_tick, is_the_applications_affair_on_a_thread_of_its_own)
{
    static struct ticking ticking;
    static struct limef_consumer consumer;

    ticking_init(&ticking, 100);
    limef_consumer_init(&consumer, &ticking.clockwork.filter, NULL);
    cr_assert(eq(int, limef_graph_add_thread(&ticking.graph, &consumer), 0));
    cr_assert(eq(int, limef_graph_add(&ticking.graph, &ticking.line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&ticking.graph), 0));
    cr_assert(eq(int, limef_thread_start(&consumer.thread), 0));
    assert_whole(&ticking.line.sink, 100);
    cr_assert(eq(int, limef_graph_stop(&ticking.graph, TOO_LONG_US), 0));
    cr_assert(eq(int, limef_thread_stop(&consumer.thread, TOO_LONG_US), 0));
    cr_assert(eq(int, atomic_load(&ticking.clockwork.n_ticks), 0));
    cr_assert(eq(int, atomic_load(&ticking.clockwork.n_leaves), 0));
    limef_graph_clear(&ticking.graph);
    limef_consumer_clear(&consumer);
}
