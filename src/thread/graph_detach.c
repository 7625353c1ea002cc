/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"

#include "fifo/lane_private.h"
#include "thread/reading.h"

#include <limef/base/log.h>

#include <libavutil/error.h>

struct drain {
    struct limef_graph_inside *graph;
    struct graph_edge *edge;
    int64_t deadline_us;
};

/* What leaves together, while it is taken out. */
struct detach {
    struct limef_graph_inside *graph;
    uint32_t group;
    int64_t deadline_us;
    const char *who; /* was waited for last */
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

    graph_drive_no_more(node, &node->thread->worker);
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
    bool accepts = drain->graph->running && limef_thread_running(drain->edge->to->thread->thread);

    if (LIMEF_COUNTED(lane->held))
        limef_fifo_unhold(fifo);
    while (lane_has_frames(lane)) {
        if (accepts && limef_now_us() >= drain->deadline_us)
            return AVERROR(ETIMEDOUT);
        if (!lane_take(lane, &frame, 1))
            break;
        accepts = accepts && reading_give(lane->chain, &frame->any.frame) != AVERROR(EAGAIN);
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

static bool edge_goes(const struct detach *detach, const struct graph_edge *edge)
{
    return edge->leaves && edge->group == detach->group;
}

static bool node_goes(const struct detach *detach, const struct graph_node *node)
{
    return node->leaves && node->group == detach->group;
}

static int call(struct detach *detach, const struct graph_node *node, limef_call_fn *act,
                void *context)
{
    detach->who = node->filter->name;
    return limef_thread_call(node->thread->thread, act, context,
                             graph_left_us(detach->deadline_us));
}

/* A thread of the application goes on with its own filters when they have left. */
static bool goes_on(const struct graph_edge *edge)
{
    return edge->from->thread &&
           (!edge->from->leaves ||
            (edge->from->consumer && edge->from->consumer != edge->to->consumer));
}

/* Who goes on no longer passes anything to what leaves. */
static int unroute_all(struct detach *detach)
{
    int ret = 0;

    for (struct graph_edge *edge = detach->graph->edges; edge && ret >= 0; edge = edge->next)
        if (edge_goes(detach, edge) && goes_on(edge))
            ret = call(detach, edge->from, unroute, edge);
    return ret;
}

static int sources_off(struct detach *detach)
{
    int ret = 0;

    for (struct graph_node *node = detach->graph->nodes; node && ret >= 0; node = node->next)
        if (node_goes(detach, node)) {
            detach->who = node->filter->name;
            ret = graph_source_off(node, graph_left_us(detach->deadline_us));
        }
    return ret;
}

static int drain_level(struct detach *detach, uint32_t level)
{
    int ret = 0;

    for (struct graph_edge *edge = detach->graph->edges; edge && ret >= 0; edge = edge->next) {
        struct drain context = {detach->graph, edge, detach->deadline_us};

        if (edge_goes(detach, edge) && edge->from->level == level && edge->input.lane.fifo)
            ret = call(detach, edge->to, drain, &context);
    }
    return ret;
}

/* Upstream first: what is drained passes on to the next boundary. */
static int drain_all(struct detach *detach)
{
    uint32_t max_level = 0;
    int ret = 0;

    for (struct graph_edge *edge = detach->graph->edges; edge; edge = edge->next)
        if (edge_goes(detach, edge) && max_level < edge->from->level)
            max_level = edge->from->level;
    for (uint32_t level = 0; level <= max_level && ret >= 0; level++)
        ret = drain_level(detach, level);
    return ret;
}

static int nothing(void *context)
{
    (void)context;
    return 0;
}

/* What was sent to a filter before it left has come to it. */
static int flush(struct detach *detach)
{
    int ret = 0;

    for (struct graph_node *node = detach->graph->nodes; node && ret >= 0; node = node->next)
        if (node_goes(detach, node) && node->thread)
            ret = call(detach, node, nothing, NULL);
    return ret;
}

static void forget(const struct detach *detach)
{
    struct limef_graph_inside *graph = detach->graph;

    for (struct graph_edge *edge = graph->edges, *next; edge; edge = next) {
        next = edge->next;
        if (!edge_goes(detach, edge))
            continue;
        if (edge->from->leaves &&
            graph_output(edge->from->filter, edge->output) == &edge->input.filter)
            graph_reroute(edge->from->filter, edge->output, edge->to->filter);
        graph_clear_boundary(graph, edge);
        graph_drop_edge(graph, edge);
    }
    for (struct graph_node *node = graph->nodes, *next; node; node = next) {
        next = node->next;
        if (node_goes(detach, node))
            graph_drop_node(graph, node);
    }
}

static int detach_group(struct detach *detach)
{
    int ret = unroute_all(detach);

    if (ret >= 0)
        ret = sources_off(detach);
    if (ret >= 0)
        ret = drain_all(detach);
    if (ret >= 0)
        ret = flush(detach);
    if (ret >= 0)
        forget(detach);
    return ret;
}

static uint32_t lower(uint32_t *a, uint32_t b)
{
    return *a = b < *a ? b : *a;
}

/* What leaves together is one group. Returns one more than their numbers. */
static uint32_t group(struct limef_graph_inside *graph)
{
    uint32_t n = 0;
    bool found = true;

    for (struct graph_node *node = graph->nodes; node; node = node->next)
        node->group = n++;
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        edge->group = n++;
    while (found) {
        found = false;
        for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
            struct graph_node *ends[] = {edge->from, edge->to};

            for (int i = 0; i < 2 && edge->leaves; i++)
                if (ends[i]->leaves && ends[i]->group != edge->group) {
                    lower(&edge->group, ends[i]->group);
                    lower(&ends[i]->group, edge->group);
                    found = true;
                }
        }
    }
    return n;
}

static bool has_group(const struct detach *detach)
{
    for (struct graph_node *node = detach->graph->nodes; node; node = node->next)
        if (node_goes(detach, node))
            return true;
    for (struct graph_edge *edge = detach->graph->edges; edge; edge = edge->next)
        if (edge_goes(detach, edge))
            return true;
    return false;
}

static int say(const struct detach *detach, int ret)
{
    return ret < 0 ? limef_fail(ret, detach->graph->settings.name,
                                "the thread of '%s' does not come back", detach->who)
                   : ret;
}

/* Each group by itself: a chain that is stuck keeps no other one. */
int graph_detach(struct limef_graph_inside *graph, const struct graph_node *node,
                 const struct graph_edge *edge, int64_t deadline_us)
{
    struct detach detach = {.graph = graph, .deadline_us = deadline_us};
    uint32_t n_groups = group(graph), asked = node ? node->group : edge ? edge->group : 0;
    bool is_one = node || edge;
    int ret = 0, idle;

    if (is_one) {
        detach.group = asked;
        ret = say(&detach, detach_group(&detach));
        /* what could not be taken out before, if it is free now */
        detach.deadline_us = limef_deadline_us(GRAPH_GRACE_US);
        if (detach.deadline_us > deadline_us)
            detach.deadline_us = deadline_us;
    }
    for (uint32_t i = 0; i < n_groups; i++) {
        int one;

        if (is_one && i == asked)
            continue;
        detach.group = i;
        one = has_group(&detach) ? detach_group(&detach) : 0;
        if (!is_one && say(&detach, one) < 0 && !ret)
            ret = one;
    }
    idle = graph_stop_idle(graph, deadline_us);
    if (idle < 0)
        limef_fail(idle, graph->settings.name, "a thread without work does not come back");
    graph_watch_closely(graph);
    return ret < 0 ? ret : idle;
}
