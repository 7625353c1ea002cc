/* SPDX-License-Identifier: MIT */
/*
 * The planner: islands that are too heavy are split into the fewest pieces, the
 * heaviest as light as possible. From the leaves up, a filter that is too heavy with all
 * that is fused behind it loses the heaviest of what is behind, until it is not: the
 * fewest pieces of a tree (Kundu and Misra, "A linear tree partitioning algorithm", SIAM
 * J. Comput. 6(1), 1977). Of a filter that several lead to, the first counts.
 */
#include "thread/plan_private.h"

#include <math.h>
#include <string.h>

/* Cores that must be free beyond an island's own for a cut to help, and for it to stay. */
#define SPARE_TO_CUT 1.02
#define SPARE_TO_KEEP 1.0

/* Load of a core that may be fused to a live source that waits: what it waits for is there when
 * it comes back, and it must not be long away. */
#define LIVE_LOAD 0.25

/* The same, of one that is asked too, when the machine is so full that reading must go before all
 * other work. */
#define URGENT_LOAD 0.1
#define FULL_MACHINE 0.75
#define FULL_MACHINE_STAYS 0.55

/* How exactly the heaviest piece is made light, and how much heavier it may be if that makes
 * cheaper cuts. */
#define N_HALVINGS 8
#define BALANCE 1.1
#define CHEAPER 0.9

/* What is in plan_work.tried: a cut of the plan before, a new one. */
#define KEPT 1
#define NEW 2

#define MERGE (LIMEF_PLAN_MERGE_LOAD / LIMEF_PLAN_CUT_LOAD_LIMIT)

/* An island that is split: its filters in order, the first one is its head. */
struct island {
    const uint32_t *members;
    uint32_t n;
    double load, weight;
    double root_limit; /* weight of the piece that the head is in */
    double limit;      /* weight of the others */
    bool is_urgent;    /* its head reads, and that must go before all other work */
};

/* Whether `to` of an edge is fused behind `from`, in what is tried. */
static bool is_child(const struct plan_work *work, uint32_t edge)
{
    uint32_t to = work->problem->edges[edge].to;

    return work->in_edges[work->in_at[to]] == edge && work->head[to] == NOT_A_HEAD &&
           work->tried[to] == NOT_A_HEAD;
}

/* Shell's sort (Ciura's gaps). */
void plan_sort_heaviest_first(const struct plan_work *work, uint32_t *list, uint32_t n)
{
    static const uint32_t gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};

    for (size_t g = 0; g < sizeof(gaps) / sizeof(*gaps); g++)
        for (uint32_t i = gaps[g]; i < n; i++) {
            uint32_t filter = list[i], j = i;

            for (; j >= gaps[g]; j -= gaps[g]) {
                uint32_t before = list[j - gaps[g]];

                if (work->rest[before] > work->rest[filter] ||
                    (work->rest[before] == work->rest[filter] &&
                     work->edge_cost[before] <= work->edge_cost[filter]))
                    break;
                list[j] = before;
            }
            list[j] = filter;
        }
}

/* Cuts off what is behind a filter, the heaviest first, until the rest is within the limit. */
static uint32_t shed(struct plan_work *work, uint32_t filter, double limit)
{
    uint32_t n = 0, n_cuts = 0;

    for (uint32_t i = work->out_at[filter]; i < work->out_at[filter + 1]; i++) {
        uint32_t edge = work->out_edges[i], to = work->problem->edges[edge].to;

        if (is_child(work, edge) && plan_may_cut(work, to) &&
            work->rest[to] * LIMEF_PLAN_CUT_LOAD_LIMIT > work->edge_cost[to])
            work->list[n++] = to;
    }
    plan_sort_heaviest_first(work, work->list, n);
    while (n_cuts < n && work->rest[filter] > limit) {
        work->tried[work->list[n_cuts]] = NEW;
        work->rest[filter] -= work->rest[work->list[n_cuts++]];
    }
    return n_cuts;
}

/* Marks the cuts that the limits need, beside those already in tried. Returns how many. */
static uint32_t split_at(struct plan_work *work, const struct island *island, double limit)
{
    uint32_t n_cuts = 0;

    for (uint32_t i = island->n; i-- > 0;) {
        uint32_t filter = island->members[i];
        double at_most = limit;

        if (i == 0 && island->root_limit < limit)
            at_most = island->root_limit;
        work->rest[filter] = work->weight[filter];
        for (uint32_t j = work->out_at[filter]; j < work->out_at[filter + 1]; j++)
            if (is_child(work, work->out_edges[j]))
                work->rest[filter] += work->rest[work->problem->edges[work->out_edges[j]].to];
        if (work->rest[filter] > at_most)
            n_cuts += shed(work, filter, at_most);
    }
    return n_cuts;
}

/* Takes back what split_at() marked. */
static void unmark(struct plan_work *work, const struct island *island)
{
    for (uint32_t i = 1; i < island->n; i++)
        if (work->tried[island->members[i]] == NEW)
            work->tried[island->members[i]] = NOT_A_HEAD;
}

/* First filter of the piece that a filter is in. */
static uint32_t piece_of(const struct plan_work *work, uint32_t filter)
{
    while (work->head[filter] == NOT_A_HEAD && work->tried[filter] == NOT_A_HEAD &&
           work->parent[filter] != LIMEF_PLAN_NONE)
        filter = work->parent[filter];
    return filter;
}

/* Adds to a filter, and to all before it in its piece. */
static void add_rest(struct plan_work *work, uint32_t filter, double weight)
{
    uint32_t piece = piece_of(work, filter);

    work->rest[filter] += weight;
    while (filter != piece) {
        filter = work->parent[filter];
        work->rest[filter] += weight;
    }
}

static double limit_of(const struct island *island, uint32_t piece, double limit)
{
    return piece == island->members[0] && island->root_limit < limit ? island->root_limit : limit;
}

/* Moves the cut before a filter to the one before, if that is cheaper and not too heavy. */
static bool slide_up(struct plan_work *work, const struct island *island, uint32_t *filter,
                     double limit)
{
    uint32_t up = work->parent[*filter], was = *filter;
    double moved;

    if (work->head[up] != NOT_A_HEAD || work->tried[up] != NOT_A_HEAD || up == island->members[0] ||
        !plan_may_cut(work, up) || work->edge_cost[up] >= work->edge_cost[was] * CHEAPER ||
        work->rest[up] + work->rest[was] > limit)
        return false;
    moved = work->rest[up];
    add_rest(work, up, -moved);
    work->tried[up] = work->tried[was];
    work->tried[was] = NOT_A_HEAD;
    work->rest[up] = moved + work->rest[was];
    *filter = up;
    return true;
}

/* Moves the cut before a filter to one behind it, likewise; light work goes to who reads a live
 * source where that costs no more. */
static bool slide_down(struct plan_work *work, const struct island *island, uint32_t *filter,
                       double limit)
{
    uint32_t was = *filter, piece = piece_of(work, work->parent[was]);
    bool to_reader = piece == island->members[0] && island->root_limit < island->limit;
    double cheap = work->edge_cost[was] * (to_reader ? 1.001 : CHEAPER);

    for (uint32_t i = work->out_at[was]; i < work->out_at[was + 1]; i++) {
        uint32_t edge = work->out_edges[i], down = work->problem->edges[edge].to;
        double moved = work->rest[was] - work->rest[down];

        if (!is_child(work, edge) || !plan_may_cut(work, down) || work->edge_cost[down] >= cheap ||
            work->rest[piece] + moved > limit_of(island, piece, limit))
            continue;
        work->tried[down] = work->tried[was];
        work->tried[was] = NOT_A_HEAD;
        work->rest[was] = moved;
        add_rest(work, work->parent[was], moved);
        *filter = down;
        return true;
    }
    return false;
}

/* Finds cheaper places for new cuts, each step cheaper than the one before. */
static void slide(struct plan_work *work, const struct island *island, double limit)
{
    if (limit > island->limit)
        limit = island->limit;
    for (uint32_t i = 1; i < island->n; i++) {
        uint32_t filter = island->members[i];

        if (work->tried[filter] != NEW)
            continue;
        while (slide_up(work, island, &filter, limit) || slide_down(work, island, &filter, limit))
            ;
    }
}

/* The fewest cuts, then the lightest heaviest piece, then the cheapest places. */
static uint32_t split_evenly(struct plan_work *work, const struct island *island)
{
    uint32_t n_cuts = split_at(work, island, island->limit);
    double low = 0, high = island->limit;

    if (!n_cuts)
        return 0;
    for (int i = 0; i < N_HALVINGS && !isinf(high); i++) {
        double middle = (low + high) / 2;

        unmark(work, island);
        if (split_at(work, island, middle) > n_cuts)
            low = middle;
        else
            high = middle;
    }
    unmark(work, island);
    split_at(work, island, high);
    slide(work, island, high * BALANCE);
    return n_cuts;
}

/* Whether a cut before a filter is in the plan before, and is one that load may take away. */
static bool was_cut(const struct plan_work *work, uint32_t filter, enum limef_plan_reason *reason)
{
    const struct limef_plan_link *was = plan_previous_entry(work, filter);

    if (!was || !was->is_cut || !plan_may_cut(work, filter))
        return false;
    *reason = was->reason;
    return *reason == LIMEF_PLAN_CUT_LOAD || *reason == LIMEF_PLAN_CUT_LATE ||
           *reason == LIMEF_PLAN_CUT_BLOCKING || *reason == LIMEF_PLAN_CUT_PRIORITY ||
           *reason == LIMEF_PLAN_CUT_UNMEASURED;
}

/* Marks the cuts of the plan before that stay. */
static uint32_t keep_cuts(struct plan_work *work, const struct island *island)
{
    struct island whole = *island;
    enum limef_plan_reason reason;
    uint32_t n_kept = 0;

    for (uint32_t i = 1; i < island->n; i++)
        work->tried[island->members[i]] =
            was_cut(work, island->members[i], &reason) ? KEPT : NOT_A_HEAD;
    whole.limit = whole.root_limit = INFINITY;
    split_at(work, &whole, INFINITY);
    for (uint32_t i = 1; i < island->n; i++) {
        uint32_t filter = island->members[i], piece;

        if (work->tried[filter] == NOT_A_HEAD)
            continue;
        piece = piece_of(work, work->parent[filter]);
        if (work->rest[piece] + work->rest[filter] >=
            limit_of(island, piece, island->limit) * MERGE) {
            n_kept++;
            continue;
        }
        work->tried[filter] = NOT_A_HEAD;
        add_rest(work, work->parent[filter], work->rest[filter]);
    }
    return n_kept;
}

static void forget(struct plan_work *work, const struct island *island)
{
    for (uint32_t i = 1; i < island->n; i++)
        work->tried[island->members[i]] = NOT_A_HEAD;
}

/* Whether reading goes before all other work; so it stays while a cut says so. */
static bool is_urgent(const struct plan_work *work, const struct island *island)
{
    double n_cpus = work->problem->machine.n_cpus;
    enum limef_plan_reason reason;

    if (work->total_load > n_cpus * FULL_MACHINE)
        return true;
    if (work->total_load <= n_cpus * FULL_MACHINE_STAYS)
        return false;
    for (uint32_t i = 1; i < island->n; i++)
        if (was_cut(work, island->members[i], &reason) && reason == LIMEF_PLAN_CUT_PRIORITY)
            return true;
    return false;
}

static void measure(const struct plan_work *work, struct island *island)
{
    for (uint32_t i = 0; i < island->n; i++) {
        double load = work->load[island->members[i]];

        island->load += load < 1 ? load : 1;
        island->weight += work->weight[island->members[i]];
    }
}

static void set_limits(const struct plan_work *work, struct island *island, double spare_needed)
{
    const struct limef_plan_filter *head = &work->problem->filters[island->members[0]];
    double others = work->total_load - island->load;
    bool has_cpu = work->problem->machine.n_cpus - others > spare_needed;

    island->limit = has_cpu ? 1 : INFINITY;
    island->root_limit = island->limit;
    if (!plan_is_source(head) || !head->is_live)
        return;
    island->is_urgent = is_urgent(work, island);
    if (island->is_urgent)
        island->root_limit = URGENT_LOAD / LIMEF_PLAN_CUT_LOAD_LIMIT;
    else if (head->flags & LIMEF_FILTER_BLOCKING)
        island->root_limit = LIVE_LOAD / LIMEF_PLAN_CUT_LOAD_LIMIT;
}

/* Makes heads of what was tried, each with its reason. */
static void name_reasons(struct plan_work *work, const struct island *island)
{
    bool waits = work->problem->filters[island->members[0]].flags & LIMEF_FILTER_BLOCKING;

    for (uint32_t i = island->n; i-- > 1;) {
        uint32_t filter = island->members[i], piece;
        double merged;
        bool from_root;

        if (work->tried[filter] == NOT_A_HEAD)
            continue;
        piece = piece_of(work, work->parent[filter]);
        merged = work->rest[piece] + work->rest[filter];
        from_root = piece == island->members[0] && island->root_limit < 1;
        if (from_root && island->is_urgent &&
            (!waits || merged <= LIVE_LOAD / LIMEF_PLAN_CUT_LOAD_LIMIT))
            work->head[filter] = LIMEF_PLAN_CUT_PRIORITY;
        else if (from_root)
            work->head[filter] = LIMEF_PLAN_CUT_BLOCKING;
        else
            work->head[filter] = LIMEF_PLAN_CUT_LOAD;
    }
}

static void split_island(struct plan_work *work, struct island *island)
{
    uint32_t n_kept, n_new, n_fresh;

    measure(work, island);
    set_limits(work, island, SPARE_TO_KEEP);
    n_kept = work->problem->previous ? keep_cuts(work, island) : 0;
    set_limits(work, island, SPARE_TO_CUT);
    if (isinf(island->limit) && island->weight > 1)
        for (uint32_t i = 0; i < island->n; i++)
            work->no_cpu[island->members[i]] = 1;
    n_new = split_evenly(work, island);
    if (n_kept && n_new) { /* perhaps the cuts lie in the wrong places */
        forget(work, island);
        n_fresh = split_evenly(work, island);
        if (n_fresh >= n_kept + n_new) {
            forget(work, island);
            set_limits(work, island, SPARE_TO_KEEP);
            keep_cuts(work, island);
            set_limits(work, island, SPARE_TO_CUT);
            split_evenly(work, island);
        }
    }
    name_reasons(work, island);
}

void plan_split(struct plan_work *work)
{
    uint32_t n = work->problem->n_filters;

    memset(work->tried, NOT_A_HEAD, n);
    for (uint32_t i = 0; i < n; i++) {
        struct island island = {.members = work->members + work->member_at[i],
                                .n = work->member_at[i + 1] - work->member_at[i]};

        if (island.n > 1 && work->problem->filters[i].thread == LIMEF_PLAN_NONE)
            split_island(work, &island);
    }
}
