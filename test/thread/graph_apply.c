/* SPDX-License-Identifier: MIT */
/* What is changed of a graph that runs, one thing at a time. */
#include "graph.h"

#include "thread/graph_private.h"
#include "thread/machine.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    cr_assert(ne(ptr, file, NULL), "%s", path);
    fputs(text, file);
    fclose(file);
}

/* A line that does not end, with a thread for each filter. */
static void run_line(struct limef_graph *graph, struct line *line)
{
    line_init(line, INT64_MAX);
    graph_init(graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(graph, &line->source.source), 0));
    cr_assert(eq(int, limef_graph_start(graph), 0));
    ASSERT_COMES(atomic_load(&line->sink.n_packets) > 10);
}

static void end_line(struct limef_graph *graph, struct line *line)
{
    int64_t n = atomic_load(&line->sink.n_packets);

    ASSERT_COMES(atomic_load(&line->sink.n_packets) > n);
    cr_assert(eq(int, limef_graph_remove(graph, &line->source.source, TOO_LONG_US), 0));
    cr_assert(eq(i64, atomic_load(&line->sink.n_packets), atomic_load(&line->source.n_passed)));
    cr_assert(eq(i64, atomic_load(&line->sink.n_out_of_order), 0));
    cr_assert(eq(int, limef_graph_stop(graph, TOO_LONG_US), 0));
    limef_graph_clear(graph);
}

static int set_bounds(struct limef_graph *graph, struct limef_plan_link link)
{
    struct limef_graph_inside *inside = graph->inside;
    int ret;

    pthread_mutex_lock(&inside->lock);
    ret = graph_set_bounds(inside, inside->edges, &link, TOO_LONG_US);
    pthread_mutex_unlock(&inside->lock);
    return ret;
}

/* Leaves so many bytes of the graph's memory. */
static void fill_memory(struct limef_graph_inside *inside, size_t n_bytes)
{
    pthread_mutex_lock(&inside->lock);
    cr_assert(arena_get(&inside->arena, inside->arena.bytes - inside->arena.used_bytes - n_bytes) !=
              NULL);
    pthread_mutex_unlock(&inside->lock);
}

Test(graph_apply, fifos_get_other_bounds_while_frames_flow)
{
    static struct line line;
    struct limef_graph graph = {0};
    const struct limef_lane *lane;
    struct limef_graph_boundary_look looks[3];
    size_t n = 3;

    run_line(&graph, &line);
    lane = &graph.inside->edges->input.lane;
    fill_memory(graph.inside, 600000);
    cr_assert(eq(int, set_bounds(&graph, (struct limef_plan_link){.depth = 2}), 0));
    cr_assert(eq(uint, lane->settings.depth, 2));
    ASSERT_COMES(atomic_load(&line.sink.n_packets) > 1000);
    cr_assert(
        eq(int, set_bounds(&graph, (struct limef_plan_link){.depth = 5, .max_bytes = 70000}), 0));
    cr_assert(eq(uint, lane->settings.depth, 5));
    cr_assert(eq(sz, lane->settings.max_bytes, 70000));
    /* with more stack frames than it was made with */
    cr_assert(lt(uint, lane->n_frames, 100));
    cr_assert(eq(int, set_bounds(&graph, (struct limef_plan_link){.depth = 100}), 0));
    cr_assert(eq(uint, lane->settings.depth, 100));
    cr_assert(eq(uint, lane->n_frames, 128));
    /* for these the graph's memory has no room, or too little would be left to others: all stays,
     * and a line says so */
    limef_log_set_sink(keep_line, NULL);
    cr_assert(
        eq(int, set_bounds(&graph, (struct limef_plan_link){.depth = 10000}), AVERROR(ENOMEM)));
    cr_assert(eq(uint, lane->settings.depth, 100));
    last_line[0] = '\0';
    cr_assert(
        eq(int, set_bounds(&graph, (struct limef_plan_link){.depth = 2000}), AVERROR(ENOMEM)));
    limef_log_set_sink(NULL, NULL);
    cr_assert(ne(ptr, strstr(last_line, "stays at 128 stack frames, no room for 2048"), NULL), "%s",
              last_line);
    cr_assert(eq(uint, lane->settings.depth, 100));
    cr_assert(eq(int, limef_graph_look(&graph, NULL, NULL, looks, &n), 0));
    cr_assert(eq(int, looks[0].overflow, LIMEF_OVERFLOW_BLOCK));
    end_line(&graph, &line);
}

Test(graph_apply, a_live_fifo_begins_to_drop_when_it_is_told_to)
{
    static struct line line;
    struct limef_graph graph = {0};
    struct limef_graph_boundary_look looks[3];
    size_t n = 3;

    run_line(&graph, &line);
    cr_assert(
        eq(int,
           set_bounds(&graph,
                      (struct limef_plan_link){.depth = 2, .overflow = LIMEF_OVERFLOW_DROP_OLDEST}),
           0));
    atomic_store(&line.sink.stuck, 1);
    do {
        n = 3;
        cr_assert(eq(int, limef_graph_look(&graph, NULL, NULL, looks, &n), 0));
        cr_assert(eq(int, looks[0].overflow, LIMEF_OVERFLOW_DROP_OLDEST));
    } while (!looks[0].counters.n_dropped_oldest);
    atomic_store(&line.sink.stuck, 0);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

static void set_priorities(struct limef_graph_inside *inside, enum limef_priority priority)
{
    struct graph_plan *plan;
    bool changed;

    pthread_mutex_lock(&inside->lock);
    cr_assert(eq(int, graph_plan_lay_out(inside, &plan), 0));
    graph_describe_running(inside, plan);
    graph_adopt_plan(inside, plan);
    for (uint32_t i = 0; i < plan->plan.n_workers; i++)
        plan->plan.workers[i].priority = priority;
    cr_assert(eq(int, graph_apply(inside, &changed), 0));
    cr_assert(changed);
    pthread_mutex_unlock(&inside->lock);
}

static void assert_priorities(struct limef_graph *graph, enum limef_priority priority)
{
    struct limef_graph_filter_look looks[4];
    size_t n = 4;

    cr_assert(eq(int, limef_graph_look(graph, looks, &n, NULL, NULL), 0));
    for (size_t i = 0; i < n; i++) {
        cr_assert(eq(int, looks[i].priority, priority));
        if (priority == LIMEF_PRIORITY_BACKGROUND)
            cr_assert(eq(int, looks[i].scheduled_as, LIMEF_SCHEDULED_NICE));
    }
}

Test(graph_apply, threads_get_another_priority_while_frames_flow)
{
    static struct line line;
    struct limef_graph graph = {0};

    run_line(&graph, &line);
    set_priorities(graph.inside, LIMEF_PRIORITY_BACKGROUND);
    assert_priorities(&graph, LIMEF_PRIORITY_BACKGROUND);
    end_line(&graph, &line);
}

/* How many threads run a line. */
static unsigned n_threads(struct limef_graph_inside *inside, struct line *line)
{
    const struct limef_filter *filters[] = {&line->source.source.filter, &line->a.filter,
                                            &line->b.filter, &line->sink.filter};
    unsigned n = 1;

    for (int i = 1; i < 4; i++)
        n += graph_find(inside, filters[i])->thread != graph_find(inside, filters[i - 1])->thread;
    return n;
}

/* The plan wants a thread for each filter of both, and one does not come back from its sink. */
Test(graph_apply, changes_one_chain_while_another_is_stuck)
{
    static struct line stuck, other;
    struct limef_graph graph = {0};
    struct graph_plan *plan;
    bool changed;

    line_init(&stuck, INT64_MAX);
    line_init(&other, INT64_MAX);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_STREAM);
    cr_assert(eq(int, limef_graph_add(&graph, &stuck.source.source), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &other.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    atomic_store(&stuck.sink.stuck, 1);
    ASSERT_COMES(atomic_load(&stuck.sink.in_go) && atomic_load(&other.sink.n_packets) > 10);
    pthread_mutex_lock(&graph.inside->lock);
    graph.inside->settings.mode = LIMEF_PLAN_PER_FILTER;
    cr_assert(eq(int, graph_make_plan(graph.inside, &plan), 0));
    graph_adopt_plan(graph.inside, plan);
    cr_assert(eq(int, graph_apply(graph.inside, &changed), AVERROR(ETIMEDOUT)));
    cr_assert(changed);
    cr_assert(eq(uint, n_threads(graph.inside, &stuck), 1));
    cr_assert(eq(uint, n_threads(graph.inside, &other), 4));
    cr_assert(eq(int, graph_find(graph.inside, &other.sink.filter)->failed, 0));
    cr_assert(eq(int, graph_find(graph.inside, &stuck.sink.filter)->failed, AVERROR(ETIMEDOUT)));
    pthread_mutex_unlock(&graph.inside->lock);
    atomic_store(&stuck.sink.stuck, 0);
    cr_assert(eq(int, limef_graph_remove(&graph, &stuck.source.source, TOO_LONG_US), 0));
    end_line(&graph, &other);
}

struct connecting {
    struct limef_split_filter *split;
    struct number_sink *sink;
    LIMEF_ATOMIC(int) stops;
    LIMEF_ATOMIC(int) n_times;
};

static void *connect_and_disconnect(void *context)
{
    struct connecting *it = context;

    while (!atomic_load(&it->stops)) {
        if (limef_split_connect(it->split, &it->sink->filter, LIMEF_SPLIT_FROM_NOW) ||
            limef_split_disconnect(it->split, &it->sink->filter, TOO_LONG_US))
            break;
        atomic_fetch_add(&it->n_times, 1);
    }
    return NULL;
}

/* Goes to the source's thread, or away from it: a boundary comes and goes there. */
static void move_filter(struct limef_graph_inside *inside, const struct limef_filter *filter)
{
    struct graph_node *node;
    struct graph_thread *to;
    int ret = 0;

    pthread_mutex_lock(&inside->lock);
    node = graph_find(inside, filter);
    to = inside->nodes->thread;
    if (node->thread == to)
        to = graph_take_worker(inside, LIMEF_PRIORITY_PROCESSING, &ret);
    cr_assert(ne(ptr, to, NULL));
    node->wanted = to;
    cr_assert(eq(int, graph_move(inside, node->thread, to, TOO_LONG_US), 0));
    cr_assert(eq(int, graph_stop_idle(inside, limef_deadline_us(TOO_LONG_US)), 0));
    pthread_mutex_unlock(&inside->lock);
}

/* What the boundary before it dropped is not missed again by the one that comes. */
Test(graph_apply, counts_of_a_boundary_begin_anew_with_it)
{
    static struct line line;
    struct limef_graph graph = {0};
    struct graph_edge *edge;

    run_line(&graph, &line);
    pthread_mutex_lock(&graph.inside->lock);
    for (edge = graph.inside->edges; edge->to->filter != &line.a.filter; edge = edge->next)
        continue;
    graph_measure(graph.inside, 1000000);
    edge->n_written = 1;
    edge->n_dropped = 5;
    pthread_mutex_unlock(&graph.inside->lock);
    for (int i = 0; i < 2; i++) /* to the source's thread, and away from it */
        move_filter(graph.inside, &line.a.filter);
    ASSERT_COMES(LIMEF_COUNTED(edge->input.lane.n_written) > 10);
    pthread_mutex_lock(&graph.inside->lock);
    graph_measure(graph.inside, 2000000);
    cr_assert(eq(u64, edge->n_missed, 0));
    pthread_mutex_unlock(&graph.inside->lock);
    end_line(&graph, &line);
}

/* A plan of an earlier run asks for more than this graph's memory has. */
Test(graph_apply, boundaries_are_shallower_where_memory_is_short)
{
    static struct line line;
    struct limef_graph graph = {0};
    struct limef_plan_link link = {.is_cut = true, .depth = 1000};
    struct graph_edge *edge;
    unsigned n_frames;

    line_init(&line, INT64_MAX);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_FUSED);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    fill_memory(graph.inside, 100000);
    pthread_mutex_lock(&graph.inside->lock);
    edge = graph.inside->edges;
    cr_assert(eq(int, graph_prepare_boundary(graph.inside, edge, &link), 0));
    n_frames = edge->input.lane.n_frames;
    cr_assert(ge(uint, n_frames, 16));
    cr_assert(lt(uint, n_frames, 1024));
    cr_assert(eq(uint, edge->input.lane.settings.depth, n_frames - 2));
    graph_clear_boundary(graph.inside, edge);
    pthread_mutex_unlock(&graph.inside->lock);
    end_line(&graph, &line);
}

/* The application's branches come and go beside those of the graph. */
Test(graph_apply, reroutes_beside_branches_that_come_and_go)
{
    static struct line line;
    static struct limef_split_filter split;
    static struct number_sink sink, other;
    struct limef_graph graph = {0};
    struct connecting connecting = {.split = &split, .sink = &other};
    pthread_t thread;

    line_init(&line, INT64_MAX);
    limef_split_filter_init(&split, "split");
    number_sink_init(&sink);
    number_sink_init(&other);
    limef_connect(&line.b.filter, &split.filter);
    limef_split_connect(&split, &sink.filter, LIMEF_SPLIT_FROM_NOW);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_FUSED);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    cr_assert(eq(int, pthread_create(&thread, NULL, connect_and_disconnect, &connecting), 0));
    for (int i = 0; i < 40; i++)
        move_filter(graph.inside, &sink.filter);
    ASSERT_COMES(atomic_load(&connecting.n_times) > 40 && atomic_load(&other.n_packets) > 0);
    atomic_store(&connecting.stops, 1);
    pthread_join(thread, NULL);
    cr_assert(eq(int, limef_graph_remove(&graph, &line.source.source, TOO_LONG_US), 0));
    cr_assert(eq(i64, atomic_load(&sink.n_packets), atomic_load(&line.source.n_passed)));
    cr_assert(eq(i64, atomic_load(&sink.n_out_of_order), 0));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

#ifndef __SANITIZE_THREAD__
static LIMEF_ATOMIC(int) clock_of_lock = -1;

/* Instead of the C library's: which clock is asked for; nobody gives the lock before that. */
int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until)
{
    struct timespec now;

    atomic_store(&clock_of_lock, (int)clock);
    do {
        if (!pthread_mutex_trylock(mutex))
            return 0;
        sched_yield();
        clock_gettime(clock, &now);
    } while (now.tv_sec < until->tv_sec ||
             (now.tv_sec == until->tv_sec && now.tv_nsec < until->tv_nsec));
    return ETIMEDOUT;
}

static void *hold_lock(void *context)
{
    struct limef_graph *graph = context;

    pthread_mutex_lock(&graph->inside->lock);
    while (atomic_load(&clock_of_lock) != 1000)
        sched_yield();
    pthread_mutex_unlock(&graph->inside->lock);
    return NULL;
}

/* Somebody sets the time of day while a stop waits for its turn: the deadline does not move. */
Test(graph_apply, a_stop_waits_by_the_clock_that_nobody_sets)
{
    static struct line line;
    struct limef_graph graph = {0};
    pthread_t thread;

    run_line(&graph, &line);
    cr_assert(eq(int, pthread_create(&thread, NULL, hold_lock, &graph), 0));
    while (!pthread_mutex_trylock(&graph.inside->lock)) {
        pthread_mutex_unlock(&graph.inside->lock);
        sched_yield();
    }
    cr_assert(eq(int, limef_graph_stop(&graph, 50000), AVERROR(ETIMEDOUT)));
    cr_assert(eq(int, atomic_load(&clock_of_lock), CLOCK_MONOTONIC));
    cr_assert(
        eq(u32, atomic_load(&graph.inside->stopping), 0)); /* its plan is still looked after */
    atomic_store(&clock_of_lock, 1000);
    pthread_join(thread, NULL);
    end_line(&graph, &line);
}
#endif

static bool has_cores(struct limef_graph *graph, const char *cores)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *file = open_memstream(&text, &n_bytes);
    bool found;

    limef_graph_print(graph, limef_plan_print_text, file);
    fclose(file);
    found = strstr(text, cores) != NULL;
    free(text);
    return found;
}

/* A control group's quota shrinks while it runs. */
Test(graph_apply, plans_for_what_a_quota_leaves)
{
    static struct line line;
    struct limef_graph graph = {0};
    char folder[] = "/tmp/limef_quota_XXXXXX", proc[64], max[64];

    cr_assert(ne(ptr, mkdtemp(folder), NULL));
    snprintf(proc, sizeof(proc), "%s/proc", folder);
    snprintf(max, sizeof(max), "%s/cpu.max", folder);
    put(proc, "0::/\n");
    put(max, "80000 100000\n");
    machine_set_cgroup(proc, folder);
    run_line(&graph, &line);
    cr_assert(has_cores(&graph, " 0.8 cores"));
    put(max, "30000 100000\n");
    cr_assert(has_cores(&graph, " 0.3 cores"));
    end_line(&graph, &line);
    unlink(proc);
    unlink(max);
    rmdir(folder);
}
