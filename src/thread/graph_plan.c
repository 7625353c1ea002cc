/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"

#include <limef/base/log.h>
#include <limef/thread/machine.h>

#include <libavutil/error.h>

/* What a boundary gets that the plan did not foresee. */
#define DEPTH_UNPLANNED 6

static size_t in_lines(size_t bytes)
{
    return (bytes + LIMEF_CACHE_LINE_BYTES - 1) / LIMEF_CACHE_LINE_BYTES * LIMEF_CACHE_LINE_BYTES;
}

static uint32_t number_filters(struct limef_graph_inside *graph)
{
    uint32_t n = 0;

    for (struct graph_node *node = graph->nodes; node; node = node->next)
        node->number = n++;
    return n;
}

static uint32_t number_edges(struct limef_graph_inside *graph)
{
    uint32_t n = 0;

    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        edge->number = edge->leaves ? LIMEF_PLAN_NONE : n++;
    return n;
}

static void describe_filter(const struct graph_node *node, struct limef_plan_filter *filter)
{
    const struct limef_filter_ops *ops = node->filter->ops;

    *filter = node->measured;
    filter->name = node->filter->name;
    filter->kind = ops->kind;
    filter->flags = ops->flags;
    if (node->source.source)
        filter->is_live = filter->is_live || LIMEF_COUNTED(node->source.source->is_live);
    filter->thread = LIMEF_PLAN_NONE;
    filter->fingerprint = ops->fingerprint ? ops->fingerprint(node->filter) : 0;
}

static void describe_edge(const struct graph_edge *edge, struct limef_plan_edge *to)
{
    *to = edge->measured;
    to->from = edge->from->number;
    to->to = edge->to->number;
    to->output = edge->output;
    to->is_fixed = edge->from->filter->ops->flags & LIMEF_FILTER_GLUED;
}

static int describe(struct limef_graph_inside *graph, struct graph_plan *plan)
{
    uint32_t n_threads = 0;

    for (struct graph_node *node = graph->nodes; node; node = node->next)
        describe_filter(node, &plan->filters[node->number]);
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (node->consumer && !graph_thread_of(graph, node->consumer))
            return AVERROR(ENOMEM);
    for (struct graph_thread *thread = graph->threads; thread; thread = thread->next)
        thread->number = thread->consumer ? n_threads++ : LIMEF_PLAN_NONE;
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (node->consumer)
            plan->filters[node->number].thread = graph_thread_of(graph, node->consumer)->number;
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        if (!edge->leaves)
            describe_edge(edge, &plan->edges[edge->number]);
    plan->problem.machine.n_cpus =
        graph->settings.n_cpus > 0 ? graph->settings.n_cpus : limef_machine_n_cpus();
    plan->problem.machine.handover_us = limef_machine_handover_us();
    plan->problem.mode = graph->settings.mode;
    return 0;
}

/* One block: the struct, filters, edges, what the plan points to. */
static struct graph_plan *lay_out(struct limef_graph_inside *graph)
{
    uint32_t n_filters = number_filters(graph), n_edges = number_edges(graph);
    size_t filters_at = in_lines(sizeof(struct graph_plan));
    size_t edges_at = filters_at + in_lines(n_filters * sizeof(struct limef_plan_filter));
    size_t plan_at = edges_at + in_lines(n_edges * sizeof(struct limef_plan_edge));
    char *block = arena_get(&graph->arena, plan_at + limef_plan_bytes(n_filters, n_edges));
    struct graph_plan *plan = (struct graph_plan *)(void *)block;

    if (!block)
        return NULL;
    plan->filters = (struct limef_plan_filter *)(void *)(block + filters_at);
    plan->edges = (struct limef_plan_edge *)(void *)(block + edges_at);
    plan->problem = (struct limef_plan_problem){
        .filters = plan->filters, .edges = plan->edges, .n_filters = n_filters, .n_edges = n_edges};
    limef_plan_init(&plan->plan, block + plan_at, n_filters, n_edges);
    return plan;
}

void graph_note_links(struct limef_graph_inside *graph, const struct limef_plan *plan)
{
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        if (!edge->leaves)
            edge->link = plan->links[edge->number];
}

void graph_adopt_plan(struct limef_graph_inside *graph, struct graph_plan *plan)
{
    arena_put(&graph->arena, graph->plan);
    graph->plan = plan;
    graph_note_links(graph, &plan->plan);
}

struct graph_plan *graph_plan_lay_out(struct limef_graph_inside *graph)
{
    struct graph_plan *plan = lay_out(graph);

    if (plan && describe(graph, plan) >= 0)
        return plan;
    arena_put(&graph->arena, plan);
    limef_fail(AVERROR(ENOMEM), graph->settings.name,
               "no room for a plan: the memory given to the graph is used up (%zu bytes)",
               graph->arena.used_bytes);
    return NULL;
}

/* Who is new to the plan of what runs. */
static void map_to_running(struct limef_graph_inside *graph, uint32_t *filters, uint32_t *edges)
{
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        filters[node->number] = node->thread ? node->number : LIMEF_PLAN_NONE;
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        if (!edge->leaves)
            edges[edge->number] =
                edge->from->thread && edge->to->thread ? edge->number : LIMEF_PLAN_NONE;
}

int graph_make_plan(struct limef_graph_inside *graph, struct graph_plan **made)
{
    struct graph_plan *plan = graph_plan_lay_out(graph), *running;
    uint32_t n_filters, n_edges, *map;
    void *scratch;
    int ret;

    *made = NULL;
    if (!plan)
        return AVERROR(ENOMEM);
    n_filters = plan->problem.n_filters;
    n_edges = plan->problem.n_edges;
    running = graph_plan_lay_out(graph);
    scratch = arena_get(&graph->arena, limef_plan_scratch_bytes(n_filters, n_edges));
    map = arena_get(&graph->arena, (n_filters + n_edges) * sizeof(*map));
    if (running && scratch && map) {
        graph_describe_running(graph, running);
        map_to_running(graph, map, map + n_filters);
        plan->problem.previous = &running->plan;
        plan->problem.previous_filters = map;
        plan->problem.previous_edges = map + n_filters;
        ret = limef_plan_make(&plan->plan, &plan->problem, scratch);
        plan->problem.previous = NULL;
        plan->problem.previous_filters = plan->problem.previous_edges = NULL;
    } else {
        ret = limef_fail(AVERROR(ENOMEM), graph->settings.name,
                         "no room to plan: the memory given to the graph is used up (%zu bytes)",
                         graph->arena.used_bytes);
    }
    arena_put(&graph->arena, map);
    arena_put(&graph->arena, scratch);
    arena_put(&graph->arena, running);
    if (ret < 0)
        arena_put(&graph->arena, plan);
    else
        *made = plan;
    return ret < 0 ? ret : 0;
}

struct limef_plan_link graph_link_of(const struct graph_edge *edge)
{
    return edge->link.is_cut ? edge->link
                             : (struct limef_plan_link){.depth = DEPTH_UNPLANNED,
                                                        .overflow = LIMEF_OVERFLOW_BLOCK};
}
