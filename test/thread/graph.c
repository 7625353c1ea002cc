/* SPDX-License-Identifier: MIT */
#include "support/chain.h"

#include <limef/filter/split.h>
#include <limef/filter/tap.h>
#include <limef/thread/graph.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define MEMORY_BYTES LIMEF_GRAPH_BYTES(64)

static _Alignas(64) char memory[MEMORY_BYTES];

static int look(void *context, const struct limef_frame *frame)
{
    (void)context;
    (void)frame;
    return 0;
}

/* source -> a -> b -> sink */
struct line {
    struct number_source source;
    struct limef_tap_filter a, b;
    struct number_sink sink;
};

static void line_init(struct line *line, int64_t n_frames)
{
    memset(line, 0, sizeof(*line));
    number_source_init(&line->source, n_frames);
    limef_tap_filter_init(&line->a, "a", look, NULL);
    limef_tap_filter_init(&line->b, "b", look, NULL);
    number_sink_init(&line->sink);
    limef_connect(&line->source.source.filter, &line->a.filter);
    limef_connect(&line->a.filter, &line->b.filter);
    limef_connect(&line->b.filter, &line->sink.filter);
}

static void assert_whole(struct number_sink *sink, int64_t n_frames)
{
    ASSERT_COMES(atomic_load(&sink->n_signals) == 1);
    cr_assert(eq(i64, atomic_load(&sink->n_packets), n_frames));
    cr_assert(eq(i64, atomic_load(&sink->n_out_of_order), 0));
}

static void run_line(enum limef_plan_mode mode)
{
    static struct line line;
    struct limef_graph graph = {0};

    line_init(&line, 1000);
    cr_assert(eq(int,
                 limef_graph_init(&graph, memory, sizeof(memory),
                                  &(struct limef_graph_settings){.mode = mode}),
                 0));
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    assert_whole(&line.sink, 1000);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
    cr_assert(eq(ptr, line.source.source.filter.next, &line.a.filter));
    cr_assert(eq(ptr, line.a.filter.next, &line.b.filter));
    cr_assert(eq(ptr, line.b.filter.next, &line.sink.filter));
}

Test(graph, runs_a_chain_by_cost)
{
    run_line(LIMEF_PLAN_AUTO);
}

Test(graph, runs_a_chain_on_one_thread)
{
    run_line(LIMEF_PLAN_FUSED);
}

Test(graph, runs_a_chain_with_a_thread_for_each_filter)
{
    run_line(LIMEF_PLAN_PER_FILTER);
}
