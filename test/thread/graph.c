/* SPDX-License-Identifier: MIT */
/* Graphs as they are built, started and printed. */
#include "graph.h"

static int ignore_go(struct limef_filter *filter, const struct limef_frame *in)
{
    (void)filter;
    (void)in;
    return 0;
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

static _Atomic bool is_said_to_be_used_up;

/* What is taken back afterwards may have lines of its own. */
static void look_for_used_up(void *context, enum limef_log_level level, const char *name,
                             const char *line)
{
    (void)context, (void)level, (void)name;
    if (strstr(line, "memory given to the graph is used up"))
        atomic_store(&is_said_to_be_used_up, true);
}

/* From too little for an empty graph to enough for three chains in which each filter has a thread;
 * whatever was added runs. */
Test(graph, refuses_what_its_memory_does_not_hold, .timeout = 120)
{
    bool held_all = false;

    limef_log_set_sink(look_for_used_up, NULL);
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
            atomic_store(&is_said_to_be_used_up, false);
            ret = limef_graph_add(&graph, &lines[i].source.source);
            cr_assert(ret == 0 || ret == AVERROR(ENOMEM));
            cr_assert(eq(int, atomic_load(&is_said_to_be_used_up), ret < 0));
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
            cr_assert(ne(ptr, strstr(last_line, "cannot start the thread"), NULL), "%s", last_line);
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
    limef_log_set_sink(keep_line, NULL);
    cr_assert(eq(int, limef_graph_start(&graph), AVERROR(EINVAL)));
    limef_log_set_sink(NULL, NULL);
    cr_assert(ne(ptr,
                 strstr(last_line, "'first' works on the filter behind it, they cannot run on "
                                   "two threads"),
                 NULL),
              "%s", last_line);
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
    cr_assert(strstr(text, "thread 0") != NULL);
    cr_assert(strstr(text, "digraph") != NULL);
    free(text);
    limef_graph_clear(&graph);
}
