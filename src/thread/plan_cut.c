/* SPDX-License-Identifier: MIT */
/* The planner: which filters begin an island. */
#include "thread/plan_private.h"

#include <limef/base/log.h>

#include <libavutil/error.h>
#include <math.h>
#include <string.h>

/* Share of the time between two frames, or of PLAN_SOON_US, up to which a recorder, with all behind
 * it, does not stall who reads a live source; the higher one: it goes on to. */
#define LIGHT_RECORDER 0.1
#define LIGHT_RECORDER_STAYS 0.2

static enum limef_plan_reason forced_reason(const struct limef_plan_filter *from,
                                            const struct limef_plan_filter *to)
{
    if (from->thread != to->thread || from->flags & LIMEF_FILTER_BOUNDARY)
        return LIMEF_PLAN_CUT_EXPLICIT;
    if ((from->flags | to->flags) & LIMEF_FILTER_THREAD_BOUND)
        return LIMEF_PLAN_CUT_BOUND;
    return LIMEF_PLAN_CUT_REAL_TIME;
}

static void force_heads(struct plan_work *work)
{
    const struct limef_plan_problem *problem = work->problem;

    memset(work->head, NOT_A_HEAD, problem->n_filters);
    for (uint32_t i = 0; i < problem->n_edges; i++) {
        const struct limef_plan_edge *edge = &problem->edges[i];
        const struct limef_plan_filter *from = &problem->filters[edge->from];
        const struct limef_plan_filter *to = &problem->filters[edge->to];

        if (work->head[edge->to] == NOT_A_HEAD && plan_is_forced(from, to))
            work->head[edge->to] = forced_reason(from, to);
    }
}

void plan_find_roots(struct plan_work *work)
{
    const struct limef_plan_problem *problem = work->problem;
    uint32_t n = problem->n_filters;

    memset(work->member_at, 0, (n + 1) * sizeof(*work->member_at));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t filter = work->order[i], root = filter;

        if (work->head[filter] == NOT_A_HEAD && work->parent[filter] != LIMEF_PLAN_NONE)
            root = work->root[work->parent[filter]];
        for (uint32_t j = work->in_at[filter]; root != filter && j < work->in_at[filter + 1]; j++)
            if (work->root[problem->edges[work->in_edges[j]].from] != root) {
                work->head[filter] = LIMEF_PLAN_CUT_JOIN;
                root = filter;
            }
        work->root[filter] = root;
        work->member_at[root]++;
    }
    for (uint32_t i = 1; i <= n; i++)
        work->member_at[i] += work->member_at[i - 1];
    for (uint32_t i = n; i-- > 0;) {
        uint32_t filter = work->order[i];

        work->members[--work->member_at[work->root[filter]]] = filter;
    }
}

/* A fixed connection that is cut; LIMEF_PLAN_NONE: there is none. */
static uint32_t find_broken(const struct plan_work *work)
{
    const struct limef_plan_problem *problem = work->problem;

    for (uint32_t i = 0; i < problem->n_edges; i++)
        if (problem->edges[i].is_fixed && work->head[problem->edges[i].to] != NOT_A_HEAD)
            return i;
    return LIMEF_PLAN_NONE;
}

static int refuse(const struct plan_work *work, uint32_t broken)
{
    static const char *const why[] = {
        [LIMEF_PLAN_CUT_BOUND] = "one is bound to a thread of its own",
        [LIMEF_PLAN_CUT_EXPLICIT] = "they belong to different threads",
        [LIMEF_PLAN_CUT_REAL_TIME] = "one is real-time",
        [LIMEF_PLAN_CUT_JOIN] = "others lead there from another thread"};
    const struct limef_plan_problem *problem = work->problem;
    const struct limef_plan_edge *edge = &problem->edges[broken];
    const struct limef_plan_filter *from = &problem->filters[edge->from];
    const struct limef_plan_filter *to = &problem->filters[edge->to];
    enum limef_plan_reason reason = LIMEF_PLAN_CUT_JOIN;

    if (plan_is_forced(from, to))
        reason = forced_reason(from, to);
    return limef_fail(AVERROR(EINVAL), "plan", "nothing may be put between %s and %s, but %s",
                      from->name ? from->name : "?", to->name ? to->name : "?", why[reason]);
}

bool plan_may_cut(const struct plan_work *work, uint32_t filter)
{
    const struct limef_plan_problem *problem = work->problem;

    if (problem->filters[filter].thread != LIMEF_PLAN_NONE ||
        work->parent[filter] == LIMEF_PLAN_NONE)
        return false;
    for (uint32_t i = work->in_at[filter]; i < work->in_at[filter + 1]; i++)
        if (problem->edges[work->in_edges[i]].is_fixed)
            return false;
    return true;
}

static bool is_coded(const char *kind)
{
    return kind && (!strncmp(kind, "decode", 6) || !strncmp(kind, "encode", 6));
}

/* Whether the connections that lead to a filter were cut in the plan before. */
static bool was_cut(const struct plan_work *work, uint32_t filter)
{
    const struct limef_plan_link *was = plan_previous_entry(work, filter);

    return was && was->is_cut;
}

static bool is_light_recorder(const struct plan_work *work, uint32_t from, uint32_t to)
{
    double rate_hz = work->problem->filters[from].rate_hz;
    double most =
        work->problem->previous && !was_cut(work, to) ? LIGHT_RECORDER_STAYS : LIGHT_RECORDER;

    return plan_is_known(rate_hz) &&
           work->busy_us[to] <= most * fmax(rate_hz > 0 ? 1e6 / rate_hz : INFINITY, PLAN_SOON_US);
}

/* Whether flags alone ask for a cut that is not forced; else NOT_A_HEAD. */
static uint8_t suggested(const struct plan_work *work, uint32_t from_number, uint32_t to_number)
{
    const struct limef_plan_problem *problem = work->problem;
    const struct limef_plan_filter *from = &problem->filters[from_number];
    const struct limef_plan_filter *to = &problem->filters[to_number];
    unsigned differ = from->flags ^ to->flags;

    if (to->flags & LIMEF_FILTER_BLOCKING)
        return LIMEF_PLAN_CUT_BLOCKING;
    if (differ & LIMEF_FILTER_DISPLAY)
        return LIMEF_PLAN_CUT_PRIORITY;
    if (differ & to->flags & LIMEF_FILTER_RECORDS && work->is_live[from_number] &&
        !is_light_recorder(work, from_number, to_number))
        return LIMEF_PLAN_CUT_PRIORITY;
    if (to->flags & LIMEF_FILTER_SELF_THREADED && !plan_is_measured(to) &&
        problem->machine.n_cpus > 1)
        return LIMEF_PLAN_CUT_UNMEASURED;
    return NOT_A_HEAD;
}

static void add_heads(struct plan_work *work)
{
    const struct limef_plan_problem *problem = work->problem;

    for (uint32_t i = 0; i < problem->n_edges; i++) {
        const struct limef_plan_edge *edge = &problem->edges[i];
        uint8_t *head = &work->head[edge->to];

        if (*head != NOT_A_HEAD || !plan_may_cut(work, edge->to))
            continue;
        if (problem->mode == LIMEF_PLAN_AUTO)
            *head = suggested(work, edge->from, edge->to);
        else if (problem->mode == LIMEF_PLAN_PER_FILTER ||
                 (problem->mode == LIMEF_PLAN_WHITELIST &&
                  is_coded(problem->filters[edge->to].kind)))
            *head = LIMEF_PLAN_CUT_MODE;
    }
}

bool plan_is_broken(const struct plan_work *work)
{
    return find_broken(work) != LIMEF_PLAN_NONE;
}

void plan_cut_by_flags(struct plan_work *work)
{
    force_heads(work);
    plan_find_roots(work);
    add_heads(work);
    plan_find_roots(work);
}

void plan_cut_by_cost(struct plan_work *work)
{
    if (work->problem->mode == LIMEF_PLAN_AUTO && !plan_is_broken(work)) {
        plan_clear_forks(work);
        plan_find_roots(work);
        plan_split(work);
        plan_find_roots(work);
    }
    if (plan_is_broken(work)) { /* a join that a cut made: back to what must be */
        force_heads(work);
        plan_find_roots(work);
    }
}

int plan_cut(struct plan_work *work)
{
    const struct limef_plan_problem *problem = work->problem;
    struct limef_plan_problem fresh = *problem;
    uint32_t broken;

    force_heads(work);
    plan_find_roots(work);
    broken = find_broken(work);
    if (broken != LIMEF_PLAN_NONE)
        return refuse(work, broken);
    fresh.previous = problem->is_first ? NULL : problem->previous;
    work->problem = &fresh;
    plan_cut_by_flags(work);
    plan_cut_by_cost(work);
    if (problem->mode == LIMEF_PLAN_AUTO)
        plan_try(work);
    work->problem = problem;
    return 0;
}
