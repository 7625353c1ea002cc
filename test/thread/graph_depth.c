/* SPDX-License-Identifier: MIT */
/* A filter that makes pictures in a pool is told how many what is behind it may hold. */
#include "graph.h"

#define N_KEPT 3
/* What a graph adds for filters that do not say that they keep something. */
#define UNSAID 2

TestSuite(graph_depth, .timeout = 60);

/* Notes what it is told. */
struct pooling {
    struct limef_filter filter;
    LIMEF_ATOMIC(int64_t) told;
    LIMEF_ATOMIC(int) n_told;
};

static int pooling_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct pooling *pooling = LIMEF_CONTAINER_OF(filter, struct pooling, filter);
    const struct limef_signal_frame *signal = limef_signal_frame_from(in);

    if (signal && signal->signal == LIMEF_SIGNAL_DEPTH) {
        atomic_store(&pooling->told, signal->value);
        atomic_fetch_add(&pooling->n_told, 1);
        return 0;
    }
    return limef_pass(filter, in);
}

static const struct limef_filter_ops pooling_ops = {
    .kind = "pooling", .flags = LIMEF_FILTER_POOLS, .go = pooling_go};

/* source -> pooling -> a -> sink */
struct pooled {
    struct line line;
    struct pooling pooling;
    struct limef_consumer consumer;
    struct limef_graph graph;
};

static void pooled_init(struct pooled *pooled, int64_t n_frames)
{
    memset(pooled, 0, sizeof(*pooled));
    line_init(&pooled->line, n_frames);
    limef_filter_init(&pooled->pooling.filter, &pooling_ops, "pooling");
    pooled->line.sink.filter.n_kept = N_KEPT;
    limef_connect(&pooled->line.source.source.filter, &pooled->pooling.filter);
    limef_connect(&pooled->pooling.filter, &pooled->line.a.filter);
    limef_connect(&pooled->line.a.filter, &pooled->line.sink.filter);
    graph_init(&pooled->graph, sizeof(memory), LIMEF_PLAN_FUSED);
}

static unsigned depth_of_boundary(struct pooled *pooled)
{
    struct limef_graph_boundary_look looks[4];
    size_t n = 4;

    cr_assert(eq(int, limef_graph_look(&pooled->graph, NULL, NULL, looks, &n), 0));
    for (size_t i = 0; i < n && i < 4; i++)
        if (looks[i].to == &pooled->line.a.filter)
            return looks[i].counters.depth;
    return 0;
}

static void stop(struct pooled *pooled)
{
    cr_assert(eq(int, limef_graph_stop(&pooled->graph, TOO_LONG_US), 0));
    if (pooled->consumer.chain)
        cr_assert(eq(int, limef_thread_stop(&pooled->consumer.thread, TOO_LONG_US), 0));
    limef_graph_clear(&pooled->graph);
    if (pooled->consumer.chain)
        limef_consumer_clear(&pooled->consumer);
}

Test(graph_depth, of_one_thread_is_what_its_filters_keep)
{
    static struct pooled pooled;

    pooled_init(&pooled, 100);
    cr_assert(eq(int, limef_graph_add(&pooled.graph, &pooled.line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&pooled.graph), 0));
    assert_whole(&pooled.line.sink, 100);
    cr_assert(eq(i64, atomic_load(&pooled.pooling.told), N_KEPT + UNSAID));
    cr_assert(eq(int, atomic_load(&pooled.pooling.n_told), 1));
    stop(&pooled);
}

Test(graph_depth, of_a_boundary_is_what_waits_there_and_one_that_is_read)
{
    static struct pooled pooled;
    unsigned depth;

    pooled_init(&pooled, INT64_MAX);
    limef_consumer_init(&pooled.consumer, &pooled.line.a.filter, NULL);
    cr_assert(eq(int, limef_graph_add_thread(&pooled.graph, &pooled.consumer), 0));
    cr_assert(eq(int, limef_graph_add(&pooled.graph, &pooled.line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&pooled.graph), 0));
    cr_assert(eq(int, limef_thread_start(&pooled.consumer.thread), 0));
    ASSERT_COMES(atomic_load(&pooled.pooling.n_told) == 1);
    depth = depth_of_boundary(&pooled);
    cr_assert(gt(uint, depth, 0));
    cr_assert(eq(i64, atomic_load(&pooled.pooling.told), depth + 1 + N_KEPT + UNSAID));
    stop(&pooled);
}

Test(graph_depth, is_told_before_the_first_frame_and_again_when_a_branch_comes)
{
    static struct pooled pooled;
    static struct limef_split_filter split;
    static struct number_sink other;

    pooled_init(&pooled, INT64_MAX);
    number_sink_init(&other);
    other.filter.n_kept = 7;
    limef_split_filter_init(&split, "split");
    limef_connect(&pooled.pooling.filter, &split.filter);
    limef_connect(&split.filter, &pooled.line.a.filter);
    cr_assert(eq(int, limef_graph_add(&pooled.graph, &pooled.line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&pooled.graph), 0));
    ASSERT_COMES(atomic_load(&pooled.line.sink.n_packets) > 0);
    cr_assert(eq(int, atomic_load(&pooled.pooling.n_told), 1));
    cr_assert(eq(i64, atomic_load(&pooled.pooling.told), N_KEPT + UNSAID));
    cr_assert(eq(
        int, limef_graph_connect(&pooled.graph, &split.filter, 1, &other.filter, TOO_LONG_US), 0));
    ASSERT_COMES(atomic_load(&pooled.pooling.n_told) == 2);
    cr_assert(ge(i64, atomic_load(&pooled.pooling.told), N_KEPT + 7 + UNSAID));
    stop(&pooled);
    limef_filter_clear(&split.filter);
}
