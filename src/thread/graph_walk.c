/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"

#include <limef/base/log.h>

#include <libavutil/error.h>
#include <stdio.h>

#define ORDER_UNKNOWN UINT32_MAX

struct limef_filter *graph_output(const struct limef_filter *filter, uint32_t output)
{
    return filter->ops->n_outputs ? filter->ops->output(filter, output) : filter->next;
}

void graph_reroute(struct limef_filter *filter, uint32_t output, struct limef_filter *to)
{
    if (filter->ops->n_outputs)
        filter->ops->reroute(filter, output, to);
    else
        filter->next = to;
}

static uint32_t n_outputs(const struct limef_filter *filter)
{
    if (filter->ops->flags & LIMEF_FILTER_BOUNDARY)
        return 0; /* what follows is on a thread that the application placed */
    return filter->ops->n_outputs ? filter->ops->n_outputs : 1;
}

struct graph_node *graph_find(const struct limef_graph_inside *graph,
                              const struct limef_filter *filter)
{
    struct graph_node *node = graph->nodes;

    while (node && node->filter != filter)
        node = node->next;
    return node;
}

struct graph_edge *graph_edge_at(const struct limef_graph_inside *graph,
                                 const struct graph_node *from, uint32_t output)
{
    struct graph_edge *edge = graph->edges;

    while (edge && !(edge->from == from && edge->output == output && !edge->leaves))
        edge = edge->next;
    return edge;
}

static int no_memory(const struct limef_graph_inside *graph, const char *name)
{
    return limef_fail(AVERROR(ENOMEM), graph->settings.name,
                      "no room for '%s': the memory given to the graph is used up (%zu bytes)",
                      name, graph->arena.used_bytes);
}

static int add_node(struct limef_graph_inside *graph, struct limef_filter *filter,
                    struct graph_node **added)
{
    *added = arena_get(&graph->arena, sizeof(**added));
    if (!*added)
        return no_memory(graph, filter->name);
    (*added)->filter = filter;
    (*added)->measured.cost_us = (*added)->measured.p95_us = (*added)->measured.slow_us =
        (*added)->measured.rate_hz = LIMEF_NOT_MEASURED;
    (*added)->is_new = true;
    (*added)->id = ++graph->n_nodes_made;
    pthread_mutex_lock(&graph->registry);
    *graph->nodes_end = *added;
    pthread_mutex_unlock(&graph->registry);
    graph->nodes_end = &(*added)->next;
    return 0;
}

static int add_edge(struct limef_graph_inside *graph, struct graph_node *from, uint32_t output,
                    struct graph_node *to)
{
    struct graph_edge *edge = arena_get(&graph->arena, sizeof(*edge));

    if (!edge)
        return no_memory(graph, from->filter->name);
    edge->from = from;
    edge->to = to;
    edge->output = output;
    edge->measured.rate_hz = edge->measured.frame_bytes = LIMEF_NOT_MEASURED;
    edge->measured.burst_frames = edge->measured.jitter_us = LIMEF_NOT_MEASURED;
    edge->is_new = true;
    pthread_mutex_lock(&graph->registry);
    *graph->edges_end = edge;
    pthread_mutex_unlock(&graph->registry);
    graph->edges_end = &edge->next;
    return 0;
}

static int find_or_add(struct limef_graph_inside *graph, struct limef_filter *filter,
                       struct graph_node **node)
{
    *node = graph_find(graph, filter);
    return *node ? 0 : add_node(graph, filter, node);
}

/* Everything behind the nodes from this one of the list on, which grows meanwhile. */
static int walk_from(struct limef_graph_inside *graph, struct graph_node *node)
{
    for (; node; node = node->next) {
        for (uint32_t i = 0; i < n_outputs(node->filter); i++) {
            struct limef_filter *filter = graph_output(node->filter, i);
            struct graph_edge *edge = graph_edge_at(graph, node, i);
            struct graph_node *to;
            int ret;

            if (!filter || (edge && (edge->to->filter == filter || &edge->input.filter == filter)))
                continue;
            ret = find_or_add(graph, filter, &to);
            if (ret >= 0)
                ret = add_edge(graph, node, i, to);
            if (ret < 0)
                return ret;
        }
    }
    return 0;
}

int graph_walk_filter(struct limef_graph_inside *graph, struct limef_filter *filter,
                      struct graph_node **node)
{
    int ret = find_or_add(graph, filter, node);

    if (ret < 0 || !(*node)->is_new)
        return ret;
    return walk_from(graph, *node);
}

int graph_walk_edge(struct limef_graph_inside *graph, struct graph_node *from, uint32_t output,
                    struct limef_filter *filter)
{
    struct graph_node *to;
    int ret = graph_walk_filter(graph, filter, &to);

    return ret < 0 ? ret : add_edge(graph, from, output, to);
}

int graph_walk_again(struct limef_graph_inside *graph)
{
    for (struct graph_edge *edge = graph->edges, *next; edge; edge = next) {
        struct limef_filter *filter = graph_output(edge->from->filter, edge->output);

        next = edge->next;
        if (filter == edge->to->filter || filter == &edge->input.filter)
            continue;
        graph_clear_boundary(graph, edge);
        graph_drop_edge(graph, edge);
    }
    return walk_from(graph, graph->nodes);
}

void graph_pin(struct limef_graph_inside *graph, struct graph_node *first,
               struct limef_consumer *consumer)
{
    bool found = true;

    first->consumer = consumer;
    while (found) {
        found = false;
        for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
            if (edge->from->consumer == consumer && !edge->to->consumer) {
                edge->to->consumer = consumer;
                found = true;
            }
    }
}

/* Says who goes round; each of those that are left leads to another of them. */
static int fail_loop(const struct limef_graph_inside *graph, struct graph_node *node)
{
    char names[200];
    size_t used = 0;

    for (struct graph_node *walked = graph->nodes; walked; walked = walked->next)
        walked->is_reached = false;
    while (!node->is_reached) { /* backwards: what leads there is left too */
        node->is_reached = true;
        for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
            if (edge->to == node && edge->from->ordered == ORDER_UNKNOWN) {
                node = edge->from;
                break;
            }
    }
    for (bool again = false; !(again && !node->is_reached) && used < sizeof(names); again = true) {
        node->is_reached = false;
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? " <- " : "",
                                 node->filter->name);
        for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
            if (edge->to == node && edge->from->ordered == ORDER_UNKNOWN) {
                node = edge->from;
                break;
            }
    }
    return limef_fail(AVERROR(ELOOP), graph->settings.name, "filters go round in a circle: %s",
                      names);
}

int graph_order(struct limef_graph_inside *graph)
{
    bool found = true;

    /* as many rounds as the longest way has filters */
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        node->ordered = ORDER_UNKNOWN;
    while (found) {
        found = false;
        for (struct graph_node *node = graph->nodes; node; node = node->next)
            node->is_reached = node->ordered == ORDER_UNKNOWN;
        for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
            if (edge->from->ordered == ORDER_UNKNOWN)
                edge->to->is_reached = false;
        for (struct graph_node *node = graph->nodes; node; node = node->next)
            if (node->is_reached) {
                node->ordered = 0;
                found = true;
            }
        for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
            if (edge->to->is_reached && edge->to->ordered <= edge->from->ordered)
                edge->to->ordered = edge->from->ordered + 1;
    }
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (node->ordered == ORDER_UNKNOWN)
            return fail_loop(graph, node);
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        node->level = node->ordered;
    return 0;
}

void graph_drop_edge(struct limef_graph_inside *graph, struct graph_edge *edge)
{
    struct graph_edge **link = &graph->edges;

    graph_stop_watching(graph, edge);
    while (*link != edge)
        link = &(*link)->next;
    pthread_mutex_lock(&graph->registry);
    *link = edge->next;
    pthread_mutex_unlock(&graph->registry);
    if (graph->edges_end == &edge->next)
        graph->edges_end = link;
    arena_put(&graph->arena, edge);
}

void graph_drop_node(struct limef_graph_inside *graph, struct graph_node *node)
{
    struct graph_node **link = &graph->nodes;

    while (*link != node)
        link = &(*link)->next;
    pthread_mutex_lock(&graph->registry);
    *link = node->next;
    pthread_mutex_unlock(&graph->registry);
    if (graph->nodes_end == &node->next)
        graph->nodes_end = link;
    if (LIMEF_COUNTED(node->filter->probe) == &node->probe)
        limef_probe_detach(node->filter);
    arena_put(&graph->arena, node);
}

void graph_walk_undo(struct limef_graph_inside *graph)
{
    for (struct graph_edge *edge = graph->edges, *next; edge; edge = next) {
        next = edge->next;
        if (edge->is_new)
            graph_drop_edge(graph, edge);
    }
    for (struct graph_node *node = graph->nodes, *next; node; node = next) {
        next = node->next;
        if (node->is_new)
            graph_drop_node(graph, node);
    }
}

void graph_walk_keep(struct limef_graph_inside *graph)
{
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        edge->is_new = false;
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        node->is_new = false;
}
