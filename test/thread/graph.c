/* SPDX-License-Identifier: MIT */
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
#include <time.h>
#include <unistd.h>

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

static void graph_init(struct limef_graph *graph, size_t bytes, enum limef_plan_mode mode)
{
    struct limef_graph_settings settings = {.mode = mode, .window_us = LIMEF_FOREVER};

    cr_assert(eq(int, limef_graph_init(graph, memory, bytes, &settings), 0));
}

Test(graph, feeds_all_branches_in_every_mode)
{
    for (int mode = LIMEF_PLAN_AUTO; mode <= LIMEF_PLAN_WHITELIST; mode++) {
        static struct line line;
        static struct number_sink sink;
        static struct limef_split_filter split;
        struct limef_graph graph = {0};

        line_init(&line, 500);
        memset(&split, 0, sizeof(split));
        limef_split_filter_init(&split, "split");
        number_sink_init(&sink);
        limef_connect(&line.a.filter, &split.filter);
        limef_connect(&split.filter, &line.b.filter);
        limef_split_connect(&split, &sink.filter, LIMEF_SPLIT_FROM_NOW);
        graph_init(&graph, sizeof(memory), mode);
        cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
        cr_assert(eq(int, limef_graph_start(&graph), 0));
        assert_whole(&line.sink, 500);
        assert_whole(&sink, 500);
        cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
        limef_graph_clear(&graph);
        limef_filter_clear(&split.filter);
    }
}

Test(graph, joins_several_sources)
{
    for (int mode = LIMEF_PLAN_AUTO; mode <= LIMEF_PLAN_WHITELIST; mode++) {
        static struct number_source sources[3];
        static struct number_sink sink;
        struct limef_graph graph = {0};

        number_sink_init(&sink);
        graph_init(&graph, sizeof(memory), mode);
        for (int i = 0; i < 3; i++) {
            number_source_init(&sources[i], 300);
            limef_connect(&sources[i].source.filter, &sink.filter);
            cr_assert(eq(int, limef_graph_add(&graph, &sources[i].source), 0));
        }
        cr_assert(eq(int, limef_graph_start(&graph), 0));
        ASSERT_COMES(atomic_load(&sink.n_signals) == 3);
        cr_assert(eq(i64, atomic_load(&sink.n_packets), 900));
        cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
        limef_graph_clear(&graph);
    }
}

Test(graph, keeps_a_switch_with_its_inputs_on_one_thread)
{
    static struct number_source sources[2];
    static struct number_sink sink;
    static struct limef_switch_input inputs[2];
    static struct limef_switch_filter choice;
    struct limef_graph_filter_look looks[8];
    size_t n = 8;
    struct limef_graph graph = {0};

    number_sink_init(&sink);
    limef_switch_filter_init(&choice, "choice", inputs, 2);
    limef_connect(&choice.filter, &sink.filter);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    for (int i = 0; i < 2; i++) {
        number_source_init(&sources[i], 300);
        limef_connect(&sources[i].source.filter, &inputs[i].filter);
        cr_assert(eq(int, limef_graph_add(&graph, &sources[i].source), 0));
    }
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(atomic_load(&sink.n_packets) == 300);
    cr_assert(eq(int, limef_graph_look(&graph, looks, &n, NULL, NULL), 0));
    cr_assert(eq(sz, n, 6));
    for (size_t i = 0; i < n; i++)
        if (looks[i].filter == &inputs[0].filter || looks[i].filter == &inputs[1].filter)
            for (size_t j = 0; j < n; j++)
                if (looks[j].filter == &choice.filter)
                    cr_assert(eq(str, looks[i].thread, looks[j].thread));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
    limef_filter_clear(&inputs[0].filter);
    limef_filter_clear(&inputs[1].filter);
}

Test(graph, hands_to_a_thread_of_the_application)
{
    static struct line line;
    static struct limef_consumer consumer;
    struct limef_graph graph = {0};

    line_init(&line, 500);
    limef_consumer_init(&consumer, &line.b.filter, NULL);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_FUSED);
    cr_assert(eq(int, limef_graph_add_thread(&graph, &consumer), 0));
    cr_assert(eq(int, limef_graph_add_thread(&graph, &consumer), AVERROR(EEXIST)));
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_thread_start(&consumer.thread), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    assert_whole(&line.sink, 500);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    cr_assert(eq(int, limef_thread_stop(&consumer.thread, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
    limef_consumer_clear(&consumer);
}

Test(graph, ends_at_a_boundary_of_the_application)
{
    static struct line line;
    static struct limef_consumer consumer;
    static struct limef_input_filter input;
    static struct limef_stack_frame frames[16];
    struct limef_graph graph = {0};
    size_t n = 0;

    line_init(&line, 500);
    limef_consumer_init(&consumer, &line.b.filter, NULL);
    cr_assert(
        eq(int, limef_input_filter_init(&input, "mine", &consumer.fifo, frames, 16, NULL), 0));
    limef_connect(&line.a.filter, &input.filter);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_AUTO);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_look(&graph, NULL, &n, NULL, NULL), 0));
    cr_assert(eq(sz, n, 3));
    cr_assert(eq(int, limef_thread_start(&consumer.thread), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    assert_whole(&line.sink, 500);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    cr_assert(eq(int, limef_thread_stop(&consumer.thread, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
    limef_filter_clear(&input.filter);
    limef_consumer_clear(&consumer);
}

static char last_line[512];

static void keep_line(void *context, enum limef_log_level level, const char *name, const char *line)
{
    (void)context;
    (void)level;
    (void)name;
    snprintf(last_line, sizeof(last_line), "%s", line);
}

Test(graph, names_a_circle)
{
    static struct line line, other;
    struct limef_graph graph = {0};
    size_t n = 0;

    limef_log_set_sink(keep_line, NULL);
    line_init(&line, 100);
    line_init(&other, 100);
    limef_connect(&line.b.filter, &line.a.filter);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_AUTO);
    cr_assert(eq(int, limef_graph_add(&graph, &other.source.source), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), AVERROR(ELOOP)));
    cr_assert(strstr(last_line, "a <- b") != NULL || strstr(last_line, "b <- a") != NULL, "%s",
              last_line);
    cr_assert(eq(int, limef_graph_look(&graph, NULL, &n, NULL, NULL), 0));
    cr_assert(eq(sz, n, 4));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    assert_whole(&other.sink, 100);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
    limef_log_set_sink(NULL, NULL);
}

/* From too little for an empty graph to enough for three chains in which each filter has a thread;
 * whatever was added runs. */
Test(graph, refuses_what_its_memory_does_not_hold, .timeout = 120)
{
    bool held_all = false;

    limef_log_set_sink(keep_line, NULL);
    for (size_t bytes = 0; !held_all; bytes += 4 * 1024 + 64) {
        static struct line lines[3];
        struct limef_graph graph = {0};
        struct limef_graph_settings settings = {.mode = LIMEF_PLAN_PER_FILTER};
        int n = 0, ret = limef_graph_init(&graph, memory, bytes, &settings);

        cr_assert(bytes < sizeof(memory));
        if (ret < 0) {
            cr_assert(eq(int, ret, AVERROR(ENOMEM)));
            cr_assert(eq(ptr, graph.inside, NULL));
            continue;
        }
        ret = limef_graph_start(&graph);
        for (int i = 0; i < 3 && !ret; i++) {
            line_init(&lines[i], 50);
            ret = limef_graph_add(&graph, &lines[i].source.source);
            cr_assert(ret == 0 || ret == AVERROR(ENOMEM));
            n += !ret;
        }
        for (int i = 0; i < n; i++)
            assert_whole(&lines[i].sink, 50);
        held_all = n == 3;
        cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
        limef_graph_clear(&graph);
        for (int i = 0; i < n; i++)
            cr_assert(eq(ptr, lines[i].a.filter.next, &lines[i].b.filter));
    }
    limef_log_set_sink(NULL, NULL);
}

/* Each allocation, a thread's stack is one, fails once: either start says so and nothing runs, or
 * all goes well. */
Test(graph, runs_nothing_if_a_thread_is_refused)
{
    bool failed = true;

    limef_log_set_sink(keep_line, NULL);
    for (unsigned n = 1; failed; n++) {
        static struct line line;
        struct limef_graph graph = {0};
        int ret;

        line_init(&line, 50);
        graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
        cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
        failing_install(n);
        ret = limef_graph_start(&graph);
        if (ret < 0) {
            cr_assert(eq(int, ret, AVERROR(EAGAIN)));
            cr_assert(eq(i64, atomic_load(&line.source.n_passed), 0));
        } else {
            ASSERT_COMES(atomic_load(&line.source.n_passed) == 50);
        }
        failed = failing_failed();
        failing_remove();
        if (ret < 0) /* the next attempt is none the worse for it */
            cr_assert(eq(int, limef_graph_start(&graph), 0));
        ASSERT_COMES(atomic_load(&line.source.n_passed) == 50);
        cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
        limef_graph_clear(&graph);
    }
    limef_log_set_sink(NULL, NULL);
}

Test(graph, takes_chains_in_and_out_while_it_runs)
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

Test(graph, connects_and_takes_out_branches_while_it_runs)
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

Test(graph, stops_twice_and_starts_again)
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

Test(graph, comes_back_from_a_filter_that_does_not)
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
    cr_assert(eq(int, limef_graph_remove(&graph, &line.source.source, TOO_LONG_US), 0));
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

Test(graph, says_that_it_cannot_wait_for_itself)
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

Test(graph, calls_and_sends_where_a_filter_runs)
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

Test(graph, refuses_bound_filters_that_may_not_be_parted)
{
    static const struct limef_filter_ops first_ops = {
        .kind = "first", .flags = LIMEF_FILTER_THREAD_BOUND | LIMEF_FILTER_GLUED, .go = ignore_go};
    static const struct limef_filter_ops second_ops = {
        .kind = "second", .flags = LIMEF_FILTER_THREAD_BOUND, .go = ignore_go};
    static struct limef_filter second = LIMEF_FILTER(&second_ops, "second", NULL);
    static struct limef_filter first = LIMEF_FILTER(&first_ops, "first", &second);
    static struct number_source source;
    static struct limef_consumer consumers[2];
    struct limef_graph graph = {0};

    number_source_init(&source, 100);
    limef_connect(&source.source.filter, &first);
    limef_consumer_init(&consumers[0], &first, NULL);
    limef_consumer_init(&consumers[1], &second, NULL);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_FUSED);
    cr_assert(eq(int, limef_graph_add_thread(&graph, &consumers[1]), 0));
    cr_assert(eq(int, limef_graph_add_thread(&graph, &consumers[0]), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), AVERROR(EINVAL)));
    cr_assert(eq(i64, atomic_load(&source.n_passed), 0));
    limef_graph_clear(&graph);
    limef_consumer_clear(&consumers[0]);
    limef_consumer_clear(&consumers[1]);
}

Test(graph, prints_before_it_starts_and_while_it_runs)
{
    static struct line line;
    struct limef_graph graph = {0};
    char *text = NULL;
    size_t bytes = 0;
    FILE *file = open_memstream(&text, &bytes);

    line_init(&line, 100);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_print(&graph, limef_plan_print_text, file), 0));
    cr_assert(eq(ptr, line.a.filter.next, &line.b.filter));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    cr_assert(eq(int, limef_graph_print(&graph, limef_plan_print_json, file), 0));
    cr_assert(eq(int, limef_graph_print(&graph, limef_plan_print_dot, file), 0));
    assert_whole(&line.sink, 100);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    fclose(file);
    cr_assert(strstr(text, "tap a -> tap b") != NULL);
    free(text);
    limef_graph_clear(&graph);
}

Test(graph, starts_with_the_plan_that_it_kept)
{
    char path[] = "graph_plans_XXXXXX";
    int fd = mkstemp(path);

    cr_assert(fd >= 0);
    close(fd);
    unlink(path);
    limef_log_set_sink(keep_line, NULL);
    for (int round = 0; round < 2; round++) {
        static struct line line;
        struct limef_graph graph = {0};
        struct limef_graph_settings settings = {.cache_file = path};

        line_init(&line, 1000);
        cr_assert(eq(int, limef_graph_init(&graph, memory, sizeof(memory), &settings), 0));
        cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
        limef_log_set_level(LIMEF_LOG_INFO);
        last_line[0] = '\0';
        cr_assert(eq(int, limef_graph_start(&graph), 0));
        cr_assert(eq(int, strstr(last_line, "kept") != NULL, round == 1), "%s", last_line);
        assert_whole(&line.sink, 1000);
        cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
        limef_graph_clear(&graph);
    }
    limef_log_set_sink(NULL, NULL);
    unlink(path);
}

/* The judge wants another thread and there is none. */
Test(graph, goes_on_as_it_was_if_a_thread_is_refused)
{
    static struct paced_source source = {
        .source = {.filter = LIMEF_FILTER(&paced_ops, "paced", NULL), .step = paced_step}};
    static struct limef_tap_filter a, b;
    static struct number_sink sink;
    struct limef_graph graph = {0};
    struct limef_graph_settings settings = {.window_us = 300000, .n_cpus = 2};
    int64_t burn_us = 5500, n_packets;

    limef_log_set_sink(keep_line, NULL);
    limef_tap_filter_init(&a, "a", burn, &burn_us);
    limef_tap_filter_init(&b, "b", burn, &burn_us);
    number_sink_init(&sink);
    limef_connect(&source.source.filter, &a.filter);
    limef_connect(&a.filter, &b.filter);
    limef_connect(&b.filter, &sink.filter);
    cr_assert(eq(int, limef_graph_init(&graph, memory, sizeof(memory), &settings), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    failing_install(1); /* nothing else is allocated while it runs */
    ASSERT_COMES(limef_graph_n_failed_changes(&graph) > 0);
    n_packets = atomic_load(&sink.n_packets);
    ASSERT_COMES(atomic_load(&sink.n_packets) > n_packets + 5);
    cr_assert(eq(u64, limef_graph_n_plan_changes(&graph), 0));
    failing_remove();
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    cr_assert(eq(i64, atomic_load(&sink.n_out_of_order), 0));
    limef_graph_clear(&graph);
    limef_log_set_sink(NULL, NULL);
}
