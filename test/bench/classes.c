/* SPDX-License-Identifier: MIT */
/*
 * Whether the classes of a graph's threads hold their bounds on a machine that works at 80 %.
 *
 *   classes [SECONDS [LOAD]]
 *
 * One graph, planned as any other: a block of sound comes every 5 ms to a real-time filter, which
 * works 0.3 ms, as an audio callback; a picture every 16.7 ms to a display, which is bound to its
 * thread, 2 ms; a frame of a file every 33.3 ms to a filter that works 6 ms; and chains of files
 * that load every core to LOAD (0.8) together with those three. What counts is from when a frame
 * was due at its source until its work was done, boundaries included; one that was lost is missed
 * too. On each CPU a bare thread of the same priority as audio wakes every 5 ms as well, and works
 * nothing: how late it is, is the machine's. Prints one JSON object: late is how long after it was
 * due its work began, done when it was through; of what was missed, excused is how often a bare
 * thread was late by at least half as much at the same time. BENCH_GRAPH_PLAN=1 prints the plan.
 */
#include "bare_timer.h"
#include "bench.h"

#include <limef/base/log.h>
#include <limef/frame/packet.h>
#include <limef/thread/graph.h>
#include <limef/thread/machine.h>
#include <limef/thread/plan_print.h>

#include <libavutil/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TIMES 200000
#define MAX_LOADS 64
#define MAX_FILTERS (2 * (MAX_LOADS + 3))
#define LOAD_PERIOD_US 40000
#define WINDOW_US 500000
#define SETTLE_US 5000000
#define DRAIN_US 200000

/* A source that has a frame now and then, and the filter behind it that works for each. */
struct periodic {
    struct limef_source source;
    struct limef_filter filter;
    const char *name;
    const struct limef_filter_ops *source_ops, *ops;
    int64_t period_us, work_us, bound_us;
    struct limef_packet_frame packet;
    int64_t zero_us;
    uint64_t n_made;
    size_t n, n_missed;
    int64_t *began_us, *late_us, *done_us; /* NULL: is not measured */
};

/* Frames that are due in between count. */
static _Atomic int64_t from_us = INT64_MAX, until_us = INT64_MAX;

static void work(int64_t us)
{
    int64_t until_ns = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID) + us * 1000;

    while (bench_clock_ns(CLOCK_THREAD_CPUTIME_ID) < until_ns)
        ;
}

static int go_work(struct limef_filter *filter, const struct limef_frame *in)
{
    struct periodic *periodic = LIMEF_CONTAINER_OF(filter, struct periodic, filter);
    int64_t began_us = limef_now_us(), due_us, done_us;

    if (in->frame_class != LIMEF_FRAME_PACKET)
        return 0;
    work(periodic->work_us);
    due_us = periodic->zero_us + in->pts_us;
    if (!periodic->done_us || periodic->n == MAX_TIMES ||
        due_us < atomic_load_explicit(&from_us, memory_order_relaxed) ||
        due_us >= atomic_load_explicit(&until_us, memory_order_relaxed))
        return 0;
    done_us = limef_now_us() - due_us;
    periodic->n_missed += done_us > periodic->bound_us;
    periodic->began_us[periodic->n] = began_us;
    periodic->late_us[periodic->n] = began_us - due_us;
    periodic->done_us[periodic->n++] = done_us;
    return 0;
}

static int go_on(struct limef_filter *filter, const struct limef_frame *in)
{
    return limef_pass(filter, in);
}

static const struct limef_filter_ops camera_ops = {
    .kind = "camera", .flags = LIMEF_FILTER_SOURCE, .go = go_on};
static const struct limef_filter_ops file_ops = {
    .kind = "file", .flags = LIMEF_FILTER_SOURCE | LIMEF_FILTER_BLOCKING, .go = go_on};
static const struct limef_filter_ops audio_ops = {
    .kind = "audio", .flags = LIMEF_FILTER_REAL_TIME, .go = go_work};
static const struct limef_filter_ops display_ops = {
    .kind = "display", .flags = LIMEF_FILTER_THREAD_BOUND | LIMEF_FILTER_DISPLAY, .go = go_work};
static const struct limef_filter_ops work_ops = {.kind = "work", .go = go_work};

static struct periodic measured[] = {
    {.name = "audio",
     .source_ops = &camera_ops,
     .ops = &audio_ops,
     .period_us = 5000,
     .bound_us = 5000,
     .work_us = 300},
    {.name = "display",
     .source_ops = &camera_ops,
     .ops = &display_ops,
     .period_us = 16667,
     .bound_us = 16667,
     .work_us = 2000},
    {.name = "processing",
     .source_ops = &file_ops,
     .ops = &work_ops,
     .period_us = 33333,
     .bound_us = 33000,
     .work_us = 6000},
};
#define N_MEASURED (sizeof(measured) / sizeof(*measured))

static struct periodic loads[MAX_LOADS];
static struct limef_graph graph;

static int step(struct limef_source *source, int64_t *due_us)
{
    struct periodic *periodic = LIMEF_CONTAINER_OF(source, struct periodic, source);
    struct limef_frame *frame = &periodic->packet.frame;
    int64_t at_us = (int64_t)periodic->n_made * periodic->period_us;

    if (periodic->zero_us + at_us > limef_now_us()) {
        *due_us = periodic->zero_us + at_us;
        return AVERROR(EAGAIN);
    }
    if (!periodic->n_made++) {
        struct limef_signal_frame start;

        limef_signal_frame_set(&start, LIMEF_SIGNAL_START, frame->slot, NULL);
        limef_pass(&source->filter, &start.frame);
    }
    frame->pts_us = periodic->packet.dts_us = at_us;
    frame->entered_us = periodic->zero_us + at_us;
    return limef_pass(&source->filter, frame) == AVERROR_EXIT ? AVERROR_EXIT : 0;
}

static void add(struct periodic *periodic, uint32_t slot)
{
    static const uint8_t byte;
    bool is_live = periodic->source_ops == &camera_ops;

    limef_filter_init(&periodic->source.filter, periodic->source_ops, periodic->name);
    limef_filter_init(&periodic->filter, periodic->ops, periodic->name);
    limef_connect(&periodic->source.filter, &periodic->filter);
    periodic->source.step = step;
    atomic_store_explicit(&periodic->source.is_live, is_live, memory_order_relaxed);
    periodic->packet = (struct limef_packet_frame){
        .frame = {LIMEF_FRAME_PACKET, .slot = slot, .media = LIMEF_MEDIA_VIDEO,
                  .flags = LIMEF_FRAME_KEY | (is_live ? LIMEF_FRAME_LIVE : 0),
                  .duration_us = periodic->period_us},
        .data = &byte,
        .size_bytes = 1};
    periodic->zero_us = limef_now_us() + 100000 + slot * 7919 % 40 * 1000;
    if (limef_graph_add(&graph, &periodic->source) < 0)
        exit(1);
}

static void measure(struct periodic *periodic)
{
    int64_t *times = calloc(3 * (size_t)MAX_TIMES, sizeof(*times));

    if (!times)
        exit(1);
    periodic->began_us = times;
    periodic->late_us = times + MAX_TIMES;
    periodic->done_us = times + 2 * MAX_TIMES;
}

/* Of what was missed; before the times are sorted. */
static size_t count_excused(const struct periodic *periodic)
{
    size_t n = 0;

    for (size_t i = 0; i < periodic->n; i++) {
        int64_t due_us = periodic->began_us[i] - periodic->late_us[i];

        n += periodic->done_us[i] > periodic->bound_us &&
             bare_timers_were_late(due_us, due_us + periodic->done_us[i],
                                   (periodic->done_us[i] - periodic->work_us) / 2);
    }
    return n;
}

static void print_control(void)
{
    struct bare_timer_result bare;

    bare_timers_read(&bare);
    printf("\"bare_n\": %zu, \"bare_missed\": %zu, \"bare_late_p99_ms\": %.3f, "
           "\"bare_late_max_ms\": %.3f, ",
           bare.n, bare.n_late, (double)bare.p99_us / 1e3, (double)bare.max_us / 1e3);
}

/* Frames that were due in the time that counts. */
static size_t n_due(const struct periodic *periodic)
{
    int64_t before_us = atomic_load(&from_us) - periodic->zero_us;
    int64_t end_us = atomic_load(&until_us) - periodic->zero_us, period_us = periodic->period_us;

    return (size_t)((end_us + period_us - 1) / period_us - (before_us + period_us - 1) / period_us);
}

static void print(struct periodic *periodic)
{
    const char *name = periodic->name;
    size_t n = n_due(periodic), n_lost = n > periodic->n ? n - periodic->n : 0;
    size_t n_missed = periodic->n_missed + n_lost;

    printf("\"%s_n\": %zu, \"%s_missed\": %zu, \"%s_lost\": %zu, \"%s_missed_share\": %.6f, ", name,
           n, name, n_missed, name, n_lost, name, (double)n_missed / (double)(n ? n : 1));
    printf("\"%s_excused\": %zu, ", name, count_excused(periodic));
    printf("\"%s_late_p99_ms\": %.3f, \"%s_late_max_ms\": %.3f, ", name,
           (double)bench_percentile(periodic->late_us, periodic->n, 0.99) / 1e3, name,
           (double)bench_percentile(periodic->late_us, periodic->n, 1) / 1e3);
    printf("\"%s_done_p99_ms\": %.3f, \"%s_done_max_ms\": %.3f, ", name,
           (double)bench_percentile(periodic->done_us, periodic->n, 0.99) / 1e3, name,
           (double)bench_percentile(periodic->done_us, periodic->n, 1) / 1e3);
}

/* As what the threads run that the plan gave those that are measured. */
static void print_threads(void)
{
    static struct limef_graph_filter_look looks[MAX_FILTERS];
    size_t n = MAX_FILTERS;

    if (limef_graph_look(&graph, looks, &n, NULL, NULL) < 0)
        exit(1);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < N_MEASURED; k++)
            if (looks[i].filter == &measured[k].filter)
                printf("\"%s_class\": \"%s\", \"%s_scheduled_as\": %d, ", measured[k].name,
                       limef_priority_name(looks[i].priority), measured[k].name,
                       (int)looks[i].scheduled_as);
    if (getenv("BENCH_GRAPH_PLAN"))
        limef_graph_print(&graph, limef_plan_print_text, stderr);
}

static unsigned build(double load)
{
    struct limef_graph_settings settings = {.name = "bench", .window_us = WINDOW_US};
    size_t bytes = LIMEF_GRAPH_BYTES((size_t)MAX_FILTERS);
    void *memory = aligned_alloc(LIMEF_CACHE_LINE_BYTES, bytes);
    unsigned n_loads = (unsigned)(3 * limef_machine_n_cpus());
    double rest = load * limef_machine_n_cpus();

    n_loads = n_loads < MAX_LOADS ? n_loads : MAX_LOADS;
    for (size_t i = 0; i < N_MEASURED; i++)
        rest -= (double)measured[i].work_us / (double)measured[i].period_us;
    if (rest < 0 || !n_loads || !memory || limef_graph_init(&graph, memory, bytes, &settings) < 0)
        exit(1);
    for (unsigned i = 0; i < N_MEASURED; i++) {
        measure(&measured[i]);
        add(&measured[i], i);
    }
    for (unsigned i = 0; i < n_loads; i++) {
        loads[i] = (struct periodic){.name = "load",
                                     .source_ops = &file_ops,
                                     .ops = &work_ops,
                                     .period_us = LOAD_PERIOD_US + 500 * i};
        loads[i].work_us = (int64_t)(rest / n_loads * (double)loads[i].period_us);
        add(&loads[i], (uint32_t)N_MEASURED + i);
    }
    return n_loads;
}

int main(int n_arguments, char **arguments)
{
    double seconds = n_arguments > 1 ? atof(arguments[1]) : 10;
    double load = n_arguments > 2 ? atof(arguments[2]) : 0.8;
    int64_t cpu_ns, began_ns;
    uint64_t n_changes;
    unsigned n_loads;

    if (!(seconds > 0))
        return 1;
    n_loads = build(load);
    if (limef_graph_start(&graph) < 0 || !bare_timers_start(measured[0].period_us))
        return 1;
    bench_sleep_until_ns(bench_now_ns() + (int64_t)SETTLE_US * 1000);
    n_changes = limef_graph_n_plan_changes(&graph);
    began_ns = bench_now_ns();
    cpu_ns = bench_cpu_ns();
    atomic_store(&until_us, began_ns / 1000 + (int64_t)(seconds * 1e6));
    atomic_store(&from_us, began_ns / 1000);
    bench_sleep_until_ns(began_ns + (int64_t)(seconds * 1e9));
    cpu_ns = bench_cpu_ns() - cpu_ns;
    began_ns = bench_now_ns() - began_ns;
    bench_sleep_until_ns(bench_now_ns() + (int64_t)DRAIN_US * 1000);
    bare_timers_stop();
    printf("{\"load\": %.3f, \"loads\": %u, \"plan_changes\": %llu, \"late_changes\": %llu, ",
           (double)cpu_ns / (double)began_ns / limef_machine_n_cpus(), n_loads,
           (unsigned long long)n_changes,
           (unsigned long long)(limef_graph_n_plan_changes(&graph) - n_changes));
    print_threads();
    if (limef_graph_stop(&graph, 3000000) < 0)
        return 1;
    for (size_t i = 0; i < N_MEASURED; i++)
        print(&measured[i]);
    print_control();
    printf("\"seconds\": %g}\n", seconds);
    limef_graph_clear(&graph);
    for (size_t i = 0; i < N_MEASURED; i++)
        free(measured[i].began_us);
    return 0;
}
