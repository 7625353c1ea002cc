/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"

#include <limef/base/log.h>
#include <limef/thread/machine.h>

#include <libavutil/error.h>
#include <stdio.h>

#define WINDOW_US 2000000
/* Longer than any frame takes, or a display to open, where all cores are busy with something else.
 */
#define STUCK_US 5000000
/* What may wait of a live stream, if nothing else is said; as the plan's fifos. */
#define LATE_US 500000
/* After so many windows in which nothing was wanted each is twice as long as the one before, up to
 * so many times and so long. Then light filters are measured so often a second. */
#define CALM_WINDOWS 4
#define MAX_STRETCH 16
#define MAX_WINDOW_US 8000000
#define CALM_HZ 2
/* Room for more than there is now, so that the judge keeps what it knows when a chain comes. */
#define ROOM 2
#define ROOM_MIN 32

/* A judge that is large enough; what a smaller one knew is forgotten. */
static int make_judge(struct limef_graph_inside *graph, const struct limef_plan_problem *problem)
{
    uint32_t n_filters = problem->n_filters * ROOM, n_edges = problem->n_edges * ROOM;

    if (graph->replan_memory && problem->n_filters <= graph->replan.max_filters &&
        problem->n_edges <= graph->replan.max_edges)
        return 0;
    limef_replan_clear(&graph->replan);
    arena_put(&graph->arena, graph->replan_memory);
    n_filters = n_filters < ROOM_MIN ? ROOM_MIN : n_filters;
    n_edges = n_edges < ROOM_MIN ? ROOM_MIN : n_edges;
    graph->replan_memory = arena_get(&graph->arena, limef_replan_bytes(n_filters, n_edges));
    if (!graph->replan_memory) {
        n_filters = problem->n_filters;
        n_edges = problem->n_edges;
        graph->replan_memory = arena_get(&graph->arena, limef_replan_bytes(n_filters, n_edges));
    }
    if (!graph->replan_memory)
        return AVERROR(ENOMEM);
    limef_replan_init(&graph->replan, graph->replan_memory, n_filters, n_edges);
    return 0;
}

static void see(const struct limef_graph_inside *graph, struct limef_replan_seen *seen,
                int64_t window_us)
{
    for (struct graph_node *node = graph->nodes; node; node = node->next) {
        const struct limef_plan_filter *measured = &node->measured;
        struct limef_replan_seen *one = &seen[node->number];

        if (graph_glued_to(graph, node) == node) {
            one->id = node->id;
            one->n_frames = node->n_media;
            one->age_us = node->age_us;
        }
        if (measured->cost_us >= 0 && measured->rate_hz >= 0)
            one->cpu_us += measured->cost_us * measured->rate_hz * (double)window_us / 1e6;
    }
    /* the boundary is of the chain before it, if another one begins there: a display's, say */
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        seen[(graph_ends_chain(edge->to) ? edge->from : edge->to)->number].n_missed +=
            edge->n_missed;
}

/* Each chain by itself: what one cannot do is not held against another. */
static void tell_judge(struct limef_graph_inside *graph)
{
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (node->failed)
            limef_replan_failed(&graph->replan, node->number, node->failed);
    limef_replan_done(&graph->replan, 0);
}

/* Goes over to what the judge wants; graph->plan is what runs, with the costs of the window. */
static void change(struct limef_graph_inside *graph, const struct limef_plan *wanted)
{
    bool changed;
    int ret;

    graph_copy_plan(&graph->plan->plan, wanted);
    graph_note_links(graph, wanted);
    ret = graph_apply(graph, &changed);
    tell_judge(graph);
    if (changed || !ret) {
        LIMEF_COUNT(graph->n_changes, 1);
        graph_say_changes(graph, 0);
    }
    if (ret < 0 && ret != AVERROR_EXIT) { /* there was no time, or the graph is stopped */
        LIMEF_COUNT(graph->n_failed_changes, 1);
        graph_say_changes(graph, ret);
    }
}

/* Once: it is so in every window from now on. */
static void say_no_room(struct limef_graph_inside *graph)
{
    if (!graph->said_no_memory)
        graph_say(graph, AVERROR(ENOMEM), "no room to judge it", NULL);
    graph->said_no_memory = true;
}

static void judge(struct limef_graph_inside *graph, struct graph_plan *running, int64_t window_us)
{
    struct limef_replan_window window = {
        .problem = &running->problem, .running = &running->plan, .window_us = window_us};
    const struct limef_plan *wanted;
    struct limef_replan_seen *seen;

    seen = arena_get(&graph->arena, running->problem.n_filters * sizeof(*seen));
    if (!seen || make_judge(graph, &running->problem) < 0) {
        arena_put(&graph->arena, seen);
        say_no_room(graph);
        return;
    }
    see(graph, seen, window_us);
    window.seen = seen;
    if (limef_replan_window(&graph->replan, &window, &wanted) > 0)
        change(graph, wanted);
    arena_put(&graph->arena, seen);
}

static void set_stretch(struct limef_graph_inside *graph, uint32_t stretch)
{
    if ((stretch > 1) != (graph->stretch > 1))
        graph_probe_seldom(graph, stretch > 1 ? CALM_HZ : 0);
    graph->stretch = stretch;
}

void graph_watch_closely(struct limef_graph_inside *graph)
{
    graph->n_calm = 0;
    graph->window_due_us = 0;
    set_stretch(graph, 1);
}

/* After a window was judged: how long the next one is. */
static void stretch(struct limef_graph_inside *graph, int64_t window_us)
{
    uint32_t more = graph->stretch ? 2 * graph->stretch : 2;

    if (!graph->replan_memory || !graph->replan.is_settled) {
        graph_watch_closely(graph);
        return;
    }
    if (++graph->n_calm > CALM_WINDOWS && more <= MAX_STRETCH && more * window_us <= MAX_WINDOW_US)
        set_stretch(graph, more);
}

/* A quota, or the CPUs that the process may use, can change while it runs. */
static void say_cores(struct limef_graph_inside *graph, double n_cpus)
{
    if (graph->n_cpus > 0 && n_cpus != graph->n_cpus)
        limef_log(n_cpus < graph->n_cpus ? LIMEF_LOG_WARNING : LIMEF_LOG_INFO, graph->settings.name,
                  "%.1f cores now instead of %.1f: the plan follows", n_cpus, graph->n_cpus);
    graph->n_cpus = n_cpus;
}

static void look(struct limef_graph_inside *graph, int64_t now_us)
{
    int64_t window_us = graph_measure(graph, now_us);
    struct graph_plan *running;

    if (!graph->nodes || !window_us)
        return;
    running = graph_plan_running(graph);
    if (!running) {
        say_no_room(graph);
        return;
    }
    say_cores(graph, running->problem.machine.n_cpus);
    running->problem.is_first = graph->n_first > 0;
    if (graph->n_first && graph_plan_is_measured(running))
        graph->n_first--;
    graph_adopt_plan(graph, running);
    judge(graph, running, window_us);
    graph_tell_depths(graph); /* those that could not be told */
}

/* Each window_us, whatever a window is now: the window is over, or the threads are as busy as in
 * the last one, or they are not; then a new window begins, as in this one two loads are mixed. */
static void glance(struct limef_graph_inside *graph, int64_t now_us, int64_t window_us)
{
    if (now_us < graph->window_due_us) {
        if (!graph_has_other_load(graph, now_us))
            return;
        graph_measure(graph, now_us);
        graph_watch_closely(graph);
    } else {
        look(graph, now_us);
        stretch(graph, window_us);
    }
    graph->window_due_us =
        graph->stretch > 1 ? now_us + graph->stretch * window_us - window_us / 2 : 0;
}

static int64_t watch(struct limef_graph_inside *graph, int64_t now_us)
{
    int64_t window_us = graph->settings.window_us ? graph->settings.window_us : WINDOW_US;
    bool is_due;

    if (graph->window_began_us) /* not while all the others start */
        limef_machine_handover_us();
    /* who holds it changes the graph, or stops this thread */
    if (pthread_mutex_trylock(&graph->lock))
        return now_us + window_us / 8 + 1;
    if (graph->running && !atomic_load_explicit(&graph->stopping, memory_order_relaxed))
        glance(graph, now_us, window_us);
    is_due = graph->running && graph_cache_is_due(graph, now_us, window_us);
    pthread_mutex_unlock(&graph->lock);
    if (is_due)
        graph_cache_write(graph);
    return now_us + window_us;
}

static int64_t supervise(void *context, int64_t now_us)
{
    struct limef_graph_inside *graph = context;

    if (now_us >= graph->watch_due_us)
        graph->watch_due_us = watch(graph, now_us);
    if (now_us >= graph->stuck_due_us)
        graph->stuck_due_us = graph_look_for_stuck(graph, now_us);
    return graph->watch_due_us < graph->stuck_due_us ? graph->watch_due_us : graph->stuck_due_us;
}

int graph_watch_start(struct limef_graph_inside *graph)
{
    bool is_planned =
        graph->settings.mode == LIMEF_PLAN_AUTO && graph->settings.window_us != LIMEF_FOREVER;

    graph->stuck_after_us = graph->settings.stuck_us ? graph->settings.stuck_us : STUCK_US;
    graph->late_after_us = graph->settings.latency_us > 0 ? graph->settings.latency_us : LATE_US;
    graph->watch_due_us = is_planned ? 0 : LIMEF_FOREVER;
    graph->stuck_due_us = graph->stuck_after_us == LIMEF_FOREVER ? LIMEF_FOREVER : 0;
    if (!is_planned && graph->stuck_after_us == LIMEF_FOREVER)
        return 0;
    graph->window_began_us = 0;
    graph->n_cpus = 0;
    graph_watch_closely(graph);
    if (!graph->supervisor.thread.ops)
        worker_init(&graph->supervisor,
                    /* it has little to do, and must come to it where others take every core */
                    &(struct limef_thread_settings){.name = graph->settings.name,
                                                    .priority = LIMEF_PRIORITY_DISPLAY});
    limef_thread_set_task(&graph->supervisor.thread, supervise, graph);
    return limef_thread_start(&graph->supervisor.thread);
}
