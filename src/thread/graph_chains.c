/* SPDX-License-Identifier: MIT */
#include "thread/graph_chains.h"

#include "thread/plan_private.h"
#include "thread/replan.h"

static size_t lay_out(struct graph_chains *chains, void *memory, size_t n_filters, size_t n_edges)
{
    uint32_t **const numbers[] = {&chains->chain_of,  &chains->place,   &chains->filters,
                                  &chains->filter_at, &chains->edge_at, &chains->numbers};
    size_t at = 0;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        *numbers[i] = plan_take(memory, &at, (n_filters + 1) * sizeof(uint32_t));
    chains->edges = plan_take(memory, &at, n_edges * sizeof(uint32_t));
    chains->taken.filters = plan_take(memory, &at, n_filters * sizeof(struct limef_plan_filter));
    chains->taken.edges = plan_take(memory, &at, n_edges * sizeof(struct limef_plan_edge));
    chains->plan_memory =
        plan_take(memory, &at, limef_plan_bytes((uint32_t)n_filters, (uint32_t)n_edges));
    return at;
}

/* Chains in the order of their first filters. */
static void find_chains(struct graph_chains *chains)
{
    const struct limef_plan_problem *problem = &chains->whole->problem;
    uint32_t *parents = chains->place;

    for (uint32_t i = 0; i < problem->n_filters; i++)
        parents[i] = i;
    for (uint32_t i = 0; i < problem->n_edges; i++) {
        uint32_t from = replan_root(parents, problem->edges[i].from);
        uint32_t to = replan_root(parents, problem->edges[i].to);

        if (replan_edge_is_inside(problem, &problem->edges[i]))
            parents[from > to ? from : to] = from < to ? from : to;
    }
    for (uint32_t i = 0; i < problem->n_filters; i++) {
        uint32_t root = replan_root(parents, i);

        chains->chain_of[i] = root == i ? chains->n++ : chains->chain_of[root];
    }
}

/* Counts, then where each list ends, then from the back to where it begins. */
static void sort_by_chain(struct graph_chains *chains)
{
    const struct limef_plan_problem *problem = &chains->whole->problem;
    const struct limef_plan_edge *edges = problem->edges;

    for (uint32_t i = 0; i < problem->n_filters; i++)
        chains->filter_at[chains->chain_of[i]]++;
    for (uint32_t i = 0; i < problem->n_edges; i++)
        chains->edge_at[chains->chain_of[edges[i].from]] +=
            replan_edge_is_inside(problem, &edges[i]);
    for (uint32_t i = 1; i <= chains->n; i++) {
        chains->filter_at[i] += chains->filter_at[i - 1];
        chains->edge_at[i] += chains->edge_at[i - 1];
    }
    for (uint32_t i = problem->n_filters; i-- > 0;)
        chains->filters[--chains->filter_at[chains->chain_of[i]]] = i;
    for (uint32_t i = problem->n_edges; i-- > 0;)
        if (replan_edge_is_inside(problem, &edges[i]))
            chains->edges[--chains->edge_at[chains->chain_of[edges[i].from]]] = i;
    for (uint32_t i = 0; i < problem->n_filters; i++) {
        uint32_t chain = chains->chain_of[i];

        chains->place[i] = i == chains->filters[chains->filter_at[chain]]
                               ? (chains->numbers[chain] = 0)
                               : ++chains->numbers[chain];
    }
}

bool graph_chains_open(struct graph_chains *chains, struct arena *arena,
                       const struct graph_plan *whole)
{
    const struct limef_plan_problem *problem = &whole->problem;

    *chains = (struct graph_chains){.whole = whole};
    chains->memory = arena_get(arena, lay_out(chains, NULL, problem->n_filters, problem->n_edges));
    if (!chains->memory)
        return false;
    lay_out(chains, chains->memory, problem->n_filters, problem->n_edges);
    chains->taken.problem = (struct limef_plan_problem){.filters = chains->taken.filters,
                                                        .edges = chains->taken.edges,
                                                        .machine = problem->machine,
                                                        .mode = problem->mode};
    find_chains(chains);
    sort_by_chain(chains);
    return true;
}

void graph_chains_close(struct graph_chains *chains, struct arena *arena)
{
    arena_put(arena, chains->memory);
    chains->memory = NULL;
}

bool graph_chain_is_free(const struct graph_chains *chains, uint32_t chain)
{
    const struct limef_plan_filter *first =
        &chains->whole->filters[chains->filters[chains->filter_at[chain]]];

    return first->thread == LIMEF_PLAN_NONE && !(first->flags & LIMEF_FILTER_THREAD_BOUND);
}

void graph_chains_take(struct graph_chains *chains, uint32_t chain, bool of_kind)
{
    const uint32_t *filters = chains->filters + chains->filter_at[chain];
    const uint32_t *edges = chains->edges + chains->edge_at[chain];
    struct graph_plan *taken = &chains->taken;

    taken->problem.n_filters = chains->filter_at[chain + 1] - chains->filter_at[chain];
    taken->problem.n_edges = chains->edge_at[chain + 1] - chains->edge_at[chain];
    for (uint32_t i = 0; i < taken->problem.n_filters; i++) {
        taken->filters[i] = chains->whole->filters[filters[i]];
        if (of_kind && taken->filters[i].flags & LIMEF_FILTER_SOURCE)
            taken->filters[i].fingerprint = 0;
    }
    for (uint32_t i = 0; i < taken->problem.n_edges; i++) {
        taken->edges[i] = chains->whole->edges[edges[i]];
        taken->edges[i].from = chains->place[taken->edges[i].from];
        taken->edges[i].to = chains->place[taken->edges[i].to];
    }
}

/* Islands and then workers get numbers of the chain's own, in the order in which they are met. */
void graph_chains_take_plan(struct graph_chains *chains, uint32_t chain)
{
    const struct limef_plan *whole = &chains->whole->plan;
    const uint32_t *filters = chains->filters + chains->filter_at[chain];
    struct limef_plan *plan = &chains->taken.plan;
    uint32_t n = chains->taken.problem.n_filters, *numbers = chains->numbers;

    limef_plan_init(plan, chains->plan_memory, n, chains->taken.problem.n_edges);
    for (uint32_t i = 0; i < plan->n_edges; i++)
        plan->links[i] = whole->links[chains->edges[chains->edge_at[chain] + i]];
    for (uint32_t i = 0; i < n; i++)
        numbers[whole->island_of[filters[i]]] = LIMEF_PLAN_NONE;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t *number = &numbers[whole->island_of[filters[i]]];

        if (*number == LIMEF_PLAN_NONE) {
            *number = plan->n_islands++;
            plan->islands[*number] = whole->islands[whole->island_of[filters[i]]];
            plan->islands[*number].first = chains->place[plan->islands[*number].first];
        }
        plan->island_of[i] = *number;
    }
    for (uint32_t i = 0; i < plan->n_islands; i++)
        if (plan->islands[i].worker != LIMEF_PLAN_NONE)
            numbers[plan->islands[i].worker] = LIMEF_PLAN_NONE;
    for (uint32_t i = 0; i < plan->n_islands; i++) {
        struct limef_plan_island *island = &plan->islands[i];
        struct limef_plan_worker *worker;

        if (island->worker == LIMEF_PLAN_NONE)
            continue;
        if (numbers[island->worker] == LIMEF_PLAN_NONE) {
            numbers[island->worker] = plan->n_workers++;
            plan->workers[numbers[island->worker]].priority =
                whole->workers[island->worker].priority;
        }
        island->worker = numbers[island->worker];
        worker = &plan->workers[island->worker];
        worker->n_islands++;
        worker->load =
            worker->load < 0 || island->load < 0 ? LIMEF_NOT_MEASURED : worker->load + island->load;
    }
}

void graph_chains_put_plan(const struct graph_chains *chains, uint32_t chain,
                           const struct limef_plan *plan, struct limef_plan *whole)
{
    const uint32_t *filters = chains->filters + chains->filter_at[chain];
    uint32_t *numbers = chains->numbers;

    for (uint32_t i = 0; i < plan->n_islands; i++) {
        uint32_t first = filters[plan->islands[i].first];

        numbers[i] = whole->island_of[first];
        whole->islands[numbers[i]] = plan->islands[i];
        whole->islands[numbers[i]].first = first;
        whole->islands[numbers[i]].worker += whole->n_workers;
    }
    for (uint32_t i = 0; i < plan->n_filters; i++)
        whole->island_of[filters[i]] = numbers[plan->island_of[i]];
    for (uint32_t i = 0; i < plan->n_workers; i++)
        whole->workers[whole->n_workers++] = plan->workers[i];
    for (uint32_t i = 0; i < plan->n_edges; i++)
        whole->links[chains->edges[chains->edge_at[chain] + i]] = plan->links[i];
}
