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

/* One packet every 10 ms. */
struct paced_source {
    struct limef_source source;
    int64_t due_us, number;
    LIMEF_ATOMIC(int64_t) n_passed;
};

static inline int paced_step(struct limef_source *base, int64_t *due_us)
{
    struct paced_source *source = LIMEF_CONTAINER_OF(base, struct paced_source, source);
    struct limef_packet_frame packet =
        packet_frame(source->number, LIMEF_MEDIA_VIDEO, LIMEF_FRAME_KEY);
    int64_t now_us = limef_now_us();
    int ret;

    if (now_us < source->due_us) {
        *due_us = source->due_us;
        return AVERROR(EAGAIN);
    }
    source->due_us = (source->due_us ? source->due_us : now_us) + 10000;
    packet.frame.pts_us = source->number * 10000;
    ret = limef_pass(&base->filter, &packet.frame);
    if (ret == 0) {
        source->number++;
        atomic_fetch_add(&source->n_passed, 1);
    }
    return 0;
}

static inline int paced_go(struct limef_filter *filter, const struct limef_frame *in)
{
    (void)filter;
    (void)in;
    return 0;
}

static const struct limef_filter_ops paced_ops = {
    .kind = "paced", .flags = LIMEF_FILTER_SOURCE, .go = paced_go};

static inline void paced_source_init(struct paced_source *source)
{
    *source = (struct paced_source){.number = 0};
    limef_filter_init(&source->source.filter, &paced_ops, "paced");
    source->source.step = paced_step;
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
    struct limef_graph_settings settings = {
        .mode = mode, .window_us = LIMEF_FOREVER, .stuck_us = LIMEF_FOREVER};

    cr_assert(eq(int, limef_graph_init(graph, memory, bytes, &settings), 0));
}

/* A line that does not end, with a thread for each filter. */
static inline void begin_line(struct limef_graph *graph, struct line *line)
{
    line_init(line, INT64_MAX);
    graph_init(graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(graph, &line->source.source), 0));
    cr_assert(eq(int, limef_graph_start(graph), 0));
    ASSERT_COMES(atomic_load(&line->sink.n_packets) > 10);
}

static inline void end_line(struct limef_graph *graph, struct line *line)
{
    int64_t n = atomic_load(&line->sink.n_packets);

    ASSERT_COMES(atomic_load(&line->sink.n_packets) > n);
    cr_assert(eq(int, limef_graph_remove(graph, &line->source.source, TOO_LONG_US), 0));
    cr_assert(eq(i64, atomic_load(&line->sink.n_packets), atomic_load(&line->source.n_passed)));
    cr_assert(eq(i64, atomic_load(&line->sink.n_out_of_order), 0));
    cr_assert(eq(int, limef_graph_stop(graph, TOO_LONG_US), 0));
    limef_graph_clear(graph);
}

#endif
