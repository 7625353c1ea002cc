/* SPDX-License-Identifier: MIT */
/* The planner's model of the machine: a run of a plan, from event to event. */
#include "thread/plan_model.h"

#include <math.h>

/* Less than this is rounding. */
#define NO_TIME_US 1e-6

/* Threads of one priority change places so often. */
#define SLICE_US 3000.0

/* A number that looks random: the same for the same arguments. */
static uint32_t draw(uint32_t a, uint32_t b)
{
    uint32_t x = a * 0x9e3779b9u + b * 0x85ebca6bu + 0x27d4eb2fu;

    x = (x ^ (x >> 15)) * 0x2c1b3c6du; /* Wellons, "Prospecting for hash functions", 2018 */
    x = (x ^ (x >> 12)) * 0x297a2d39u;
    return x ^ (x >> 15);
}

/* Slow ones are so for all filters of a stream. */
static double cost_of(const struct plan_model *model, uint32_t filter,
                      const struct model_token *token)
{
    uint32_t drawn = draw(filter * MODEL_SOURCES + token->source, token->number);
    double cost_us = model->cost_us[filter];

    if (model->slow[filter] > 1 && token->number / model->every[filter] % MODEL_KEY_EVERY == 0)
        return cost_us * (double)model->slow[filter];
    return cost_us * (double)model->draws[filter][drawn % MODEL_DRAWS];
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

    if (lane->waits_for_key && token.number % MODEL_KEY_EVERY) {
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

static bool is_end(const struct plan_model *model, uint32_t filter)
{
    return model->work->out_at[filter] == model->work->out_at[filter + 1];
}

static bool is_inside(const struct plan_model *model, const struct model_thread *thread)
{
    return thread >= &model->threads[model->work->plan->n_workers];
}

/* What a thread within a filter does for a frame. */
static void begin_inside(struct plan_model *model, struct model_thread *thread)
{
    uint32_t filter = model->ops[thread->pc++].at;

    thread->work_us = model->inside * cost_of(model, filter, &thread->token);
    thread->is_working = true;
    thread->left_us += thread->work_us;
}

/* Gives the threads within a filter their part of a frame that it is done with. */
static void send_inside(struct plan_model *model, struct model_thread *thread)
{
    uint32_t filter = thread->worked_at, frame = thread->token.number / model->every[filter];
    unsigned n = model->n_inside_of[filter];

    if (n)
        push_frame(model,
                   &model->lanes[MODEL_FIRST_INSIDE + model->first_inside[filter] + frame % n],
                   thread->token, (uint8_t)(thread - model->threads));
}

/* All that a frame costs up to where something else happens: an end, a lane, threads within. */
static void begin_work(struct plan_model *model, struct model_thread *thread)
{
    const struct model_token *token = &thread->token;
    const struct model_op *op;

    thread->work_us = 0;
    thread->is_working = true;
    do {
        op = &model->ops[thread->pc];
        thread->work_us += cost_of(model, op->at, token);
        if (model->keep[op->at] > 1 && token->number / model->every[op->at] % model->keep[op->at])
            thread->pc = op->skip;
        else
            thread->pc++;
    } while (!is_end(model, op->at) && !model->n_inside_of[op->at] &&
             model->ops[thread->pc].kind == MODEL_WORK);
    thread->worked_at = op->at;
    thread->left_us += thread->work_us;
}

static void end_work(struct plan_model *model, struct model_thread *thread)
{
    const struct model_token *token = &thread->token;

    thread->is_working = false;
    if (is_inside(model, thread))
        return;
    model->own_us += thread->work_us;
    send_inside(model, thread);
    if (!is_end(model, thread->worked_at))
        return;
    model->n_due++;
    if (model->now_us - token->due_us >
        model->sources[token->source].deadline_us + model->path_us[thread->worked_at])
        model->n_missed++;
}

/* Goes on until the thread needs the core, or sleeps. */
static void advance(struct plan_model *model, struct model_thread *thread)
{
    for (;;) {
        const struct model_op *op;

        if (thread->is_working)
            end_work(model, thread);
        if (thread->pc < 0) {
            if (take_frame(model, thread))
                continue;
            if (thread->left_us <= NO_TIME_US)
                thread->state = MODEL_SLEEPS;
            return;
        }
        op = &model->ops[thread->pc];
        if (op->kind == MODEL_WORK) {
            begin_work(model, thread);
            return;
        }
        if (op->kind == MODEL_WORK_INSIDE) {
            begin_inside(model, thread);
            return;
        }
        if (op->kind == MODEL_DONE) {
            thread->pc = -1;
            continue;
        }
        if (!push_frame(model, &model->lanes[op->at], thread->token,
                        (uint8_t)(thread - model->threads))) {
            thread->state = MODEL_WAITS;
            return;
        }
        thread->pc++;
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
    core->until_us = model->now_us + thread->left_us;
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
    if (thread->used_us >= SLICE_US - NO_TIME_US && model->ready_first[thread->rank] != MODEL_NONE)
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

/* One waits that is as urgent as those that run: they stop where their slice ends. */
static void slice(struct plan_model *model, unsigned rank)
{
    for (unsigned i = 0; i < model->n_cores; i++) {
        struct model_core *core = &model->cores[i];
        double slices;

        if (core->thread == MODEL_NONE || model->threads[core->thread].rank != rank)
            continue;
        slices = floor((model->now_us - core->since_us + NO_TIME_US) / SLICE_US) + 1;
        core->until_us = fmin(core->until_us, core->since_us + slices * SLICE_US);
    }
}

static void schedule(struct plan_model *model)
{
    for (unsigned rank = 0; rank < MODEL_RANKS; rank++)
        while (model->ready_first[rank] != MODEL_NONE) {
            uint8_t number = model->ready_first[rank];
            struct model_thread *thread = &model->threads[number];
            struct model_core *core = core_for(model, number);

            if (!core) {
                slice(model, rank);
                return;
            }
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
        push_frame(model, &model->lanes[MODEL_FIRST_SOURCE + number],
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

/* Frames that come out at the ends, at most. */
static double most_due(const struct plan_model *model)
{
    double n = 0;

    for (unsigned i = 0; i < model->n_sources; i++) {
        const struct model_source *source = &model->sources[i];

        n +=
            (model->end_us / source->period_us + source->burst + 1) * model->n_ends[source->filter];
    }
    return n;
}

struct model_outcome plan_model_run(struct plan_model *model, double part, double worst)
{
    struct model_outcome outcome = {.missed = INFINITY, .cpu = INFINITY};

    if (!plan_model_open_run(model))
        return outcome;
    model->end_us = model->seconds * 1e6 * part;
    model->most_missed = worst * most_due(model);
    while (step(model))
        if (model->n_steps++ >= model->most_steps || model->n_missed > model->most_missed)
            return outcome;
    model->now_us = model->end_us;
    count_rest(model);
    if (model->n_due > 0)
        outcome.missed = model->n_missed / model->n_due;
    if (model->own_us > 0)
        outcome.cpu = 1 + model->extra_us / model->own_us;
    return outcome;
}
