/* SPDX-License-Identifier: MIT */
/* How often a graph that runs is looked at. */
#include "graph.h"

#include "thread/graph_private.h"

#include <time.h>

#define WINDOW_US 50000
/* Nobody looks for so long, unless something happens. */
#define ENDLESS_US 3600000000

static LIMEF_ATOMIC(int64_t) burn_us;

/* Uses processor time of its thread. */
static int burn(void *context, const struct limef_frame *frame)
{
    struct timespec t;
    int64_t now_us = 0, until_us = 0;

    (void)context;
    (void)frame;
    do {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        now_us = t.tv_sec * 1000000 + t.tv_nsec / 1000;
        until_us = until_us ? until_us : now_us + atomic_load(&burn_us);
    } while (now_us < until_us);
    return 0;
}

static uint32_t stretch_of(struct limef_graph *graph)
{
    uint32_t stretch;

    pthread_mutex_lock(&graph->inside->lock);
    stretch = graph->inside->stretch;
    pthread_mutex_unlock(&graph->inside->lock);
    return stretch;
}

/* As if nothing had happened for long. */
static void calm_down(struct limef_graph *graph)
{
    pthread_mutex_lock(&graph->inside->lock);
    graph->inside->stretch = 1000;
    graph->inside->window_due_us = limef_now_us() + ENDLESS_US;
    pthread_mutex_unlock(&graph->inside->lock);
}

/* Of the second filter, as the last window saw it. */
static double cost_of_second(struct limef_graph *graph)
{
    struct limef_graph_filter_look looks[2] = {{.cost_us = 0}};
    size_t n = 2;

    return limef_graph_look(graph, looks, &n, NULL, NULL) < 0 ? 0 : looks[1].cost_us;
}

static uint32_t rate_of(struct limef_filter *filter)
{
    return atomic_load(&atomic_load(&filter->probe)->least_hz);
}

Test(graph_watch, looks_seldom_until_something_happens)
{
    static struct paced_source source;
    static struct limef_tap_filter tap;
    static struct number_sink sink;
    static struct line other;
    struct limef_graph graph = {0};
    struct limef_graph_settings settings = {.window_us = WINDOW_US, .n_cpus = 8};

    paced_source_init(&source);
    limef_tap_filter_init(&tap, "burn", burn, NULL);
    number_sink_init(&sink);
    limef_connect(&source.source.filter, &tap.filter);
    limef_connect(&tap.filter, &sink.filter);
    cr_assert(eq(int, limef_graph_init(&graph, memory, sizeof(memory), &settings), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));

    ASSERT_COMES(stretch_of(&graph) > 1);
    calm_down(&graph);
    cr_assert(eq(u32, rate_of(&tap.filter), 2));
    /* a chain comes */
    line_init(&other, 10);
    cr_assert(eq(int, limef_graph_add(&graph, &other.source.source), 0));
    cr_assert(ne(u32, stretch_of(&graph), 1000));
    /* and goes */
    calm_down(&graph);
    cr_assert(eq(int, limef_graph_remove(&graph, &other.source.source, TOO_LONG_US), 0));
    cr_assert(ne(u32, stretch_of(&graph), 1000));
    /* a filter costs more: half a core */
    calm_down(&graph);
    atomic_store(&burn_us, 5000);
    ASSERT_COMES(stretch_of(&graph) != 1000);
    /* and less */
    ASSERT_COMES(cost_of_second(&graph) > 3000);
    calm_down(&graph);
    atomic_store(&burn_us, 0);
    ASSERT_COMES(stretch_of(&graph) != 1000);

    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

/* As if the source had given all at once that was due since long, when it was drawn how many of its
 * steps pass until the next one is measured. */
Test(graph_watch, costs_are_measured_behind_a_source_that_has_become_slower)
{
    static struct paced_source source;
    static struct limef_tap_filter tap;
    struct limef_graph graph = {0};
    struct limef_graph_settings settings = {.window_us = WINDOW_US, .n_cpus = 8};

    paced_source_init(&source);
    limef_tap_filter_init(&tap, "burn", burn, NULL);
    limef_connect(&source.source.filter, &tap.filter);
    cr_assert(eq(int, limef_graph_init(&graph, memory, sizeof(memory), &settings), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(cost_of_second(&graph) > 0);
    atomic_store(&burn_us, 5000);
    atomic_fetch_add(&source.source.filter.measure_at, 1000000);
    ASSERT_COMES(cost_of_second(&graph) > 3000);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

static uint32_t n_first_of(struct limef_graph *graph)
{
    uint32_t n_first;

    pthread_mutex_lock(&graph->inside->lock);
    n_first = graph->inside->n_first;
    pthread_mutex_unlock(&graph->inside->lock);
    return n_first;
}

static void start_empty(struct limef_graph *graph, struct line *line, int64_t window_us)
{
    struct limef_graph_settings settings = {.window_us = window_us, .n_cpus = 8};

    line_init(line, INT64_MAX);
    cr_assert(eq(int, limef_graph_init(graph, memory, sizeof(memory), &settings), 0));
    cr_assert(eq(int, limef_graph_start(graph), 0));
    cr_assert(eq(u32, n_first_of(graph), 0));
    cr_assert(eq(int, limef_graph_add(graph, &line->source.source), 0));
}

/* What comes later leaves the plan of the others to the judge's patience. */
Test(graph_watch, only_the_first_windows_judge_as_if_nothing_ran)
{
    static struct line line, other;
    struct limef_graph graph = {0};

    start_empty(&graph, &line, ENDLESS_US);
    cr_assert(eq(u32, n_first_of(&graph), 3));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);

    start_empty(&graph, &line, WINDOW_US);
    ASSERT_COMES(n_first_of(&graph) == 0);
    line_init(&other, INT64_MAX);
    cr_assert(eq(int, limef_graph_add(&graph, &other.source.source), 0));
    cr_assert(eq(u32, n_first_of(&graph), 0));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0)); /* its costs are known */
    cr_assert(eq(u32, n_first_of(&graph), 0));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

/* Works on every tenth frame, for so long that many come meanwhile. */
static int burn_now_and_then(struct limef_filter *filter, const struct limef_frame *in)
{
    return LIMEF_COUNTED(filter->n_frames) % 10 ? 0 : burn(NULL, in);
}

static const struct limef_filter_ops bound_ops = {
    .kind = "bound", .flags = LIMEF_FILTER_THREAD_BOUND, .go = burn_now_and_then};

static unsigned depth_of_first(struct limef_graph *graph)
{
    struct limef_graph_boundary_look look;
    size_t n = 1;

    return limef_graph_look(graph, NULL, NULL, &look, &n) < 0 ? 0 : look.counters.depth;
}

/* Before anything is measured it is 3 deep; the stack frames for that are not enough. */
Test(graph_watch, a_fifo_grows_beyond_what_it_was_made_with)
{
    static struct number_source source;
    struct limef_filter bound = LIMEF_FILTER(&bound_ops, "bound", NULL);
    struct limef_graph graph = {0};
    struct limef_graph_settings settings = {.window_us = WINDOW_US, .n_cpus = 8};

    atomic_store(&burn_us, 10000);
    number_source_init(&source, INT64_MAX);
    limef_connect(&source.source.filter, &bound);
    cr_assert(eq(int, limef_graph_init(&graph, memory, sizeof(memory), &settings), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    cr_assert(eq(uint, depth_of_first(&graph), 3));
    ASSERT_COMES(depth_of_first(&graph) > 8);
    cr_assert(ge(u64, limef_graph_n_plan_changes(&graph), 1));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

static LIMEF_ATOMIC(int) n_said;

static void count_no_room(void *context, enum limef_log_level level, const char *name,
                          const char *line)
{
    (void)context;
    (void)level;
    (void)name;
    if (strstr(line, "no room"))
        atomic_fetch_add(&n_said, 1);
}

static int64_t window_of(struct limef_graph *graph)
{
    int64_t began_us;

    pthread_mutex_lock(&graph->inside->lock);
    began_us = graph->inside->window_began_us;
    pthread_mutex_unlock(&graph->inside->lock);
    return began_us;
}

Test(graph_watch, says_once_that_there_is_no_memory)
{
    static struct paced_source source;
    static struct number_sink sink;
    struct limef_graph graph = {0};
    struct limef_graph_settings settings = {.window_us = WINDOW_US / 5};
    struct arena *arena;

    paced_source_init(&source);
    number_sink_init(&sink);
    limef_connect(&source.source.filter, &sink.filter);
    limef_log_set_sink(count_no_room, NULL);
    cr_assert(eq(int, limef_graph_init(&graph, memory, sizeof(memory), &settings), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    pthread_mutex_lock(&graph.inside->lock);
    arena = &graph.inside->arena;
    for (size_t n_bytes = arena->bytes; n_bytes > 0; n_bytes /= 2)
        while (arena_get(arena, n_bytes))
            continue;
    pthread_mutex_unlock(&graph.inside->lock);
    for (int i = 0; i < 5; i++) {
        int64_t began_us = window_of(&graph);

        ASSERT_COMES(window_of(&graph) != began_us);
    }
    cr_assert(eq(int, atomic_load(&n_said), 1));
    limef_log_set_sink(NULL, NULL);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

/* Few of its steps are measured; all of its frames count. */
Test(graph_watch, judges_a_source_by_all_that_it_gives)
{
    static struct number_source source;
    static struct number_sink sink;
    struct limef_graph graph = {0};
    struct graph_node *node;
    int64_t n_before, n_after;

    number_source_init(&source, INT64_MAX);
    number_sink_init(&sink);
    limef_connect(&source.source.filter, &sink.filter);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_FUSED);
    cr_assert(eq(int, limef_graph_add(&graph, &source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(atomic_load(&source.n_passed) > 1000);
    pthread_mutex_lock(&graph.inside->lock);
    graph_measure(graph.inside, 1000000);
    n_before = atomic_load(&source.n_passed);
    ASSERT_COMES(atomic_load(&source.n_passed) > n_before + 10000);
    n_after = atomic_load(&source.n_passed);
    graph_measure(graph.inside, 3000000);
    node = graph_find(graph.inside, &source.source.filter);
    cr_assert(ge(u64, node->n_media, (uint64_t)(n_after - n_before - 1)));
    pthread_mutex_unlock(&graph.inside->lock);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

/* Uses next to no processor time, and says of no step that it waited: as one that never waits does
 * where others leave it no core. */
static int starved_step(struct limef_source *base, int64_t *due_us)
{
    struct paced_source *source = LIMEF_CONTAINER_OF(base, struct paced_source, source);

    clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = 1000000}, NULL);
    source->due_us = 0;
    return paced_step(base, due_us);
}

static enum limef_priority priority_of(struct limef_graph *graph, const struct limef_filter *filter)
{
    struct limef_graph_filter_look looks[8];
    size_t n = 8;

    if (limef_graph_look(graph, looks, &n, NULL, NULL) >= 0)
        for (size_t i = 0; i < n; i++)
            if (looks[i].filter == filter)
                return looks[i].priority;
    return LIMEF_PRIORITY_PROCESSING;
}

static uint64_t n_windows(struct limef_graph *graph)
{
    uint64_t n;

    pthread_mutex_lock(&graph->inside->lock);
    n = graph->inside->replan.counters.n_windows;
    pthread_mutex_unlock(&graph->inside->lock);
    return n;
}

/* A real-time class would let it take a whole core: who asks the graph for something then waits
 * for seconds. */
Test(graph_watch, a_source_that_never_waits_does_not_go_before_all_others)
{
    static struct paced_source paced, starved;
    static struct number_sink sinks[2];
    struct limef_graph graph = {0};
    struct limef_graph_settings settings = {.window_us = WINDOW_US, .n_cpus = 8};
    uint64_t n;

    paced_source_init(&starved);
    starved.source.step = starved_step;
    paced_source_init(&paced);
    number_sink_init(&sinks[0]);
    number_sink_init(&sinks[1]);
    limef_connect(&starved.source.filter, &sinks[0].filter);
    limef_connect(&paced.source.filter, &sinks[1].filter);
    cr_assert(eq(int, limef_graph_init(&graph, memory, sizeof(memory), &settings), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &starved.source), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &paced.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));

    /* one that has a pace does, once it is measured */
    ASSERT_COMES(priority_of(&graph, &paced.source.filter) == LIMEF_PRIORITY_INGEST);
    n = n_windows(&graph);
    while (n_windows(&graph) < n + 4)
        cr_assert(ne(int, priority_of(&graph, &starved.source.filter), LIMEF_PRIORITY_INGEST));

    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}
