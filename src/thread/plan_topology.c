/* SPDX-License-Identifier: MIT */
/* The planner: who leads to whom, in which order, and what is known of each filter. */
#include "thread/plan_private.h"

#include <limef/base/log.h>

#include <libavutil/error.h>
#include <math.h>

/* Processor time of pulling a byte over from another core's cache. */
#define BYTE_US 2e-5

static const char *name_of(const struct plan_work *work, uint32_t filter)
{
    const char *name = work->problem->filters[filter].name;

    return name ? name : "?";
}

static int check_edges(const struct plan_work *work)
{
    const struct limef_plan_problem *problem = work->problem;

    for (uint32_t i = 0; i < problem->n_edges; i++) {
        const struct limef_plan_edge *edge = &problem->edges[i];

        if (edge->from >= problem->n_filters || edge->to >= problem->n_filters)
            return limef_fail(AVERROR(EINVAL), "plan", "connection %u leads from %u to %u of %u", i,
                              edge->from, edge->to, problem->n_filters);
        if (plan_is_source(&problem->filters[edge->to]))
            return limef_fail(AVERROR(EINVAL), "plan", "%s leads to the source %s",
                              name_of(work, edge->from), name_of(work, edge->to));
    }
    return 0;
}

/* Edges by one of their ends, in the order of the problem. */
static void sort_edges(const struct plan_work *work, uint32_t *at, uint32_t *edges, bool by_to)
{
    const struct limef_plan_problem *problem = work->problem;
    uint32_t n = problem->n_filters;

    for (uint32_t i = 0; i < problem->n_edges; i++)
        at[by_to ? problem->edges[i].to : problem->edges[i].from]++;
    for (uint32_t i = 1; i <= n; i++)
        at[i] += at[i - 1];
    for (uint32_t i = problem->n_edges; i-- > 0;)
        edges[--at[by_to ? problem->edges[i].to : problem->edges[i].from]] = i;
}

static bool starts_a_chain(const struct plan_work *work, uint32_t filter)
{
    return plan_is_source(&work->problem->filters[filter]) ||
           work->problem->filters[filter].thread != LIMEF_PLAN_NONE;
}

/* Names a filter of a cycle, and the one that leads back to it. */
static int say_cycle(const struct plan_work *work)
{
    const struct limef_plan_problem *problem = work->problem;
    uint32_t filter = 0, before = 0;

    while (!work->list[filter])
        filter++;
    for (uint32_t i = 0; i < problem->n_filters; i++) { /* back from what waits: into a cycle */
        for (uint32_t j = work->in_at[filter]; j < work->in_at[filter + 1]; j++) {
            before = problem->edges[work->in_edges[j]].from;
            if (work->list[before])
                break;
        }
        if (i + 1 < problem->n_filters)
            filter = before;
    }
    return limef_fail(AVERROR(ELOOP), "plan",
                      "a circle: %s leads back to %s; take that connection away",
                      name_of(work, before), name_of(work, filter));
}

/* Kahn: list counts what a filter still waits for. */
static int sort_filters(struct plan_work *work)
{
    const struct limef_plan_problem *problem = work->problem;
    uint32_t n_done = 0, n_known = 0, n = problem->n_filters;

    for (uint32_t i = 0; i < n; i++) {
        work->list[i] = work->in_at[i + 1] - work->in_at[i];
        work->parent[i] = LIMEF_PLAN_NONE;
        if (work->list[i])
            work->parent[i] = problem->edges[work->in_edges[work->in_at[i]]].from;
        else if (!starts_a_chain(work, i))
            return limef_fail(AVERROR(ELOOP), "plan", "no source leads to %s", name_of(work, i));
        else
            work->order[n_known++] = i;
    }
    while (n_done < n_known) {
        uint32_t filter = work->order[n_done++];

        for (uint32_t i = work->out_at[filter]; i < work->out_at[filter + 1]; i++) {
            uint32_t to = problem->edges[work->out_edges[i]].to;

            if (!--work->list[to])
                work->order[n_known++] = to;
        }
    }
    return n_known < n ? say_cycle(work) : 0;
}

/* What comes to a filter costs a handover a frame, and its bytes. */
static double cost_of_cutting(const struct plan_work *work, uint32_t filter)
{
    const struct limef_plan_problem *problem = work->problem;
    double cost = 0;

    for (uint32_t i = work->in_at[filter]; i < work->in_at[filter + 1]; i++) {
        const struct limef_plan_edge *edge = &problem->edges[work->in_edges[i]];
        double rate_hz =
            plan_is_known(edge->rate_hz) ? edge->rate_hz : problem->filters[filter].rate_hz;
        double bytes = plan_is_known(edge->frame_bytes) ? edge->frame_bytes : 0;

        if (plan_is_known(rate_hz))
            cost += rate_hz * (problem->machine.handover_us + bytes * BYTE_US) / 1e6;
    }
    return cost;
}

/* How many frames come to a filter at once, of what its source gives at once. */
static double burst_of(const struct plan_work *work, uint32_t filter)
{
    const struct limef_plan_problem *problem = work->problem;
    double most = 1;

    for (uint32_t i = work->in_at[filter]; i < work->in_at[filter + 1]; i++) {
        const struct limef_plan_edge *edge = &problem->edges[work->in_edges[i]];
        double from_hz = problem->filters[edge->from].rate_hz, burst = work->burst[edge->from];
        double hz = problem->filters[filter].rate_hz;

        if (plan_is_source(&problem->filters[edge->from]) && plan_is_known(edge->burst_frames))
            burst = edge->burst_frames;
        if (plan_is_known(hz) && plan_is_known(from_hz) && hz < from_hz)
            burst *= hz / from_hz;
        most = fmax(most, burst);
    }
    return most;
}

/* Load or lateness of a filter against its limit. Of what a source gives at once the last one
 * waits for all others. */
static double weight_of(const struct plan_work *work, uint32_t filter)
{
    const struct limef_plan_filter *known = &work->problem->filters[filter];
    double load = plan_load_of(known) / LIMEF_PLAN_CUT_LOAD_LIMIT;
    double late = plan_lateness_of(known) / LIMEF_PLAN_LATE_LIMIT, waits = 0;

    if (work->source_hz[filter] > 0 && plan_is_known(known->p95_us))
        waits = known->p95_us * (work->burst[filter] - 1) /
                fmax(1e6 / work->source_hz[filter], PLAN_SOON_US) / LIMEF_PLAN_LATE_LIMIT;
    return fmax(load, fmax(late, waits));
}

static void read_filters(struct plan_work *work)
{
    const struct limef_plan_problem *problem = work->problem;

    if (plan_is_known(problem->machine.inside_load))
        work->total_load = problem->machine.inside_load;
    for (uint32_t i = 0; i < problem->n_filters; i++) {
        uint32_t filter = work->order[i];
        const struct limef_plan_filter *known = &problem->filters[filter];

        work->load[filter] = plan_load_of(known);
        work->total_load += work->load[filter] < 1 ? work->load[filter] : 1;
        work->edge_cost[filter] = cost_of_cutting(work, filter);
        work->is_live[filter] |= known->is_live;
        work->is_eager[filter] |= known->is_eager;
        if (starts_a_chain(work, filter) && plan_is_known(known->rate_hz))
            work->source_hz[filter] = fmax(work->source_hz[filter], known->rate_hz);
        work->burst[filter] = burst_of(work, filter);
        work->weight[filter] = weight_of(work, filter);
        for (uint32_t j = work->out_at[filter]; j < work->out_at[filter + 1]; j++) {
            uint32_t to = problem->edges[work->out_edges[j]].to;

            work->is_live[to] |= work->is_live[filter];
            work->is_eager[to] |= work->is_eager[filter];
            work->source_hz[to] = fmax(work->source_hz[to], work->source_hz[filter]);
        }
    }
    for (uint32_t i = problem->n_filters; i-- > 0;) {
        uint32_t filter = work->order[i];

        work->busy_us[filter] += plan_is_known(problem->filters[filter].p95_us)
                                     ? problem->filters[filter].p95_us
                                     : INFINITY;
        if (work->parent[filter] != LIMEF_PLAN_NONE)
            work->busy_us[work->parent[filter]] += work->busy_us[filter];
        work->records[filter] |= (problem->filters[filter].flags & LIMEF_FILTER_RECORDS) != 0;
        for (uint32_t j = work->in_at[filter]; j < work->in_at[filter + 1]; j++)
            work->records[problem->edges[work->in_edges[j]].from] |= work->records[filter];
    }
}

int plan_read_topology(struct plan_work *work)
{
    int ret = check_edges(work);

    if (ret < 0)
        return ret;
    sort_edges(work, work->in_at, work->in_edges, true);
    sort_edges(work, work->out_at, work->out_edges, false);
    ret = sort_filters(work);
    if (ret < 0)
        return ret;
    read_filters(work);
    return 0;
}
