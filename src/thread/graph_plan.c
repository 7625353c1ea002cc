/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"
#include "thread/machine.h"

#include <limef/base/log.h>
#include <limef/thread/machine.h>

#include <libavutil/error.h>
#include <string.h>

/* What a boundary gets that the plan did not foresee. */
#define DEPTH_UNPLANNED 6

static size_t in_lines(size_t bytes)
{
    return (bytes + LIMEF_CACHE_LINE_BYTES - 1) / LIMEF_CACHE_LINE_BYTES * LIMEF_CACHE_LINE_BYTES;
}

struct graph_node *graph_glued_to(const struct limef_graph_inside *graph, struct graph_node *node)
{
    struct graph_edge *edge;

    while (node->filter->ops->flags & LIMEF_FILTER_GLUED &&
           (edge = graph_edge_at(graph, node, 0)) != NULL)
        node = edge->to;
    return node;
}

static uint32_t number_filters(struct limef_graph_inside *graph)
{
    uint32_t n = 0;

    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (graph_glued_to(graph, node) == node)
            node->number = n++;
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        node->number = graph_glued_to(graph, node)->number;
    return n;
}

static uint32_t number_edges(struct limef_graph_inside *graph)
{
    uint32_t n = 0;

    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        edge->number = edge->from->number == edge->to->number ? LIMEF_PLAN_NONE : n++;
    return n;
}

static void describe_filter(const struct graph_node *node, struct limef_plan_filter *filter)
{
    const struct limef_filter_ops *ops = node->filter->ops;

    *filter = node->measured;
    filter->name = node->filter->name;
    filter->kind = ops->kind;
    filter->flags = ops->flags & ~(unsigned)LIMEF_FILTER_GLUED;
    if (node->source.source)
        filter->is_live = filter->is_live || LIMEF_COUNTED(node->source.source->is_live);
    /* it waits within its steps, and says of none of them that it did */
    if (filter->is_live && filter->flags & LIMEF_FILTER_BLOCKING)
        filter->is_eager = false;
    filter->thread = LIMEF_PLAN_NONE;
    filter->fingerprint = node->fingerprint;
}

/* Its cost is one with that of the filter that it works on, for each frame that comes to that. */
static void describe_glued(const struct graph_node *node, struct limef_plan_filter *filter)
{
    const struct limef_plan_filter *measured = &node->measured;

    filter->flags |= node->filter->ops->flags & ~(unsigned)LIMEF_FILTER_GLUED;
    if (measured->cost_us < 0 || measured->rate_hz <= 0)
        return;
    if (filter->cost_us < 0 || filter->rate_hz <= 0) {
        filter->cost_us = measured->cost_us;
        filter->p95_us = measured->p95_us;
        filter->slow_us = measured->slow_us;
        filter->rate_hz = measured->rate_hz;
        return;
    }
    filter->cost_us += measured->cost_us * measured->rate_hz / filter->rate_hz;
    if (measured->p95_us >= 0)
        filter->p95_us += measured->p95_us;
    if (measured->slow_us >= 0)
        filter->slow_us += measured->slow_us;
}

static int describe_thread(struct limef_graph_inside *graph, const struct graph_node *node,
                           struct limef_plan_filter *filter)
{
    struct graph_thread *thread = graph_thread_of(graph, node->consumer);

    if (!thread)
        return AVERROR(ENOMEM);
    if (filter->thread != LIMEF_PLAN_NONE && filter->thread != thread->number)
        return limef_fail(AVERROR(EINVAL), graph->settings.name,
                          "'%s' works on the filter behind it, they cannot run on two threads",
                          node->filter->name);
    filter->thread = thread->number;
    return 0;
}

static void describe_edge(const struct graph_edge *edge, struct limef_plan_edge *to)
{
    *to = edge->measured;
    to->from = edge->from->number;
    to->to = edge->to->number;
    to->output = edge->output;
}

/* What a filter says of itself while nobody runs it: the thread that does may change it. One that
 * an explicit thread runs is asked once, as it may run already the next time. */
static void look_before(struct limef_graph_inside *graph)
{
    for (struct graph_node *node = graph->nodes; node; node = node->next) {
        const struct limef_filter_ops *ops = node->filter->ops;

        if (node->thread && (graph->running || node->consumer))
            continue;
        node->fingerprint = ops->fingerprint ? ops->fingerprint(node->filter) : 0;
    }
}

static int describe(struct limef_graph_inside *graph, struct graph_plan *plan)
{
    uint32_t n_threads = 0;
    int ret = 0;

    look_before(graph);
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (graph_glued_to(graph, node) == node)
            describe_filter(node, &plan->filters[node->number]);
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (graph_glued_to(graph, node) != node)
            describe_glued(node, &plan->filters[node->number]);
    for (struct graph_thread *thread = graph->threads; thread; thread = thread->next)
        if (thread->consumer)
            thread->number = n_threads++;
    for (struct graph_node *node = graph->nodes; node && ret >= 0; node = node->next)
        if (node->consumer)
            ret = describe_thread(graph, node, &plan->filters[node->number]);
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        if (edge->number != LIMEF_PLAN_NONE)
            describe_edge(edge, &plan->edges[edge->number]);
    plan->problem.machine.n_cpus =
        graph->settings.n_cpus > 0 ? graph->settings.n_cpus : limef_machine_n_cpus();
    plan->problem.machine.budget_us = graph->settings.latency_us;
    plan->problem.machine.handover_us = machine_handover_us();
    plan->problem.machine.inside_load = graph->inside_load;
    plan->problem.mode = graph->settings.mode;
    return ret;
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

bool graph_plan_is_measured(const struct graph_plan *plan)
{
    for (uint32_t i = 0; i < plan->problem.n_filters; i++)
        if (plan->filters[i].cost_us >= 0)
            return true;
    return false;
}

void graph_copy_plan(struct limef_plan *to, const struct limef_plan *from)
{
    if (from->n_edges)
        memcpy(to->links, from->links, from->n_edges * sizeof(*to->links));
    memcpy(to->island_of, from->island_of, from->n_filters * sizeof(*to->island_of));
    memcpy(to->islands, from->islands, from->n_islands * sizeof(*to->islands));
    memcpy(to->workers, from->workers, from->n_workers * sizeof(*to->workers));
    to->n_islands = from->n_islands;
    to->n_workers = from->n_workers;
}

void graph_note_links(struct limef_graph_inside *graph, const struct limef_plan *plan)
{
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        if (edge->number != LIMEF_PLAN_NONE)
            edge->link = plan->links[edge->number];
}

void graph_adopt_plan(struct limef_graph_inside *graph, struct graph_plan *plan)
{
    arena_put(&graph->arena, graph->plan);
    graph->plan = plan;
    LIMEF_COUNT(graph->n_recalled, plan->n_recalled);
    graph_note_links(graph, &plan->plan);
}

int graph_plan_lay_out(struct limef_graph_inside *graph, struct graph_plan **made)
{
    struct graph_plan *plan = lay_out(graph);
    int ret;

    *made = NULL;
    if (!plan)
        return limef_fail(AVERROR(ENOMEM), graph->settings.name,
                          "no room for a plan: the memory given to the graph is used up "
                          "(%zu bytes)",
                          graph->arena.used_bytes);
    ret = describe(graph, plan);
    if (ret < 0)
        arena_put(&graph->arena, plan);
    else
        *made = plan;
    return ret;
}

/* Who is new to the plan of what runs. */
static void map_to_running(struct limef_graph_inside *graph, uint32_t *filters, uint32_t *edges)
{
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (graph_glued_to(graph, node) == node)
            filters[node->number] = node->thread ? node->number : LIMEF_PLAN_NONE;
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        if (edge->number != LIMEF_PLAN_NONE)
            edges[edge->number] =
                edge->from->thread && edge->to->thread ? edge->number : LIMEF_PLAN_NONE;
}

struct graph_plan *graph_plan_running(struct limef_graph_inside *graph)
{
    struct graph_plan *plan = lay_out(graph);

    if (!plan)
        return NULL;
    if (describe(graph, plan) < 0) {
        arena_put(&graph->arena, plan);
        return NULL;
    }
    graph_describe_running(graph, plan);
    return plan;
}

int graph_make_plan(struct limef_graph_inside *graph, struct graph_plan **made)
{
    struct graph_plan *plan, *running = NULL;
    uint32_t n_filters, n_edges, *map;
    void *scratch;
    int ret = graph_plan_lay_out(graph, &plan);

    *made = NULL;
    if (ret < 0)
        return ret;
    if (!graph->running && graph_cache_recall(graph, plan)) {
        *made = plan;
        return 0;
    }
    n_filters = plan->problem.n_filters;
    n_edges = plan->problem.n_edges;
    ret = graph_plan_lay_out(graph, &running);
    scratch = arena_get(&graph->arena, limef_plan_scratch_bytes(n_filters, n_edges));
    map = arena_get(&graph->arena, (n_filters + n_edges) * sizeof(*map));
    if (running && scratch && map) {
        graph_describe_running(graph, running);
        map_to_running(graph, map, map + n_filters);
        graph_cache_recall_chains(graph, plan, running, map, map + n_filters);
        plan->problem.previous = &running->plan;
        plan->problem.previous_filters = map;
        plan->problem.previous_edges = map + n_filters;
        ret = limef_plan_make(&plan->plan, &plan->problem, scratch);
        plan->problem.previous = NULL;
        plan->problem.previous_filters = plan->problem.previous_edges = NULL;
    } else if (ret >= 0) {
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
