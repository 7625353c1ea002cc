/* SPDX-License-Identifier: MIT */
/*
 * The planner: branches of a fork run one after the other. One that works on few of the source's
 * frames, but then for long (a snapshot), is light on average, and holds up the other branches: it
 * is cut off, with or without a free core.
 */
#include "thread/plan_private.h"

#include <math.h>

/* Of the source's rate: what works on fewer frames works now and then. */
#define SELDOM 0.75

#define MERGE (LIMEF_PLAN_MERGE_LOAD / LIMEF_PLAN_CUT_LOAD_LIMIT)

static bool is_seldom(const struct plan_work *work, uint32_t filter)
{
    double rate_hz = work->problem->filters[filter].rate_hz;

    return plan_is_known(rate_hz) && rate_hz < SELDOM * work->source_hz[filter];
}

/* Whether what it does for one frame, or for all that come at once, is more than its load tells. */
static bool holds_up(const struct plan_work *work, uint32_t filter)
{
    return is_seldom(work, filter) || work->burst[filter] > 1;
}

static bool is_fused(const struct plan_work *work, uint32_t edge)
{
    uint32_t to = work->problem->edges[edge].to;

    return work->in_edges[work->in_at[to]] == edge && work->head[to] == NOT_A_HEAD;
}

/* rest: how long a filter with what is fused behind it is busy with what comes seldom, or at once.
 */
static void sum_up(struct plan_work *work, const uint32_t *members, uint32_t n)
{
    for (uint32_t i = n; i-- > 0;) {
        uint32_t filter = members[i];
        double p95_us = work->problem->filters[filter].p95_us;

        work->rest[filter] =
            holds_up(work, filter) && plan_is_known(p95_us) ? p95_us * work->burst[filter] : 0;
        for (uint32_t k = work->out_at[filter]; k < work->out_at[filter + 1]; k++)
            if (is_fused(work, work->out_edges[k]))
                work->rest[filter] += work->rest[work->problem->edges[work->out_edges[k]].to];
    }
}

static bool was_branch(const struct plan_work *work, uint32_t filter)
{
    const struct limef_plan_link *was = plan_previous_entry(work, filter);

    return was && was->is_cut && was->reason == LIMEF_PLAN_CUT_BRANCH;
}

/* How long a branch may hold up the others; less, once it is cut off. */
static double limit_us(const struct plan_work *work, uint32_t filter, bool was_cut)
{
    return LIMEF_PLAN_LATE_LIMIT * fmax(1e6 / work->source_hz[filter], PLAN_SOON_US) *
           (was_cut ? MERGE : 1);
}

static uint32_t heaviest_behind(const struct plan_work *work, uint32_t filter)
{
    uint32_t heaviest = LIMEF_PLAN_NONE;

    for (uint32_t k = work->out_at[filter]; k < work->out_at[filter + 1]; k++) {
        uint32_t to = work->problem->edges[work->out_edges[k]].to;

        if (is_fused(work, work->out_edges[k]) &&
            (heaviest == LIMEF_PLAN_NONE || work->rest[to] > work->rest[heaviest]))
            heaviest = to;
    }
    return heaviest;
}

static bool is_too_long(const struct plan_work *work, uint32_t filter, bool was_cut)
{
    return holds_up(work, filter) && plan_may_cut(work, filter) &&
           work->rest[filter] > limit_us(work, filter, was_cut);
}

/* Where to cut a branch that is too long: at its cheapest connection, the first of them. */
static uint32_t place_in(const struct plan_work *work, uint32_t branch)
{
    uint32_t found = LIMEF_PLAN_NONE;

    for (uint32_t filter = branch; filter != LIMEF_PLAN_NONE;
         filter = heaviest_behind(work, filter))
        if (is_too_long(work, filter, false) &&
            (found == LIMEF_PLAN_NONE || work->edge_cost[filter] < 0.999 * work->edge_cost[found]))
            found = filter;
    return found;
}

static bool is_fork(const struct plan_work *work, uint32_t filter)
{
    return work->out_at[filter + 1] - work->out_at[filter] > 1;
}

/* Whether it is in a branch of an island. */
static bool has_fork_before(const struct plan_work *work, uint32_t filter)
{
    uint32_t root = work->root[filter];

    while (filter != root) {
        filter = work->parent[filter];
        if (is_fork(work, filter))
            return true;
    }
    return false;
}

static void clear_fork(struct plan_work *work, uint32_t fork, const uint32_t *members, uint32_t n)
{
    for (uint32_t k = work->out_at[fork]; k < work->out_at[fork + 1]; k++) {
        uint32_t edge = work->out_edges[k], place;

        while (is_fused(work, edge) &&
               (place = place_in(work, work->problem->edges[edge].to)) != LIMEF_PLAN_NONE) {
            work->head[place] = LIMEF_PLAN_CUT_BRANCH;
            sum_up(work, members, n);
        }
    }
}

/* From the leaves up, so that what was cut, and is kept, is what would be cut. */
static void clear_island(struct plan_work *work, const uint32_t *members, uint32_t n)
{
    sum_up(work, members, n);
    for (uint32_t k = n; k-- > 1;)
        if (was_branch(work, members[k]) && is_too_long(work, members[k], true) &&
            has_fork_before(work, members[k])) {
            work->head[members[k]] = LIMEF_PLAN_CUT_BRANCH;
            sum_up(work, members, n);
        }
    for (uint32_t k = n; k-- > 0;)
        if (work->rest[members[k]] > 0 && is_fork(work, members[k]))
            clear_fork(work, members[k], members, n);
}

void plan_clear_forks(struct plan_work *work)
{
    for (uint32_t i = 0; i < work->problem->n_filters; i++) {
        uint32_t at = work->member_at[i], n = work->member_at[i + 1] - at;

        if (n > 1 && work->problem->filters[i].thread == LIMEF_PLAN_NONE)
            clear_island(work, work->members + at, n);
    }
}
