/* SPDX-License-Identifier: MIT */
/* Graphs, and the problems that the planner is given of them. */
#include "sim/sim_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the library's own types; all else is plain. */
static const struct {
    const char *kind;
    unsigned flags;
} types[] = {
    {"decode", LIMEF_FILTER_SELF_THREADED},
    {"encode", LIMEF_FILTER_SELF_THREADED},
    {"presenter", LIMEF_FILTER_THREAD_BOUND | LIMEF_FILTER_DISPLAY},
    {"snapshot", LIMEF_FILTER_BLOCKING},
    {"writer", LIMEF_FILTER_BLOCKING | LIMEF_FILTER_RECORDS},
};

static unsigned flags_of(const char *kind)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (!strcmp(kind, types[i].kind))
            return types[i].flags;
    return 0;
}

uint32_t sim_add_filter(struct sim_graph *graph, const char *kind, double cost_us)
{
    struct sim_filter *filter;

    if (graph->n_filters == graph->room_filters) {
        graph->room_filters = graph->room_filters ? 2 * graph->room_filters : 16;
        graph->filters = realloc(graph->filters, graph->room_filters * sizeof(*graph->filters));
    }
    filter = &graph->filters[graph->n_filters];
    *filter = (struct sim_filter){
        .kind = kind, .flags = flags_of(kind), .cost_us = cost_us, .thread = LIMEF_PLAN_NONE};
    snprintf(filter->name, sizeof(filter->name), "%s%u", kind, graph->n_filters);
    return graph->n_filters++;
}

uint32_t sim_add_source(struct sim_graph *graph, double rate_hz, double cost_us)
{
    uint32_t number = sim_add_filter(graph, "source", cost_us);

    graph->filters[number].flags = LIMEF_FILTER_SOURCE;
    graph->filters[number].is_live = true;
    graph->filters[number].rate_hz = rate_hz;
    return number;
}

uint32_t sim_add_file(struct sim_graph *graph, double rate_hz, double cost_us)
{
    uint32_t number = sim_add_source(graph, rate_hz, cost_us);

    graph->filters[number].flags |= LIMEF_FILTER_BLOCKING;
    graph->filters[number].is_live = false;
    return number;
}

uint32_t sim_add_edge(struct sim_graph *graph, uint32_t from, uint32_t to)
{
    struct sim_edge edge = {.from = from, .to = to, .frame_bytes = 10000};

    if (graph->n_edges == graph->room_edges) {
        graph->room_edges = graph->room_edges ? 2 * graph->room_edges : 16;
        graph->edges = realloc(graph->edges, graph->room_edges * sizeof(*graph->edges));
    }
    for (uint32_t i = 0; i < graph->n_edges; i++)
        edge.output += graph->edges[i].from == from;
    graph->edges[graph->n_edges] = edge;
    return graph->n_edges++;
}

uint32_t sim_add_behind(struct sim_graph *graph, uint32_t from, const char *kind, double cost_us)
{
    uint32_t number = sim_add_filter(graph, kind, cost_us);

    sim_add_edge(graph, from, number);
    return number;
}

void sim_clear_graph(struct sim_graph *graph)
{
    free(graph->filters);
    free(graph->edges);
    *graph = (struct sim_graph){0};
}

static void describe(struct sim_problem *it, const struct sim_graph *graph)
{
    for (uint32_t i = 0; i < graph->n_filters; i++) {
        const struct sim_filter *filter = &graph->filters[i];

        it->filters[i] = (struct limef_plan_filter){
            .name = filter->name,
            .kind = filter->kind,
            .flags = filter->flags,
            .is_live = filter->is_live,
            .thread = filter->thread,
            .cost_us = LIMEF_NOT_MEASURED,
            .p95_us = LIMEF_NOT_MEASURED,
            .rate_hz = LIMEF_NOT_MEASURED,
        };
    }
    for (uint32_t i = 0; i < graph->n_edges; i++) {
        const struct sim_edge *edge = &graph->edges[i];

        it->edges[i] = (struct limef_plan_edge){
            .from = edge->from,
            .to = edge->to,
            .output = edge->output,
            .rate_hz = LIMEF_NOT_MEASURED,
            .frame_bytes = edge->frame_bytes,
            .burst_frames = LIMEF_NOT_MEASURED,
            .jitter_us = LIMEF_NOT_MEASURED,
            .is_encoded = edge->is_encoded,
        };
    }
}

void sim_open_problem(struct sim_problem *it, const struct sim_graph *graph,
                      const struct sim_machine *machine)
{
    uint32_t n = graph->n_filters, m = graph->n_edges;

    *it = (struct sim_problem){0};
    it->filters = calloc(n, sizeof(*it->filters));
    it->edges = calloc(m + 1, sizeof(*it->edges));
    it->plan_memory = calloc(1, limef_plan_bytes(n, m));
    it->scratch = calloc(1, limef_plan_scratch_bytes(n, m));
    describe(it, graph);
    limef_plan_init(&it->plan, it->plan_memory, n, m);
    it->problem = (struct limef_plan_problem){
        .filters = it->filters,
        .edges = it->edges,
        .n_filters = n,
        .n_edges = m,
        .machine = {.n_cpus = machine->n_cpus ? machine->n_cpus : 2, .handover_us = 16},
    };
}

static double passed_on(const struct sim_filter *filter, double rate_hz)
{
    return filter->keep_every ? rate_hz / filter->keep_every : rate_hz;
}

/* Frames a second into each filter. Filters lie behind those that lead to them. */
static void tell_rates(struct sim_problem *it, const struct sim_graph *graph)
{
    for (uint32_t i = 0; i < graph->n_filters; i++) {
        it->filters[i].rate_hz = graph->filters[i].rate_hz;
        for (uint32_t k = 0; k < graph->n_edges; k++) {
            const struct sim_edge *edge = &graph->edges[k];

            if (edge->to != i)
                continue;
            it->edges[k].rate_hz =
                passed_on(&graph->filters[edge->from], it->filters[edge->from].rate_hz);
            it->filters[i].rate_hz += it->edges[k].rate_hz;
        }
    }
}

static void tell_bursts(struct sim_problem *it, const struct sim_graph *graph)
{
    for (uint32_t i = 0; i < graph->n_edges; i++) {
        const struct sim_filter *from = &graph->filters[graph->edges[i].from];

        if (!(from->flags & LIMEF_FILTER_SOURCE))
            continue;
        it->edges[i].burst_frames = from->burst ? from->burst : 1;
        it->edges[i].jitter_us = from->late_us;
    }
}

/* 95 of 100 frames cost less: of a log-normal distribution, or the key frames. */
static double p95_us(const struct sim_filter *filter)
{
    double us = filter->cost_us;

    if (filter->heavy > 1)
        us *= 25 / (24 + filter->heavy);
    return us * exp(1.645 * filter->jitter - filter->jitter * filter->jitter / 2);
}

/* The slowest 4 of 100 frames, on average: key frames, or the end of the distribution. */
static double slow_us(const struct sim_filter *filter)
{
    double us = filter->cost_us,
           tail = exp(2.15 * filter->jitter - filter->jitter * filter->jitter / 2);

    if (filter->heavy > 1)
        us *= SIM_KEY_EVERY / (SIM_KEY_EVERY - 1 + filter->heavy);
    return us * fmax(tail, filter->heavy);
}

void sim_tell_costs(struct sim_problem *it, const struct sim_graph *graph)
{
    tell_rates(it, graph);
    tell_bursts(it, graph);
    it->problem.machine.inside_load = 0;
    for (uint32_t i = 0; i < graph->n_filters; i++) {
        it->problem.machine.inside_load +=
            graph->filters[i].inside_us * it->filters[i].rate_hz / 1e6;
        it->filters[i].cost_us = graph->filters[i].cost_us;
        it->filters[i].p95_us = p95_us(&graph->filters[i]);
        it->filters[i].slow_us = slow_us(&graph->filters[i]);
    }
}

void sim_tell_measured(struct sim_problem *it, const struct sim_graph *graph,
                       const struct sim_result *result)
{
    tell_bursts(it, graph);
    it->problem.machine.inside_load = result->inside_us / result->wall_us;
    for (uint32_t i = 0; i < graph->n_filters; i++) {
        const struct sim_filter_result *seen = &result->filters[i];
        double n = (double)seen->n_frames;

        if (!n)
            continue;
        it->filters[i].cost_us = seen->own_us / n;
        it->filters[i].p95_us = seen->p95_us;
        it->filters[i].slow_us = seen->slow_us;
        it->filters[i].rate_hz = n * 1e6 / result->wall_us;
    }
    for (uint32_t i = 0; i < graph->n_edges; i++) {
        uint32_t from = graph->edges[i].from;

        if (it->filters[from].rate_hz >= 0)
            it->edges[i].rate_hz = passed_on(&graph->filters[from], it->filters[from].rate_hz);
    }
}

void sim_clear_problem(struct sim_problem *it)
{
    free(it->filters);
    free(it->edges);
    free(it->plan_memory);
    free(it->scratch);
    *it = (struct sim_problem){0};
}
