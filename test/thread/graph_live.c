/* SPDX-License-Identifier: MIT */
/* Graphs that change while they run, and how they end. */
#include "graph.h"

Test(graph_live, takes_chains_in_and_out_while_it_runs)
{
    static struct line lines[4];
    struct limef_graph graph = {0};

    graph_init(&graph, sizeof(memory), LIMEF_PLAN_AUTO);
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 4; i++) {
            line_init(&lines[i], INT64_MAX);
            cr_assert(eq(int, limef_graph_add(&graph, &lines[i].source.source), 0));
            cr_assert(eq(int, limef_graph_add(&graph, &lines[i].source.source), AVERROR(EEXIST)));
        }
        for (int i = 3; i >= 0; i--) {
            ASSERT_COMES(atomic_load(&lines[i].sink.n_packets) > 10);
            cr_assert(eq(int, limef_graph_remove(&graph, &lines[i].source.source, TOO_LONG_US), 0));
            cr_assert(eq(i64, atomic_load(&lines[i].sink.n_packets),
                         atomic_load(&lines[i].source.n_passed)));
            cr_assert(eq(i64, atomic_load(&lines[i].sink.n_out_of_order), 0));
            cr_assert(eq(ptr, lines[i].a.filter.next, &lines[i].b.filter));
        }
        cr_assert(eq(int, limef_graph_remove(&graph, &lines[0].source.source, 0), AVERROR(ENOENT)));
    }
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

Test(graph_live, connects_and_takes_out_branches_while_it_runs)
{
    static struct line line;
    static struct limef_split_filter split;
    static struct number_sink sinks[2];
    struct limef_graph graph = {0};
    size_t n = 0;

    line_init(&line, INT64_MAX);
    limef_split_filter_init(&split, "split");
    limef_connect(&line.a.filter, &split.filter);
    limef_connect(&split.filter, &line.b.filter);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    for (int round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 2; i++) { /* the second takes the place of the first */
            number_sink_init(&sinks[i]);
            cr_assert(eq(
                int, limef_graph_connect(&graph, &split.filter, 3, &sinks[i].filter, TOO_LONG_US),
                0));
            ASSERT_COMES(atomic_load(&sinks[i].n_packets) > 10);
        }
        cr_assert(eq(int, limef_graph_connect(&graph, &split.filter, 3, NULL, TOO_LONG_US), 0));
        cr_assert(eq(i64, atomic_load(&sinks[1].n_out_of_order), 1)); /* it came in the middle */
        cr_assert(eq(int, limef_graph_look(&graph, NULL, &n, NULL, NULL), 0));
        cr_assert(eq(sz, n, 5));
    }
    cr_assert(eq(int, limef_graph_connect(&graph, &split.filter, 99, NULL, 0), AVERROR(EINVAL)));
    cr_assert(eq(int, limef_graph_connect(&graph, &sinks[0].filter, 0, NULL, 0), AVERROR(ENOENT)));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    cr_assert(eq(i64, atomic_load(&line.sink.n_out_of_order), 0));
    limef_graph_clear(&graph);
    limef_filter_clear(&split.filter);
}

Test(graph_live, stops_twice_and_starts_again)
{
    static struct line line;
    struct limef_graph graph = {0};

    line_init(&line, INT64_MAX);
    cr_assert(eq(int, limef_graph_stop(&graph, 0), 0));
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_stop(&graph, 0), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    for (int round = 0; round < 10; round++) {
        int64_t before = atomic_load(&line.sink.n_packets);

        cr_assert(eq(int, limef_graph_start(&graph), 0));
        cr_assert(eq(int, limef_graph_start(&graph), AVERROR(EBUSY)));
        ASSERT_COMES(atomic_load(&line.sink.n_packets) > before + 10);
        cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
        cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    }
    limef_graph_clear(&graph);
}

Test(graph_live, comes_back_from_a_filter_that_does_not)
{
    static struct line line;
    struct limef_graph graph = {0};

    line_init(&line, INT64_MAX);
    atomic_store(&line.sink.stuck, 1);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(atomic_load(&line.sink.in_go));
    cr_assert(eq(int, limef_graph_remove(&graph, &line.source.source, 20000), AVERROR(ETIMEDOUT)));
    cr_assert(eq(int, limef_graph_stop(&graph, 20000), AVERROR(ETIMEDOUT)));
    cr_assert(eq(int, limef_graph_stop(&graph, 20000), AVERROR(ETIMEDOUT)));
    atomic_store(&line.sink.stuck, 0);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    cr_assert(eq(u64, limef_graph_n_lost(&graph), 0));
    cr_assert(eq(int, limef_graph_remove(&graph, &line.source.source, TOO_LONG_US), 0));
    cr_assert(ge(u64, limef_graph_n_lost(&graph), 1));
    limef_graph_clear(&graph);
}

static int64_t oldest_us(struct limef_graph *graph)
{
    struct limef_graph_boundary_look look;
    size_t n = 1;

    return limef_graph_look(graph, NULL, NULL, &look, &n) < 0 ? 0 : look.oldest_us;
}

Test(graph_live, tells_how_old_what_waits_is)
{
    static struct paced_source source;
    static struct number_sink sink;
    struct limef_graph graph = {0};

    paced_source_init(&source);
    number_sink_init(&sink);
    limef_connect(&source.source.filter, &sink.filter);
    atomic_store(&sink.stuck, 1);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(&graph, &source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(oldest_us(&graph) > 50000);
    atomic_store(&sink.stuck, 0);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

static LIMEF_ATOMIC(int) n_gaps;

static int count_gap(void *context, const struct limef_frame *frame)
{
    const struct limef_signal_frame *signal = limef_signal_frame_from(frame);

    (void)context;
    if (signal && signal->signal == LIMEF_SIGNAL_GAP)
        atomic_fetch_add(&n_gaps, 1);
    return 0;
}

/* Each boundary was full at least once. */
static bool all_have_blocked(struct limef_graph *graph)
{
    struct limef_graph_boundary_look look[4];
    size_t n = 4;
    bool blocked = limef_graph_look(graph, NULL, NULL, look, &n) == 0;

    for (size_t i = 0; i < n && blocked; i++)
        blocked = look[i].counters.n_blocked > 0;
    return blocked;
}

Test(graph_live, tells_at_its_next_start_that_what_waited_was_dropped)
{
    static struct line line;
    struct limef_graph_boundary_look look[4];
    struct limef_graph graph = {0};
    uint64_t n_stale = 0;
    size_t n = 4;

    line_init(&line, INT64_MAX);
    limef_tap_filter_init(&line.b, "b", count_gap, NULL);
    limef_connect(&line.b.filter, &line.sink.filter);
    atomic_store(&line.sink.stuck, 1);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(atomic_load(&line.sink.in_go));
    ASSERT_COMES(all_have_blocked(&graph));
    cr_assert(eq(int, limef_graph_stop(&graph, 20000), AVERROR(ETIMEDOUT)));
    atomic_store(&line.sink.stuck, 0);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    cr_assert(zero(int, atomic_load(&n_gaps)));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(atomic_load(&n_gaps));
    cr_assert(eq(int, limef_graph_look(&graph, NULL, NULL, look, &n), 0));
    for (size_t i = 0; i < n; i++)
        n_stale += look[i].counters.n_dropped_stale;
    cr_assert(gt(u64, n_stale, 0));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

struct stopping {
    struct limef_graph *graph;
    LIMEF_ATOMIC(int) ret;
};

static int stop_from_inside(void *context, const struct limef_frame *frame)
{
    struct stopping *stopping = context;

    (void)frame;
    if (!atomic_load(&stopping->ret))
        atomic_store(&stopping->ret, limef_graph_stop(stopping->graph, TOO_LONG_US));
    return 0;
}

Test(graph_live, says_that_it_cannot_wait_for_itself)
{
    static struct line line;
    struct limef_graph graph = {0};
    struct stopping stopping = {.graph = &graph};

    line_init(&line, INT64_MAX);
    limef_tap_filter_init(&line.a, "a", stop_from_inside, &stopping);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_AUTO);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(atomic_load(&stopping.ret) == AVERROR(EDEADLK));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

static int note_thread(void *context)
{
    *(struct limef_thread **)context = limef_thread_current();
    return 7;
}

Test(graph_live, calls_and_sends_where_a_filter_runs)
{
    static struct line line;
    static struct number_sink elsewhere;
    struct limef_signal_frame signal;
    struct limef_thread *threads[3];
    struct limef_graph graph = {0};

    line_init(&line, INT64_MAX);
    number_sink_init(&elsewhere);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    cr_assert(eq(
        int,
        limef_graph_call(&graph, &line.source.source.filter, note_thread, &threads[0], TOO_LONG_US),
        7));
    cr_assert(eq(int,
                 limef_graph_call(&graph, &line.sink.filter, note_thread, &threads[1], TOO_LONG_US),
                 7));
    cr_assert(ne(ptr, threads[0], NULL));
    cr_assert(ne(ptr, threads[1], NULL));
    cr_assert(ne(ptr, threads[0], threads[1]));
    limef_signal_frame_set(&signal, LIMEF_SIGNAL_PAUSE, 0, NULL);
    cr_assert(eq(int, limef_graph_send(&graph, &line.source.source.filter, &signal), 0));
    cr_assert(eq(int, limef_graph_send(&graph, &line.sink.filter, &signal), 0));
    ASSERT_COMES(atomic_load(&line.source.n_signals) == 1);
    ASSERT_COMES(atomic_load(&line.sink.n_signals) == 1);
    cr_assert(eq(int, limef_graph_send(&graph, &elsewhere.filter, &signal), AVERROR(ENOENT)));
    cr_assert(eq(int,
                 limef_graph_call(&graph, &elsewhere.filter, note_thread, &threads[2], TOO_LONG_US),
                 AVERROR(ENOENT)));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    cr_assert(eq(int, limef_graph_send(&graph, &line.sink.filter, &signal), AVERROR_EXIT));
    limef_graph_clear(&graph);
}
