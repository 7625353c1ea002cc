/* SPDX-License-Identifier: MIT */
#include "thread/replan.h"

bool replan_edge_is_inside(const struct limef_plan_problem *problem,
                           const struct limef_plan_edge *edge)
{
    const struct limef_plan_filter *from = &problem->filters[edge->from];
    const struct limef_plan_filter *to = &problem->filters[edge->to];

    return from->thread == LIMEF_PLAN_NONE && to->thread == LIMEF_PLAN_NONE &&
           !((from->flags | to->flags) & LIMEF_FILTER_THREAD_BOUND);
}

uint64_t replan_edge_key(const struct limef_replan_window *window, uint32_t edge)
{
    const struct limef_plan_edge *e = &window->problem->edges[edge];
    uint64_t key = replan_mix(window->seen[e->from].id) + 3 * replan_mix(window->seen[e->to].id) +
                   5 * replan_mix(e->output);

    return key ? key : 1;
}

/* The slot where a key is, or would be. Tables are at most half full. */
static uint32_t chain_slot(const struct limef_replan *replan, int table, uint64_t key)
{
    uint32_t slot = (uint32_t)replan_mix(key) & (replan->chain_slots - 1);

    while (replan->chains[table][slot].key && replan->chains[table][slot].key != key)
        slot = (slot + 1) & (replan->chain_slots - 1);
    return slot;
}

static uint32_t edge_slot(const struct limef_replan *replan, int table, uint64_t key)
{
    uint32_t slot = (uint32_t)replan_mix(key) & (replan->edge_slots - 1);

    while (replan->edges[table][slot].key && replan->edges[table][slot].key != key)
        slot = (slot + 1) & (replan->edge_slots - 1);
    return slot;
}

struct limef_replan_edge *replan_edge(const struct limef_replan *replan, uint64_t key)
{
    return &replan->edges[0][edge_slot(replan, 0, key)];
}

/* Leaves in chain_of the filter with the smallest id of the filter's chain. */
static void find_chains(struct limef_replan *replan, const struct limef_replan_window *window)
{
    const struct limef_plan_problem *problem = window->problem;
    uint32_t *parents = replan->chain_of;

    for (uint32_t i = 0; i < problem->n_filters; i++)
        parents[i] = i;
    for (uint32_t i = 0; i < problem->n_edges; i++) {
        const struct limef_plan_edge *edge = &problem->edges[i];
        uint32_t from = replan_root(parents, edge->from), to = replan_root(parents, edge->to);

        if (!replan_edge_is_inside(problem, edge))
            continue;
        if (window->seen[from].id < window->seen[to].id)
            parents[to] = from;
        else
            parents[from] = to;
    }
    for (uint32_t i = 0; i < problem->n_filters; i++)
        replan->chain_of[i] = replan_root(parents, i);
}

static void open_chain(struct limef_replan *replan, uint64_t key, uint32_t slot)
{
    const struct limef_replan_chain *was = &replan->chains[1][chain_slot(replan, 1, key)];
    struct limef_replan_chain *chain = &replan->chains[0][slot];

    *chain = was->key ? *was : (struct limef_replan_chain){0};
    chain->key = key;
    chain->now = (struct replan_now){0};
}

static void open_edge(struct limef_replan *replan, uint64_t key)
{
    const struct limef_replan_edge *was = &replan->edges[1][edge_slot(replan, 1, key)];
    struct limef_replan_edge *edge = replan_edge(replan, key);

    *edge = was->key ? *was : (struct limef_replan_edge){.was_worker = LIMEF_PLAN_NONE};
    edge->key = key;
}

static void swap_tables(struct limef_replan *replan)
{
    struct limef_replan_chain *chains = replan->chains[1];
    struct limef_replan_edge *edges = replan->edges[1];

    replan->chains[1] = replan->chains[0];
    replan->edges[1] = replan->edges[0];
    replan->chains[0] = chains;
    replan->edges[0] = edges;
    for (uint32_t i = 0; i < replan->chain_slots; i++)
        chains[i].key = 0;
    for (uint32_t i = 0; i < replan->edge_slots; i++)
        edges[i].key = 0;
}

void replan_open_records(struct limef_replan *replan, const struct limef_replan_window *window)
{
    const struct limef_plan_problem *problem = window->problem;

    swap_tables(replan);
    find_chains(replan, window);
    for (uint32_t i = 0; i < problem->n_filters; i++) {
        uint64_t key = window->seen[replan->chain_of[i]].id;
        uint32_t slot = chain_slot(replan, 0, key);

        if (!replan->chains[0][slot].key)
            open_chain(replan, key, slot);
        replan->notes[0][i] = slot;
    }
    for (uint32_t i = 0; i < problem->n_filters; i++)
        replan->chain_of[i] = replan->notes[0][i];
    for (uint32_t i = 0; i < problem->n_edges; i++) {
        uint64_t key = replan_edge_key(window, i);

        open_edge(replan, key);
        if (replan_edge_is_inside(problem, &problem->edges[i]))
            replan->chains[0][replan->chain_of[problem->edges[i].from]].now.topology +=
                replan_mix(key);
    }
}
