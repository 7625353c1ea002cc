/* SPDX-License-Identifier: MIT */
/* Where a graph is while a thread of it does not come back. */
#include "graph.h"

#include "thread/graph_private.h"

#include <limef/thread/dump.h>

#define STUCK_US 50000

/* Stays in its go while the gate is shut, before or after it has passed the frame on. */
struct gated {
    struct limef_filter filter;
    LIMEF_ATOMIC(int) shut, is_there;
    bool passes_first;
};

static int gated_go(struct limef_filter *filter, const struct limef_frame *in)
{
    struct gated *gated = LIMEF_CONTAINER_OF(filter, struct gated, filter);
    int ret = gated->passes_first ? limef_pass(filter, in) : 0;

    while (atomic_load(&gated->shut)) {
        atomic_store(&gated->is_there, 1);
        sched_yield();
    }
    return gated->passes_first ? ret : limef_pass(filter, in);
}

static const struct limef_filter_ops gated_ops = {.kind = "gated", .go = gated_go};

/* source -> first -> second -> sink, a graph, and where it reports to */
struct run {
    struct number_source source;
    struct gated first, second;
    struct number_sink sink;
    struct limef_graph graph;
    struct limef_reports reports;
};

static void run_init_for(struct run *run, enum limef_plan_mode mode, int64_t stuck_us)
{
    struct limef_graph_settings settings = {.name = "play",
                                            .reports = &run->reports,
                                            .mode = mode,
                                            .window_us = LIMEF_FOREVER,
                                            .stuck_us = stuck_us};

    memset(run, 0, sizeof(*run));
    number_source_init(&run->source, INT64_MAX);
    limef_filter_init(&run->first.filter, &gated_ops, "first");
    limef_filter_init(&run->second.filter, &gated_ops, "second");
    number_sink_init(&run->sink);
    limef_connect(&run->source.source.filter, &run->first.filter);
    limef_connect(&run->first.filter, &run->second.filter);
    limef_connect(&run->second.filter, &run->sink.filter);
    cr_assert(eq(int, limef_reports_init(&run->reports), 0));
    cr_assert(eq(int, limef_graph_init(&run->graph, memory, sizeof(memory), &settings), 0));
}

static void run_init(struct run *run, enum limef_plan_mode mode)
{
    run_init_for(run, mode, STUCK_US);
}

static void run_start(struct run *run)
{
    cr_assert(eq(int, limef_graph_add(&run->graph, &run->source.source), 0));
    cr_assert(eq(int, limef_graph_start(&run->graph), 0));
}

static void run_clear(struct run *run)
{
    cr_assert(eq(int, limef_graph_stop(&run->graph, TOO_LONG_US), 0));
    limef_graph_clear(&run->graph);
    limef_reports_clear(&run->reports);
}

/* In memory that the next call reuses. */
static char *dump(struct run *run, enum limef_dump_format format)
{
    static char text[32768];
    FILE *file = fmemopen(text, sizeof(text), "w");

    cr_assert(eq(int, limef_graph_dump(&run->graph, format, file), 0));
    fclose(file);
    return text;
}

static struct limef_signal_frame next_stuck(struct run *run)
{
    struct limef_signal_frame report = {.signal = 0};

    while (report.signal != LIMEF_SIGNAL_STUCK)
        cr_assert(eq(int, limef_reports_read(&run->reports, &report, TOO_LONG_US), 0));
    return report;
}

#define ASSERT_SAYS(text, words)                                                                   \
    do {                                                                                           \
        const char *said = text;                                                                   \
        cr_assert(ne(ptr, strstr(said, words), NULL), "%s is not in:\n%s", words, said);           \
    } while (0)

static void shut(struct gated *gated)
{
    atomic_store(&gated->shut, 1);
}

static void assert_named(bool passes_first)
{
    static struct run run;
    char thread[64];

    run_init(&run, LIMEF_PLAN_FUSED);
    run.first.passes_first = passes_first;
    shut(&run.first);
    run_start(&run);
    ASSERT_COMES(atomic_load(&run.first.is_there));
    snprintf(thread, sizeof(thread), "thread 'play-1' (%d,",
             LIMEF_COUNTED(run.graph.inside->threads->thread->tid));
    ASSERT_SAYS(dump(&run, LIMEF_DUMP_TEXT), " s in 'first' (gated)");
    ASSERT_SAYS(dump(&run, LIMEF_DUMP_TEXT), thread);
    atomic_store(&run.first.shut, 0);
    run_clear(&run);
}

Test(dump, names_the_filter_that_a_thread_is_stuck_in)
{
    assert_named(false);
}

Test(dump, names_the_filter_and_not_the_one_behind_it_that_came_back)
{
    assert_named(true);
}

Test(dump, says_since_when)
{
    static struct run run;
    int64_t shut_at_us;

    run_init(&run, LIMEF_PLAN_FUSED);
    shut(&run.second);
    shut_at_us = limef_now_us();
    run_start(&run);
    ASSERT_COMES(atomic_load(&run.second.is_there));
    for (int64_t said_us = 0; said_us < 3 * STUCK_US;) {
        const char *text = strstr(dump(&run, LIMEF_DUMP_JSON), "\"inside_us\": ");

        cr_assert(ne(ptr, (void *)text, NULL));
        said_us = strtoll(text + strlen("\"inside_us\": "), NULL, 10);
        /* the coarse clock's tick */
        cr_assert(le(i64, said_us, limef_now_us() - shut_at_us + 20000));
    }
    atomic_store(&run.second.shut, 0);
    run_clear(&run);
}

/* In us, behind a filter's name. */
static int64_t quiet_us(struct run *run, const char *name)
{
    char begin[48];
    const char *text;

    snprintf(begin, sizeof(begin), "{\"name\": \"%s\"", name);
    text = strstr(dump(run, LIMEF_DUMP_JSON), begin);
    text = text ? strstr(text, "\"quiet_us\": ") : NULL;
    cr_assert(ne(ptr, (void *)text, NULL), "%s", name);
    return strtoll(text + strlen("\"quiet_us\": "), NULL, 10);
}

/* Without boundaries as well, of each filter by itself. */
Test(dump, says_for_how_long_each_filter_has_taken_nothing)
{
    static struct run run;
    int64_t began_us = limef_now_us();
    uint64_t n_before;

    run_init_for(&run, LIMEF_PLAN_FUSED, LIMEF_FOREVER); /* nobody but the dumps looks */
    run_start(&run);
    ASSERT_COMES(LIMEF_COUNTED(run.sink.filter.n_frames) > 0);
    dump(&run, LIMEF_DUMP_TEXT);
    do {
        n_before = LIMEF_COUNTED(run.sink.filter.n_frames);
        ASSERT_COMES(LIMEF_COUNTED(run.sink.filter.n_frames) > n_before);
    } while (quiet_us(&run, "sink") > 0); /* it takes frames between two looks */
    shut(&run.first);
    ASSERT_COMES(atomic_load(&run.first.is_there));
    dump(&run, LIMEF_DUMP_TEXT); /* what came until then is seen */
    while (quiet_us(&run, "sink") < STUCK_US || quiet_us(&run, "first") < STUCK_US)
        cr_assert(lt(i64, limef_now_us(), began_us + TOO_LONG_US));
    cr_assert(le(i64, quiet_us(&run, "sink"), limef_now_us() - began_us));
    ASSERT_SAYS(dump(&run, LIMEF_DUMP_TEXT), " frames, none for ");
    atomic_store(&run.first.shut, 0);
    run_clear(&run);
}

Test(dump, waits_for_nobody_who_changes_the_graph)
{
    static struct run run;

    run_init(&run, LIMEF_PLAN_FUSED);
    shut(&run.second);
    run_start(&run);
    ASSERT_COMES(atomic_load(&run.second.is_there));
    pthread_mutex_lock(&run.graph.inside->lock);
    ASSERT_SAYS(dump(&run, LIMEF_DUMP_TEXT), "being changed");
    ASSERT_SAYS(dump(&run, LIMEF_DUMP_TEXT), " s in 'second' (gated)");
    pthread_mutex_unlock(&run.graph.inside->lock);
    atomic_store(&run.second.shut, 0);
    run_clear(&run);
}

Test(dump, gives_up_in_time_if_the_list_of_filters_is_locked)
{
    static struct run run;
    static char text[64];
    FILE *file = fmemopen(text, sizeof(text), "w");

    run_init(&run, LIMEF_PLAN_FUSED);
    limef_log_set_sink(keep_line, NULL);
    pthread_mutex_lock(&run.graph.inside->registry);
    cr_assert(eq(int, limef_graph_dump(&run.graph, LIMEF_DUMP_TEXT, file), AVERROR(EAGAIN)));
    pthread_mutex_unlock(&run.graph.inside->registry);
    fclose(file);
    limef_log_set_sink(NULL, NULL);
    run_clear(&run);
}

Test(dump, shows_what_waits_and_who_waits_for_room)
{
    static struct run run;

    run_init(&run, LIMEF_PLAN_PER_FILTER);
    shut(&run.second);
    run_start(&run);
    ASSERT_COMES(strstr(dump(&run, LIMEF_DUMP_TEXT),
                        "in 'first' (gated), which waits for room before 'second' (gated)"));
    ASSERT_SAYS(dump(&run, LIMEF_DUMP_TEXT), "boundary 'first' (gated) -> 'second' (gated): ");
    ASSERT_SAYS(dump(&run, LIMEF_DUMP_TEXT), " wait, the oldest for ");
    ASSERT_SAYS(dump(&run, LIMEF_DUMP_TEXT), "the writer waits for room");
    ASSERT_SAYS(dump(&run, LIMEF_DUMP_DOT), "subgraph cluster_0");
    ASSERT_SAYS(dump(&run, LIMEF_DUMP_DOT), "[style=bold, label=");
    ASSERT_SAYS(dump(&run, LIMEF_DUMP_JSON), "\"writer_waits\": true");
    atomic_store(&run.second.shut, 0);
    run_clear(&run);
}

Test(dump, fails_where_it_cannot_be_written)
{
    static struct run run;
    FILE *full = fopen("/dev/full", "w");

    run_init(&run, LIMEF_PLAN_FUSED);
    run_start(&run);
    cr_assert(eq(int, limef_graph_dump(&run.graph, LIMEF_DUMP_TEXT, full), AVERROR(EIO)));
    fclose(full);
    run_clear(&run);
}

Test(watchdog, says_who_is_stuck_once_and_that_it_moved_on)
{
    static struct run run;
    struct limef_signal_frame report;

    run_init(&run, LIMEF_PLAN_FUSED);
    shut(&run.second);
    run_start(&run);
    report = next_stuck(&run);
    cr_assert(eq(int, report.code, AVERROR(ETIMEDOUT)));
    cr_assert(eq(str, report.text, "'second' (gated)"));
    cr_assert(ge(i64, report.value, STUCK_US));
    atomic_store(&run.second.shut, 0);
    report = next_stuck(&run);
    cr_assert(eq(int, report.code, 0));
    cr_assert(eq(str, report.text, "'second' (gated)"));
    run_clear(&run);
}

/* It is looked here, when all wait for good: a loaded machine makes threads wait as well. */
Test(watchdog, looks_after_5_s_where_nothing_is_said_and_the_plan_is_not_automatic)
{
    static struct run run;
    struct limef_signal_frame report;

    run_init_for(&run, LIMEF_PLAN_FUSED, 0);
    shut(&run.second);
    run_start(&run);
    cr_assert(eq(int, limef_reports_read(&run.reports, &report, TOO_LONG_US), 0));
    cr_assert(eq(u32, report.signal, LIMEF_SIGNAL_STUCK));
    cr_assert(eq(int, report.code, AVERROR(ETIMEDOUT)));
    cr_assert(eq(str, report.text, "'second' (gated)"));
    cr_assert(ge(i64, report.value, 5000000));
    atomic_store(&run.second.shut, 0);
    cr_assert(eq(int, limef_graph_stop(&run.graph, TOO_LONG_US), 0));
    limef_graph_clear(&run.graph);
    limef_reports_clear(&run.reports);
}

Test(watchdog, blames_nobody_who_waits_for_room)
{
    static struct run run;
    struct limef_signal_frame report;

    run_init_for(&run, LIMEF_PLAN_PER_FILTER, LIMEF_FOREVER);
    shut(&run.second);
    run_start(&run);
    ASSERT_COMES(strstr(dump(&run, LIMEF_DUMP_TEXT), "waits for room before 'second' (gated)"));
    ASSERT_COMES(strstr(dump(&run, LIMEF_DUMP_TEXT), "waits for room before 'first' (gated)"));
    ASSERT_COMES(atomic_load(&run.second.is_there));
    run.graph.inside->stuck_after_us = 1;
    graph_look_for_stuck(run.graph.inside, limef_now_us() + 10);
    cr_assert(eq(str, next_stuck(&run).text, "'second' (gated)"));
    cr_assert(eq(int, limef_reports_read(&run.reports, &report, 0), AVERROR(EAGAIN)));
    atomic_store(&run.second.shut, 0);
    run_clear(&run);
}

Test(watchdog, says_that_nobody_reads_what_waits)
{
    static struct run run;
    static struct limef_consumer consumer;
    struct limef_signal_frame report;

    run_init(&run, LIMEF_PLAN_FUSED);
    limef_consumer_init(&consumer, &run.second.filter, NULL);
    cr_assert(eq(int, limef_graph_add_thread(&run.graph, &consumer), 0));
    run_start(&run);
    report = next_stuck(&run);
    cr_assert(eq(str, report.text, "'second' (gated)"));
    cr_assert(eq(int, report.code, AVERROR(ETIMEDOUT)));
    cr_assert(eq(int, limef_thread_start(&consumer.thread), 0));
    cr_assert(eq(int, next_stuck(&run).code, 0));
    cr_assert(eq(int, limef_graph_stop(&run.graph, TOO_LONG_US), 0));
    cr_assert(eq(int, limef_thread_stop(&consumer.thread, TOO_LONG_US), 0));
    limef_graph_clear(&run.graph);
    limef_consumer_clear(&consumer);
    limef_reports_clear(&run.reports);
}

Test(watchdog, says_nothing_of_a_sink_that_wants_nothing_now)
{
    static struct run run;
    struct limef_signal_frame report;
    int64_t until_us;

    run_init_for(&run, LIMEF_PLAN_PER_FILTER, 20 * STUCK_US);
    atomic_store(&run.sink.refuses, INT64_MAX);
    run_start(&run);
    ASSERT_COMES(atomic_load(&run.sink.n_refused) > 2);
    until_us = limef_deadline_us(45 * STUCK_US);
    while (limef_reports_read(&run.reports, &report, until_us - limef_now_us()) == 0)
        cr_assert(ne(u32, report.signal, LIMEF_SIGNAL_STUCK), "%s", report.text);
    run_clear(&run);
}

/* source -> | first -> second -> sink, of which a thread of the application does all but the
 * source, and stays in the second. */
static void late_start(struct run *run, struct limef_consumer *consumer, bool is_live)
{
    const struct graph_edge *edge;

    run_init_for(run, LIMEF_PLAN_FUSED, LIMEF_FOREVER);
    run->source.n_frames = 4; /* there is room for them */
    atomic_store(&run->source.source.is_live, is_live);
    shut(&run->second);
    limef_consumer_init(consumer, &run->first.filter, NULL);
    cr_assert(eq(int, limef_graph_add_thread(&run->graph, consumer), 0));
    run_start(run);
    cr_assert(eq(int, limef_thread_start(&consumer->thread), 0));
    edge = run->graph.inside->edges;
    while (edge->to->filter != &run->first.filter)
        edge = edge->next;
    ASSERT_COMES(atomic_load(&run->second.is_there) &&
                 LIMEF_COUNTED(run->source.source.n_waited)); /* it is at its end */
    cr_assert(ge(uint, limef_lane_n_waiting(&edge->input.lane), 3));
}

static void late_stop(struct run *run, struct limef_consumer *consumer)
{
    atomic_store(&run->second.shut, 0);
    cr_assert(eq(int, limef_graph_stop(&run->graph, TOO_LONG_US), 0));
    cr_assert(eq(int, limef_thread_stop(&consumer->thread, TOO_LONG_US), 0));
    limef_graph_clear(&run->graph);
    limef_consumer_clear(consumer);
    limef_reports_clear(&run->reports);
}

/* More than any pause of a slow machine. */
#define GRANTED_US 60000000

/* Whether something was said when the watchdog looked, so much later than now. */
static bool says(struct run *run, int64_t later_us, struct limef_signal_frame *report)
{
    graph_look_for_stuck(run->graph.inside, limef_now_us() + later_us);
    return limef_reports_read(&run->reports, report, 0) == 0;
}

Test(watchdog, says_who_keeps_live_frames_for_longer_than_is_granted_and_that_it_is_over)
{
    static struct run run;
    static struct limef_consumer consumer;
    struct limef_signal_frame report;
    bool is_over = false;

    late_start(&run, &consumer, true);
    run.graph.inside->late_after_us = GRANTED_US;
    cr_assert(not(says(&run, 0, &report)));
    cr_assert(not(says(&run, 0, &report)));
    cr_assert(not(says(&run, 2 * GRANTED_US, &report))); /* once is a hiccup */
    cr_assert(says(&run, 2 * GRANTED_US, &report));
    cr_assert(eq(u32, report.signal, LIMEF_SIGNAL_STUCK));
    cr_assert(eq(int, report.code, AVERROR(ETIMEDOUT)));
    cr_assert(eq(str, report.text, "'second' (gated)"));
    cr_assert(ge(i64, report.value, GRANTED_US));
    for (int i = 0; i < 10; i++)
        cr_assert(not(says(&run, 2 * GRANTED_US, &report)));
    ASSERT_SAYS(dump(&run, LIMEF_DUMP_TEXT), ", too old for ");
    atomic_store(&run.second.shut, 0);
    ASSERT_COMES(is_over || (is_over = says(&run, 0, &report)));
    cr_assert(eq(int, report.code, 0));
    cr_assert(eq(str, report.text, "'second' (gated)"));
    cr_assert(eq(ptr, strstr(dump(&run, LIMEF_DUMP_TEXT), ", too old for "), NULL));
    late_stop(&run, &consumer);
}

Test(watchdog, says_that_it_is_over_when_what_was_late_goes)
{
    static struct run run;
    static struct limef_consumer consumer;
    struct limef_signal_frame report;
    struct graph_edge *edge;

    late_start(&run, &consumer, true);
    run.graph.inside->late_after_us = GRANTED_US;
    cr_assert(not(says(&run, 2 * GRANTED_US, &report)));
    cr_assert(says(&run, 2 * GRANTED_US, &report));
    for (edge = run.graph.inside->edges; edge; edge = edge->next)
        graph_stop_watching(run.graph.inside, edge);
    cr_assert(eq(int, limef_reports_read(&run.reports, &report, 0), 0));
    cr_assert(eq(u32, report.signal, LIMEF_SIGNAL_STUCK));
    cr_assert(eq(int, report.code, 0));
    cr_assert(eq(str, report.text, "'second' (gated)"));
    cr_assert(lt(int, limef_reports_read(&run.reports, &report, 0), 0));
    late_stop(&run, &consumer);
}

Test(watchdog, lets_frames_of_files_wait)
{
    static struct run run;
    static struct limef_consumer consumer;
    struct limef_signal_frame report;

    late_start(&run, &consumer, false);
    for (int i = 0; i < 10; i++)
        cr_assert(not(says(&run, 2 * GRANTED_US, &report)));
    late_stop(&run, &consumer);
}
