/* SPDX-License-Identifier: MIT */
/* From a graph and a plan to threads, boundaries, and what islands do for a frame. */
#include "sim/sim_private.h"

#include <math.h>
#include <stdlib.h>

static const unsigned ranks[SIM_N_PRIORITIES] = {
    [LIMEF_PRIORITY_AUDIO] = 0,      [LIMEF_PRIORITY_DISPLAY] = 1,
    [LIMEF_PRIORITY_INGEST] = 2,     [LIMEF_PRIORITY_RECORDING] = 3,
    [LIMEF_PRIORITY_PROCESSING] = 4, [LIMEF_PRIORITY_BACKGROUND] = 5,
};

static void set_machine(struct sim_machine *machine)
{
    machine->n_cpus = machine->n_cpus ? machine->n_cpus : 2;
    machine->wake_us = machine->wake_us > 0 ? machine->wake_us : 5;
    machine->resume_us = machine->resume_us > 0 ? machine->resume_us : 8;
    machine->switch_us = machine->switch_us > 0 ? machine->switch_us : 3;
    /* the switch is in it, and comes with the core */
    machine->timer_us = machine->timer_us > 0 ? fmax(0, machine->timer_us - machine->switch_us)
                                              : machine->resume_us;
    machine->queue_us = machine->queue_us > 0 ? machine->queue_us : 0.3;
    machine->slice_us = machine->slice_us > 0 ? machine->slice_us : 3000;
}

void sim_set_handover(struct sim_machine *machine, double us)
{
    machine->wake_us = us * 5 / 16;
    machine->resume_us = us * 8 / 16;
    machine->switch_us = us * 3 / 16;
}

static uint32_t add_op(struct sim *sim, enum sim_op_kind kind, uint32_t at)
{
    if (sim->n_ops == sim->room_ops) {
        sim->room_ops = sim->room_ops ? 2 * sim->room_ops : 256;
        sim->ops = realloc(sim->ops, sim->room_ops * sizeof(*sim->ops));
    }
    sim->ops[sim->n_ops] = (struct sim_op){.kind = kind, .at = at};
    return sim->n_ops++;
}

static void add_work(struct sim *sim, uint32_t filter)
{
    uint32_t op = add_op(sim, SIM_WORK, filter);

    for (uint32_t i = sim->first_out[filter]; i != SIM_NONE; i = sim->next_out[i]) {
        if (sim->plan->links[i].is_cut)
            add_op(sim, SIM_SEND, i);
        else
            add_work(sim, sim->graph->edges[i].to);
    }
    sim->ops[op].skip = sim->n_ops;
}

static void list_edges(struct sim *sim)
{
    const struct sim_graph *graph = sim->graph;

    for (uint32_t i = 0; i < graph->n_filters; i++) {
        sim->first_out[i] = SIM_NONE;
        sim->programs[i] = SIM_NONE;
    }
    for (uint32_t i = graph->n_edges; i-- > 0;) {
        sim->next_out[i] = sim->first_out[graph->edges[i].from];
        sim->first_out[graph->edges[i].from] = i;
    }
}

static void measure_paths(struct sim *sim)
{
    const struct sim_graph *graph = sim->graph;
    bool changed = true;

    for (uint32_t i = 0; i < graph->n_filters; i++) {
        sim->path_us[i] = graph->filters[i].cost_us;
        sim->is_end[i] = sim->first_out[i] == SIM_NONE;
        sim->n_ends[i] = 0;
    }
    while (changed) {
        changed = false;
        for (uint32_t i = 0; i < graph->n_edges; i++) {
            uint32_t to = graph->edges[i].to;
            double us = sim->path_us[graph->edges[i].from] + graph->filters[to].cost_us;

            if (us <= sim->path_us[to] + 1e-9)
                continue;
            sim->path_us[to] = us;
            changed = true;
        }
    }
}

/* Filters lie behind those that lead to them; of several, the first one counts. */
static void count_every(struct sim *sim)
{
    const struct sim_graph *graph = sim->graph;

    for (uint32_t i = 0; i < graph->n_filters; i++) {
        const struct sim_filter *filter = &graph->filters[i];

        sim->every[i] = sim->every[i] ? sim->every[i] : 1;
        for (uint32_t k = sim->first_out[i]; k != SIM_NONE; k = sim->next_out[k])
            if (!sim->every[graph->edges[k].to])
                sim->every[graph->edges[k].to] =
                    sim->every[i] * (filter->keep_every ? filter->keep_every : 1);
    }
}

static double count_ends(struct sim *sim, uint32_t filter)
{
    const struct sim_filter *it = &sim->graph->filters[filter];
    double n = sim->is_end[filter];

    if (sim->n_ends[filter] > 0)
        return sim->n_ends[filter];
    for (uint32_t i = sim->first_out[filter]; i != SIM_NONE; i = sim->next_out[i])
        n += count_ends(sim, sim->graph->edges[i].to);
    return sim->n_ends[filter] = it->keep_every && !sim->is_end[filter] ? n / it->keep_every : n;
}

/* Filters lie behind those that lead to them. */
static void measure_work(struct sim *sim)
{
    const struct sim_graph *graph = sim->graph;
    double *rates = calloc(graph->n_filters, sizeof(*rates)), sources = 0, load = 0;

    for (uint32_t i = 0; i < graph->n_filters; i++) {
        const struct sim_filter *filter = &graph->filters[i];

        rates[i] += filter->rate_hz;
        sources += filter->rate_hz;
        load += rates[i] * (filter->cost_us + filter->inside_us);
        for (uint32_t k = sim->first_out[i]; k != SIM_NONE; k = sim->next_out[k])
            rates[graph->edges[k].to] +=
                filter->keep_every ? rates[i] / filter->keep_every : rates[i];
    }
    sim->result->nominal_us = load / sources;
    free(rates);
}

static uint32_t thread_of(const struct sim *sim, uint32_t filter)
{
    const struct limef_plan_island *island = &sim->plan->islands[sim->plan->island_of[filter]];

    return island->worker != LIMEF_PLAN_NONE ? island->worker
                                             : sim->plan->n_workers + island->thread;
}

static enum limef_priority priority_of(const struct sim *sim, uint32_t filter)
{
    const struct limef_plan_island *island = &sim->plan->islands[sim->plan->island_of[filter]];

    return island->worker != LIMEF_PLAN_NONE ? sim->plan->workers[island->worker].priority
                                             : island->priority;
}

static void open_lane(struct sim *sim, uint32_t number, uint32_t to)
{
    struct sim_lane *lane = &sim->lanes[number];

    if (sim->programs[to] == SIM_NONE) {
        sim->programs[to] = sim->n_ops;
        add_work(sim, to);
        add_op(sim, SIM_DONE, 0);
    }
    lane->program = sim->programs[to];
    lane->to = to;
    lane->thread = thread_of(sim, to);
    lane->n_ends = sim->n_ends[to];
    lane->writer = SIM_NONE;
    sim->threads[lane->thread].rank = ranks[priority_of(sim, to)];
    sim->is_used[lane->thread] = true;
}

static void open_lanes(struct sim *sim)
{
    const struct sim_graph *graph = sim->graph;

    for (uint32_t i = 0; i < graph->n_edges; i++) {
        const struct limef_plan_link *link = &sim->plan->links[i];

        if (!link->is_cut)
            continue;
        sim->lanes[i].depth = link->depth;
        sim->lanes[i].overflow = link->overflow;
        sim->lanes[i].max_us = (double)link->max_time_us;
        sim->lanes[i].frame_bytes = graph->edges[i].frame_bytes;
        open_lane(sim, i, graph->edges[i].to);
    }
    for (uint32_t i = 0; i < graph->n_filters; i++) {
        struct sim_lane *lane = &sim->lanes[graph->n_edges + i];
        const struct sim_filter *filter = &graph->filters[i];
        double period = filter->rate_hz > 0 ? 1e6 / filter->rate_hz : 0;

        lane->writer = SIM_NONE;
        if (!(filter->flags & LIMEF_FILTER_SOURCE))
            continue;
        lane->is_source = true;
        lane->depth = filter->is_live ? SIM_SOURCE_BACKLOG : 0;
        lane->overflow = LIMEF_OVERFLOW_DROP_OLDEST;
        open_lane(sim, graph->n_edges + i, i);
        sim->deadline_us[i] = filter->deadline_us > 0          ? filter->deadline_us
                              : period > SIM_LEAST_DEADLINE_US ? period
                                                               : SIM_LEAST_DEADLINE_US;
    }
}

static uint32_t n_inside_of(const struct sim_filter *filter)
{
    return filter->inside_us > 0 ? (filter->n_inside ? filter->n_inside : 1) : 0;
}

/* Behind all other lanes and threads. */
static void open_inside(struct sim *sim)
{
    uint32_t n = sim->graph->n_filters, number = sim->graph->n_edges + n, thread = sim->n_threads;

    for (uint32_t i = n; i-- > 0;)
        thread -= n_inside_of(&sim->graph->filters[i]);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t program = sim->n_ops;

        sim->first_inside[i] = number;
        if (!n_inside_of(&sim->graph->filters[i]))
            continue;
        add_op(sim, SIM_INSIDE, i);
        add_op(sim, SIM_DONE, 0);
        for (uint32_t k = 0; k < n_inside_of(&sim->graph->filters[i]); k++, thread++) {
            sim->lanes[number++] = (struct sim_lane){.thread = thread,
                                                     .program = program,
                                                     .to = i,
                                                     .writer = SIM_NONE,
                                                     .is_inside = true};
            sim->threads[thread].rank = ranks[LIMEF_PRIORITY_PROCESSING];
            sim->is_used[thread] = true;
        }
    }
}

void sim_open(struct sim *sim)
{
    uint32_t n = sim->graph->n_filters, n_explicit = 0, n_inside = 0;

    for (uint32_t i = 0; i < n; i++)
        n_inside += n_inside_of(&sim->graph->filters[i]);
    for (uint32_t i = 0; i < n; i++)
        if (sim->graph->filters[i].thread != LIMEF_PLAN_NONE &&
            sim->graph->filters[i].thread >= n_explicit)
            n_explicit = sim->graph->filters[i].thread + 1;
    set_machine(&sim->machine);
    sim->n_lanes = sim->graph->n_edges + n + n_inside;
    sim->n_threads = sim->plan->n_workers + n_explicit + n_inside;
    sim->lanes = calloc(sim->n_lanes, sizeof(*sim->lanes));
    sim->threads = calloc(sim->n_threads, sizeof(*sim->threads));
    sim->is_used = calloc(sim->n_threads, sizeof(*sim->is_used));
    sim->cores = calloc(sim->machine.n_cpus, sizeof(*sim->cores));
    sim->programs = calloc(n, sizeof(*sim->programs));
    sim->first_out = calloc(n, sizeof(*sim->first_out));
    sim->next_out = calloc(sim->graph->n_edges + 1, sizeof(*sim->next_out));
    sim->first_inside = calloc(n, sizeof(*sim->first_inside));
    sim->numbers = calloc(n, sizeof(*sim->numbers));
    sim->path_us = calloc(n, sizeof(double));
    sim->n_ends = calloc(n, sizeof(double));
    sim->every = calloc(n, sizeof(*sim->every));
    sim->is_end = calloc(n, sizeof(bool));
    sim->deadline_us = calloc(n, sizeof(double));
    sim->histograms = calloc((size_t)n * SIM_BUCKETS, sizeof(uint32_t));
    for (unsigned i = 0; i < SIM_N_PRIORITIES; i++)
        sim->ready_first[i] = SIM_NONE;
    for (uint32_t i = 0; i < sim->n_threads; i++)
        sim->threads[i].pc = SIM_NONE;
    for (uint32_t i = 0; i < sim->machine.n_cpus; i++)
        sim->cores[i].thread = sim->cores[i].last_thread = SIM_NONE;
    list_edges(sim);
    measure_paths(sim);
    measure_work(sim);
    count_every(sim);
    for (uint32_t i = 0; i < n; i++)
        count_ends(sim, i);
    open_lanes(sim);
    open_inside(sim);
    for (uint32_t i = 0; i < sim->n_threads; i++)
        sim->result->n_threads += sim->is_used[i];
}

void sim_close(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->n_lanes; i++)
        free(sim->lanes[i].tokens);
    for (uint32_t i = 0; i < sim->n_threads; i++)
        free(sim->threads[i].pending);
    free(sim->lanes);
    free(sim->threads);
    free(sim->is_used);
    free(sim->cores);
    free(sim->programs);
    free(sim->first_out);
    free(sim->next_out);
    free(sim->first_inside);
    free(sim->numbers);
    free(sim->path_us);
    free(sim->n_ends);
    free(sim->every);
    free(sim->is_end);
    free(sim->deadline_us);
    free(sim->histograms);
    free(sim->ops);
    free(sim->heap);
    free(sim->latencies);
}
