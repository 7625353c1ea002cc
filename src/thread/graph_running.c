/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"

/* The islands, as trees in island_of while they are found. */
static uint32_t root_of(uint32_t *parents, uint32_t filter)
{
    while (parents[filter] != filter)
        filter = parents[filter] = parents[parents[filter]];
    return filter;
}

static void find_islands(struct limef_graph_inside *graph, struct limef_plan *plan)
{
    uint32_t *parents = plan->island_of;

    for (uint32_t i = 0; i < plan->n_filters; i++)
        parents[i] = i;
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        if (edge->number != LIMEF_PLAN_NONE && edge->from->thread &&
            edge->from->thread == edge->to->thread)
            parents[root_of(parents, edge->to->number)] = root_of(parents, edge->from->number);
    for (uint32_t i = 0; i < plan->n_filters; i++)
        parents[i] = root_of(parents, i);
}

/* From roots to numbers: a root comes first in its own tree's place. */
static void number_islands(struct limef_plan *plan)
{
    plan->n_islands = 0;
    for (uint32_t i = 0; i < plan->n_filters; i++)
        if (plan->island_of[i] == i)
            plan->islands[plan->n_islands++].first = i;
    for (uint32_t i = 0; i < plan->n_filters; i++) {
        uint32_t low = 0, high = plan->n_islands;

        while (high - low > 1) { /* roots rise with the islands' numbers */
            uint32_t middle = (low + high) / 2;

            if (plan->islands[middle].first <= plan->island_of[i])
                low = middle;
            else
                high = middle;
        }
        plan->island_of[i] = low;
    }
}

static void number_threads(struct limef_graph_inside *graph, struct limef_plan *plan)
{
    uint32_t n_explicit = 0;

    plan->n_workers = 0;
    for (struct graph_thread *thread = graph->threads; thread; thread = thread->next)
        thread->reached = false;
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (node->thread)
            node->thread->reached = true;
    for (struct graph_thread *thread = graph->threads; thread; thread = thread->next) {
        thread->number = LIMEF_PLAN_NONE;
        if (thread->consumer)
            thread->number = n_explicit++;
        else if (thread->reached) {
            plan->workers[plan->n_workers] =
                (struct limef_plan_worker){.priority = thread->thread->settings.priority};
            thread->number = plan->n_workers++;
        }
    }
}

static void add_load(double *sum, double load)
{
    *sum = *sum < 0 || load < 0 ? LIMEF_NOT_MEASURED : *sum + load;
}

static void describe_islands(struct limef_graph_inside *graph, struct graph_plan *running)
{
    struct limef_plan *plan = &running->plan;

    for (uint32_t i = 0; i < plan->n_islands; i++)
        plan->islands[i] = (struct limef_plan_island){
            .first = LIMEF_PLAN_NONE, .worker = LIMEF_PLAN_NONE, .thread = LIMEF_PLAN_NONE};
    for (struct graph_node *node = graph->nodes; node; node = node->next) {
        struct limef_plan_island *island = &plan->islands[plan->island_of[node->number]];
        const struct limef_plan_filter *measured = &running->filters[node->number];
        bool known = measured->cost_us >= 0 && measured->rate_hz >= 0;

        if (graph_glued_to(graph, node) != node)
            continue;
        add_load(&island->load, known ? measured->cost_us * measured->rate_hz / 1e6 : -1);
        add_load(&island->p95_us, measured->p95_us);
        if (!node->thread)
            continue;
        island->priority = node->thread->thread->settings.priority;
        *(node->thread->consumer ? &island->thread : &island->worker) = node->thread->number;
    }
    /* the first is who no other of the island leads to */
    for (struct graph_node *node = graph->nodes; node; node = node->next) {
        struct limef_plan_island *island = &plan->islands[plan->island_of[node->number]];

        if (island->first == LIMEF_PLAN_NONE)
            island->first = node->number;
    }
    for (uint32_t i = 0; i < plan->n_islands; i++)
        if (plan->islands[i].worker != LIMEF_PLAN_NONE) {
            struct limef_plan_worker *worker = &plan->workers[plan->islands[i].worker];

            worker->n_islands++;
            add_load(&worker->load, plan->islands[i].load);
        }
}

static void pick_firsts(struct limef_graph_inside *graph, struct limef_plan *plan)
{
    bool found = true;

    while (found) {
        found = false;
        for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
            struct limef_plan_island *island;

            if (edge->number == LIMEF_PLAN_NONE ||
                plan->island_of[edge->from->number] != plan->island_of[edge->to->number])
                continue;
            island = &plan->islands[plan->island_of[edge->to->number]];
            if (island->first == edge->to->number) {
                island->first = edge->from->number;
                found = true;
            }
        }
    }
}

static bool is_known(const struct graph_node *node)
{
    return node->measured.cost_us >= 0 && node->measured.rate_hz >= 0;
}

static void describe_link(const struct graph_edge *edge, struct limef_plan_link *link)
{
    const struct limef_lane_settings *settings = &edge->input.lane.settings;

    *link = edge->link;
    link->is_cut = graph_is_cut(edge);
    if (!link->is_cut) {
        /* the reason is of when it was decided; the judge changes what is otherwise, not why */
        if (link->reason == LIMEF_PLAN_FUSED_UNMEASURED && is_known(edge->from) &&
            is_known(edge->to))
            link->reason = LIMEF_PLAN_FUSED_CHEAP;
        if (link->reason >= LIMEF_PLAN_CUT_BLOCKING)
            link->reason = LIMEF_PLAN_FUSED_CHEAP;
        return;
    }
    if (link->reason < LIMEF_PLAN_CUT_BLOCKING)
        link->reason = LIMEF_PLAN_CUT_UNMEASURED;
    link->depth = settings->depth;
    link->overflow = settings->overflow;
    link->max_bytes = settings->max_bytes;
    link->max_time_us = settings->max_time_us;
}

void graph_describe_running(struct limef_graph_inside *graph, struct graph_plan *running)
{
    struct limef_plan *plan = &running->plan;

    find_islands(graph, plan);
    number_islands(plan);
    number_threads(graph, plan);
    describe_islands(graph, running);
    pick_firsts(graph, plan);
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        if (edge->number != LIMEF_PLAN_NONE)
            describe_link(edge, &plan->links[edge->number]);
}
