/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"

#include "thread/command.h"
#include "thread/interrupt.h"
#include "thread/reading.h"

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/error.h>

/* How long threads may take to come to what a call without a timeout of its own asks of them. */
#define PATIENCE_US 2000000
/* Of a start: a thread of the application's may still open its display, which takes ten seconds and
 * more where much else runs; and for each connection, as hundreds of them lead to the same few
 * threads. */
#define PATIENCE_START_US 30000000
#define PATIENCE_EACH_US 20000

int limef_graph_init(struct limef_graph *graph, void *memory, size_t bytes,
                     const struct limef_graph_settings *settings)
{
    struct arena arena;
    struct limef_graph_inside *inside;

    arena_init(&arena, memory, bytes);
    inside = arena_get(&arena, sizeof(*inside));
    if (!inside)
        return limef_fail(AVERROR(ENOMEM), settings && settings->name ? settings->name : "graph",
                          "%zu bytes are too few for a graph", bytes);
    if (settings)
        inside->settings = *settings;
    if (!inside->settings.name)
        inside->settings.name = "graph";
    inside->arena = arena;
    inside->nodes_end = &inside->nodes;
    inside->edges_end = &inside->edges;
    pthread_mutex_init(&inside->lock, NULL);
    pthread_mutex_init(&inside->registry, NULL);
    pthread_mutex_init(&inside->said_lock, NULL);
    graph->inside = inside;
    return 0;
}

void limef_graph_clear(struct limef_graph *graph)
{
    struct limef_graph_inside *inside = graph->inside;

    if (!inside)
        return;
    for (struct graph_edge *edge = inside->edges; edge; edge = edge->next) {
        if (!graph_is_cut(edge))
            continue;
        if (graph_output(edge->from->filter, edge->output) == &edge->input.filter)
            graph_reroute(edge->from->filter, edge->output, edge->to->filter);
        graph_clear_boundary(inside, edge);
    }
    for (struct graph_thread *thread = inside->threads; thread; thread = thread->next)
        if (!thread->consumer)
            worker_clear(&thread->worker);
    if (inside->supervisor.thread.ops)
        worker_clear(&inside->supervisor);
    for (struct graph_node *node = inside->nodes; node; node = node->next)
        if (LIMEF_COUNTED(node->filter->probe) == &node->probe)
            limef_probe_detach(node->filter);
    pthread_mutex_destroy(&inside->said_lock);
    pthread_mutex_destroy(&inside->registry);
    pthread_mutex_destroy(&inside->lock);
    graph->inside = NULL;
}

/* Windows that judge what was planned without costs as if nothing ran: two of three must agree. */
#define FIRST_WINDOWS 3

/* From now on, for all connections. */
static int64_t start_deadline_us(const struct limef_graph_inside *inside)
{
    int64_t patience_us = PATIENCE_START_US;

    for (const struct graph_edge *edge = inside->edges; edge; edge = edge->next)
        patience_us += PATIENCE_EACH_US;
    return limef_deadline_us(patience_us);
}

/* Plans what is new, and places it. The graph is as before if that fails. deadline_us 0: that of a
 * start; how long planning takes is not the threads' fault. */
static int plan_and_attach(struct limef_graph_inside *inside, int64_t deadline_us)
{
    struct graph_plan *before = inside->plan, *plan;
    int ret = graph_make_plan(inside, &plan);

    if (ret < 0)
        return ret;
    inside->plan = plan;
    graph_note_links(inside, &plan->plan);
    ret = graph_attach(inside, deadline_us ? deadline_us : start_deadline_us(inside));
    inside->plan = before;
    if (ret < 0) {
        arena_put(&inside->arena, plan);
        return ret;
    }
    if (!graph_plan_is_measured(plan))
        inside->n_first = FIRST_WINDOWS;
    else if (!inside->running)
        inside->n_first = 0;
    graph_adopt_plan(inside, plan);
    return 0;
}

int graph_take_up(struct limef_graph_inside *inside, int ret, int64_t deadline_us)
{
    if (ret >= 0)
        ret = graph_order(inside);
    if (ret >= 0 && inside->running)
        ret = plan_and_attach(inside, deadline_us);
    if (ret < 0) {
        graph_walk_undo(inside);
        graph_mark_leaving(inside); /* what could not be undone */
        return ret;
    }
    /* a filter that has no place yet is new until the graph is started */
    graph_walk_keep(inside);
    graph_watch_closely(inside);
    if (inside->running)
        graph_tell_depths(inside);
    return 0;
}

/* A filter of the graph, or NULL. One that leaves is waited for. */
static int find_staying(struct limef_graph_inside *inside, const struct limef_filter *filter,
                        int64_t deadline_us, struct graph_node **node)
{
    int ret;

    *node = graph_find(inside, filter);
    if (!*node || !(*node)->leaves)
        return 0;
    ret = graph_detach(inside, *node, NULL, deadline_us);
    *node = graph_find(inside, filter);
    return *node ? (ret < 0 ? ret : AVERROR(EBUSY)) : 0;
}

/* A source that could not be added. */
static void take_back(struct limef_graph_inside *inside, const struct limef_filter *filter,
                      bool was_root)
{
    struct graph_node *node = graph_find(inside, filter);

    if (!node)
        return;
    node->is_root = was_root;
    graph_mark_leaving(inside);
    if (node->leaves)
        graph_detach(inside, node, NULL, limef_deadline_us(GRAPH_GRACE_US));
    else
        node->source.source = NULL;
}

static int add_source(struct limef_graph_inside *inside, struct limef_source *source)
{
    int64_t deadline_us = limef_deadline_us(PATIENCE_US);
    struct graph_node *node;
    bool was_root;
    int ret;

    if (!(source->filter.ops->flags & LIMEF_FILTER_SOURCE))
        return limef_fail(AVERROR(EINVAL), inside->settings.name,
                          "'%s' (%s) is no source: its type lacks LIMEF_FILTER_SOURCE",
                          source->filter.name, source->filter.ops->kind);
    ret = find_staying(inside, &source->filter, deadline_us, &node);
    if (ret < 0)
        return ret;
    if (node && node->source.source)
        return limef_fail(AVERROR(EEXIST), inside->settings.name, "'%s' is part of it already",
                          source->filter.name);
    was_root = node && node->is_root;
    ret = graph_walk_filter(inside, &source->filter, &node);
    if (ret >= 0) {
        node->source.source = source;
        node->is_root = true;
    }
    ret = graph_take_up(inside, ret, deadline_us);
    if (ret >= 0 && inside->running)
        ret = graph_sources_on(inside, deadline_us);
    if (ret < 0)
        take_back(inside, &source->filter, was_root);
    return ret;
}

int limef_graph_add(struct limef_graph *graph, struct limef_source *source)
{
    int ret;

    pthread_mutex_lock(&graph->inside->lock);
    ret = add_source(graph->inside, source);
    pthread_mutex_unlock(&graph->inside->lock);
    return ret;
}

static int remove_source(struct limef_graph_inside *inside, struct limef_source *source,
                         int64_t timeout_us)
{
    struct graph_node *node = graph_find(inside, &source->filter);
    int64_t deadline_us = limef_deadline_us(timeout_us);
    int ret;

    if (!node || !node->source.source)
        return limef_fail(AVERROR(ENOENT), inside->settings.name, "'%s' is not part of it",
                          source->filter.name);
    ret = graph_source_off(node, timeout_us);
    if (ret < 0)
        return limef_fail(ret, inside->settings.name, "the thread of '%s' does not come back",
                          source->filter.name);
    graph_cache_keep_chain(inside, node);
    node->is_root = false;
    graph_mark_leaving(inside);
    return graph_detach(inside, node, NULL, deadline_us);
}

int limef_graph_remove(struct limef_graph *graph, struct limef_source *source, int64_t timeout_us)
{
    int ret;

    pthread_mutex_lock(&graph->inside->lock);
    ret = remove_source(graph->inside, source, timeout_us);
    pthread_mutex_unlock(&graph->inside->lock);
    return ret;
}

/* A connection that was to be taken out before, and could not be. */
static struct graph_edge *leaving_at(const struct limef_graph_inside *inside,
                                     const struct graph_node *from, unsigned output)
{
    struct graph_edge *edge = inside->edges;

    while (edge && !(edge->leaves && edge->from == from && edge->output == output))
        edge = edge->next;
    return edge;
}

static int connect_output(struct limef_graph_inside *inside, struct graph_node *from,
                          unsigned output, struct limef_filter *to, int64_t deadline_us)
{
    struct graph_edge *before = graph_edge_at(inside, from, output), *leaving;
    struct graph_node *node = NULL;
    int ret = to ? find_staying(inside, to, deadline_us, &node) : 0;

    if (ret < 0)
        return ret;

    if (before && to == before->to->filter) {
        if (!inside->running && !graph_is_cut(before))
            graph_reroute(from->filter, output, to); /* the application may have changed it */
        leaving = leaving_at(inside, from, output);
        return leaving ? graph_detach(inside, NULL, leaving, deadline_us) : 0;
    }
    if (before)
        before->leaves = true;
    if (to)
        ret = graph_take_up(inside, graph_walk_edge(inside, from, output, to), deadline_us);
    if (ret < 0) {
        if (before)
            before->leaves = false;
        return ret;
    }
    /* while it runs that was done, or will be, on the filter's own thread */
    if (!inside->running || !from->thread)
        graph_reroute(from->filter, output, to);
    graph_mark_leaving(inside);
    leaving = before ? before : leaving_at(inside, from, output);
    return leaving ? graph_detach(inside, NULL, leaving, deadline_us) : 0;
}

int limef_graph_connect(struct limef_graph *graph, struct limef_filter *from, unsigned output,
                        struct limef_filter *to, int64_t timeout_us)
{
    struct limef_graph_inside *inside = graph->inside;
    int64_t deadline_us = limef_deadline_us(timeout_us);
    struct graph_node *node;
    int ret;

    pthread_mutex_lock(&inside->lock);
    ret = find_staying(inside, from, deadline_us, &node);
    if (ret >= 0 && !node)
        ret = limef_fail(AVERROR(ENOENT), inside->settings.name, "'%s' is not part of it",
                         from->name);
    else if (ret >= 0 && output >= (from->ops->n_outputs ? from->ops->n_outputs : 1))
        ret = limef_fail(AVERROR(EINVAL), inside->settings.name, "'%s' has no output %u",
                         from->name, output);
    else if (ret >= 0)
        ret = connect_output(inside, node, output, to, deadline_us);
    if (ret >= 0 && inside->running)
        ret = graph_sources_on(inside, deadline_us); /* a display that came with it */
    pthread_mutex_unlock(&inside->lock);
    return ret;
}

static int stop_workers(struct limef_graph_inside *inside, int64_t deadline_us)
{
    int first_error = limef_thread_stop(&inside->supervisor.thread, graph_left_us(deadline_us));

    for (struct graph_thread *thread = inside->threads; thread; thread = thread->next)
        if (!thread->consumer)
            thread_will_stop(thread->thread);
    for (struct graph_thread *thread = inside->threads; thread; thread = thread->next)
        if (!thread->consumer)
            limef_thread_ask_stop(thread->thread);
    for (struct graph_thread *thread = inside->threads; thread; thread = thread->next) {
        int ret =
            thread->consumer ? 0 : limef_thread_stop(thread->thread, graph_left_us(deadline_us));

        if (ret < 0 && !first_error)
            first_error = ret;
    }
    if (first_error)
        return first_error;
    if (inside->running)
        graph_cache_keep(inside);
    inside->running = false;
    for (struct graph_node *node = inside->nodes; node; node = node->next)
        graph_source_off(node, 0);
    return 0;
}

static int start_workers(struct limef_graph_inside *inside)
{
    int ret = 0;

    /* all of them before the first one runs, so that nobody meets a closed door */
    for (struct graph_thread *thread = inside->threads; thread; thread = thread->next)
        if (!thread->consumer)
            reading_open(thread->fifo);
    inside->running = true;
    for (struct graph_thread *thread = inside->threads; thread && ret >= 0; thread = thread->next)
        if (!thread->consumer && thread->in_use)
            ret = limef_thread_start(thread->thread);
    if (ret >= 0)
        ret = graph_watch_start(inside);
    if (ret >= 0)
        graph_tell_depths(inside);
    if (ret >= 0)
        ret = graph_sources_on(inside, start_deadline_us(inside));
    if (ret < 0)
        stop_workers(inside, limef_deadline_us(PATIENCE_US));
    return ret;
}

int graph_refresh(struct limef_graph_inside *inside)
{
    int ret = graph_walk_again(inside);

    if (ret < 0) {
        graph_walk_undo(inside);
        return ret;
    }
    graph_walk_keep(inside);
    graph_mark_leaving(inside);
    ret = graph_detach(inside, NULL, NULL, limef_deadline_us(PATIENCE_US));
    return ret < 0 ? ret : graph_order(inside);
}

static int start(struct limef_graph_inside *inside)
{
    int ret;

    if (inside->running)
        return limef_fail(AVERROR(EBUSY), inside->settings.name, "the graph is started already");
    graph_cache_open(inside);
    ret = graph_refresh(inside);
    if (ret >= 0 && inside->nodes)
        ret = plan_and_attach(inside, 0);
    return ret < 0 ? ret : start_workers(inside);
}

int limef_graph_start(struct limef_graph *graph)
{
    int ret;

    pthread_mutex_lock(&graph->inside->lock);
    ret = start(graph->inside);
    pthread_mutex_unlock(&graph->inside->lock);
    return ret;
}

/* The lock, at the latest at the deadline: who holds it may wait for a thread that is stuck. */
static int lock_until(struct limef_graph_inside *inside, int64_t deadline_us)
{
    /* who holds it may wait for this very thread */
    if (limef_thread_current())
        return pthread_mutex_trylock(&inside->lock) ? AVERROR(EDEADLK) : 0;
    return graph_lock_until(&inside->lock, deadline_us);
}

int limef_graph_stop(struct limef_graph *graph, int64_t timeout_us)
{
    int64_t deadline_us = limef_deadline_us(timeout_us);
    struct limef_graph_inside *inside = graph->inside;
    int ret;

    if (!inside)
        return 0;
    atomic_store_explicit(&inside->stopping, 1, memory_order_relaxed);
    ret = lock_until(inside, deadline_us);
    if (ret < 0) {
        /* it goes on running, and is looked after again */
        atomic_store_explicit(&inside->stopping, 0, memory_order_relaxed);
        return limef_fail(ret, inside->settings.name, "something else is done to the graph");
    }
    ret = stop_workers(inside, deadline_us);
    atomic_store_explicit(&inside->stopping, 0, memory_order_relaxed);
    pthread_mutex_unlock(&inside->lock);
    return ret;
}

static struct limef_thread *thread_of(const struct limef_graph_inside *inside,
                                      const struct limef_filter *filter, int *ret)
{
    struct graph_node *node = graph_find(inside, filter);

    if (node && node->leaves)
        node = NULL; /* what is sent now would come after it is forgotten */
    *ret = node ? AVERROR_EXIT : AVERROR(ENOENT);
    return node && node->thread ? node->thread->thread : NULL;
}

int limef_graph_call(struct limef_graph *graph, struct limef_filter *filter, limef_call_fn *call,
                     void *context, int64_t timeout_us)
{
    int64_t deadline_us = limef_deadline_us(timeout_us);

    for (;;) {
        struct limef_thread_reply reply;
        struct limef_thread *thread;
        bool is_here;
        int ret;

        /* a filter that changes its thread takes with it what was posted before */
        pthread_mutex_lock(&graph->inside->registry);
        thread = thread_of(graph->inside, filter, &ret);
        is_here = thread && thread == limef_thread_current();
        if (thread && !is_here)
            ret = command_post_call(thread, filter, call, context, &reply);
        pthread_mutex_unlock(&graph->inside->registry);
        if (is_here || ret == AVERROR_EXIT)
            return call(context);
        if (ret < 0 || command_wait(thread, &reply, deadline_us, &ret))
            return ret;
    }
}

int limef_graph_send(struct limef_graph *graph, struct limef_filter *filter,
                     const struct limef_signal_frame *signal_frame)
{
    struct limef_thread *thread;
    int ret;

    pthread_mutex_lock(&graph->inside->registry);
    thread = thread_of(graph->inside, filter, &ret);
    if (thread)
        ret = command_send_to(thread, filter, signal_frame);
    pthread_mutex_unlock(&graph->inside->registry);
    return ret;
}
