/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"

#include <limef/base/log.h>

#include <libavutil/error.h>
#include <sched.h>

/* What a boundary gets that the plan did not foresee. */
#define DEPTH_UNPLANNED 6

static size_t in_lines(size_t bytes)
{
    return (bytes + LIMEF_CACHE_LINE_BYTES - 1) / LIMEF_CACHE_LINE_BYTES * LIMEF_CACHE_LINE_BYTES;
}

static double usable_cpus(void)
{
    cpu_set_t cpus;

    return sched_getaffinity(0, sizeof(cpus), &cpus) ? 1 : CPU_COUNT(&cpus);
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

    *filter = (struct limef_plan_filter){
        .name = node->filter->name,
        .kind = ops->kind,
        .flags = ops->flags,
        .thread = LIMEF_PLAN_NONE,
        .fingerprint = ops->fingerprint ? ops->fingerprint(node->filter) : 0,
        .cost_us = LIMEF_NOT_MEASURED,
        .p95_us = LIMEF_NOT_MEASURED,
        .rate_hz = LIMEF_NOT_MEASURED,
    };
}

static void describe_edge(const struct graph_edge *edge, struct limef_plan_edge *to)
{
    *to = (struct limef_plan_edge){
        .from = edge->from->number,
        .to = edge->to->number,
        .output = edge->output,
        .is_fixed = edge->from->filter->ops->flags & LIMEF_FILTER_GLUED,
        .rate_hz = LIMEF_NOT_MEASURED,
        .frame_bytes = LIMEF_NOT_MEASURED,
        .burst_frames = LIMEF_NOT_MEASURED,
        .jitter_us = LIMEF_NOT_MEASURED,
    };
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
        graph->settings.n_cpus > 0 ? graph->settings.n_cpus : usable_cpus();
    plan->problem.machine.handover_us = 16;
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

int graph_make_plan(struct limef_graph_inside *graph, struct graph_plan **made)
{
    struct graph_plan *plan = lay_out(graph);
    void *scratch =
        plan ? arena_get(&graph->arena,
                         limef_plan_scratch_bytes(plan->problem.n_filters, plan->problem.n_edges))
             : NULL;
    int ret;

    *made = NULL;
    if (!scratch) {
        arena_put(&graph->arena, plan);
        return limef_fail(
            AVERROR(ENOMEM), graph->settings.name,
            "no room for a plan: the memory given to the graph is used up (%zu bytes)",
            graph->arena.used_bytes);
    }
    ret = describe(graph, plan);
    if (ret >= 0)
        ret = limef_plan_make(&plan->plan, &plan->problem, scratch);
    arena_put(&graph->arena, scratch);
    if (ret < 0)
        arena_put(&graph->arena, plan);
    else
        *made = plan;
    return ret < 0 ? ret : 0;
}

void graph_adopt_plan(struct limef_graph_inside *graph, struct graph_plan *plan)
{
    arena_put(&graph->arena, graph->plan);
    graph->plan = plan;
}

struct limef_plan_link graph_link_of(const struct limef_graph_inside *graph,
                                     const struct graph_edge *edge)
{
    const struct graph_plan *plan = graph->plan;

    if (plan && edge->number < plan->problem.n_edges && plan->plan.links[edge->number].is_cut)
        return plan->plan.links[edge->number];
    return (struct limef_plan_link){.depth = DEPTH_UNPLANNED, .overflow = LIMEF_OVERFLOW_BLOCK};
}
