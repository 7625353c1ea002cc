/* SPDX-License-Identifier: MIT */
/*
 * The plan to go over to: each chain's links from the candidate, from before its
 * last change, or as they run; then islands, their distance from the sources, and
 * workers, of which as many as possible keep their number.
 */
#include "thread/replan.h"

int replan_link_change(const struct limef_plan_link *from, const struct limef_plan_link *to)
{
    if (from->is_cut != to->is_cut)
        return to->is_cut ? LIMEF_REPLAN_CUT : LIMEF_REPLAN_FUSE;
    if (!to->is_cut)
        return -1;
    /* a frame more or less is noise */
    if (from->overflow != to->overflow || to->depth >= 2 * from->depth ||
        2 * to->depth <= from->depth)
        return LIMEF_REPLAN_FIFO;
    return -1;
}

static const struct limef_replan_chain *chain_of(const struct limef_replan *replan, uint32_t filter)
{
    return &replan->chains[0][replan->chain_of[filter]];
}

static void compose_links(struct limef_replan *replan, const struct limef_replan_window *window)
{
    for (uint32_t i = 0; i < window->problem->n_edges; i++) {
        switch (chain_of(replan, window->problem->edges[i].from)->state) {
        case REPLAN_ASKED:
            replan->wanted.links[i] = replan->candidate.links[i];
            break;
        case REPLAN_ASKED_REVERT:
            replan->wanted.links[i] = replan_edge(replan, replan_edge_key(window, i))->was;
            break;
        default:
            replan->wanted.links[i] = window->running->links[i];
        }
    }
}

/* What is fused is one island; its first is what no fused edge leads to. */
static void compose_islands(struct limef_replan *replan, const struct limef_replan_window *window)
{
    const struct limef_plan_problem *problem = window->problem;
    struct limef_plan *wanted = &replan->wanted;
    uint32_t *parents = replan->notes[0], *islands = replan->notes[1];

    for (uint32_t i = 0; i < problem->n_filters; i++) {
        parents[i] = i;
        wanted->island_of[i] = 0;
        islands[i] = LIMEF_PLAN_NONE;
    }
    for (uint32_t i = 0; i < problem->n_edges; i++) {
        if (wanted->links[i].is_cut)
            continue;
        parents[replan_root(parents, problem->edges[i].to)] =
            replan_root(parents, problem->edges[i].from);
        wanted->island_of[problem->edges[i].to] = 1; /* for now: it is entered from a filter */
    }
    wanted->n_islands = 0;
    for (uint32_t i = 0; i < problem->n_filters; i++) {
        uint32_t *island = &islands[replan_root(parents, i)];

        if (wanted->island_of[i] || *island != LIMEF_PLAN_NONE)
            continue;
        *island = wanted->n_islands;
        wanted->islands[wanted->n_islands++] = (struct limef_plan_island){.first = i};
    }
    for (uint32_t i = 0; i < problem->n_filters; i++)
        wanted->island_of[i] = islands[replan_root(parents, i)];
}

/* Thread, priority and load of the islands; no worker yet. */
static void describe_islands(struct limef_replan *replan, const struct limef_replan_window *window)
{
    const struct limef_plan_problem *problem = window->problem;
    struct limef_plan *wanted = &replan->wanted;

    for (uint32_t i = 0; i < wanted->n_islands; i++) {
        struct limef_plan_island *island = &wanted->islands[i];
        bool is_new = chain_of(replan, island->first)->state == REPLAN_ASKED;
        const struct limef_plan *plan = is_new ? &replan->candidate : window->running;

        island->worker = LIMEF_PLAN_NONE;
        island->thread = problem->filters[island->first].thread;
        island->priority = plan->islands[plan->island_of[island->first]].priority;
    }
    for (uint32_t i = 0; i < problem->n_filters; i++) {
        const struct limef_plan_filter *filter = &problem->filters[i];
        struct limef_plan_island *island = &wanted->islands[wanted->island_of[i]];

        if (filter->cost_us < 0 || filter->rate_hz < 0 || island->load < 0)
            island->load = LIMEF_NOT_MEASURED;
        else
            island->load += replan_load(filter);
        if (filter->p95_us < 0 || island->p95_us < 0)
            island->p95_us = LIMEF_NOT_MEASURED;
        else
            island->p95_us += filter->p95_us;
    }
}

/* In notes[0] how many boundaries lie between a source and each island, at most. */
static void measure_distances(struct limef_replan *replan, const struct limef_replan_window *window)
{
    const struct limef_plan_problem *problem = window->problem;
    const struct limef_plan *wanted = &replan->wanted;
    uint32_t *distances = replan->notes[0];
    bool changed = true;

    for (uint32_t i = 0; i < wanted->n_islands; i++)
        distances[i] = 0;
    for (uint32_t round = 0; changed && round < wanted->n_islands; round++) {
        changed = false;
        for (uint32_t i = 0; i < problem->n_edges; i++) {
            uint32_t from = wanted->island_of[problem->edges[i].from];
            uint32_t to = wanted->island_of[problem->edges[i].to];

            if (from == to || distances[to] > distances[from])
                continue;
            distances[to] = distances[from] + 1;
            changed = true;
        }
    }
}

/* The worker that an island should get. */
static uint32_t meant_worker(const struct limef_replan *replan,
                             const struct limef_replan_window *window, uint32_t first)
{
    const struct limef_plan *running = window->running;
    uint32_t runs_on = running->islands[running->island_of[first]].worker;

    switch (chain_of(replan, first)->state) {
    case REPLAN_ASKED:
        return replan->candidate.islands[replan->candidate.island_of[first]].worker;
    case REPLAN_ASKED_REVERT:
        for (uint32_t i = 0; i < window->problem->n_edges; i++)
            if (window->problem->edges[i].to == first)
                return replan_edge(replan, replan_edge_key(window, i))->was_worker;
        return runs_on;
    default:
        return runs_on;
    }
}

/* Whether an island may be put on a worker. One whose chain stays as it is stays where it is. */
static bool fits(const struct limef_replan *replan, const struct limef_plan_island *island,
                 uint32_t distance, uint32_t worker)
{
    const struct limef_plan_worker *to = &replan->wanted.workers[worker];
    const struct limef_plan *candidate = &replan->candidate;
    bool is_shared = worker < candidate->n_workers && candidate->workers[worker].n_islands > 1;

    if (!to->n_islands)
        return true;
    if (to->priority != island->priority || replan->notes[1][worker] != distance)
        return false;
    if (chain_of(replan, island->first)->state == REPLAN_QUIET ||
        chain_of(replan, island->first)->state == REPLAN_ON_TRIAL)
        return true;
    /* what the candidate shares is meant so; else others that stay are not to suffer */
    return is_shared && (to->load + island->load <= LIMEF_PLAN_CUT_LOAD_LIMIT ||
                         candidate->workers[worker].load > LIMEF_PLAN_CUT_LOAD_LIMIT);
}

static void put(struct limef_replan *replan, uint32_t island, uint32_t worker)
{
    struct limef_plan *wanted = &replan->wanted;
    struct limef_plan_worker *to = &wanted->workers[worker];
    struct limef_plan_island *it = &wanted->islands[island];

    to->priority = it->priority;
    to->load = it->load < 0 || to->load < 0 ? LIMEF_NOT_MEASURED : to->load + it->load;
    to->n_islands++;
    it->worker = worker;
    replan->notes[1][worker] = replan->notes[0][island];
    if (worker >= wanted->n_workers)
        wanted->n_workers = worker + 1;
}

static void place(struct limef_replan *replan, const struct limef_replan_window *window,
                  uint32_t island)
{
    const struct limef_plan *wanted = &replan->wanted;
    const struct limef_plan_island *it = &wanted->islands[island];
    uint32_t worker = meant_worker(replan, window, it->first);

    if (worker >= window->problem->n_filters || !fits(replan, it, replan->notes[0][island], worker))
        for (worker = 0; wanted->workers[worker].n_islands; worker++)
            ;
    put(replan, island, worker);
}

/* Those that stay come first, so that they stay. */
static void compose_workers(struct limef_replan *replan, const struct limef_replan_window *window)
{
    struct limef_plan *wanted = &replan->wanted;

    for (uint32_t i = 0; i < window->problem->n_filters; i++)
        wanted->workers[i] = (struct limef_plan_worker){0};
    wanted->n_workers = 0;
    for (int asked = 0; asked < 2; asked++) {
        for (uint32_t i = 0; i < wanted->n_islands; i++) {
            enum replan_state state = chain_of(replan, wanted->islands[i].first)->state;
            bool is_asked = state == REPLAN_ASKED || state == REPLAN_ASKED_REVERT;

            if (wanted->islands[i].thread == LIMEF_PLAN_NONE && is_asked == asked)
                place(replan, window, i);
        }
    }
}

static void note(struct limef_replan *replan, int act, uint32_t edge, uint32_t filter)
{
    replan->changes[replan->n_changes++] = (struct limef_replan_change){
        .act = (enum limef_replan_act)act,
        .is_revert = chain_of(replan, filter)->state == REPLAN_ASKED_REVERT,
        .edge = edge,
        .filter = filter,
        .reason = edge == LIMEF_PLAN_NONE ? LIMEF_PLAN_CUT_LOAD : replan->wanted.links[edge].reason,
    };
}

static void note_changes(struct limef_replan *replan, const struct limef_replan_window *window)
{
    const struct limef_plan_problem *problem = window->problem;
    const struct limef_plan *running = window->running, *wanted = &replan->wanted;

    for (uint32_t i = 0; i < problem->n_edges; i++) {
        int act = replan_link_change(&running->links[i], &wanted->links[i]);

        if (act >= 0)
            note(replan, act, i, problem->edges[i].to);
    }
    for (uint32_t i = 0; i < wanted->n_islands; i++) {
        const struct limef_plan_island *island = &wanted->islands[i];
        const struct limef_plan_island *was = &running->islands[running->island_of[island->first]];

        if (was->first == island->first &&
            (was->worker != island->worker || was->priority != island->priority))
            note(replan, LIMEF_REPLAN_MOVE, LIMEF_PLAN_NONE, island->first);
    }
}

void replan_compose(struct limef_replan *replan, const struct limef_replan_window *window)
{
    replan->n_changes = 0;
    compose_links(replan, window);
    compose_islands(replan, window);
    describe_islands(replan, window);
    measure_distances(replan, window);
    compose_workers(replan, window);
    note_changes(replan, window);
}
