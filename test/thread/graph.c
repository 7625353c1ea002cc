/* SPDX-License-Identifier: MIT */
#include "support/chain.h"

#include <limef/filter/split.h>
#include <limef/filter/tap.h>
#include <limef/base/log.h>
#include <limef/thread/graph.h>
#include <limef/thread/plan_print.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <time.h>

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

/* One packet every 10 ms. */
struct paced_source {
    struct limef_source source;
    int64_t due_us, number;
    LIMEF_ATOMIC(int64_t) n_passed;
};

static int paced_step(struct limef_source *base, int64_t *due_us)
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

static int ignore_go(struct limef_filter *filter, const struct limef_frame *in)
{
    (void)filter;
    (void)in;
    return 0;
}

static const struct limef_filter_ops paced_ops = {
    .kind = "paced", .flags = LIMEF_FILTER_SOURCE, .go = ignore_go};

static int64_t thread_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Uses processor time; the context says how much. */
static int burn(void *context, const struct limef_frame *frame)
{
    int64_t until_us = thread_us() + *(int64_t *)context;

    (void)frame;
    while (thread_us() < until_us)
        continue;
    return 0;
}

Test(graph, cuts_where_one_core_is_not_enough)
{
    static struct paced_source source = {
        .source = {.filter = LIMEF_FILTER(&paced_ops, "paced", NULL), .step = paced_step}};
    static struct limef_tap_filter a, b;
    static struct number_sink sink;
    struct limef_reports reports = {0};
    struct limef_signal_frame signal;
    struct limef_graph graph = {0};
    int64_t burn_us = 5500;

    limef_log_set_level(LIMEF_LOG_INFO);
    limef_reports_init(&reports);
    limef_tap_filter_init(&a, "a", burn, &burn_us);
    limef_tap_filter_init(&b, "b", burn, &burn_us);
    number_sink_init(&sink);
    limef_connect(&source.source.filter, &a.filter);
    limef_connect(&a.filter, &b.filter);
    limef_connect(&b.filter, &sink.filter);
    cr_assert(eq(int,
                 limef_graph_init(&graph, memory, sizeof(memory),
                                  &(struct limef_graph_settings){
                                      .reports = &reports, .window_us = 300000, .n_cpus = 2}),
                 0));
    cr_assert(eq(int, limef_graph_add(&graph, &source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(limef_graph_n_plan_changes(&graph) > 0);
    cr_assert(eq(int, limef_reports_read(&reports, &signal, TOO_LONG_US), 0));
    cr_assert(eq(u32, signal.signal, LIMEF_SIGNAL_PLAN));
    limef_graph_print(&graph, limef_plan_print_text, stderr);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    cr_assert(eq(i64, atomic_load(&sink.n_out_of_order), 0));
    limef_graph_clear(&graph);
    limef_reports_clear(&reports);
}
