/* SPDX-License-Identifier: MIT */
/* The planner's model of the machine: threads, lanes, and what they do for a frame, of a plan. */
#include "thread/plan_model.h"

#include <math.h>

static const uint8_t ranks[MODEL_RANKS] = {
    [LIMEF_PRIORITY_AUDIO] = 0,      [LIMEF_PRIORITY_DISPLAY] = 1,
    [LIMEF_PRIORITY_INGEST] = 2,     [LIMEF_PRIORITY_RECORDING] = 3,
    [LIMEF_PRIORITY_PROCESSING] = 4, [LIMEF_PRIORITY_BACKGROUND] = 5,
};

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
        struct model_lane *lane = &model->lanes[MODEL_FIRST_SOURCE + i];

        lane->depth = MODEL_ROOM;
        lane->overflow = LIMEF_OVERFLOW_DROP_OLDEST;
        lane->max_us = 0;
        lane->is_source = true;
        if (!open_lane(model, MODEL_FIRST_SOURCE + i, model->sources[i].filter))
            return false;
    }
    return true;
}

/* A lane brings each thread within a filter what to do. */
static bool open_inside(struct plan_model *model, uint32_t filter)
{
    unsigned program = model->n_ops;

    if (!model->n_inside_of[filter])
        return true;
    for (unsigned i = 0; i < model->n_inside_of[filter]; i++) {
        unsigned inside = model->first_inside[filter] + i;
        unsigned number = model->work->plan->n_workers + inside;

        model->lanes[MODEL_FIRST_INSIDE + inside] =
            (struct model_lane){.depth = MODEL_ROOM,
                                .overflow = LIMEF_OVERFLOW_DROP_OLDEST,
                                .thread = (uint8_t)number,
                                .to = (uint8_t)filter,
                                .writer = MODEL_NONE,
                                .next = MODEL_NONE,
                                .program = (uint16_t)program};
        model->threads[number].rank = ranks[LIMEF_PRIORITY_PROCESSING];
        model->threads[number].lanes = (uint8_t)(MODEL_FIRST_INSIDE + inside);
    }
    return add_op(model, MODEL_WORK_INSIDE, filter) && add_op(model, MODEL_DONE, 0);
}

static bool open_all_inside(struct plan_model *model)
{
    for (uint32_t i = 0; i < model->work->problem->n_filters; i++)
        if (!open_inside(model, i))
            return false;
    return true;
}

bool plan_model_open_run(struct plan_model *model)
{
    model->n_threads = model->work->plan->n_workers + model->n_inside;
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
    model->n_ops = 0;
    model->n_order = 0;
    model->now_us = model->n_due = model->n_missed = model->own_us = model->extra_us = 0;
    return open_lanes(model) && open_all_inside(model);
}
