/* SPDX-License-Identifier: MIT */
/* A chain and the memory of a graph, for the tests of graphs. */
#ifndef LIMEF_TEST_THREAD_GRAPH_H
#define LIMEF_TEST_THREAD_GRAPH_H

#include "support/chain.h"
#include "support/failing.h"

#include <limef/base/log.h>
#include <limef/filter/split.h>
#include <limef/filter/switch.h>
#include <limef/filter/tap.h>
#include <limef/thread/graph.h>
#include <limef/thread/plan_print.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define MEMORY_BYTES LIMEF_GRAPH_BYTES(64)

static _Alignas(64) char memory[MEMORY_BYTES];

static inline int look(void *context, const struct limef_frame *frame)
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

static inline void line_init(struct line *line, int64_t n_frames)
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

static inline void assert_whole(struct number_sink *sink, int64_t n_frames)
{
    ASSERT_COMES(atomic_load(&sink->n_signals) == 1);
    cr_assert(eq(i64, atomic_load(&sink->n_packets), n_frames));
    cr_assert(eq(i64, atomic_load(&sink->n_out_of_order), 0));
}

static char last_line[512];

static inline void keep_line(void *context, enum limef_log_level level, const char *name,
                             const char *line)
{
    (void)context;
    (void)level;
    (void)name;
    snprintf(last_line, sizeof(last_line), "%s", line);
}

static inline void graph_init(struct limef_graph *graph, size_t bytes, enum limef_plan_mode mode)
{
    struct limef_graph_settings settings = {.mode = mode, .window_us = LIMEF_FOREVER};

    cr_assert(eq(int, limef_graph_init(graph, memory, bytes, &settings), 0));
}

#endif
