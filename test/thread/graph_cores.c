/* SPDX-License-Identifier: MIT */
/* Graphs that want more cores than one, and what they do when these are taken. One at a time and
 * alone: two such tests beside each other take the cores from each other. */
#include "graph.h"

#include "support/quota_group.h"

#include <limef/thread/machine.h>

#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

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

/* Whether a counter rises; if it does not, and the machine had too little time for this process to
 * load a core at all, the test says nothing. */
static void assert_rises(uint64_t (*counter)(const struct limef_graph *), struct limef_graph *graph,
                         struct number_sink *sink, int64_t burn_us)
{
    int64_t began_us = limef_now_us(), n_packets = atomic_load(&sink->n_packets);
    bool came = WAIT_FOR(counter(graph) > 0);
    double load = (double)((atomic_load(&sink->n_packets) - n_packets) * 2 * burn_us) /
                  (double)(limef_now_us() - began_us);

    if (!came && load < 0.9) {
        limef_graph_stop(graph, TOO_LONG_US);
        cr_skip("the machine is too busy: %.2f of a core was to be had", load);
    }
    cr_assert(came, "load %.2f", load);
}

static LIMEF_ATOMIC(int) n_with_reason, n_fewer_cores;

static void count_lines(void *context, enum limef_log_level level, const char *name,
                        const char *line)
{
    (void)context;
    (void)name;
    if (level == LIMEF_LOG_INFO && strstr(line, "the plan changed: ") && strstr(line, "of a core"))
        atomic_fetch_add(&n_with_reason, 1);
    if (level == LIMEF_LOG_WARNING && !strncmp(line, "1.0 cores now instead of ", 25))
        atomic_fetch_add(&n_fewer_cores, 1);
}

/* source -> a -> b -> sink: a and b together are more than a core. */
static struct paced_source source;
static struct limef_tap_filter a, b;
static struct number_sink sink;
static int64_t burn_us = 5500;

static void start(struct limef_graph *graph, const struct limef_graph_settings *settings)
{
    paced_source_init(&source);
    limef_tap_filter_init(&a, "a", burn, &burn_us);
    limef_tap_filter_init(&b, "b", burn, &burn_us);
    number_sink_init(&sink);
    limef_connect(&source.source.filter, &a.filter);
    limef_connect(&a.filter, &b.filter);
    limef_connect(&b.filter, &sink.filter);
    cr_assert(eq(int, limef_graph_init(graph, memory, sizeof(memory), settings), 0));
    cr_assert(eq(int, limef_graph_add(graph, &source.source), 0));
    cr_assert(eq(int, limef_graph_start(graph), 0));
}

/* Each part of a change was told, as often to the log as to who asks. */
static void assert_told(struct limef_graph *graph)
{
    struct limef_graph_change changes[LIMEF_GRAPH_CHANGES];
    size_t n = limef_graph_changes(graph, changes, LIMEF_GRAPH_CHANGES), n_cuts = 0;

    cr_assert(gt(sz, n, 0));
    for (size_t i = 0; i < n; i++) {
        cr_assert(gt(sz, strlen(changes[i].what), 0));
        cr_assert(gt(sz, strlen(changes[i].why), 0));
        cr_assert(le(u64, changes[i].number, limef_graph_n_plan_changes(graph)));
        cr_assert(i == 0 || changes[i].at_us >= changes[i - 1].at_us);
        n_cuts += changes[i].code == 0 && !strncmp(changes[i].what, "cut before ", 11) &&
                  !strncmp(changes[i].why, "cut: ", 5);
    }
    cr_assert(ge(sz, n_cuts, 1));
    cr_assert(eq(sz, limef_graph_changes(graph, changes, 1), 1));
}

Test(graph_cores, cuts_where_one_core_is_not_enough)
{
    struct limef_reports reports = {0};
    struct limef_signal_frame signal;
    struct limef_graph graph = {0};

    limef_log_set_level(LIMEF_LOG_INFO);
    limef_log_set_sink(count_lines, NULL);
    limef_reports_init(&reports);
    start(&graph,
          &(struct limef_graph_settings){.reports = &reports, .window_us = 300000, .n_cpus = 2});
    assert_rises(limef_graph_n_plan_changes, &graph, &sink, burn_us);
    cr_assert(eq(int, limef_reports_read(&reports, &signal, TOO_LONG_US), 0));
    cr_assert(eq(u32, signal.signal, LIMEF_SIGNAL_PLAN));
    limef_log_set_sink(NULL, NULL);
    cr_assert(ge(int, atomic_load(&n_with_reason), 1));
    assert_told(&graph);
    limef_graph_print(&graph, limef_plan_print_text, stderr);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    cr_assert(eq(i64, atomic_load(&sink.n_out_of_order), 0));
    limef_graph_clear(&graph);
    limef_reports_clear(&reports);
}

/* Cores are those of the process's first thread, which is the one of this test alone. */
static void leave_cores(int n)
{
    cpu_set_t all, some;

    sched_getaffinity(0, sizeof(all), &all);
    CPU_ZERO(&some);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&some) < n; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &some);
    cr_assert(eq(int, sched_setaffinity(0, sizeof(some), &some), 0));
}

static bool has_no_core_left(struct limef_graph *graph)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *file = open_memstream(&text, &n_bytes);
    bool found;

    limef_graph_print(graph, limef_plan_print_text, file);
    fclose(file);
    found = strstr(text, " 1.0 cores") && strstr(text, " in 1 islands on 1 threads");
    free(text);
    return found;
}

/* Connections that are boundaries, or were. */
static uint64_t n_ever_cut(const struct limef_graph *graph)
{
    size_t n = 0;

    return limef_graph_look((struct limef_graph *)graph, NULL, NULL, NULL, &n) < 0 ? 0 : n;
}

/* What was counted at boundaries is still known when all of them are gone. */
static void assert_keeps_counters(struct limef_graph *graph)
{
    struct limef_graph_boundary_look looks[3];
    uint64_t n_written = 0;
    size_t n = 3;

    cr_assert(eq(int, limef_graph_look(graph, NULL, NULL, looks, &n), 0));
    cr_assert(n >= 1 && n <= 3);
    for (size_t i = 0; i < n; i++) {
        cr_assert(not(looks[i].is_cut));
        cr_assert(eq(uint, looks[i].n_waiting, 0));
        cr_assert(eq(u64, looks[i].counters.n_read, looks[i].counters.n_written));
        cr_assert(ge(uint, looks[i].counters.max_used, 1));
        n_written += looks[i].counters.n_written;
    }
    cr_assert(ge(u64, n_written, 1));
}

/* take: leaves one core of two. */
static void assert_goes_back(void (*take)(void *context), void *context)
{
    struct limef_graph graph = {0};
    struct limef_graph_settings settings = {.window_us = 300000};

    leave_cores(2);
    limef_log_set_sink(count_lines, NULL);
    start(&graph, &settings);
    assert_rises(n_ever_cut, &graph, &sink, burn_us);
    take(context);
    ASSERT_COMES(has_no_core_left(&graph));
    ASSERT_COMES(atomic_load(&n_fewer_cores) == 1);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_log_set_sink(NULL, NULL);
    cr_assert(eq(int, atomic_load(&n_fewer_cores), 1)); /* once */
    cr_assert(eq(i64, atomic_load(&sink.n_out_of_order), 0));
    assert_keeps_counters(&graph);
    limef_graph_clear(&graph);
}

static void take_cores(void *context)
{
    (void)context;
    leave_cores(1);
}

Test(graph_cores, goes_back_to_one_thread_when_its_cores_are_taken)
{
    if (limef_machine_n_cpus() < 2)
        cr_skip("one core");
    assert_goes_back(take_cores, NULL);
}

static struct quota_group group;

static void leave_group(void)
{
    if (*group.folder)
        quota_group_leave(&group);
}

static void take_quota(void *context)
{
    (void)context;
    cr_assert(quota_group_set(&group, 1));
}

Test(graph_cores, goes_back_to_one_thread_when_its_quota_shrinks)
{
    if (limef_machine_n_cpus() < 2)
        cr_skip("one core");
    if (!quota_group_enter(&group, 2))
        cr_skip("no control group of its own for this process");
    atexit(leave_group); /* whatever becomes of the test */
    assert_goes_back(take_quota, NULL);
}

/* The judge wants another thread and there is none. */
Test(graph_cores, goes_on_as_it_was_if_a_thread_is_refused)
{
    struct limef_graph graph = {0};
    struct limef_graph_settings settings = {.window_us = 300000, .n_cpus = 2};
    int64_t n_packets;

    limef_log_set_sink(keep_line, NULL);
    start(&graph, &settings);
    failing_install(1); /* nothing else is allocated while it runs */
    assert_rises(limef_graph_n_failed_changes, &graph, &sink, burn_us);
    failing_remove();
    n_packets = atomic_load(&sink.n_packets);
    ASSERT_COMES(atomic_load(&sink.n_packets) > n_packets + 5);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    cr_assert(eq(i64, atomic_load(&sink.n_out_of_order), 0));
    limef_graph_clear(&graph);
    limef_log_set_sink(NULL, NULL);
}
