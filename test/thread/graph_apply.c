/* SPDX-License-Identifier: MIT */
/* What is changed of a graph that runs, one thing at a time. */
#include "graph.h"

#include "thread/graph_private.h"
#include "thread/graph_seen.h"
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

    begin_line(&graph, &line);
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

#ifndef __SANITIZE_THREAD__
static LIMEF_ATOMIC(int) clock_of_lock = -1;
static LIMEF_ATOMIC(int) is_given_back;

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
    while (!atomic_load(&is_given_back))
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

    begin_line(&graph, &line);
    cr_assert(eq(int, pthread_create(&thread, NULL, hold_lock, &graph), 0));
    while (!pthread_mutex_trylock(&graph.inside->lock)) {
        pthread_mutex_unlock(&graph.inside->lock);
        sched_yield();
    }
    cr_assert(eq(int, limef_graph_stop(&graph, 50000), AVERROR(ETIMEDOUT)));
    cr_assert(eq(int, atomic_load(&clock_of_lock), CLOCK_MONOTONIC));
    cr_assert(
        eq(u32, atomic_load(&graph.inside->stopping), 0)); /* its plan is still looked after */
    atomic_store(&is_given_back, 1);
    pthread_join(thread, NULL);
    end_line(&graph, &line);
}

/* As well as who looks at the graph while it changes. */
Test(graph_apply, a_look_waits_by_the_clock_that_nobody_sets)
{
    static struct line line;
    struct limef_graph graph = {0};

    begin_line(&graph, &line);
    atomic_store(&clock_of_lock, -1);
    pthread_mutex_lock(&graph.inside->registry);
    cr_assert(eq(int, graph_lock_registry(graph.inside), AVERROR(EAGAIN)));
    pthread_mutex_unlock(&graph.inside->registry);
    cr_assert(eq(int, atomic_load(&clock_of_lock), CLOCK_MONOTONIC));
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
    begin_line(&graph, &line);
    cr_assert(has_cores(&graph, " 0.8 cores"));
    put(max, "30000 100000\n");
    cr_assert(has_cores(&graph, " 0.3 cores"));
    end_line(&graph, &line);
    unlink(proc);
    unlink(max);
    rmdir(folder);
}
