/* SPDX-License-Identifier: MIT */
/* The planner: how deep the fifos are, and what they do when they are full. */
#include "thread/plan_private.h"

#include <math.h>

/* of a live stream's packets: they are small, and losing one costs a group of pictures */
#define LEAST_DEPTH_OF_PACKETS 8
#define MOST_DEPTH 1024

#define DEFAULT_BUDGET_US 500000
#define LEAST_BUDGET_US 1000 /* 0 would be no bound */

/* A recording may lag this much longer than a display before it loses something. */
#define RECORDING 4

/* The next of 2, 3, 4, 6, 8, 12, ...: small differences make no difference. */
static unsigned round_up(double need)
{
    unsigned depth = PLAN_LEAST_DEPTH;

    while (depth < need && depth < MOST_DEPTH)
        depth = depth & (depth - 1) ? depth / 3 * 4 : depth / 2 * 3;
    return depth < MOST_DEPTH ? depth : MOST_DEPTH;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static void count_boundaries(struct plan_work *work)
{
    const struct limef_plan_problem *problem = work->problem;

    for (uint32_t i = 0; i < problem->n_filters; i++) {
        uint32_t filter = work->order[i];

        work->n_before[filter] = 0;
        for (uint32_t at = work->in_at[filter]; at < work->in_at[filter + 1]; at++) {
            uint32_t edge = work->in_edges[at];

            work->n_before[filter] =
                larger(work->n_before[filter],
                       work->n_before[problem->edges[edge].from] + work->plan->links[edge].is_cut);
        }
    }
    for (uint32_t i = problem->n_filters; i-- > 0;) {
        uint32_t filter = work->order[i];

        work->n_behind[filter] = 0;
        for (uint32_t at = work->out_at[filter]; at < work->out_at[filter + 1]; at++) {
            uint32_t edge = work->out_edges[at];

            work->n_behind[filter] =
                larger(work->n_behind[filter],
                       work->n_behind[problem->edges[edge].to] + work->plan->links[edge].is_cut);
        }
    }
}

static int64_t budget_us(const struct plan_work *work, const struct limef_plan_edge *edge)
{
    int64_t us = work->problem->machine.budget_us;

    if (us <= 0)
        us = DEFAULT_BUDGET_US;
    else if (work->is_live[edge->from])
        us = us / (work->n_before[edge->from] + 1 + work->n_behind[edge->to]);
    if (us < LEAST_BUDGET_US)
        us = LEAST_BUDGET_US;
    if (us > INT64_MAX / RECORDING)
        us = INT64_MAX / RECORDING;
    return work->is_live[edge->from] && work->records[edge->to] ? us * RECORDING : us;
}

static bool is_measured(const struct limef_plan_edge *edge)
{
    return plan_is_known(edge->rate_hz) && edge->rate_hz > 0 && plan_is_known(edge->burst_frames);
}

static unsigned unmeasured_depth(const struct plan_work *work, const struct limef_plan_edge *edge)
{
    static const unsigned depths[2][2] = {{12, 4}, {6, 3}};
    bool is_source = plan_is_source(&work->problem->filters[work->root[edge->from]]) &&
                     work->root[edge->from] == edge->from;
    bool is_sink = work->out_at[edge->to] == work->out_at[edge->to + 1];
    unsigned depth = depths[is_source][is_sink];

    /* what comes from a camera are packets, mostly */
    return work->is_live[edge->from] && (edge->is_encoded || is_source) ? depth * 4 : depth;
}

/* What the fifo must hold: what comes at once, and what comes while the reader is busy. */
static double needed(const struct plan_work *work, const struct limef_plan_edge *edge)
{
    const struct limef_plan *plan = work->plan;
    double p95_us = plan->islands[plan->island_of[edge->to]].p95_us;
    double busy_us = plan_is_known(edge->jitter_us) ? edge->jitter_us : 0;
    double need = fmax(edge->burst_frames, work->burst[edge->to]) + 1;

    if (plan_is_known(p95_us))
        busy_us += p95_us;
    /* nothing is dropped that would be in time */
    if (work->is_live[edge->from])
        busy_us = fmax(busy_us, PLAN_SOON_US);
    need += ceil(busy_us * edge->rate_hz / 1e6);
    if (work->is_live[edge->from] && edge->is_encoded && need < LEAST_DEPTH_OF_PACKETS)
        need = LEAST_DEPTH_OF_PACKETS;
    return need < MOST_DEPTH ? need : MOST_DEPTH;
}

/* keeps: the depth of the plan before stays if it is enough, and not far too much. */
static unsigned depth_of(const struct plan_work *work, uint32_t number, bool keeps)
{
    const struct limef_plan_edge *edge = &work->problem->edges[number];
    const struct limef_plan_link *was = keeps ? plan_previous_link(work->problem, number) : NULL;
    unsigned depth, kept = 0;
    double need, most;

    if (!is_measured(edge))
        return unmeasured_depth(work, edge);
    need = needed(work, edge);
    depth = round_up(need);
    if (was && was->is_cut)
        kept = was->depth;
    if (kept >= need && kept <= 2 * depth)
        depth = kept;
    most = (double)budget_us(work, edge) * edge->rate_hz / 1e6;
    if (depth > most)
        depth = most > PLAN_LEAST_DEPTH ? (unsigned)most : PLAN_LEAST_DEPTH;
    return depth;
}

static enum limef_overflow overflow_of(const struct plan_work *work,
                                       const struct limef_plan_edge *edge)
{
    const struct limef_plan_filter *filters = work->problem->filters;

    if (filters[edge->from].thread != LIMEF_PLAN_NONE &&
        filters[edge->from].thread == filters[edge->to].thread)
        return LIMEF_OVERFLOW_DROP_OLDEST; /* it would wait for itself */
    if (!work->is_live[edge->from])
        return LIMEF_OVERFLOW_BLOCK;
    /* what was not measured may be packets, and pictures stand alone under that policy as well */
    return edge->is_encoded || !is_measured(edge) ? LIMEF_OVERFLOW_DROP_TO_KEY
                                                  : LIMEF_OVERFLOW_DROP_OLDEST;
}

static double bytes_of(const struct limef_plan_edge *edge)
{
    return plan_is_known(edge->frame_bytes) ? edge->frame_bytes : 0;
}

static double bytes_in_all(const struct plan_work *work, unsigned least)
{
    double bytes = 0;

    for (uint32_t i = 0; i < work->problem->n_edges; i++)
        if (work->plan->links[i].is_cut)
            bytes +=
                (least ? least : work->plan->links[i].depth) * bytes_of(&work->problem->edges[i]);
    return bytes;
}

/* Depths, and whether all fifos full are within the budget. */
static bool fits_budget(const struct plan_work *work, bool keeps, double most)
{
    for (uint32_t i = 0; i < work->problem->n_edges; i++)
        if (work->plan->links[i].is_cut)
            work->plan->links[i].depth = depth_of(work, i, keeps);
    return bytes_in_all(work, 0) <= most;
}

/* Takes from every fifo the same share of what it has above the least. */
static void cut_down(const struct plan_work *work, double most)
{
    double least = bytes_in_all(work, PLAN_LEAST_DEPTH);
    double share = least < most ? (most - least) / (bytes_in_all(work, 0) - least) : 0;

    for (uint32_t i = 0; i < work->problem->n_edges; i++) {
        struct limef_plan_link *link = &work->plan->links[i];

        if (link->is_cut && bytes_of(&work->problem->edges[i]) > 0)
            link->depth = PLAN_LEAST_DEPTH + (unsigned)((link->depth - PLAN_LEAST_DEPTH) * share);
    }
}

/* A power of two with room for key frames, which are larger than the mean. */
static size_t most_bytes(const struct limef_plan_edge *edge, unsigned depth)
{
    double need = 4 * depth * bytes_of(edge);
    size_t bytes = 65536;

    if (!edge->is_encoded || need <= 0)
        return 0;
    while ((double)bytes < need && bytes < SIZE_MAX / 4)
        bytes *= 2;
    return bytes;
}

void plan_size_fifos(struct plan_work *work)
{
    const struct limef_plan_problem *problem = work->problem;
    size_t budget = problem->machine.budget_bytes;
    double most = (double)(budget ? budget : PLAN_BUDGET_BYTES);

    count_boundaries(work);
    /* kept depths only where nothing has to be given up: planning again must give the same */
    if (!fits_budget(work, false, most))
        cut_down(work, most);
    else if (problem->previous && !fits_budget(work, true, most))
        fits_budget(work, false, most);
    for (uint32_t i = 0; i < problem->n_edges; i++) {
        const struct limef_plan_edge *edge = &problem->edges[i];
        struct limef_plan_link *link = &work->plan->links[i];

        if (!link->is_cut)
            continue;
        link->overflow = overflow_of(work, edge);
        if (link->overflow == LIMEF_OVERFLOW_BLOCK)
            continue;
        link->max_bytes = most_bytes(edge, link->depth);
        link->max_time_us = budget_us(work, edge);
    }
}
