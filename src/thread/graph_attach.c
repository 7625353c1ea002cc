/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"

#include "filter/input_private.h"

#include <limef/base/log.h>

#include <libavutil/error.h>

/* Signals, and the frame that the reader holds, have room beside the media. */
#define FRAMES_BESIDE_DEPTH 2
#define FRAMES_MIN 8
/* A live thread has other streams to serve than that of a consumer that takes no signal. */
#define LIVE_WAIT_US 100000
/* More than a plan wants before anything is measured is for a fifo if that leaves a quarter of the
 * graph's memory to filters that come. */
#define FRAMES_MODEST 64
#define SHARE_LEFT 4

struct one_edge {
    struct graph_edge *edge;
    struct graph_thread *thread; /* whose fifo */
    struct limef_filter *to;
};

unsigned graph_depth_of(const struct limef_plan_link *link)
{
    unsigned most = LIMEF_LANE_MAX_FRAMES - FRAMES_BESIDE_DEPTH;

    return link->depth < most ? link->depth : most;
}

struct limef_lane_settings graph_bounds_of(const struct limef_plan_link *link)
{
    return (struct limef_lane_settings){
        .overflow = link->overflow,
        .depth = graph_depth_of(link),
        .max_bytes = link->max_bytes,
        .max_time_us = link->max_time_us,
        .block_us = link->overflow == LIMEF_OVERFLOW_BLOCK ? 0 : LIVE_WAIT_US,
    };
}

unsigned graph_frames_for(const struct limef_plan_link *link)
{
    unsigned n_frames = FRAMES_MIN;

    while (n_frames < graph_depth_of(link) + FRAMES_BESIDE_DEPTH)
        n_frames *= 2;
    return n_frames;
}

struct limef_stack_frame *graph_get_frames(struct limef_graph_inside *graph, unsigned n_frames)
{
    struct arena *arena = &graph->arena;
    size_t bytes = n_frames * sizeof(struct limef_stack_frame);
    size_t free_bytes = arena->bytes - arena->used_bytes;

    if (n_frames > FRAMES_MODEST && free_bytes < arena->bytes / SHARE_LEFT + bytes)
        return NULL;
    return arena_get(arena, bytes);
}

/* As many as are wanted, or as there is memory for. */
static unsigned get_frames(struct limef_graph_inside *graph, struct graph_edge *edge,
                           unsigned n_wanted)
{
    unsigned n = n_wanted;

    do {
        edge->frames = graph_get_frames(graph, n);
    } while (!edge->frames && (n /= 2) >= FRAMES_MIN);
    if (edge->frames && n < n_wanted && !graph->said_shallow) {
        graph->said_shallow = true;
        limef_log(
            LIMEF_LOG_WARNING, graph->settings.name,
            "before '%s' there is room for %u stack frames instead of %u: the memory given to "
            "the graph is nearly used up (%zu bytes)",
            edge->to->filter->name, n, n_wanted, graph->arena.used_bytes);
    }
    return n;
}

int graph_prepare_boundary(struct limef_graph_inside *graph, struct graph_edge *edge,
                           const struct limef_plan_link *link)
{
    struct limef_lane_settings settings = graph_bounds_of(link);
    unsigned n_frames = get_frames(graph, edge, graph_frames_for(link));
    int ret;

    if (!edge->frames)
        return limef_fail(AVERROR(ENOMEM), graph->settings.name,
                          "no room for %u stack frames before '%s': the memory given to the graph "
                          "is used up (%zu bytes)",
                          FRAMES_MIN, edge->to->filter->name, graph->arena.used_bytes);
    ret = input_filter_prepare(&edge->input, edge->to->filter, edge->frames, n_frames, &settings);
    if (ret < 0) {
        graph_clear_boundary(graph, edge);
        return ret;
    }
    edge->n_written = edge->n_dropped = 0; /* of the one that was here before */
    pthread_mutex_lock(&graph->registry);
    edge->is_shown = true;
    pthread_mutex_unlock(&graph->registry);
    return 0;
}

void graph_clear_boundary(struct limef_graph_inside *graph, struct graph_edge *edge)
{
    pthread_mutex_lock(&graph->registry);
    graph_keep_counters(edge);
    edge->is_shown = false;
    pthread_mutex_unlock(&graph->registry);
    limef_filter_clear(&edge->input.filter);
    arena_put(&graph->arena, edge->frames);
    edge->frames = NULL;
    edge->narrowed_from = 0;
}

/* Which worker that runs already stands for one of the plan: that of most filters in common. */
static struct graph_thread *worker_for(const struct limef_graph_inside *graph, uint32_t number)
{
    const struct limef_plan *plan = &graph->plan->plan;
    struct graph_thread *best = NULL;
    unsigned n_best = 0;

    for (struct graph_thread *thread = graph->threads; thread; thread = thread->next) {
        unsigned n = 0;

        if (thread->consumer || !thread->in_use)
            continue;
        for (struct graph_node *node = graph->nodes; node; node = node->next)
            n += node->thread == thread &&
                 plan->islands[plan->island_of[node->number]].worker == number;
        if (n > n_best) {
            n_best = n;
            best = thread;
        }
    }
    return best;
}

/* Puts all filters of a plan's worker that have no place, or were put on `before`, on a thread. */
static void want(struct limef_graph_inside *graph, uint32_t number, struct graph_thread *before,
                 struct graph_thread *thread)
{
    const struct limef_plan *plan = &graph->plan->plan;

    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (!node->thread && node->wanted == before &&
            plan->islands[plan->island_of[node->number]].worker == number &&
            !graph_glued_to(graph, node)->thread)
            node->wanted = thread;
}

static bool has_new(const struct limef_graph_inside *graph, uint32_t number)
{
    const struct limef_plan *plan = &graph->plan->plan;

    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (!node->wanted && plan->islands[plan->island_of[node->number]].worker == number)
            return true;
    return false;
}

static int place_worker(struct limef_graph_inside *graph, uint32_t number)
{
    struct graph_thread *thread = worker_for(graph, number), *before;
    int ret = 0;

    if (thread) {
        want(graph, number, NULL, thread);
        if (!graph_has_circle(graph, thread))
            return 0;
    }
    before = thread;
    thread = graph_take_worker(graph, graph->plan->plan.workers[number].priority, &ret);
    if (!thread)
        return ret;
    want(graph, number, before, thread);
    if (graph_has_circle(graph, thread))
        return limef_fail(AVERROR(EDEADLK), graph->settings.name,
                          "threads would wait for each other in a circle");
    return 0;
}

static int place(struct limef_graph_inside *graph)
{
    for (struct graph_node *node = graph->nodes; node; node = node->next) {
        struct graph_node *glued = graph_glued_to(graph, node);

        node->wanted = node->thread;
        if (!node->thread && !node->is_probed)
            limef_probe_attach(&node->probe, node->filter);
        node->is_probed = true;
        if (!node->thread && glued->consumer)
            node->wanted = graph_thread_of(graph, glued->consumer);
        else if (!node->thread)
            node->wanted = glued->thread;
    }
    for (uint32_t i = 0; i < graph->plan->plan.n_workers; i++) {
        int ret = has_new(graph, i) ? place_worker(graph, i) : 0;

        if (ret < 0)
            return ret;
    }
    return 0;
}

static int fail_circle(const struct limef_graph_inside *graph, const struct limef_filter *from,
                       const struct limef_filter *to, const struct graph_thread *thread)
{
    return limef_fail(
        AVERROR(EDEADLK), graph->settings.name,
        "from '%s' to '%s': frames would come back to the thread '%s', and threads wait "
        "for each other in a circle",
        from->name, to->name, thread->thread->settings.name);
}

/* Filters whose threads are given may not be connected against the way that frames take between
 * these. */
static int check_circles(struct limef_graph_inside *graph)
{
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
        struct graph_thread *from = edge->from->wanted, *to = edge->to->wanted;
        bool is_given = (edge->is_new && edge->from->thread && edge->to->thread) ||
                        (from->consumer && to->consumer);

        if (is_given && from != to && graph_has_circle(graph, to))
            return fail_circle(graph, edge->from->filter, edge->to->filter, to);
    }
    return 0;
}

/* What is new, or was connected while the graph did not run. */
static void touch(struct limef_graph_inside *graph)
{
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        edge->is_touched = !edge->leaves && (edge->is_new || !edge->from->thread ||
                                             !edge->to->thread || !graph_is_cut(edge));
}

static int prepare_boundaries(struct limef_graph_inside *graph)
{
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
        struct limef_plan_link link;
        int ret;

        if (!edge->is_touched || graph_is_cut(edge) || edge->from->wanted == edge->to->wanted)
            continue;
        link = graph_link_of(edge);
        ret = graph_prepare_boundary(graph, edge, &link);
        if (ret < 0)
            return ret;
    }
    return 0;
}

static int add_lane(void *context)
{
    struct one_edge *one = context;

    limef_fifo_add_lane(one->thread->fifo, &one->edge->input.lane);
    return 0;
}

static int remove_lane(void *context)
{
    struct one_edge *one = context;

    limef_fifo_remove_lane(one->thread->fifo, &one->edge->input.lane);
    return 0;
}

static int reroute(void *context)
{
    struct one_edge *one = context;

    graph_reroute(one->edge->from->filter, one->edge->output, one->to);
    return 0;
}

/* The lanes of new boundaries go to their readers; first to those who may be too busy. */
static int add_lanes(struct limef_graph_inside *graph, int64_t deadline_us)
{
    for (int turn = 0; turn < 2; turn++)
        for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
            struct one_edge one = {.edge = edge, .thread = edge->to->wanted};
            int ret;

            if (!graph_is_cut(edge) || edge->input.lane.fifo || !edge->is_touched ||
                (edge->to->thread == NULL) != turn)
                continue;
            ret = limef_thread_call(one.thread->thread, add_lane, &one, graph_left_us(deadline_us));
            if (ret < 0)
                return limef_fail(ret, graph->settings.name,
                                  "the thread of '%s' does not get to it", edge->to->filter->name);
        }
    return 0;
}

/* The pointers: of new filters right here, of those that run already on their thread, last. */
static int route(struct limef_graph_inside *graph, int64_t deadline_us)
{
    for (int turn = 0; turn < 2; turn++)
        for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
            struct one_edge one = {
                .edge = edge, .to = graph_is_cut(edge) ? &edge->input.filter : edge->to->filter};
            int ret;

            if (!edge->is_touched || (edge->from->thread != NULL) != turn ||
                graph_output(edge->from->filter, edge->output) == one.to)
                continue;
            if (!turn) {
                reroute(&one);
                continue;
            }
            ret = limef_thread_call(edge->from->thread->thread, reroute, &one,
                                    graph_left_us(deadline_us));
            if (ret < 0)
                return limef_fail(ret, graph->settings.name,
                                  "the thread of '%s' does not get to it",
                                  edge->from->filter->name);
        }
    return 0;
}

/* A lane whose reader does not come back to give it up: the connection leaves later. */
static void keep(struct graph_edge *edge)
{
    struct graph_node *ends[] = {edge->from, edge->to};

    edge->leaves = true;
    edge->is_new = false;
    for (int i = 0; i < 2; i++) {
        if (!ends[i]->is_new)
            continue;
        ends[i]->is_new = false;
        ends[i]->is_root = false;
        ends[i]->thread = ends[i]->wanted;
    }
}

static int undo_edge(struct graph_edge *edge, int64_t deadline_us)
{
    struct one_edge one = {.edge = edge, .thread = edge->to->wanted, .to = edge->to->filter};
    int ret = 0;

    if (graph_output(edge->from->filter, edge->output) == &edge->input.filter) {
        if (!edge->from->thread)
            reroute(&one);
        else
            ret = limef_thread_call(edge->from->thread->thread, reroute, &one,
                                    graph_left_us(deadline_us));
    }
    if (ret >= 0 && edge->input.lane.fifo)
        ret = limef_thread_call(one.thread->thread, remove_lane, &one, graph_left_us(deadline_us));
    return ret;
}

static void undo(struct limef_graph_inside *graph)
{
    int64_t deadline_us = limef_deadline_us(GRAPH_GRACE_US);

    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
        if (!edge->is_touched || !graph_is_cut(edge))
            continue;
        edge->is_touched = undo_edge(edge, deadline_us) < 0;
        if (!edge->is_touched)
            graph_clear_boundary(graph, edge);
    }
    pthread_mutex_lock(&graph->registry);
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        if (edge->is_touched && graph_is_cut(edge))
            keep(edge);
    pthread_mutex_unlock(&graph->registry);
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        node->wanted = NULL;
    if (graph_stop_idle(graph, deadline_us) < 0)
        limef_log(LIMEF_LOG_INFO, graph->settings.name, "a thread without work is to end yet");
}

int graph_attach(struct limef_graph_inside *graph, int64_t deadline_us)
{
    int ret = place(graph);

    if (ret >= 0)
        ret = check_circles(graph);
    touch(graph);
    if (ret >= 0)
        ret = prepare_boundaries(graph);
    if (ret >= 0)
        ret = add_lanes(graph, deadline_us);
    if (ret >= 0)
        ret = route(graph, deadline_us);
    if (ret < 0) {
        undo(graph);
        return ret;
    }
    pthread_mutex_lock(&graph->registry);
    for (struct graph_node *node = graph->nodes; node; node = node->next) {
        node->thread = node->wanted;
        node->wanted = NULL;
    }
    pthread_mutex_unlock(&graph->registry);
    return 0;
}

static int add_source(void *context)
{
    struct graph_node *node = context;

    graph_drive(node, &node->thread->worker);
    return 0;
}

int graph_sources_on(struct limef_graph_inside *graph, int64_t deadline_us)
{
    for (struct graph_node *node = graph->nodes; node; node = node->next) {
        int ret;

        if (!graph_is_driven(node) || node->source_is_on || node->leaves)
            continue;
        ret = limef_thread_call(node->thread->thread, add_source, node, graph_left_us(deadline_us));
        if (ret < 0)
            return limef_fail(ret, graph->settings.name, "the thread of '%s' does not get to it",
                              node->filter->name);
        node->source_is_on = true;
    }
    return 0;
}
