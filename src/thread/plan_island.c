/* SPDX-License-Identifier: MIT */
/* The planner: islands, what they cost, and how urgent they are. */
#include "thread/plan_private.h"

/* Load, and time with one frame, up to which who reads goes on to be urgent. */
#define READ_LOAD_STAYS 0.35
#define READ_US_STAYS 7000.0

/* Of all cores: what is urgent may use so much, and goes on to up to so many times that. */
#define URGENT_STAYS 1.2

/* More than any load: sorts those apart that were urgent before. */
#define MANY_CORES 1e6

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

/* Load of an island, as far as it is measured. */
static double measured_load(const struct plan_work *work, uint32_t first)
{
    double load = 0;

    for (uint32_t i = work->member_at[first]; i < work->member_at[first + 1]; i++)
        load += plan_load_of(&work->problem->filters[work->members[i]]);
    return load;
}

/* Whether all that is fused to a source is measured; the source itself need not be. */
static bool is_rest_measured(const struct plan_work *work, uint32_t first)
{
    bool all = true;

    for (uint32_t i = work->member_at[first]; i < work->member_at[first + 1]; i++)
        all &= work->members[i] == first ||
               plan_is_measured(&work->problem->filters[work->members[i]]);
    return all;
}

static bool was_reading(const struct plan_work *work, const struct limef_plan_island *island)
{
    const struct limef_plan_island *was = plan_previous_island(work, island->first);

    return was && was->priority == LIMEF_PRIORITY_INGEST;
}

/* Whether who reads is back soon, at a load; who did so goes on to for longer. */
static bool is_light_reader(const struct plan_work *work, const struct limef_plan_island *island,
                            double load)
{
    bool was = was_reading(work, island);

    return load <= (was ? READ_LOAD_STAYS : PLAN_READ_LOAD) &&
           work->busy_us[island->first] <= (was ? READ_US_STAYS : PLAN_READ_US);
}

/* What never waits seems light where others leave it little, and once it goes before them it takes
 * the whole core; then nobody else runs, for seconds. */
static bool is_light_load(const struct plan_work *work, const struct limef_plan_island *island)
{
    if (work->is_eager[island->first] && !was_reading(work, island))
        return false;
    return plan_is_known(island->load) && is_light_reader(work, island, island->load);
}

/* A filter's type does not tell what it costs, and one that computes for long with a real-time
 * priority would starve the others, also behind a camera. */
static bool is_reading(const struct plan_work *work, const struct limef_plan_island *island,
                       unsigned flags)
{
    if (plan_is_known(island->load))
        return is_light_load(work, island);
    if (!is_light_reader(work, island, measured_load(work, island->first)))
        return false;
    /* what is not measured behind a live source has mostly got nothing yet */
    if (work->problem->filters[island->first].is_live)
        return true;
    /* who does not wait for its data takes a core for itself as long as there is some */
    return is_rest_measured(work, island->first) && flags & LIMEF_FILTER_BLOCKING &&
           !(flags & LIMEF_FILTER_SELF_THREADED);
}

/* What an island is that is not urgent. */
static enum limef_priority usual_priority(unsigned first)
{
    if (first & LIMEF_FILTER_SOURCE)
        return LIMEF_PRIORITY_PROCESSING;
    if (first & LIMEF_FILTER_RECORDS)
        return LIMEF_PRIORITY_RECORDING;
    if (first & LIMEF_FILTER_BLOCKING)
        return LIMEF_PRIORITY_BACKGROUND;
    return LIMEF_PRIORITY_PROCESSING;
}

static enum limef_priority priority_of(const struct plan_work *work,
                                       const struct limef_plan_island *island, unsigned flags)
{
    unsigned first = work->problem->filters[island->first].flags;

    if (flags & LIMEF_FILTER_REAL_TIME)
        return LIMEF_PRIORITY_AUDIO;
    if (flags & LIMEF_FILTER_DISPLAY)
        return LIMEF_PRIORITY_DISPLAY;
    if (first & LIMEF_FILTER_SOURCE && is_reading(work, island, flags))
        return LIMEF_PRIORITY_INGEST;
    /* packets that are written at once wait for nobody's pictures */
    if (!(first & LIMEF_FILTER_SOURCE) && first & LIMEF_FILTER_RECORDS &&
        is_light_load(work, island))
        return LIMEF_PRIORITY_INGEST;
    return usual_priority(first);
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
        if (!plan_is_known(filter->p95_us) || !plan_is_known(filter->rate_hz) || !(rate_hz > 0))
            continue;
        p95_us += filter->p95_us * filter->rate_hz / rate_hz;
        /* a filter that works on few frames works on this one */
        busy_us += filter->p95_us * (filter->rate_hz > rate_hz ? filter->rate_hz / rate_hz : 1);
    }
    work->busy_us[island->first] = busy_us;
    island->load = has_load ? load : LIMEF_NOT_MEASURED;
    island->p95_us = has_p95 ? p95_us : LIMEF_NOT_MEASURED;
}

/* Of islands of one class, or of the other real-time classes, as far as it is measured; in the
 * order of the islands: floating point would tell. */
static double load_of(const struct plan_work *work, enum limef_priority priority, bool others)
{
    const struct limef_plan *plan = work->plan;
    double load = 0;

    for (uint32_t i = 0; i < plan->n_islands; i++) {
        const struct limef_plan_island *island = &plan->islands[i];

        if (island->thread == LIMEF_PLAN_NONE &&
            (others ? plan_is_urgent(island->priority) && island->priority != priority
                    : island->priority == priority))
            load += measured_load(work, island->first);
    }
    return load;
}

double plan_urgent_load(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                        uint32_t *n_unmeasured)
{
    double load = 0;

    *n_unmeasured = 0;
    for (uint32_t i = 0; i < plan->n_filters; i++) {
        const struct limef_plan_island *island = &plan->islands[plan->island_of[i]];

        if (island->thread != LIMEF_PLAN_NONE || !plan_is_urgent(island->priority))
            continue;
        load += plan_load_of(&problem->filters[i]);
        *n_unmeasured += !plan_is_measured(&problem->filters[i]);
    }
    return load;
}

static bool is_as_before(const struct plan_work *work, const struct limef_plan_island *island)
{
    const struct limef_plan_island *was = plan_previous_island(work, island->first);

    return was && was->priority == island->priority;
}

/* Whoever was of a class before comes first, then the lightest: in `list` from its end, as first
 * filters. Returns how many. */
static uint32_t list_class(struct plan_work *work, enum limef_priority priority)
{
    const struct limef_plan *plan = work->plan;
    uint32_t n = 0;

    for (uint32_t i = 0; i < plan->n_islands; i++) {
        const struct limef_plan_island *island = &plan->islands[i];

        if (island->thread != LIMEF_PLAN_NONE || island->priority != priority)
            continue;
        work->rest[island->first] =
            measured_load(work, island->first) + (is_as_before(work, island) ? 0 : MANY_CORES);
        work->list[n++] = island->first;
    }
    plan_sort_heaviest_first(work, work->list, n);
    return n;
}

/* Lowers islands of a class that would leave the other work less than its share of the cores. */
static void bound_class(struct plan_work *work, enum limef_priority priority, double share)
{
    double most = share * work->problem->machine.n_cpus;
    double load = load_of(work, priority, true);
    uint32_t n;

    if (load + load_of(work, priority, false) <= most)
        return;
    n = list_class(work, priority);
    while (n-- > 0) {
        uint32_t first = work->list[n];
        struct limef_plan_island *island = &work->plan->islands[work->plan->island_of[first]];
        double measured = measured_load(work, first);

        if (load + measured <= most * (is_as_before(work, island) ? URGENT_STAYS : 1))
            load += measured;
        else
            island->priority = usual_priority(work->problem->filters[first].flags);
    }
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
    bound_class(work, LIMEF_PRIORITY_INGEST, LIMEF_PLAN_URGENT_SHARE);
    bound_class(work, LIMEF_PRIORITY_DISPLAY, LIMEF_PLAN_URGENT_SHARE_SHOWN);
}
