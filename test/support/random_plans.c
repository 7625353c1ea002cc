/* SPDX-License-Identifier: MIT */
#include "support/random_plans.h"

#include <stdlib.h>
#include <string.h>

static unsigned next(struct random_bytes *bytes)
{
    if (!bytes->n)
        return 0;
    bytes->n--;
    return *bytes->at++;
}

static unsigned flags_from(unsigned byte)
{
    static const unsigned seldom[] = {LIMEF_FILTER_BLOCKING,  LIMEF_FILTER_THREAD_BOUND,
                                      LIMEF_FILTER_REAL_TIME, LIMEF_FILTER_SELF_THREADED,
                                      LIMEF_FILTER_BOUNDARY,  LIMEF_FILTER_DISPLAY,
                                      LIMEF_FILTER_RECORDS};

    return byte < 35 ? seldom[byte / 5] : 0;
}

static void fill_filter(struct plans *plans, struct random_bytes *bytes, bool is_source)
{
    static const char *const kinds[] = {"decode", "scale", "encode", "gate"};
    unsigned flags = flags_from(next(bytes)) | (is_source ? LIMEF_FILTER_SOURCE : 0);
    uint32_t number = plans_add(plans, kinds[next(bytes) % 4], flags);
    struct limef_plan_filter *filter = &plans->filters[number];
    unsigned cost = next(bytes), thread = next(bytes);

    filter->is_live = is_source && next(bytes) % 2;
    filter->fingerprint = next(bytes);
    if (thread < 8)
        filter->thread = thread % 3;
    if (cost < 8)
        return; /* not measured */
    filter->cost_us = cost < 128 ? cost : (cost - 120) * 300.0;
    filter->p95_us = filter->cost_us * (1 + next(bytes) / 128.0);
    filter->rate_hz = 5 + next(bytes) % 60;
}

static void fill_edge(struct plans *plans, struct random_bytes *bytes, uint32_t from, uint32_t to,
                      bool legal_only)
{
    struct limef_plan_edge *edge;

    if (plans->problem.n_edges == PLANS_MAX_EDGES)
        return;
    edge = &plans->edges[plans_connect(plans, from, to)];
    edge->is_encoded = next(bytes) % 2;
    edge->is_fixed = !legal_only && next(bytes) < 8;
    if (next(bytes) < 32)
        return;
    edge->rate_hz = next(bytes);
    edge->frame_bytes = next(bytes) * 20000.0;
    edge->burst_frames = 1 + next(bytes) % 16;
    edge->jitter_us = next(bytes) * 1000.0;
}

void random_plans_fill(struct plans *plans, struct random_bytes *bytes, bool legal_only)
{
    uint32_t n = 1 + (next(bytes) | next(bytes) << 8) % 60;

    plans->problem.machine.n_cpus = 0.5 + next(bytes) % 32 / 2.0;
    plans->problem.machine.budget_bytes = (size_t)next(bytes) << 16;
    for (uint32_t i = 0; i < n; i++) {
        bool is_source = i == 0 || next(bytes) < 40;
        unsigned n_in = is_source ? 0 : 1 + (next(bytes) < 40) + (next(bytes) < 20);

        fill_filter(plans, bytes, is_source);
        if (!legal_only && next(bytes) < 4)
            n_in = 0;
        for (unsigned j = 0; j < n_in; j++) {
            uint32_t from = next(bytes) % i;

            if (!legal_only && next(bytes) < 4)
                from = next(bytes) % (n + 1);
            fill_edge(plans, bytes, from, i, legal_only);
        }
    }
}

static const char *check_links(const struct limef_plan *plan,
                               const struct limef_plan_problem *problem)
{
    for (uint32_t i = 0; i < problem->n_edges; i++) {
        const struct limef_plan_edge *edge = &problem->edges[i];
        const struct limef_plan_link *link = &plan->links[i];
        const struct limef_plan_filter *from = &problem->filters[edge->from];
        const struct limef_plan_filter *to = &problem->filters[edge->to];
        bool same_island = plan->island_of[edge->from] == plan->island_of[edge->to];

        if (link->is_cut == same_island)
            return "a cut connection within an island, or the reverse";
        if (link->is_cut != (link->reason >= LIMEF_PLAN_CUT_BLOCKING))
            return "a reason that does not fit";
        if (link->is_cut && plan->islands[plan->island_of[edge->to]].first != edge->to)
            return "an island that is entered in its middle";
        if (link->is_cut && (link->depth < 2 || link->depth > LIMEF_LANE_MAX_FRAMES - 2))
            return "a depth out of range";
        if (link->is_cut && edge->is_fixed)
            return "a fixed connection is cut";
        if (link->is_cut)
            continue;
        if (from->thread != to->thread || from->flags & LIMEF_FILTER_BOUNDARY ||
            (from->flags ^ to->flags) & LIMEF_FILTER_REAL_TIME)
            return "an illegal fusion";
        if ((from->flags | to->flags) & LIMEF_FILTER_THREAD_BOUND &&
            from->thread == LIMEF_PLAN_NONE)
            return "a bound filter is fused";
    }
    return NULL;
}

static const char *check_islands(const struct limef_plan *plan,
                                 const struct limef_plan_problem *problem)
{
    static uint32_t n_islands[PLANS_MAX_FILTERS];

    memset(n_islands, 0, sizeof(n_islands));
    for (uint32_t i = 0; i < plan->n_filters; i++)
        if (plan->island_of[i] >= plan->n_islands)
            return "a filter in no island";
    for (uint32_t i = 0; i < plan->n_islands; i++) {
        const struct limef_plan_island *island = &plan->islands[i];

        if (plan->island_of[island->first] != i)
            return "an island without its first filter";
        if (island->thread != problem->filters[island->first].thread)
            return "an island on a wrong thread";
        if ((island->worker == LIMEF_PLAN_NONE) == (island->thread == LIMEF_PLAN_NONE))
            return "an island on no thread, or on two";
        if (island->worker == LIMEF_PLAN_NONE)
            continue;
        if (island->worker >= plan->n_workers)
            return "an island on a worker that is not there";
        n_islands[island->worker]++;
    }
    for (uint32_t i = 0; i < plan->n_workers; i++)
        if (plan->workers[i].n_islands != n_islands[i])
            return "a worker with a wrong number of islands";
    for (uint32_t i = 0; i < plan->n_filters; i++) {
        const struct limef_plan_island *island = &plan->islands[plan->island_of[i]];
        unsigned alone = LIMEF_FILTER_THREAD_BOUND | LIMEF_FILTER_BLOCKING;

        if (island->worker != LIMEF_PLAN_NONE && problem->filters[i].flags & alone &&
            n_islands[island->worker] > 1)
            return "a filter that waits or is bound shares its worker";
    }
    return NULL;
}

/* Workers, and who waits for whom: takes away those that nobody unfinished leads to. */
static const char *check_workers(const struct limef_plan *plan,
                                 const struct limef_plan_problem *problem)
{
    static bool is_done[PLANS_MAX_FILTERS];
    bool again = true;

    memset(is_done, 0, sizeof(is_done));
    while (again) {
        again = false;
        for (uint32_t worker = 0; worker < plan->n_workers; worker++) {
            bool waits = false;

            for (uint32_t i = 0; i < problem->n_edges && !is_done[worker] && !waits; i++) {
                uint32_t from = plan->islands[plan->island_of[problem->edges[i].from]].worker;

                waits = plan->links[i].is_cut && from != LIMEF_PLAN_NONE && !is_done[from] &&
                        plan->islands[plan->island_of[problem->edges[i].to]].worker == worker;
            }
            if (!is_done[worker] && !waits)
                again = is_done[worker] = true;
        }
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
    double most = budget ? (double)budget : 256.0 * 1048576, least = 0, sum = 0;

    for (uint32_t i = 0; i < problem->n_edges; i++)
        if (plan->links[i].is_cut && problem->edges[i].frame_bytes > 0) {
            least += 2 * problem->edges[i].frame_bytes;
            sum += plan->links[i].depth * problem->edges[i].frame_bytes;
        }
    return sum > most && sum > least ? "more bytes than the budget" : NULL;
}

const char *random_plans_check(const struct limef_plan *plan,
                               const struct limef_plan_problem *problem)
{
    const char *wrong = check_islands(plan, problem);

    if (!wrong)
        wrong = check_links(plan, problem);
    if (!wrong)
        wrong = check_workers(plan, problem);
    return wrong ? wrong : check_bytes(plan, problem);
}
