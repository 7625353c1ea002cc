/* SPDX-License-Identifier: MIT */
/*
 * Runs a graph of real filters on real threads under one mapping.
 *
 *   graph SCENARIO MODE SECONDS SMALL LARGE FPS    as scene_build(); MODE: auto, fused, per-filter,
 *                                                  per-stream, whitelist
 *
 * Nothing counts until the plan has been at rest for a while. Then, for SECONDS: frames by
 * when they were due, processor time and context switches of the process, most threads. Prints one
 * JSON object; "predict" in it is what sim_predict reads.
 */
#include "bench.h"
#include "graph_scene.h"
#include "process.h"

#include <limef/base/log.h>
#include <limef/thread/graph.h>
#include <limef/thread/machine.h>
#include <limef/thread/plan_print.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WINDOW_US 500000
#define SETTLE_MIN_US 2000000
#define SETTLE_MAX_US 15000000
#define REST_US (5 * (int64_t)WINDOW_US) /* without a change: at rest */
#define DRAIN_US 500000
/* To learn what a wake-up by the clock costs. */
#define N_TIMERS 50
#define TIMER_NS 10000000
#define WAY_US 25000 /* what a frame may need beyond its period, on every way */
#define PERIOD_MIN_US 33333

static const char *const modes[] = {"auto", "fused", "per-filter", "per-stream", "whitelist"};
#define N_MODES (sizeof(modes) / sizeof(*modes))

static struct scene scene;
static struct limef_graph graph;

/* What is counted, from begin() to end(). */
struct counted {
    int64_t cpu_ns, n_switches, at_ns;
    uint64_t n_frames; /* that sources passed on */
};

static struct counted count(void)
{
    struct counted now = {bench_cpu_ns(), bench_n_switches(), bench_now_ns(), 0};

    for (unsigned i = 0; i < scene.n_sources; i++)
        now.n_frames += atomic_load_explicit(&scene.schedules[i]->n, memory_order_relaxed);
    return now;
}

static void settle(bool changes)
{
    int64_t began_us = limef_now_us(), changed_us = began_us, now_us = began_us;
    uint64_t n_changes = 0;

    while (now_us < began_us + SETTLE_MIN_US ||
           (changes && now_us < changed_us + REST_US && now_us < began_us + SETTLE_MAX_US)) {
        bench_sleep_until_ns(bench_now_ns() + 100000000);
        now_us = limef_now_us();
        if (n_changes != limef_graph_n_plan_changes(&graph)) {
            n_changes = limef_graph_n_plan_changes(&graph);
            changed_us = now_us;
        }
    }
}

/* From now on frames count that are due in the next `seconds`. */
static uint64_t begin(double seconds)
{
    double now_us = (double)limef_now_us();
    uint64_t n_due = 0;

    for (unsigned i = 0; i < scene.n_sinks; i++) {
        struct sink *sink = scene.sinks[i];
        double period_us = sink->schedule->period_us;

        sink->zero_us =
            (double)atomic_load_explicit(&sink->schedule->zero_us, memory_order_relaxed);
        if (sink->zero_us <= 0) {
            fprintf(stderr, "graph: a source does not run\n");
            exit(1);
        }
        sink->from = (uint64_t)ceil((now_us - sink->zero_us) / period_us);
        sink->until = sink->from + (uint64_t)(seconds * 1e6 / period_us);
        n_due += sink->until - sink->from;
        atomic_store_explicit(&sink->counts, 1, memory_order_release);
    }
    return n_due;
}

static void print_number(const char *key, double number)
{
    printf("\"%s\": %.6g, ", key, number);
}

/* After the graph has stopped. */
static void print_frames(uint64_t n_due)
{
    static int64_t late_us[2 * SCENE_MAX_CHAINS * SINK_MAX_FRAMES];
    size_t n = 0, n_on_time = 0;

    for (unsigned i = 0; i < scene.n_sinks; i++) {
        const struct sink *sink = scene.sinks[i];
        double period_us = fmax(sink->schedule->period_us, PERIOD_MIN_US);

        for (uint32_t j = 0; j < sink->n_late; j++) {
            late_us[n++] = sink->late_us[j];
            n_on_time += (double)sink->late_us[j] <= period_us + WAY_US;
        }
    }
    print_number("due", (double)n_due);
    print_number("came", (double)n);
    print_number("on_time", (double)n_on_time / (double)n_due);
    print_number("p50_ms", (double)bench_percentile(late_us, n, 0.5) / 1e3);
    print_number("p99_ms", (double)bench_percentile(late_us, n, 0.99) / 1e3);
}

static double known(double measured)
{
    return measured >= 0 ? measured : 0;
}

static const char *flags_of(const struct limef_filter *filter)
{
    unsigned flags = filter->ops->flags;

    if (!strcmp(filter->ops->kind, "camera"))
        return "source,live";
    return flags & LIMEF_FILTER_SOURCE          ? "source,blocking"
           : flags & LIMEF_FILTER_SELF_THREADED ? "threaded"
                                                : "-";
}

/* Processor time of a thread that sleeps until a moment and wakes up, as one with a source does;
 * beside all others, whose work its caches hold meanwhile. */
static double timer_us(void)
{
    int64_t cpu_ns = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID), due_ns = bench_now_ns();

    for (int i = 0; i < N_TIMERS; i++)
        bench_sleep_until_ns(due_ns += TIMER_NS);
    return (double)(bench_clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns) / 1e3 / N_TIMERS;
}

/* In JSON, with the lines' ends as \n. */
static void print_for_prediction(void)
{
    static struct limef_graph_filter_look looks[SCENE_MAX_FILTERS];
    size_t n = SCENE_MAX_FILTERS;

    printf("\"predict\": \"cpus %.0f\\nhandover_us %.2f\\ntimer_us %.2f\\n", limef_machine_n_cpus(),
           limef_machine_handover_us(), timer_us());
    if (limef_graph_look(&graph, looks, &n, NULL, NULL) < 0)
        n = 0;
    for (unsigned i = 0; i < scene.n_filters && n; i++) {
        const struct scene_filter *filter = &scene.filters[i];
        const struct limef_graph_filter_look *look = looks;
        char kind[24];

        while (look < looks + n - 1 && look->filter != filter->filter)
            look++;
        snprintf(kind, sizeof(kind), "%s", look->kind);
        for (char *at = kind; *at; at++)
            if (*at == ' ')
                *at = '-';
        printf("filter %s %s %.3f %.3f %.3f %s\\n", filter->name, kind, known(look->cost_us),
               known(look->p95_us), 1e6 / scene.schedules[filter->chain]->period_us,
               flags_of(filter->filter));
    }
    for (unsigned i = 0; i < scene.n_edges; i++)
        printf("edge %s %s\\n", scene.edges[i][0]->name, scene.edges[i][1]->name);
    printf("\", ");
}

static void start(enum limef_plan_mode mode)
{
    struct limef_graph_settings settings = {.name = "bench", .mode = mode, .window_us = WINDOW_US};
    size_t bytes = LIMEF_GRAPH_BYTES(2 * (size_t)scene.n_filters + 64);
    void *memory = aligned_alloc(LIMEF_CACHE_LINE_BYTES, bytes);

    if (!memory || limef_graph_init(&graph, memory, bytes, &settings) < 0)
        exit(1);
    for (unsigned i = 0; i < scene.n_sources; i++)
        if (limef_graph_add(&graph, scene.sources[i]) < 0)
            exit(1);
    if (limef_graph_start(&graph) < 0)
        exit(1);
}

static void print_process(const struct counted *before, const struct counted *after)
{
    double n_frames = (double)(after->n_frames - before->n_frames);
    double cpu_ns = (double)(after->cpu_ns - before->cpu_ns);
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    print_number("frames", n_frames);
    print_number("cpu_ms_1000", cpu_ns / 1e3 / n_frames);
    print_number("cores", cpu_ns / (double)(after->at_ns - before->at_ns));
    print_number("switches_frame", (double)(after->n_switches - before->n_switches) / n_frames);
    print_number("threads", process_n_threads());
    print_number("peak_mb", (double)usage.ru_maxrss / 1024);
}

static void run(double seconds, bool changes)
{
    struct counted before, after;
    uint64_t n_due, n_changes;

    settle(changes);
    n_changes = limef_graph_n_plan_changes(&graph);
    n_due = begin(seconds);
    before = count();
    bench_sleep_until_ns(before.at_ns + (int64_t)(seconds * 1e9));
    after = count();
    printf("{");
    print_process(&before, &after);
    print_number("plan_changes", (double)n_changes);
    print_number("late_changes", (double)(limef_graph_n_plan_changes(&graph) - n_changes));
    print_for_prediction();
    if (getenv("BENCH_GRAPH_PLAN"))
        limef_graph_print(&graph, limef_plan_print_text, stderr);
    bench_sleep_until_ns(bench_now_ns() + DRAIN_US * 1000);
    if (limef_graph_stop(&graph, 3000000) < 0)
        exit(1);
    print_frames(n_due);
    printf("\"seconds\": %g}\n", seconds);
}

int main(int n_arguments, char **arguments)
{
    unsigned mode = 0;
    double seconds;

    if (n_arguments < 7)
        return 1;
    while (mode < N_MODES && strcmp(modes[mode], arguments[2]))
        mode++;
    seconds = atof(arguments[3]);
    if (mode == N_MODES || seconds <= 0)
        return 1;
    limef_log_set_level(getenv("BENCH_GRAPH_PLAN") ? LIMEF_LOG_INFO : LIMEF_LOG_ERROR);
    scene_build(&scene, arguments[1], arguments[4], arguments[5], atof(arguments[6]));
    start((enum limef_plan_mode)mode);
    run(seconds, mode == LIMEF_PLAN_AUTO);
    limef_graph_clear(&graph);
    scene_clear(&scene);
    return 0;
}
