/* SPDX-License-Identifier: MIT */
#include "support/plans.h"

#include <libavutil/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plans_init(struct plans *plans, double n_cpus)
{
    memset(plans, 0, sizeof(*plans));
    plans->problem.filters = plans->filters;
    plans->problem.edges = plans->edges;
    plans->problem.machine.n_cpus = n_cpus;
    plans->problem.machine.handover_us = 16;
}

void plans_clear(struct plans *plans)
{
    free(plans->memory);
    free(plans->scratch);
    plans->memory = plans->scratch = NULL;
}

uint32_t plans_add(struct plans *plans, const char *kind, unsigned flags)
{
    uint32_t number = plans->problem.n_filters++;
    struct limef_plan_filter *filter = &plans->filters[number];

    snprintf(plans->names[number], sizeof(plans->names[number]), "%.8s %u", kind, number);
    *filter = (struct limef_plan_filter){.name = plans->names[number],
                                         .kind = kind,
                                         .flags = flags,
                                         .thread = LIMEF_PLAN_NONE,
                                         .cost_us = LIMEF_NOT_MEASURED,
                                         .p95_us = LIMEF_NOT_MEASURED,
                                         .rate_hz = LIMEF_NOT_MEASURED};
    return number;
}

uint32_t plans_put(struct plans *plans, uint32_t behind, const char *kind, double cost_us,
                   double rate_hz)
{
    unsigned flags = behind == LIMEF_PLAN_NONE ? LIMEF_FILTER_SOURCE : 0;
    uint32_t number = plans_add(plans, kind, flags);

    plans->filters[number].cost_us = plans->filters[number].p95_us = cost_us;
    plans->filters[number].rate_hz = rate_hz;
    if (behind != LIMEF_PLAN_NONE)
        plans->edges[plans_connect(plans, behind, number)].rate_hz = rate_hz;
    return number;
}

uint32_t plans_connect(struct plans *plans, uint32_t from, uint32_t to)
{
    uint32_t number = plans->problem.n_edges++;

    plans->edges[number] = (struct limef_plan_edge){.from = from,
                                                    .to = to,
                                                    .rate_hz = LIMEF_NOT_MEASURED,
                                                    .frame_bytes = LIMEF_NOT_MEASURED,
                                                    .burst_frames = LIMEF_NOT_MEASURED,
                                                    .jitter_us = LIMEF_NOT_MEASURED};
    return number;
}

int plans_make_again(struct plans *plans, struct limef_plan *again)
{
    uint32_t n_filters = plans->problem.n_filters, n_edges = plans->problem.n_edges;
    void *memory = malloc(limef_plan_bytes(n_filters, n_edges) + 1);

    free(plans->scratch);
    plans->scratch = malloc(limef_plan_scratch_bytes(n_filters, n_edges) + 1);
    if (!memory || !plans->scratch)
        return AVERROR(ENOMEM);
    limef_plan_init(again, memory, n_filters, n_edges);
    return limef_plan_make(again, &plans->problem, plans->scratch);
}

int plans_make(struct plans *plans)
{
    int ret;

    free(plans->memory);
    ret = plans_make_again(plans, &plans->plan);
    plans->memory = plans->plan.links;
    return ret;
}

void plans_put_chain(struct plans *plans, double decode_us, double scale_us)
{
    uint32_t source = plans_put(plans, LIMEF_PLAN_NONE, "source", 20, 25);
    uint32_t decode = plans_put(plans, source, "decode", decode_us, 25);

    plans_put(plans, decode, "scale", scale_us, 25);
}

int plans_make_next(struct plans *plans)
{
    struct limef_plan next;
    int ret;

    plans->problem.previous = &plans->plan;
    ret = plans_make_again(plans, &next);
    plans->problem.previous = NULL;
    free(plans->memory);
    plans->memory = next.links;
    plans->plan = next;
    return ret;
}
