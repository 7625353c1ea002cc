/* SPDX-License-Identifier: MIT */
/* The planner's model of the machine: a run of a plan, from event to event. */
#include "thread/plan_model.h"

#include <math.h>

/* Threads of one priority change places so often. */
#define SLICE_US 3000.0

/* From key frame to key frame, of what is dropped to one. */
#define KEY_EVERY 25

/* Less than this is rounding. */
#define NO_TIME_US 1e-6

static const uint8_t ranks[MODEL_RANKS] = {
    [LIMEF_PRIORITY_AUDIO] = 0,      [LIMEF_PRIORITY_DISPLAY] = 1,
    [LIMEF_PRIORITY_INGEST] = 2,     [LIMEF_PRIORITY_RECORDING] = 3,
    [LIMEF_PRIORITY_PROCESSING] = 4, [LIMEF_PRIORITY_BACKGROUND] = 5,
};

/* A number that looks random: the same for the same arguments. */
static uint32_t draw(uint32_t a, uint32_t b)
{
    uint32_t x = a * 0x9e3779b9u + b * 0x85ebca6bu + 0x27d4eb2fu;

    x = (x ^ (x >> 15)) * 0x2c1b3c6du; /* Wellons, "Prospecting for hash functions", 2018 */
    x = (x ^ (x >> 12)) * 0x297a2d39u;
    return x ^ (x >> 15);
}

static double cost_of(const struct plan_model *model, uint32_t filter,
                      const struct model_token *token)
{
    uint32_t drawn = draw(filter * MODEL_SOURCES + token->source, token->number);

    return model->cost_us[filter] *
           (double)model->draws[model->has_seldom][filter][drawn % MODEL_DRAWS];
}

static bool add_op(struct plan_model *model, enum model_op_kind kind, uint32_t at)
{
    if (model->n_ops == MODEL_OPS)
        return false;
    model->ops[model->n_ops++] = (struct model_op){.kind = (uint8_t)kind, .at = (uint8_t)at};
    return true;
}

/* What a filter does for a frame, with all that is fused behind it. */
static bool add_work(struct plan_model *model, uint32_t filter)
{
    const struct plan_work *work = model->work;
    unsigned op = model->n_ops;

    if (!add_op(model, MODEL_WORK, filter))
        return false;
    for (uint32_t k = work->out_at[filter]; k < work->out_at[filter + 1]; k++) {
        uint32_t edge = work->out_edges[k];

        if (!(work->plan->links[edge].is_cut ? add_op(model, MODEL_SEND, edge)
                                             : add_work(model, work->problem->edges[edge].to)))
            return false;
    }
    model->ops[op].skip = (uint16_t)model->n_ops;
    return true;
}

static bool open_lane(struct plan_model *model, unsigned number, uint32_t to)
{
    const struct limef_plan *plan = model->work->plan;
    const struct limef_plan_island *island = &plan->islands[plan->island_of[to]];
    struct model_lane *lane = &model->lanes[number];
    struct model_thread *thread = &model->threads[island->worker];

    if (model->programs[to] == UINT16_MAX) {
        model->programs[to] = (uint16_t)model->n_ops;
        if (!add_work(model, to) || !add_op(model, MODEL_DONE, 0))
            return false;
    }
    lane->program = model->programs[to];
    lane->to = (uint8_t)to;
    lane->thread = (uint8_t)island->worker;
    lane->writer = MODEL_NONE;
    lane->n_ends = model->n_ends[to];
    lane->first = lane->n = 0;
    lane->waits_for_key = false;
    thread->rank = ranks[plan->workers[island->worker].priority];
    lane->next = thread->lanes;
    thread->lanes = (uint8_t)number;
    return true;
}

static bool open_lanes(struct plan_model *model)
{
    const struct plan_work *work = model->work;

    for (uint32_t i = 0; i < work->problem->n_edges; i++) {
        const struct limef_plan_link *link = &work->plan->links[i];
        struct model_lane *lane = &model->lanes[i];

        if (!link->is_cut)
            continue;
        lane->depth = link->depth < MODEL_ROOM ? link->depth : MODEL_ROOM;
        lane->overflow = link->overflow;
        lane->max_us = (double)link->max_time_us;
        lane->is_source = false;
        if (!open_lane(model, i, work->problem->edges[i].to))
            return false;
    }
    for (unsigned i = 0; i < model->n_sources; i++) {
        struct model_lane *lane = &model->lanes[MODEL_EDGES + i];

        lane->depth = MODEL_ROOM;
        lane->overflow = LIMEF_OVERFLOW_DROP_OLDEST;
        lane->max_us = 0;
        lane->is_source = true;
        if (!open_lane(model, MODEL_EDGES + i, model->sources[i].filter))
            return false;
    }
    return true;
}

static bool open_run(struct plan_model *model)
{
    model->n_threads = model->work->plan->n_workers;
    for (unsigned i = 0; i < model->n_threads; i++)
        model->threads[i] = (struct model_thread){.pc = -1, .lanes = MODEL_NONE};
    for (unsigned i = 0; i < model->n_cores; i++)
        model->cores[i] = (struct model_core){
            .thread = MODEL_NONE, .last_thread = MODEL_NONE, .until_us = INFINITY};
    for (unsigned i = 0; i < MODEL_RANKS; i++)
        model->ready_first[i] = MODEL_NONE;
    for (unsigned i = 0; i < MODEL_FILTERS; i++)
        model->programs[i] = UINT16_MAX;
    for (unsigned i = 0; i < model->n_sources; i++) {
        model->sources[i].number = 0;
        model->sources[i].next_us = model->sources[i].phase * model->sources[i].period_us;
    }
    model->slice_us = model->n_threads > model->n_cores ? SLICE_US : INFINITY;
    model->n_ops = 0;
    model->n_order = 0;
    model->now_us = model->n_due = model->n_missed = model->own_us = model->extra_us = 0;
    return open_lanes(model);
}

static void push_ready(struct plan_model *model, uint8_t number, bool first)
{
    struct model_thread *thread = &model->threads[number];
    uint8_t *head = &model->ready_first[thread->rank], *tail = &model->ready_last[thread->rank];

    thread->state = MODEL_READY;
    thread->next_ready = MODEL_NONE;
    if (*head == MODEL_NONE) {
        *head = *tail = number;
    } else if (first) {
        thread->next_ready = *head;
        *head = number;
    } else {
        model->threads[*tail].next_ready = number;
        *tail = number;
    }
}

static void add_extra(struct plan_model *model, struct model_thread *thread, double us)
{
    thread->left_us += us;
    model->extra_us += us;
}

static void wake(struct plan_model *model, uint8_t number)
{
    add_extra(model, &model->threads[number], model->resume_us);
    push_ready(model, number, false);
}

static void lose(struct plan_model *model, const struct model_lane *lane)
{
    model->n_due += lane->n_ends;
    model->n_missed += lane->n_ends;
}

static bool is_full(const struct model_lane *lane, const struct model_token *token)
{
    return lane->n >= lane->depth ||
           (lane->n && lane->max_us > 0 &&
            token->due_us - lane->tokens[lane->first].due_us > lane->max_us);
}

/* A frame for a lane. Returns false if the writer has to wait for room. */
static bool push_frame(struct plan_model *model, struct model_lane *lane, struct model_token token,
                       uint8_t writer)
{
    struct model_thread *reader = &model->threads[lane->thread];

    if (lane->waits_for_key && token.number % KEY_EVERY) {
        lose(model, lane);
        return true;
    }
    lane->waits_for_key = false;
    if (is_full(lane, &token)) {
        if (lane->overflow == LIMEF_OVERFLOW_BLOCK) {
            lane->writer = writer;
            return false;
        }
        lose(model, lane);
        if (lane->overflow == LIMEF_OVERFLOW_DROP_TO_KEY) {
            lane->waits_for_key = true;
            return true;
        }
        lane->first = (lane->first + 1) % MODEL_ROOM;
        lane->n--;
    }
    token.order = model->n_order++;
    lane->tokens[(lane->first + lane->n++) % MODEL_ROOM] = token;
    if (writer != MODEL_NONE)
        add_extra(model, &model->threads[writer], model->queue_us);
    if (reader->state == MODEL_SLEEPS) {
        if (writer != MODEL_NONE)
            add_extra(model, &model->threads[writer], model->wake_us);
        wake(model, lane->thread);
    }
    return true;
}

/* The lane whose first frame came first of a thread's; NULL: none has any. */
static struct model_lane *next_lane(struct plan_model *model, const struct model_thread *thread)
{
    struct model_lane *next = NULL;

    for (uint8_t i = thread->lanes; i != MODEL_NONE; i = model->lanes[i].next) {
        struct model_lane *lane = &model->lanes[i];

        if (lane->n && (!next || lane->tokens[lane->first].order < next->tokens[next->first].order))
            next = lane;
    }
    return next;
}

static bool take_frame(struct plan_model *model, struct model_thread *thread)
{
    struct model_lane *lane = next_lane(model, thread);

    if (!lane)
        return false;
    thread->token = lane->tokens[lane->first];
    lane->first = (lane->first + 1) % MODEL_ROOM;
    lane->n--;
    thread->pc = lane->program;
    if (!lane->is_source)
        add_extra(model, thread, model->queue_us);
    if (lane->writer != MODEL_NONE) {
        add_extra(model, thread, model->wake_us);
        wake(model, lane->writer);
        lane->writer = MODEL_NONE;
    }
    return true;
}

static void end_work(struct plan_model *model, struct model_thread *thread)
{
    const struct plan_work *work = model->work;
    const struct model_op *op = &model->ops[thread->pc];
    const struct model_token *token = &thread->token;

    thread->is_working = false;
    model->own_us += thread->work_us;
    if (work->out_at[op->at] == work->out_at[op->at + 1]) {
        model->n_due++;
        if (model->now_us - token->due_us >
            model->sources[token->source].deadline_us + model->path_us[op->at])
            model->n_missed++;
    }
    if (model->keep[op->at] > 1 && token->number / model->every[op->at] % model->keep[op->at])
        thread->pc = op->skip;
    else
        thread->pc++;
}

/* Goes on until the thread needs the core, or sleeps. */
static void advance(struct plan_model *model, struct model_thread *thread)
{
    for (;;) {
        const struct model_op *op;

        if (thread->pc < 0) {
            if (take_frame(model, thread))
                continue;
            if (thread->left_us <= NO_TIME_US)
                thread->state = MODEL_SLEEPS;
            return;
        }
        op = &model->ops[thread->pc];
        if (op->kind == MODEL_DONE) {
            thread->pc = -1;
        } else if (op->kind == MODEL_SEND) {
            if (!push_frame(model, &model->lanes[op->at], thread->token,
                            (uint8_t)(thread - model->threads))) {
                thread->state = MODEL_WAITS;
                return;
            }
            thread->pc++;
        } else if (thread->is_working) {
            end_work(model, thread);
        } else {
            thread->is_working = true;
            thread->work_us = cost_of(model, op->at, &thread->token);
            thread->left_us += thread->work_us;
            return;
        }
    }
}

static void stop_core(struct plan_model *model, struct model_core *core)
{
    struct model_thread *thread = &model->threads[core->thread];
    double us = model->now_us - core->since_us;

    thread->left_us -= us;
    thread->used_us += us;
    if (thread->left_us < NO_TIME_US)
        thread->left_us = 0;
    core->last_thread = core->thread;
    core->thread = MODEL_NONE;
    core->until_us = INFINITY;
}

static void start_core(struct plan_model *model, struct model_core *core, uint8_t number)
{
    struct model_thread *thread = &model->threads[number];

    thread->state = MODEL_RUNS;
    core->thread = number;
    core->since_us = model->now_us;
    core->until_us = model->now_us + fmin(thread->left_us, model->slice_us);
}

/* A core's thread did what it was to do, or its slice is over. */
static void end_core(struct plan_model *model, struct model_core *core)
{
    uint8_t number = core->thread;
    struct model_thread *thread = &model->threads[number];

    stop_core(model, core);
    if (thread->left_us <= NO_TIME_US)
        advance(model, thread);
    if (thread->state != MODEL_RUNS)
        return;
    if (thread->used_us >= model->slice_us && model->ready_first[thread->rank] != MODEL_NONE)
        push_ready(model, number, false);
    else
        start_core(model, core, number);
}

/* An idle core, the one that ran the thread last if it may be; else one whose thread is less
 * urgent, the least; or NULL. */
static struct model_core *core_for(struct plan_model *model, uint8_t number)
{
    struct model_core *idle = NULL, *lesser = NULL;
    unsigned rank = model->threads[number].rank;

    for (unsigned i = 0; i < model->n_cores; i++) {
        struct model_core *core = &model->cores[i];

        if (core->thread == MODEL_NONE) {
            if (core->last_thread == number)
                return core;
            idle = idle ? idle : core;
        } else if (model->threads[core->thread].rank > rank) {
            rank = model->threads[core->thread].rank;
            lesser = core;
        }
    }
    return idle ? idle : lesser;
}

static void schedule(struct plan_model *model)
{
    for (unsigned rank = 0; rank < MODEL_RANKS; rank++)
        while (model->ready_first[rank] != MODEL_NONE) {
            uint8_t number = model->ready_first[rank];
            struct model_thread *thread = &model->threads[number];
            struct model_core *core = core_for(model, number);

            if (!core)
                return;
            if (core->thread != MODEL_NONE) {
                uint8_t victim = core->thread;

                stop_core(model, core);
                push_ready(model, victim, true);
            }
            model->ready_first[rank] = thread->next_ready;
            thread->used_us = 0;
            if (core->last_thread != number)
                add_extra(model, thread, model->switch_us);
            start_core(model, core, number);
        }
}

static void frames_come(struct plan_model *model, unsigned number)
{
    struct model_source *source = &model->sources[number];

    for (unsigned i = 0; i < source->burst; i++)
        push_frame(model, &model->lanes[MODEL_EDGES + number],
                   (struct model_token){
                       .due_us = model->now_us, .number = source->number + i, .source = number},
                   MODEL_NONE);
    source->number += source->burst;
    source->next_us = (source->phase + source->number) * source->period_us +
                      source->jitter_us * draw(~number, source->number) / 4294967296.0;
}

/* What waits and is late already. */
static void count_rest(struct plan_model *model)
{
    for (unsigned i = 0; i < model->n_threads; i++)
        for (uint8_t k = model->threads[i].lanes; k != MODEL_NONE; k = model->lanes[k].next) {
            const struct model_lane *lane = &model->lanes[k];

            for (unsigned n = 0; n < lane->n; n++) {
                const struct model_token *token = &lane->tokens[(lane->first + n) % MODEL_ROOM];

                if (model->now_us - token->due_us >
                    model->sources[token->source].deadline_us + model->path_us[lane->to])
                    lose(model, lane);
            }
        }
}

/* To the next event. Returns false when the time is over. */
static bool step(struct plan_model *model)
{
    double at_us = model->end_us;
    unsigned source = MODEL_NONE, core = MODEL_NONE;

    for (unsigned i = 0; i < model->n_sources; i++)
        if (model->sources[i].next_us < at_us) {
            at_us = model->sources[i].next_us;
            source = i;
        }
    for (unsigned i = 0; i < model->n_cores; i++)
        if (model->cores[i].until_us < at_us) {
            at_us = model->cores[i].until_us;
            core = i;
        }
    if (core == MODEL_NONE && source == MODEL_NONE)
        return false;
    model->now_us = at_us;
    if (core != MODEL_NONE)
        end_core(model, &model->cores[core]);
    else
        frames_come(model, source);
    schedule(model);
    return true;
}

struct model_outcome plan_model_run(struct plan_model *model, double part)
{
    struct model_outcome outcome = {.missed = INFINITY, .cpu = INFINITY};

    if (!open_run(model))
        return outcome;
    model->end_us = model->seconds * 1e6 * part;
    while (step(model))
        if (model->n_steps++ >= model->most_steps)
            return outcome;
    model->now_us = model->end_us;
    count_rest(model);
    if (model->n_due > 0)
        outcome.missed = model->n_missed / model->n_due;
    if (model->own_us > 0)
        outcome.cpu = 1 + model->extra_us / model->own_us;
    return outcome;
}
