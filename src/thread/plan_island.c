/* SPDX-License-Identifier: MIT */
/* The planner: islands, what they cost, and how urgent they are. */
#include "thread/plan_private.h"

/* Load up to which a file's chain reads rather than processes. The higher one: it goes on to. */
#define READ_LOAD 0.25
#define READ_LOAD_STAYS 0.35

/* The same of one frame: who is more urgent keeps the others from their cores for so long. */
#define READ_US 5000.0
#define READ_US_STAYS 7000.0

const struct limef_plan_island *plan_previous_island(const struct plan_work *work, uint32_t first)
{
    uint32_t was = plan_previous_filter(work->problem, first);
    const struct limef_plan *previous = work->problem->previous;
    uint32_t island;

    if (was == LIMEF_PLAN_NONE)
        return NULL;
    island = previous->island_of[was];
    return island < previous->n_islands && previous->islands[island].first == was
               ? &previous->islands[island]
               : NULL;
}

unsigned plan_island_flags(const struct plan_work *work, uint32_t first)
{
    unsigned flags = 0;

    for (uint32_t i = work->member_at[first]; i < work->member_at[first + 1]; i++)
        flags |= work->problem->filters[work->members[i]].flags;
    return flags;
}

/* Whether all that is fused to a source is known to be light. A filter's type does not tell what it
 * costs, and one that computes for long with a real-time priority would starve the others. */
static bool is_light_behind(const struct plan_work *work, uint32_t first)
{
    double load = 0;

    for (uint32_t i = work->member_at[first]; i < work->member_at[first + 1]; i++) {
        const struct limef_plan_filter *filter = &work->problem->filters[work->members[i]];

        if (work->members[i] != first && !plan_is_measured(filter))
            return false;
        load += plan_load_of(filter);
    }
    return load <= READ_LOAD;
}

/* What never waits seems light where others leave it little, and once it goes before them it takes
 * the whole core; then nobody else runs, for seconds. */
static bool is_light_load(const struct plan_work *work, const struct limef_plan_island *island)
{
    const struct limef_plan_island *was = plan_previous_island(work, island->first);
    bool was_light = was && was->priority == LIMEF_PRIORITY_INGEST;

    if (work->is_eager[island->first] && !was_light)
        return false;
    return plan_is_known(island->load) &&
           island->load <= (was_light ? READ_LOAD_STAYS : READ_LOAD) &&
           work->busy_us[island->first] <= (was_light ? READ_US_STAYS : READ_US);
}

static bool is_reading(const struct plan_work *work, const struct limef_plan_island *island,
                       unsigned flags)
{
    if (work->problem->filters[island->first].is_live)
        return true;
    if (!plan_is_known(island->load))
        /* who does not wait for its data takes a core for itself as long as there is some */
        return flags & LIMEF_FILTER_BLOCKING && !(flags & LIMEF_FILTER_SELF_THREADED) &&
               is_light_behind(work, island->first);
    return is_light_load(work, island);
}

static enum limef_priority priority_of(const struct plan_work *work,
                                       const struct limef_plan_island *island, unsigned flags)
{
    unsigned first = work->problem->filters[island->first].flags;

    if (flags & LIMEF_FILTER_REAL_TIME)
        return LIMEF_PRIORITY_AUDIO;
    if (flags & LIMEF_FILTER_DISPLAY)
        return LIMEF_PRIORITY_DISPLAY;
    if (first & LIMEF_FILTER_SOURCE)
        return is_reading(work, island, flags) ? LIMEF_PRIORITY_INGEST : LIMEF_PRIORITY_PROCESSING;
    /* packets that are written at once wait for nobody's pictures */
    if (first & LIMEF_FILTER_RECORDS && is_light_load(work, island))
        return LIMEF_PRIORITY_INGEST;
    if (first & LIMEF_FILTER_RECORDS)
        return LIMEF_PRIORITY_RECORDING;
    if (first & LIMEF_FILTER_BLOCKING)
        return LIMEF_PRIORITY_BACKGROUND;
    return LIMEF_PRIORITY_PROCESSING;
}

/* Load and p95 of an island, in units of what its first filter gets; and how long it may be busy
 * with one frame. */
static void measure(const struct plan_work *work, struct limef_plan_island *island)
{
    const struct limef_plan_filter *filters = work->problem->filters;
    double rate_hz = filters[island->first].rate_hz;
    bool has_load = true, has_p95 = plan_is_known(rate_hz) && rate_hz > 0;
    double load = 0, p95_us = 0, busy_us = 0;

    for (uint32_t i = work->member_at[island->first]; i < work->member_at[island->first + 1]; i++) {
        const struct limef_plan_filter *filter = &filters[work->members[i]];

        has_load &= plan_is_measured(filter);
        has_p95 &= plan_is_known(filter->p95_us) && plan_is_known(filter->rate_hz);
        load += plan_load_of(filter);
        if (!has_p95)
            continue;
        p95_us += filter->p95_us * filter->rate_hz / rate_hz;
        /* a filter that works on few frames works on this one */
        busy_us += filter->p95_us * (filter->rate_hz > rate_hz ? filter->rate_hz / rate_hz : 1);
    }
    work->busy_us[island->first] = busy_us;
    island->load = has_load ? load : LIMEF_NOT_MEASURED;
    island->p95_us = has_p95 ? p95_us : LIMEF_NOT_MEASURED;
}

void plan_make_islands(struct plan_work *work)
{
    const struct limef_plan_problem *problem = work->problem;
    struct limef_plan *plan = work->plan;

    plan->n_islands = 0;
    for (uint32_t i = 0; i < problem->n_filters; i++) {
        uint32_t filter = work->order[i], level = 0, number = plan->n_islands;
        struct limef_plan_island *island = &plan->islands[number];

        if (work->root[filter] != filter) {
            plan->island_of[filter] = plan->island_of[work->root[filter]];
            continue;
        }
        plan->island_of[filter] = number;
        for (uint32_t j = work->in_at[filter]; j < work->in_at[filter + 1]; j++) {
            uint32_t before = plan->island_of[problem->edges[work->in_edges[j]].from];

            if (work->level[before] >= level)
                level = work->level[before] + 1;
        }
        work->level[number] = level;
        *island = (struct limef_plan_island){
            .first = filter, .worker = LIMEF_PLAN_NONE, .thread = problem->filters[filter].thread};
        measure(work, island);
        island->priority = priority_of(work, island, plan_island_flags(work, filter));
        plan->n_islands++;
    }
}
