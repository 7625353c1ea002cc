/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"

#include "fifo/lane_private.h"

#include <limef/base/log.h>

#include <libavutil/error.h>

struct drain {
    struct limef_graph_inside *graph;
    struct graph_edge *edge;
};

void graph_mark_leaving(struct limef_graph_inside *graph)
{
    bool found = true;

    for (struct graph_node *node = graph->nodes; node; node = node->next)
        node->is_reached = node->is_root;
    while (found) {
        found = false;
        for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
            if (!edge->leaves && edge->from->is_reached && !edge->to->is_reached) {
                edge->to->is_reached = true;
                found = true;
            }
    }
    pthread_mutex_lock(&graph->registry);
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        node->leaves = !node->is_reached;
    pthread_mutex_unlock(&graph->registry);
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        edge->leaves |= edge->from->leaves;
}

static int remove_source(void *context)
{
    struct graph_node *node = context;

    worker_remove_source(&node->thread->worker, &node->source);
    return 0;
}

int graph_source_off(struct graph_node *node, int64_t timeout_us)
{
    int ret;

    if (!node->source_is_on)
        return 0;
    ret = limef_thread_call(node->thread->thread, remove_source, node, timeout_us);
    node->source_is_on = ret < 0;
    return ret;
}

/* Nobody writes any more: what waits is given to its filter, then the lane is no longer read. */
static int drain(void *context)
{
    struct drain *drain = context;
    struct limef_lane *lane = &drain->edge->input.lane;
    struct limef_fifo *fifo = drain->edge->to->thread->fifo;
    struct limef_stack_frame *frame;
    bool accepts = drain->graph->running;

    if (lane->held)
        limef_fifo_unhold(fifo);
    while (lane_take(lane, &frame, 1)) {
        accepts = accepts && limef_go(lane->chain, &frame->any.frame) != AVERROR(EAGAIN);
        LIMEF_COUNT(drain->graph->n_lost_at_removal, !accepts);
        lane_recycle(lane, &frame, 1);
    }
    limef_fifo_remove_lane(fifo, lane);
    return 0;
}

static int unroute(void *context)
{
    struct graph_edge *edge = context;

    if (graph_output(edge->from->filter, edge->output) ==
        (graph_is_cut(edge) ? &edge->input.filter : edge->to->filter))
        graph_reroute(edge->from->filter, edge->output, NULL);
    return 0;
}

/* What stays no longer passes anything to what leaves. */
static int unroute_all(struct limef_graph_inside *graph, int64_t deadline_us)
{
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
        int ret;

        if (!edge->leaves || edge->from->leaves || !edge->from->thread)
            continue;
        ret = limef_thread_call(edge->from->thread->thread, unroute, edge,
                                graph_left_us(deadline_us));
        if (ret < 0)
            return limef_fail(ret, graph->settings.name, "the thread of '%s' does not get to it",
                              edge->from->filter->name);
    }
    return 0;
}

static int drain_level(struct limef_graph_inside *graph, uint32_t level, int64_t deadline_us)
{
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
        struct drain context = {graph, edge};
        int ret;

        if (!edge->leaves || edge->from->level != level || !edge->input.lane.fifo)
            continue;
        ret = limef_thread_call(edge->to->thread->thread, drain, &context,
                                graph_left_us(deadline_us));
        if (ret < 0)
            return limef_fail(ret, graph->settings.name, "the thread of '%s' does not come back",
                              edge->to->filter->name);
    }
    return 0;
}

static int nothing(void *context)
{
    (void)context;
    return 0;
}

/* What was sent to a filter before it left has come to it. */
static int flush(struct limef_graph_inside *graph, int64_t deadline_us)
{
    for (struct graph_node *node = graph->nodes; node; node = node->next) {
        int ret;

        if (!node->leaves || !node->thread)
            continue;
        ret = limef_thread_call(node->thread->thread, nothing, NULL, graph_left_us(deadline_us));
        if (ret < 0)
            return limef_fail(ret, graph->settings.name, "the thread of '%s' does not come back",
                              node->filter->name);
    }
    return 0;
}

static void forget(struct limef_graph_inside *graph)
{
    for (struct graph_edge *edge = graph->edges, *next; edge; edge = next) {
        next = edge->next;
        if (!edge->leaves)
            continue;
        if (edge->from->leaves &&
            graph_output(edge->from->filter, edge->output) == &edge->input.filter)
            graph_reroute(edge->from->filter, edge->output, edge->to->filter);
        graph_clear_boundary(graph, edge);
        graph_drop_edge(graph, edge);
    }
    for (struct graph_node *node = graph->nodes, *next; node; node = next) {
        next = node->next;
        if (node->leaves)
            graph_drop_node(graph, node);
    }
}

int graph_detach(struct limef_graph_inside *graph, int64_t deadline_us)
{
    uint32_t max_level = 0;
    int ret = unroute_all(graph, deadline_us);

    for (struct graph_node *node = graph->nodes; node && ret >= 0; node = node->next) {
        if (node->leaves)
            ret = graph_source_off(node, graph_left_us(deadline_us));
        if (ret < 0)
            return limef_fail(ret, graph->settings.name, "the thread of '%s' does not come back",
                              node->filter->name);
        if (max_level < node->level)
            max_level = node->level;
    }
    /* upstream first: what is drained passes on to the next boundary */
    for (uint32_t level = 0; level <= max_level && ret >= 0; level++)
        ret = drain_level(graph, level, deadline_us);
    if (ret >= 0)
        ret = flush(graph, deadline_us);
    if (ret < 0)
        return ret;
    forget(graph);
    return graph_stop_idle(graph, deadline_us);
}
