/* SPDX-License-Identifier: MIT */
/* The machine: cores, the scheduler, what a thread does from frame to frame. */
#include "sim/sim_private.h"

#include <math.h>
#include <stdlib.h>

/* Less than this is rounding. */
static const double no_time_us = 1e-6;

static void push_ready(struct sim *sim, uint32_t thread, bool first)
{
    struct sim_thread *it = &sim->threads[thread];

    it->state = SIM_READY;
    it->next_ready = SIM_NONE;
    if (sim->ready_first[it->rank] == SIM_NONE) {
        sim->ready_first[it->rank] = sim->ready_last[it->rank] = thread;
    } else if (first) {
        it->next_ready = sim->ready_first[it->rank];
        sim->ready_first[it->rank] = thread;
    } else {
        sim->threads[sim->ready_last[it->rank]].next_ready = thread;
        sim->ready_last[it->rank] = thread;
    }
}

static uint32_t pop_ready(struct sim *sim, unsigned rank)
{
    uint32_t thread = sim->ready_first[rank];

    sim->ready_first[rank] = sim->threads[thread].next_ready;
    return thread;
}

void sim_wake(struct sim *sim, uint32_t thread, double resume_us)
{
    struct sim_thread *it = &sim->threads[thread];

    it->left_us += resume_us;
    it->extra_us += resume_us;
    push_ready(sim, thread, false);
}

static void extra(struct sim_thread *it, double us)
{
    it->left_us += us;
    it->extra_us += us;
}

/* Takes the next frame. Returns whether there was one. */
static bool take_frame(struct sim *sim, struct sim_thread *it)
{
    while (it->n) {
        struct sim_lane *lane = &sim->lanes[it->pending[it->first]];

        it->first = (it->first + 1) & (it->room - 1);
        it->n--;
        if (!lane->n)
            continue;
        it->token = lane->tokens[lane->first];
        lane->first = (lane->first + 1) & (lane->room - 1);
        lane->n--;
        if (!lane->is_source)
            extra(it, sim->machine.queue_us);
        sim_count_waiting(sim, lane, -1);
        it->pc = lane->program;
        if (lane->writer != SIM_NONE) {
            extra(it, sim->machine.wake_us);
            sim_wake(sim, lane->writer, sim->machine.resume_us);
            lane->writer = SIM_NONE;
        }
        return true;
    }
    return false;
}

static void complete(struct sim *sim, uint32_t filter, const struct sim_token *token)
{
    double latency = sim->now_us - token->due_us;
    double deadline = sim->deadline_us[token->source] + sim->path_us[filter];

    sim->result->n_due++;
    sim->result->filters[filter].age_us += latency;
    if (latency <= deadline)
        sim->result->n_on_time++;
    else
        sim->result->filters[filter].n_missed++;
    if (sim->n_latencies == sim->room_latencies) {
        sim->room_latencies = sim->room_latencies ? 2 * sim->room_latencies : 4096;
        sim->latencies = realloc(sim->latencies, sim->room_latencies * sizeof(double));
    }
    sim->latencies[sim->n_latencies++] = latency;
}

static void count_cost(struct sim *sim, uint32_t filter, double us)
{
    double bucket = us > SIM_BUCKET_US ? log(us / SIM_BUCKET_US) / log(SIM_BUCKET_FACTOR) : 0;

    if (bucket > SIM_BUCKETS - 1)
        bucket = SIM_BUCKETS - 1;
    sim->histograms[(size_t)filter * SIM_BUCKETS + (size_t)bucket]++;
}

/* Gives the threads within a filter their part of a frame. */
static void send_inside(struct sim *sim, struct sim_thread *it, uint32_t number)
{
    const struct sim_filter *filter = &sim->graph->filters[number];
    uint64_t frame = it->token.number / sim->every[number];
    double writer_us = 0;

    if (filter->inside_us <= 0)
        return;
    sim_write(sim,
              sim->first_inside[number] +
                  (uint32_t)(filter->n_inside ? frame % filter->n_inside : 0),
              it->token, &writer_us);
    extra(it, writer_us);
}

static void end_inside(struct sim *sim, struct sim_thread *it)
{
    it->is_working = false;
    it->extra_us = 0;
    sim->result->own_us += it->work_us;
    sim->result->inside_us += it->work_us;
    it->pc++;
}

static void end_work(struct sim *sim, struct sim_thread *it)
{
    const struct sim_op *op = &sim->ops[it->pc];
    const struct sim_filter *filter = &sim->graph->filters[op->at];
    struct sim_filter_result *result = &sim->result->filters[op->at];
    double us = it->work_us;

    it->is_working = false;
    result->n_frames++;
    result->own_us += us;
    sim->result->own_us += us;
    result->cpu_us += us + it->extra_us;
    it->extra_us = 0;
    count_cost(sim, op->at, us);
    if (sim->is_end[op->at])
        complete(sim, op->at, &it->token);
    send_inside(sim, it, op->at);
    it->pc = filter->keep_every && it->token.number / sim->every[op->at] % filter->keep_every
                 ? op->skip
                 : it->pc + 1;
}

static void begin_work(const struct sim *sim, struct sim_thread *it, const struct sim_op *op)
{
    const struct sim_filter *filter = &sim->graph->filters[op->at];

    it->is_working = true;
    it->work_us = sim_cost(sim, op->at, &it->token,
                           op->kind == SIM_WORK ? filter->cost_us : filter->inside_us);
    it->left_us += it->work_us;
}

/* Goes on until the thread needs the core, or sleeps. */
static void advance(struct sim *sim, struct sim_thread *it)
{
    for (;;) {
        const struct sim_op *op = &sim->ops[it->pc == SIM_NONE ? 0 : it->pc];
        double writer_us = 0;

        if (it->pc == SIM_NONE) {
            if (take_frame(sim, it))
                continue;
            if (it->left_us <= no_time_us)
                it->state = SIM_SLEEPS;
            return;
        }
        switch (op->kind) {
        case SIM_WORK:
        case SIM_INSIDE:
            if (!it->is_working) {
                begin_work(sim, it, op);
                return;
            }
            (op->kind == SIM_WORK ? end_work : end_inside)(sim, it);
            break;
        case SIM_SEND:
            sim->running = (uint32_t)(it - sim->threads);
            if (!sim_write(sim, op->at, it->token, &writer_us)) {
                it->state = SIM_WAITS_FOR_ROOM;
                return;
            }
            extra(it, writer_us);
            it->pc++;
            break;
        case SIM_DONE:
            it->pc = SIM_NONE;
        }
    }
}

static void stop_running(struct sim *sim, struct sim_core *core)
{
    struct sim_thread *it = &sim->threads[core->thread];
    double us = sim->now_us - core->since_us;

    it->left_us -= us;
    it->used_us += us;
    sim->result->cpu_us += us;
    if (it->left_us < no_time_us)
        it->left_us = 0;
    core->last_thread = core->thread;
    core->thread = SIM_NONE;
    core->generation++;
}

static void run(struct sim *sim, uint32_t number, uint32_t thread)
{
    struct sim_core *core = &sim->cores[number];
    struct sim_thread *it = &sim->threads[thread];
    double us = it->left_us < sim->machine.slice_us ? it->left_us : sim->machine.slice_us;

    it->state = SIM_RUNS;
    core->thread = thread;
    core->since_us = sim->now_us;
    sim_push_event(sim, (struct sim_event){.at_us = sim->now_us + us,
                                           .core = number,
                                           .generation = core->generation});
}

static void dispatch(struct sim *sim, uint32_t number, uint32_t thread)
{
    struct sim_core *core = &sim->cores[number];

    sim->result->n_switches++;
    sim->threads[thread].used_us = 0;
    if (core->last_thread != thread)
        extra(&sim->threads[thread], sim->machine.switch_us);
    run(sim, number, thread);
}

void sim_core_event(struct sim *sim, uint32_t number)
{
    struct sim_core *core = &sim->cores[number];
    uint32_t thread = core->thread;
    struct sim_thread *it = &sim->threads[thread];

    stop_running(sim, core);
    if (it->left_us <= no_time_us)
        advance(sim, it);
    if (it->state != SIM_RUNS)
        return;
    if (it->used_us >= sim->machine.slice_us && sim->ready_first[it->rank] != SIM_NONE)
        push_ready(sim, thread, false);
    else
        run(sim, number, thread);
}

/* An idle core, the one that ran the thread last if it may be; or SIM_NONE. */
static uint32_t idle_core(const struct sim *sim, uint32_t thread)
{
    uint32_t found = SIM_NONE;

    for (uint32_t i = 0; i < sim->machine.n_cpus; i++) {
        if (sim->cores[i].thread != SIM_NONE)
            continue;
        if (sim->cores[i].last_thread == thread)
            return i;
        if (found == SIM_NONE)
            found = i;
    }
    return found;
}

/* A core whose thread is less urgent, the least; or SIM_NONE. */
static uint32_t lesser_core(const struct sim *sim, unsigned rank)
{
    uint32_t found = SIM_NONE;

    for (uint32_t i = 0; i < sim->machine.n_cpus; i++) {
        unsigned runs = sim->threads[sim->cores[i].thread].rank;

        if (runs > rank) {
            rank = runs;
            found = i;
        }
    }
    return found;
}

void sim_schedule(struct sim *sim)
{
    for (unsigned rank = 0; rank < SIM_N_PRIORITIES; rank++) {
        while (sim->ready_first[rank] != SIM_NONE) {
            uint32_t core = idle_core(sim, sim->ready_first[rank]);

            if (core == SIM_NONE) {
                uint32_t lesser = lesser_core(sim, rank);
                uint32_t victim;

                if (lesser == SIM_NONE)
                    return;
                victim = sim->cores[lesser].thread;
                stop_running(sim, &sim->cores[lesser]);
                push_ready(sim, victim, true);
                core = lesser;
            }
            dispatch(sim, core, pop_ready(sim, rank));
        }
    }
}
