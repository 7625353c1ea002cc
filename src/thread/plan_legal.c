/* SPDX-License-Identifier: MIT */
/* The planner: what must be true of every plan of a problem, whoever made it. */
#include "thread/plan_private.h"

#include <string.h>

bool plan_is_forced(const struct limef_plan_filter *from, const struct limef_plan_filter *to)
{
    bool same_thread = from->thread == to->thread;

    if (!same_thread || from->flags & LIMEF_FILTER_BOUNDARY)
        return true;
    if ((from->flags | to->flags) & LIMEF_FILTER_THREAD_BOUND)
        return from->thread == LIMEF_PLAN_NONE;
    return (from->flags ^ to->flags) & LIMEF_FILTER_REAL_TIME;
}

static const char *check_link(const struct limef_plan *plan,
                              const struct limef_plan_problem *problem, uint32_t i)
{
    const struct limef_plan_edge *edge = &problem->edges[i];
    const struct limef_plan_link *link = &plan->links[i];
    const struct limef_plan_filter *from = &problem->filters[edge->from];
    const struct limef_plan_filter *to = &problem->filters[edge->to];
    bool same_island = plan->island_of[edge->from] == plan->island_of[edge->to];

    if (link->is_cut == same_island)
        return "a cut connection within an island, or the reverse";
    if (link->is_cut != (link->reason >= LIMEF_PLAN_CUT_BLOCKING) ||
        link->reason > LIMEF_PLAN_CUT_MODE)
        return "a reason that does not fit";
    if (!link->is_cut)
        return plan_is_forced(from, to) ? "filters as one that cannot be" : NULL;
    if (plan->islands[plan->island_of[edge->to]].first != edge->to)
        return "an island that is entered in its middle";
    if (link->depth < PLAN_LEAST_DEPTH || link->depth > LIMEF_LANE_MAX_FRAMES - 2)
        return "a depth out of range";
    if (link->overflow > LIMEF_OVERFLOW_DROP_TO_KEY)
        return "an overflow that there is not";
    return edge->is_fixed ? "a fixed connection is cut" : NULL;
}

/* fused: of a filter, how many connections lead there within its island. */
static const char *check_links(const struct limef_plan *plan,
                               const struct limef_plan_problem *problem, uint32_t *fused)
{
    memset(fused, 0, problem->n_filters * sizeof(*fused));
    for (uint32_t i = 0; i < problem->n_edges; i++) {
        const char *wrong;

        if (problem->edges[i].from >= problem->n_filters ||
            problem->edges[i].to >= problem->n_filters)
            return "a connection to a filter that is not there";
        wrong = check_link(plan, problem, i);
        if (wrong)
            return wrong;
        fused[problem->edges[i].to] += !plan->links[i].is_cut;
    }
    for (uint32_t i = 0; i < problem->n_filters; i++)
        if ((plan->islands[plan->island_of[i]].first == i) != (fused[i] == 0))
            return "an island in several pieces";
    return NULL;
}

static const char *check_island(const struct limef_plan *plan,
                                const struct limef_plan_problem *problem, uint32_t i)
{
    const struct limef_plan_island *island = &plan->islands[i];

    if (island->first >= plan->n_filters || plan->island_of[island->first] != i)
        return "an island without its first filter";
    if (island->thread != problem->filters[island->first].thread)
        return "an island on a wrong thread";
    if ((island->worker == LIMEF_PLAN_NONE) == (island->thread == LIMEF_PLAN_NONE))
        return "an island on no thread, or on two";
    if (island->worker != LIMEF_PLAN_NONE && island->worker >= plan->n_workers)
        return "an island on a worker that is not there";
    if (island->priority > LIMEF_PRIORITY_BACKGROUND)
        return "a priority that there is not";
    return NULL;
}

static const char *check_islands(const struct limef_plan *plan,
                                 const struct limef_plan_problem *problem, uint32_t *n_islands)
{
    const unsigned alone = LIMEF_FILTER_THREAD_BOUND | LIMEF_FILTER_BLOCKING;

    for (uint32_t i = 0; i < plan->n_filters; i++)
        if (plan->island_of[i] >= plan->n_islands)
            return "a filter in no island";
    memset(n_islands, 0, problem->n_filters * sizeof(*n_islands));
    for (uint32_t i = 0; i < plan->n_islands; i++) {
        const char *wrong = check_island(plan, problem, i);

        if (wrong)
            return wrong;
        if (plan->islands[i].worker != LIMEF_PLAN_NONE)
            n_islands[plan->islands[i].worker]++;
    }
    for (uint32_t i = 0; i < plan->n_workers; i++)
        if (plan->workers[i].n_islands != n_islands[i] ||
            plan->workers[i].priority > LIMEF_PRIORITY_BACKGROUND)
            return "a worker with a wrong number of islands, or priority";
    for (uint32_t i = 0; i < plan->n_filters; i++) {
        const struct limef_plan_island *island = &plan->islands[plan->island_of[i]];

        if (island->worker != LIMEF_PLAN_NONE && problem->filters[i].flags & alone &&
            n_islands[island->worker] > 1)
            return "a filter that waits or is bound shares its worker";
    }
    return NULL;
}

/* Workers, and who waits for whom: takes away those that nobody unfinished leads to. */
static const char *check_workers(const struct limef_plan *plan,
                                 const struct limef_plan_problem *problem, uint32_t *is_done,
                                 uint32_t *waits)
{
    bool again = true;

    memset(is_done, 0, problem->n_filters * sizeof(*is_done));
    while (again) {
        again = false;
        memset(waits, 0, problem->n_filters * sizeof(*waits));
        for (uint32_t i = 0; i < problem->n_edges; i++) {
            const struct limef_plan_edge *edge = &problem->edges[i];
            uint32_t from = plan->islands[plan->island_of[edge->from]].worker;
            uint32_t to = plan->islands[plan->island_of[edge->to]].worker;

            if (plan->links[i].is_cut && from != LIMEF_PLAN_NONE && !is_done[from] &&
                to != LIMEF_PLAN_NONE)
                waits[to] = true;
        }
        for (uint32_t worker = 0; worker < plan->n_workers; worker++)
            if (!is_done[worker] && !waits[worker])
                is_done[worker] = again = true;
    }
    for (uint32_t worker = 0; worker < plan->n_workers; worker++)
        if (!is_done[worker])
            return "workers wait in a circle";
    return NULL;
}

static const char *check_bytes(const struct limef_plan *plan,
                               const struct limef_plan_problem *problem)
{
    size_t budget = problem->machine.budget_bytes;
    double most = (double)(budget ? budget : PLAN_BUDGET_BYTES), least = 0, sum = 0;

    for (uint32_t i = 0; i < problem->n_edges; i++)
        if (plan->links[i].is_cut && problem->edges[i].frame_bytes > 0) {
            least += PLAN_LEAST_DEPTH * problem->edges[i].frame_bytes;
            sum += plan->links[i].depth * problem->edges[i].frame_bytes;
        }
    return sum > most && sum > least ? "more bytes than the budget" : NULL;
}

bool plan_is_legal(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                   uint32_t *scratch, const char **why)
{
    const char *wrong = NULL;

    if (plan->n_filters != problem->n_filters || plan->n_edges != problem->n_edges ||
        plan->n_islands > plan->n_filters || plan->n_workers > plan->n_filters)
        wrong = "of another size";
    if (!wrong)
        wrong = check_islands(plan, problem, scratch);
    if (!wrong)
        wrong = check_links(plan, problem, scratch);
    if (!wrong)
        wrong = check_workers(plan, problem, scratch, scratch + problem->n_filters);
    if (!wrong)
        wrong = check_bytes(plan, problem);
    if (why)
        *why = wrong;
    return !wrong;
}
