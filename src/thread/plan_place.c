/* SPDX-License-Identifier: MIT */
/* The planner: which worker runs which island. */
#include "thread/plan_private.h"

#include <math.h>

/* Load up to which an island is light: it may share a worker. The higher one: it goes on to. */
#define LIGHT_LOAD 0.3
#define LIGHT_LOAD_STAYS 0.4

/* Load that a worker is filled up to, may grow to, and below which two become one. */
#define FILL_LOAD 0.6
#define MOST_LOAD 0.75
#define JOIN_LOAD 0.45

/* Share of the time between two frames of one island that another one on its worker may be busy
 * with a frame. The higher one: it goes on to. */
#define BUSY_SHARE 0.4
#define BUSY_SHARE_STAYS 0.6

/* Whether an island that is not measured may share: a source that does not wait, and plain filters
 * behind it that none waits for. Most of many such are light, and until the first window has told,
 * they take turns. */
static bool is_plain_chain(const struct plan_work *work, const struct limef_plan_island *island)
{
    for (uint32_t i = work->member_at[island->first]; i < work->member_at[island->first + 1]; i++) {
        uint32_t filter = work->members[i];

        for (uint32_t j = work->out_at[filter]; j < work->out_at[filter + 1]; j++)
            if (work->head[work->problem->edges[work->out_edges[j]].to] != NOT_A_HEAD)
                return false;
    }
    return (plan_island_flags(work, island->first) & ~(unsigned)LIMEF_FILTER_GLUED) ==
           LIMEF_FILTER_SOURCE;
}

/* Whether an island does no more than to read a live source. */
static bool is_reader(const struct plan_work *work, const struct limef_plan_island *island)
{
    return work->problem->filters[island->first].is_live && is_plain_chain(work, island);
}

/* Whether an island needs a worker for itself. */
static bool wants_own(const struct plan_work *work, const struct limef_plan_island *island)
{
    const struct limef_plan_island *was = plan_previous_island(work, island->first);
    enum limef_plan_mode mode = work->problem->mode;
    double light = LIGHT_LOAD;

    if (plan_island_flags(work, island->first) &
        (LIMEF_FILTER_BLOCKING | LIMEF_FILTER_THREAD_BOUND | LIMEF_FILTER_REAL_TIME))
        return true;
    if (mode != LIMEF_PLAN_AUTO)
        return mode != LIMEF_PLAN_FUSED;
    if (work->shares)
        return false;
    if (was && was->worker < work->problem->previous->n_workers &&
        work->problem->previous->workers[was->worker].n_islands > 1)
        light = LIGHT_LOAD_STAYS;
    if (!plan_is_known(island->load))
        return !is_plain_chain(work, island);
    return island->load > light;
}

static double hz_of(const struct plan_work *work, const struct limef_plan_island *island)
{
    double rate_hz = work->problem->filters[island->first].rate_hz;

    return plan_is_known(rate_hz) ? rate_hz : 0;
}

/* For how long an island is busy with all that comes to it at once. */
static double busy_us_of(const struct plan_work *work, const struct limef_plan_island *island)
{
    double burst = 1;

    for (uint32_t i = work->member_at[island->first]; i < work->member_at[island->first + 1]; i++)
        burst = fmax(burst, work->burst[work->members[i]]);
    return work->busy_us[island->first] * burst;
}

/* Whether who is `busy_us` with a frame leaves one in time that comes so often. */
static bool is_soon_back(const struct plan_work *work, double busy_us, double hz, double share)
{
    double period_us = hz > 0 ? 1e6 / hz : INFINITY;

    return work->shares || busy_us <= share * fmax(period_us, PLAN_SOON_US);
}

/* Whether none of them makes another one wait for long. */
static bool are_at_peace(const struct plan_work *work, uint32_t number,
                         const struct limef_plan_island *island, double share)
{
    return is_soon_back(work, busy_us_of(work, island), work->worker_hz[number], share) &&
           is_soon_back(work, work->worker_busy_us[number], hz_of(work, island), share);
}

/* Whether a worker may take an island, filled up to a limit. What is measured keeps away from what
 * is not, but of cameras: they come one after the other, and are light all. */
static bool takes(const struct plan_work *work, uint32_t number, uint32_t island_number, bool own,
                  double limit)
{
    const struct limef_plan_worker *worker = &work->plan->workers[number];
    const struct limef_plan_island *island = &work->plan->islands[island_number];

    if (!worker->n_islands)
        return true;
    if (own || work->is_alone[number] || work->worker_level[number] != work->level[island_number])
        return false;
    if (work->problem->mode == LIMEF_PLAN_FUSED)
        return true;
    if (worker->priority != island->priority)
        return false;
    if (plan_is_known(worker->load) != plan_is_known(island->load) &&
        !(work->is_reader[number] && is_reader(work, island)))
        return false;
    if (!plan_is_known(island->load))
        return work->worker_load[number] <= limit;
    return work->worker_load[number] + island->load <= limit &&
           are_at_peace(work, number, island, limit > FILL_LOAD ? BUSY_SHARE_STAYS : BUSY_SHARE);
}

/* Lower is more urgent. */
static int rank(enum limef_priority priority)
{
    return priority == LIMEF_PRIORITY_BACKGROUND ? 1 : -(int)priority;
}

static void put(struct plan_work *work, uint32_t number, uint32_t island_number, bool own)
{
    struct limef_plan_worker *worker = &work->plan->workers[number];
    struct limef_plan_island *island = &work->plan->islands[island_number];

    island->worker = number;
    if (!worker->n_islands || rank(island->priority) < rank(worker->priority))
        worker->priority = island->priority;
    if (!worker->n_islands)
        worker->load = island->load;
    else if (plan_is_known(worker->load) && plan_is_known(island->load))
        worker->load += island->load;
    else
        worker->load = LIMEF_NOT_MEASURED;
    work->is_reader[number] =
        (!worker->n_islands || work->is_reader[number]) && is_reader(work, island);
    worker->n_islands++;
    work->worker_load[number] += plan_is_known(island->load) ? island->load : 0;
    work->worker_busy_us[number] = fmax(work->worker_busy_us[number], busy_us_of(work, island));
    work->worker_hz[number] = fmax(work->worker_hz[number], hz_of(work, island));
    work->is_alone[number] = own;
    work->worker_level[number] = work->level[island_number];
    if (number >= work->plan->n_workers)
        work->plan->n_workers = number + 1;
}

/* Islands stay where they were as long as that is right. */
static void stay(struct plan_work *work)
{
    struct limef_plan *plan = work->plan;

    for (uint32_t i = 0; i < plan->n_islands; i++) {
        const struct limef_plan_island *was = plan_previous_island(work, plan->islands[i].first);
        bool own = wants_own(work, &plan->islands[i]);

        if (!was || was->worker >= plan->n_filters || plan->islands[i].thread != LIMEF_PLAN_NONE)
            continue;
        if (takes(work, was->worker, i, own, MOST_LOAD))
            put(work, was->worker, i, own);
    }
}

/* The first worker with room of those that share; what is not measured is dealt out over as many as
 * there are cores, but plain chains of live sources, which take what comes when it comes. Returns
 * LIMEF_PLAN_NONE: a new one. */
static uint32_t shared_worker(const struct plan_work *work, uint32_t n_shared, uint32_t island)
{
    const struct limef_plan_worker *workers = work->plan->workers;
    const struct limef_plan_island *added = &work->plan->islands[island];
    bool is_known = plan_is_known(added->load) || work->problem->filters[added->first].is_live;
    uint32_t best = LIMEF_PLAN_NONE;
    double n = 0;

    for (uint32_t j = 0; j < n_shared; j++) {
        uint32_t number = work->list[j];

        if (!takes(work, number, island, false, FILL_LOAD))
            continue;
        if (is_known || work->problem->mode != LIMEF_PLAN_AUTO)
            return number;
        if (best == LIMEF_PLAN_NONE || workers[number].n_islands < workers[best].n_islands)
            best = number;
        n++;
    }
    return n + 1 <= work->problem->machine.n_cpus ? LIMEF_PLAN_NONE : best;
}

/* The others go to a worker that shares, or to a new one. List: workers that share. */
static void settle(struct plan_work *work)
{
    struct limef_plan *plan = work->plan;
    uint32_t n_shared = 0, unused = 0;

    for (uint32_t i = 0; i < plan->n_workers; i++)
        if (plan->workers[i].n_islands && !work->is_alone[i])
            work->list[n_shared++] = i;
    for (uint32_t i = 0; i < plan->n_islands; i++) {
        struct limef_plan_island *island = &plan->islands[i];
        uint32_t shared;
        bool own;

        if (island->worker != LIMEF_PLAN_NONE || island->thread != LIMEF_PLAN_NONE)
            continue;
        own = wants_own(work, island);
        shared = own ? LIMEF_PLAN_NONE : shared_worker(work, n_shared, i);
        if (shared != LIMEF_PLAN_NONE) {
            put(work, shared, i, own);
            continue;
        }
        while (plan->workers[unused].n_islands)
            unused++;
        put(work, unused, i, own);
        if (!own)
            work->list[n_shared++] = unused;
    }
}

static bool may_join(const struct plan_work *work, uint32_t a, uint32_t b)
{
    const struct limef_plan_worker *workers = work->plan->workers;
    double most = work->shares ? FILL_LOAD : JOIN_LOAD;

    return workers[a].n_islands && workers[b].n_islands && !work->is_alone[a] &&
           !work->is_alone[b] && workers[a].priority == workers[b].priority &&
           work->worker_level[a] == work->worker_level[b] &&
           ((plan_is_known(workers[a].load) && plan_is_known(workers[b].load)) ||
            (work->is_reader[a] && work->is_reader[b])) &&
           work->worker_load[a] + work->worker_load[b] <= most &&
           is_soon_back(work, work->worker_busy_us[a], work->worker_hz[b], BUSY_SHARE) &&
           is_soon_back(work, work->worker_busy_us[b], work->worker_hz[a], BUSY_SHARE);
}

/* Workers that have become light become one. */
static void join_workers(struct plan_work *work)
{
    struct limef_plan *plan = work->plan;

    for (uint32_t b = 1; b < plan->n_workers; b++)
        for (uint32_t a = 0; a < b && !work->is_alone[b]; a++) {
            if (!may_join(work, a, b))
                continue;
            for (uint32_t i = 0; i < plan->n_islands; i++)
                if (plan->islands[i].worker == b)
                    plan->islands[i].worker = a;
            plan->workers[a].n_islands += plan->workers[b].n_islands;
            if (!plan_is_known(plan->workers[b].load))
                plan->workers[a].load = LIMEF_NOT_MEASURED;
            work->worker_load[a] += work->worker_load[b];
            work->is_reader[a] &= work->is_reader[b];
            work->worker_busy_us[a] = fmax(work->worker_busy_us[a], work->worker_busy_us[b]);
            work->worker_hz[a] = fmax(work->worker_hz[a], work->worker_hz[b]);
            plan->workers[b] = (struct limef_plan_worker){0};
            break;
        }
    while (plan->n_workers && !plan->workers[plan->n_workers - 1].n_islands)
        plan->n_workers--;
}

/* In the order of the islands, whatever way they came: floating point would tell. */
static void sum_up_workers(struct limef_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_workers; i++)
        plan->workers[i].load = 0;
    for (uint32_t i = 0; i < plan->n_islands; i++) {
        const struct limef_plan_island *island = &plan->islands[i];
        double *load;

        if (island->worker == LIMEF_PLAN_NONE)
            continue;
        load = &plan->workers[island->worker].load;
        if (plan_is_known(*load) && plan_is_known(island->load))
            *load += island->load;
        else
            *load = LIMEF_NOT_MEASURED;
    }
}

void plan_place(struct plan_work *work)
{
    struct limef_plan *plan = work->plan;

    plan_make_islands(work);
    plan->n_workers = 0;
    for (uint32_t i = 0; i < plan->n_filters; i++) {
        plan->workers[i] = (struct limef_plan_worker){0};
        work->worker_busy_us[i] = work->worker_hz[i] = work->worker_load[i] = 0;
    }
    if (work->problem->previous)
        stay(work);
    settle(work);
    if (work->problem->previous && work->problem->mode == LIMEF_PLAN_AUTO)
        join_workers(work);
    sum_up_workers(plan);
}
