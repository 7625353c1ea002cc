/* SPDX-License-Identifier: MIT */
/* Graphs that are changed in every state, and changes that are refused or do not come about. */
#include "graph.h"

/* How many filters the graph knows. */
static size_t n_filters(struct limef_graph *graph)
{
    size_t n = 0;

    while (limef_graph_look(graph, NULL, &n, NULL, NULL) == AVERROR(EAGAIN))
        sched_yield();
    return n;
}

Test(graph_trouble, goes_on_after_a_circle_was_refused)
{
    static struct line line;
    static struct number_sink sink;
    struct limef_graph graph = {0};

    line_init(&line, INT64_MAX);
    number_sink_init(&sink);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(atomic_load(&line.sink.n_packets) > 10);
    cr_assert(eq(int,
                 limef_graph_connect(&graph, &line.sink.filter, 0, &line.a.filter, TOO_LONG_US),
                 AVERROR(ELOOP)));
    cr_assert(
        eq(int, limef_graph_connect(&graph, &line.sink.filter, 0, &sink.filter, TOO_LONG_US), 0));
    ASSERT_COMES(atomic_load(&sink.n_packets) > 10);
    cr_assert(eq(
        int, limef_graph_connect(&graph, &sink.filter, 0, &line.source.source.filter, TOO_LONG_US),
        AVERROR(ELOOP)));
    cr_assert(eq(int, limef_graph_connect(&graph, &line.sink.filter, 0, NULL, TOO_LONG_US), 0));
    cr_assert(eq(sz, n_filters(&graph), 4));
    cr_assert(eq(int,
                 limef_graph_connect(&graph, &line.sink.filter, 0, &line.b.filter, TOO_LONG_US),
                 AVERROR(ELOOP)));
    cr_assert(eq(int, limef_graph_remove(&graph, &line.source.source, TOO_LONG_US), 0));
    cr_assert(eq(i64, atomic_load(&line.sink.n_packets), atomic_load(&line.source.n_passed)));
    cr_assert(eq(i64, atomic_load(&line.sink.n_out_of_order), 0));
    cr_assert(eq(u64, limef_graph_n_lost(&graph), 0));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

/* a split with a sink */
struct fork {
    struct limef_split_filter split;
    struct number_sink sink;
};

static void fork_init(struct fork *fork)
{
    memset(fork, 0, sizeof(*fork));
    limef_split_filter_init(&fork->split, "split");
    number_sink_init(&fork->sink);
    limef_split_connect(&fork->split, &fork->sink.filter, LIMEF_SPLIT_FROM_NOW);
}

/* Frames go from one thread of the application to another; no filter comes twice on their way back,
 * but the first thread does. */
Test(graph_trouble, refuses_a_circle_of_threads)
{
    static struct line line;
    static struct fork forks[2];
    static struct limef_consumer consumers[2];
    struct limef_graph graph = {0};

    line_init(&line, 100);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_AUTO);
    for (int i = 2; i-- > 0;) {
        fork_init(&forks[i]);
        limef_consumer_init(&consumers[i], &forks[i].split.filter, NULL);
        if (!i)
            limef_split_connect(&forks[0].split, &forks[1].split.filter, LIMEF_SPLIT_FROM_NOW);
        cr_assert(eq(int, limef_graph_add_thread(&graph, &consumers[i]), 0));
        cr_assert(eq(int, limef_thread_start(&consumers[i].thread), 0));
    }
    limef_connect(&line.a.filter, &forks[0].split.filter);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    assert_whole(&forks[1].sink, 100);
    limef_log_set_sink(keep_line, NULL);
    cr_assert(eq(
        int,
        limef_graph_connect(&graph, &forks[1].split.filter, 1, &forks[0].sink.filter, TOO_LONG_US),
        AVERROR(EDEADLK)));
    cr_assert(ne(ptr, strstr(last_line, "in a circle"), NULL), "%s", last_line);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    /* and before a start */
    limef_split_connect(&forks[1].split, &forks[0].sink.filter, LIMEF_SPLIT_FROM_NOW);
    cr_assert(eq(int, limef_graph_start(&graph), AVERROR(EDEADLK)));
    limef_log_set_sink(NULL, NULL);
    for (int i = 0; i < 2; i++)
        cr_assert(eq(int, limef_thread_stop(&consumers[i].thread, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
    for (int i = 0; i < 2; i++)
        limef_consumer_clear(&consumers[i]);
}

/* What it was to run is run by the graph. */
Test(graph_trouble, forgets_a_thread_that_could_not_be_added)
{
    static struct line line;
    static struct fork fork;
    static struct limef_tap_filter back;
    struct limef_consumer consumer = {0};
    struct limef_graph graph = {0};

    line_init(&line, 100);
    fork_init(&fork);
    limef_tap_filter_init(&back, "back", look, NULL);
    limef_connect(&back.filter, &fork.split.filter);
    limef_split_connect(&fork.split, &back.filter, LIMEF_SPLIT_FROM_NOW);
    limef_split_connect(&fork.split, &line.b.filter, LIMEF_SPLIT_FROM_NOW);
    limef_consumer_init(&consumer, &fork.split.filter, NULL);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_AUTO);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_add_thread(&graph, &consumer), AVERROR(ELOOP)));
    limef_consumer_clear(&consumer); /* nobody looks at it any more */
    memset(&consumer, 0xff, sizeof(consumer));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    assert_whole(&line.sink, 100);
    cr_assert(eq(sz, n_filters(&graph), 4));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

/* No source leads to it: at once, and whether the graph runs or not. */
Test(graph_trouble, refuses_a_chain_without_a_source)
{
    static const struct limef_filter_ops no_source_ops = {.kind = "reader", .go = number_source_go};
    static struct line line, good;
    struct limef_graph graph = {0};

    line_init(&line, INT64_MAX);
    line_init(&good, INT64_MAX);
    line.source.source.filter.ops = &no_source_ops;
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_AUTO);
    limef_log_set_sink(keep_line, NULL);
    for (int i = 0; i < 2; i++) {
        cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), AVERROR(EINVAL)));
        cr_assert(ne(ptr, strstr(last_line, "(reader) is no source"), NULL), "%s", last_line);
        cr_assert(eq(int, limef_graph_connect(&graph, &line.a.filter, 0, &line.b.filter, 0),
                     AVERROR(ENOENT)));
        cr_assert(eq(sz, n_filters(&graph), i ? 4 : 0));
        if (i)
            break;
        cr_assert(eq(int, limef_graph_add(&graph, &good.source.source), 0));
        cr_assert(eq(int, limef_graph_start(&graph), 0));
    }
    limef_log_set_sink(NULL, NULL);
    ASSERT_COMES(atomic_load(&good.sink.n_packets) > 10);
    cr_assert(eq(i64, atomic_load(&line.source.n_passed), 0));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

enum state {
    NEVER_STARTED,
    RUNNING,
    STOPPED,
    N_STATES,
};

static void bring_to(struct limef_graph *graph, enum state state)
{
    if (state == NEVER_STARTED)
        return;
    cr_assert(eq(int, limef_graph_start(graph), 0));
    if (state == STOPPED)
        cr_assert(eq(int, limef_graph_stop(graph, TOO_LONG_US), 0));
}

/* Something comes to the sink, once the graph runs, and no more after it is stopped. */
static void assert_flows(struct limef_graph *graph, enum state state, struct number_sink *sink)
{
    int64_t n_packets;

    if (state != RUNNING)
        cr_assert(eq(int, limef_graph_start(graph), 0));
    n_packets = atomic_load(&sink->n_packets);
    ASSERT_COMES(atomic_load(&sink->n_packets) > n_packets + 10);
    if (state != RUNNING)
        cr_assert(eq(int, limef_graph_stop(graph, TOO_LONG_US), 0));
}

static void change_in(enum state state, enum limef_plan_mode mode)
{
    static struct line line, other;
    static struct number_sink sink;
    struct limef_graph graph = {0};
    int64_t n_packets;

    line_init(&line, INT64_MAX);
    line_init(&other, INT64_MAX);
    number_sink_init(&sink);
    graph_init(&graph, sizeof(memory), mode);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    bring_to(&graph, state);
    /* with what is new */
    cr_assert(
        eq(int, limef_graph_connect(&graph, &line.a.filter, 0, &sink.filter, TOO_LONG_US), 0));
    cr_assert(eq(sz, n_filters(&graph), 3));
    assert_flows(&graph, state, &sink);
    /* and back; then with nobody, and with somebody again */
    cr_assert(
        eq(int, limef_graph_connect(&graph, &line.a.filter, 0, &line.b.filter, TOO_LONG_US), 0));
    assert_flows(&graph, state, &line.sink);
    cr_assert(eq(int, limef_graph_connect(&graph, &line.b.filter, 0, NULL, TOO_LONG_US), 0));
    n_packets = atomic_load(&line.sink.n_packets);
    cr_assert(eq(sz, n_filters(&graph), 3));
    cr_assert(
        eq(int, limef_graph_connect(&graph, &line.b.filter, 0, &sink.filter, TOO_LONG_US), 0));
    assert_flows(&graph, state, &sink);
    cr_assert(eq(i64, atomic_load(&line.sink.n_packets), n_packets));
    /* a chain comes, is joined to one that is there, and goes */
    cr_assert(eq(int, limef_graph_add(&graph, &other.source.source), 0));
    assert_flows(&graph, state, &other.sink);
    cr_assert(
        eq(int, limef_graph_connect(&graph, &other.b.filter, 0, &sink.filter, TOO_LONG_US), 0));
    assert_flows(&graph, state, &sink);
    cr_assert(eq(int, limef_graph_remove(&graph, &line.source.source, TOO_LONG_US), 0));
    assert_flows(&graph, state, &sink);
    cr_assert(eq(int, limef_graph_remove(&graph, &other.source.source, TOO_LONG_US), 0));
    cr_assert(eq(sz, n_filters(&graph), 0));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    cr_assert(eq(ptr, line.b.filter.next, &sink.filter));
    cr_assert(eq(ptr, other.b.filter.next, &sink.filter));
    limef_graph_clear(&graph);
}

Test(graph_trouble, is_changed_before_it_starts)
{
    change_in(NEVER_STARTED, LIMEF_PLAN_FUSED);
    change_in(NEVER_STARTED, LIMEF_PLAN_PER_FILTER);
}

Test(graph_trouble, is_changed_while_it_runs)
{
    change_in(RUNNING, LIMEF_PLAN_FUSED);
    change_in(RUNNING, LIMEF_PLAN_PER_FILTER);
}

Test(graph_trouble, is_changed_while_it_is_stopped)
{
    change_in(STOPPED, LIMEF_PLAN_FUSED);
    change_in(STOPPED, LIMEF_PLAN_PER_FILTER);
}

struct sending {
    struct limef_graph *graph;
    struct limef_filter *to[2];
    LIMEF_ATOMIC(int64_t) n_sent, n_called, n_strange;
};

static int answer(void *context)
{
    (void)context;
    return 0;
}

static int send_from_inside(void *context, const struct limef_frame *frame)
{
    struct sending *sending = context;
    struct limef_signal_frame signal;

    if (frame->frame_class == LIMEF_FRAME_SIGNAL)
        return 0; /* its own come by too */
    limef_signal_frame_set(&signal, LIMEF_SIGNAL_USER, 0, NULL);
    for (int i = 0; i < 2; i++) {
        int ret = limef_graph_send(sending->graph, sending->to[i], &signal);

        atomic_fetch_add(&sending->n_sent, ret == 0);
        atomic_fetch_add(&sending->n_strange, ret && ret != AVERROR(EAGAIN) &&
                                                  ret != AVERROR(ENOENT) && ret != AVERROR_EXIT);
        ret = limef_graph_call(sending->graph, sending->to[i], answer, NULL, 1000);
        atomic_fetch_add(&sending->n_called, ret == 0);
    }
    return 0;
}

Test(graph_trouble, lets_a_filter_send_while_chains_are_taken_out)
{
    static struct line lines[2];
    static struct sending sending[2];
    struct limef_graph graph = {0};

    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 2; i++) {
            line_init(&lines[i], INT64_MAX);
            sending[i] = (struct sending){
                .graph = &graph, .to = {&lines[i].source.source.filter, &lines[!i].sink.filter}};
            limef_tap_filter_init(&lines[i].a, "a", send_from_inside, &sending[i]);
            limef_connect(&lines[i].a.filter, &lines[i].b.filter);
            cr_assert(eq(int, limef_graph_add(&graph, &lines[i].source.source), 0));
        }
        cr_assert(eq(int, limef_graph_start(&graph), 0));
        for (int i = 0; i < 2; i++)
            ASSERT_COMES(atomic_load(&sending[i].n_sent) > 10 &&
                         atomic_load(&sending[i].n_called) > 10);
        cr_assert(eq(int, limef_graph_remove(&graph, &lines[0].source.source, TOO_LONG_US), 0));
        cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
        cr_assert(eq(int, limef_graph_remove(&graph, &lines[1].source.source, TOO_LONG_US), 0));
        for (int i = 0; i < 2; i++) {
            cr_assert(eq(i64, atomic_load(&sending[i].n_strange), 0));
            cr_assert(eq(i64, atomic_load(&lines[i].sink.n_out_of_order), 0));
        }
    }
    limef_graph_clear(&graph);
}

/* The second line's removal comes about, and what comes new runs. */
Test(graph_trouble, takes_out_one_chain_while_another_is_stuck)
{
    static struct line stuck, other, late;
    struct limef_graph graph = {0};

    line_init(&stuck, INT64_MAX);
    line_init(&other, INT64_MAX);
    line_init(&late, INT64_MAX);
    atomic_store(&stuck.sink.stuck, 1);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(&graph, &stuck.source.source), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &other.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(atomic_load(&stuck.sink.in_go));
    cr_assert(eq(int, limef_graph_remove(&graph, &stuck.source.source, 20000), AVERROR(ETIMEDOUT)));
    ASSERT_COMES(atomic_load(&other.sink.n_packets) > 10);
    cr_assert(eq(int, limef_graph_remove(&graph, &other.source.source, TOO_LONG_US), 0));
    cr_assert(eq(i64, atomic_load(&other.sink.n_packets), atomic_load(&other.source.n_passed)));
    cr_assert(eq(int, limef_graph_remove(&graph, &other.source.source, 0), AVERROR(ENOENT)));
    cr_assert(eq(int, limef_graph_add(&graph, &late.source.source), 0));
    ASSERT_COMES(atomic_load(&late.sink.n_packets) > 10);
    cr_assert(eq(int, limef_graph_remove(&graph, &late.source.source, TOO_LONG_US), 0));
    cr_assert(eq(int, limef_graph_remove(&graph, &stuck.source.source, 20000), AVERROR(ETIMEDOUT)));
    atomic_store(&stuck.sink.stuck, 0);
    cr_assert(eq(int, limef_graph_remove(&graph, &stuck.source.source, TOO_LONG_US), 0));
    cr_assert(eq(sz, n_filters(&graph), 0));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

/* A lane was given to its reader, which is stuck afterwards; the writer is stuck all the time. */
struct gate {
    LIMEF_ATOMIC(int) is_shut, in_go;
};

static int pass_gate(void *context, const struct limef_frame *frame)
{
    struct gate *gate = context;

    (void)frame;
    atomic_store(&gate->in_go, 1);
    while (atomic_load(&gate->is_shut))
        sched_yield();
    atomic_store(&gate->in_go, 0);
    return 0;
}

/* Shuts the second gate as soon as a lane came to its thread. */
static void *shut_later(void *context)
{
    struct gate *gates = context;
    int64_t until_us = limef_now_us() + 100000;

    while (limef_now_us() < until_us)
        sched_yield();
    atomic_store(&gates[1].is_shut, 1);
    return NULL;
}

Test(graph_trouble, keeps_its_time_when_nobody_gets_to_a_connection)
{
    static struct line lines[2];
    static struct gate gates[2];
    struct limef_graph graph = {0};
    pthread_t shutter;
    int64_t began_us;

    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    for (int i = 0; i < 2; i++) {
        line_init(&lines[i], INT64_MAX);
        limef_tap_filter_init(&lines[i].b, "b", pass_gate, &gates[i]);
        limef_connect(&lines[i].b.filter, &lines[i].sink.filter);
        cr_assert(eq(int, limef_graph_add(&graph, &lines[i].source.source), 0));
    }
    atomic_store(&gates[0].is_shut, 1);
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(atomic_load(&gates[0].in_go));
    cr_assert(eq(int, pthread_create(&shutter, NULL, shut_later, gates), 0));
    began_us = limef_now_us();
    cr_assert(eq(int,
                 limef_graph_connect(&graph, &lines[0].b.filter, 0, &lines[1].b.filter, 300000),
                 AVERROR(ETIMEDOUT)));
    cr_assert(lt(i64, limef_now_us() - began_us, TOO_LONG_US / 2));
    pthread_join(shutter, NULL);
    cr_assert(eq(int, limef_graph_stop(&graph, 20000), AVERROR(ETIMEDOUT)));
    atomic_store(&gates[0].is_shut, 0);
    atomic_store(&gates[1].is_shut, 0);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    for (int i = 0; i < 2; i++)
        cr_assert(eq(int, limef_graph_remove(&graph, &lines[i].source.source, TOO_LONG_US), 0));
    cr_assert(eq(sz, n_filters(&graph), 0));
    limef_graph_clear(&graph);
}

/* Alone on a thread of the application that is stuck: nobody hands it the new lane. */
Test(graph_trouble, is_as_before_when_a_chain_cannot_be_added)
{
    static struct line lines[2];
    static struct limef_consumer consumer;
    struct limef_graph graph = {0};
    size_t n;

    for (int i = 0; i < 2; i++)
        line_init(&lines[i], INT64_MAX);
    limef_connect(&lines[1].b.filter, &lines[0].sink.filter);
    atomic_store(&lines[0].sink.stuck, 1);
    limef_consumer_init(&consumer, &lines[0].sink.filter, NULL);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_FUSED);
    cr_assert(eq(int, limef_graph_add_thread(&graph, &consumer), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &lines[0].source.source), 0));
    cr_assert(eq(int, limef_thread_start(&consumer.thread), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(atomic_load(&lines[0].sink.in_go));
    n = n_filters(&graph);
    for (int i = 0; i < 2; i++) {
        cr_assert(eq(int, limef_graph_add(&graph, &lines[1].source.source), AVERROR(ETIMEDOUT)));
        cr_assert(eq(sz, n_filters(&graph), n));
        cr_assert(eq(ptr, lines[1].b.filter.next, &lines[0].sink.filter));
    }
    atomic_store(&lines[0].sink.stuck, 0);
    cr_assert(eq(int, limef_graph_add(&graph, &lines[1].source.source), 0));
    ASSERT_COMES(atomic_load(&lines[1].source.n_passed) > 10);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    cr_assert(eq(int, limef_thread_stop(&consumer.thread, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
    limef_consumer_clear(&consumer);
}
