/* SPDX-License-Identifier: MIT */
/* The planner's model of the machine: what it reads of a problem. plan_model_run.c runs it. */
#include "thread/plan_model.h"

#include <math.h>
#include <string.h>

/* So long is run, unless so many frames come before. */
#define MODEL_SECONDS 20.0
#define MODEL_FRAMES 1500.0

/* Of the machine, above which some frames are late under every plan. */
#define MOST_LOAD 0.97

/* Of one core, and of the time that a frame has, below which nothing can be late. */
#define IDLE 0.5

/* Of cores, what threads within filters use without anybody noticing. */
#define NO_LOAD 0.01

/* What slow frames cost at most, of the mean: more is what the system does now and then. */
#define MOST_SLOW 3.0

/* Mean of the slowest of MODEL_KEY_EVERY, of a normal distribution; what is no more than it. */
#define SLOW_QUANTILE 2.15
#define SLOW_IS_MORE 1.1

/* Frames of a source of which one comes to a filter. */
#define MOST_EVERY 1000000

/* Quantiles of the normal distribution at (k + 0.5) / 32, the upper half. */
static const double quantiles[MODEL_DRAWS / 2] = {0.039, 0.118, 0.197, 0.278, 0.360, 0.445,
                                                  0.534, 0.626, 0.724, 0.830, 0.947, 1.078,
                                                  1.230, 1.418, 1.676, 2.154};

/* Log-normal, of mean 1: p95 is exp(1.645 s - s^2 / 2). */
static double spread_of(double p95)
{
    double root;

    if (!(p95 > 1))
        return 0;
    root = 1.645 * 1.645 - 2 * log(p95);
    return root > 0 ? 1.645 - sqrt(root) : 1.645;
}

/* Of the mean. slow: one of MODEL_KEY_EVERY frames; the others cost less, so that the mean is 1.
 */
static void draw_costs(float *draws, double p95, double slow)
{
    double others = (MODEL_KEY_EVERY - slow) / (MODEL_KEY_EVERY - 1), sum = 0;
    double spread = spread_of(p95 / others);

    for (unsigned k = 0; k < MODEL_DRAWS / 2; k++) {
        double factor = exp(spread * quantiles[k]);

        draws[MODEL_DRAWS / 2 + k] = (float)factor;
        draws[MODEL_DRAWS / 2 - 1 - k] = (float)(1 / factor);
    }
    for (unsigned k = 0; k < MODEL_DRAWS; k++)
        sum += (double)draws[k];
    for (unsigned k = 0; k < MODEL_DRAWS; k++)
        draws[k] *= (float)(MODEL_DRAWS * others / sum);
}

static void read_costs(struct plan_model *model, uint32_t filter)
{
    const struct limef_plan_filter *known = &model->work->problem->filters[filter];
    double cost_us = known->cost_us, p95 = 1, slow = 1;

    if (cost_us > 0 && plan_is_known(known->p95_us))
        p95 = known->p95_us / cost_us;
    if (cost_us > 0 && plan_is_known(known->slow_us))
        slow = fmin(known->slow_us / cost_us, MOST_SLOW);
    /* what the spread of all frames is alone */
    if (slow < SLOW_IS_MORE * exp(spread_of(p95) * (SLOW_QUANTILE - spread_of(p95) / 2)))
        slow = 1;
    model->cost_us[filter] = cost_us;
    model->slow[filter] = (float)slow;
    draw_costs(model->draws[filter], p95, slow);
}

/* Filters pass all their frames on, or one of so many. Returns false where it is something else. */
static bool read_rates(struct plan_model *model, uint32_t filter)
{
    const struct plan_work *work = model->work;
    double in_hz = work->problem->filters[filter].rate_hz, most_hz = 0;

    for (uint32_t k = work->out_at[filter]; k < work->out_at[filter + 1]; k++) {
        double hz = work->problem->edges[work->out_edges[k]].rate_hz;

        if (!plan_is_known(hz) || hz > 1.2 * in_hz)
            return false;
        most_hz = fmax(most_hz, hz);
    }
    model->keep[filter] = 1;
    if (most_hz > 0 && in_hz / most_hz < 1000)
        model->keep[filter] = (uint32_t)(in_hz / most_hz + 0.5);
    return true;
}

static bool read_source(struct plan_model *model, uint32_t filter)
{
    const struct plan_work *work = model->work;
    const struct limef_plan_filter *known = &work->problem->filters[filter];
    struct model_source *source = &model->sources[model->n_sources];
    const struct limef_plan_edge *edge;

    if (model->n_sources == MODEL_SOURCES || known->is_eager || !(known->rate_hz > 0.5))
        return false;
    *source = (struct model_source){.filter = (uint8_t)filter,
                                    .burst = 1,
                                    .period_us = 1e6 / known->rate_hz,
                                    /* golden section: as unlike each other as can be */
                                    .phase = fmod(0.381966 * model->n_sources, 1)};
    source->deadline_us = fmax(source->period_us, PLAN_SOON_US);
    if (work->out_at[filter] < work->out_at[filter + 1]) {
        edge = &work->problem->edges[work->out_edges[work->out_at[filter]]];
        if (plan_is_known(edge->jitter_us))
            source->jitter_us = fmin(edge->jitter_us, 10 * source->period_us);
        if (plan_is_known(edge->burst_frames) && edge->burst_frames > 1)
            source->burst =
                edge->burst_frames < MODEL_ROOM ? (unsigned)edge->burst_frames : MODEL_ROOM;
    }
    model->n_sources++;
    return true;
}

static bool read_filter(struct plan_model *model, uint32_t filter)
{
    const struct plan_work *work = model->work;
    const struct limef_plan_filter *known = &work->problem->filters[filter];

    if (known->thread != LIMEF_PLAN_NONE || known->flags & LIMEF_FILTER_BOUNDARY ||
        !plan_is_measured(known))
        return false;
    read_costs(model, filter);
    model->path_us[filter] += model->cost_us[filter];
    if (!model->every[filter])
        model->every[filter] = 1;
    if (!read_rates(model, filter) || model->every[filter] > MOST_EVERY)
        return false;
    for (uint32_t k = work->out_at[filter]; k < work->out_at[filter + 1]; k++) {
        uint32_t to = work->problem->edges[work->out_edges[k]].to;

        model->path_us[to] = fmax(model->path_us[to], model->path_us[filter]);
        if (!model->every[to])
            model->every[to] = model->every[filter] * model->keep[filter];
    }
    return !plan_is_source(known) || read_source(model, filter);
}

/* Of threads within filters it is known how much they use together. They work on a part of each
 * frame that comes to their filter, all the same part of what it costs that itself; as few threads
 * as can. Returns false where there is no room for them, or nobody has them. */
static bool read_inside(struct plan_model *model)
{
    const struct limef_plan_problem *problem = model->work->problem;
    double load = problem->machine.inside_load, own_load = 0;

    if (!plan_is_known(load) || load < NO_LOAD)
        return true;
    for (uint32_t i = 0; i < problem->n_filters; i++)
        if (problem->filters[i].flags & LIMEF_FILTER_SELF_THREADED)
            own_load += model->work->load[i];
    if (!(own_load > 0))
        return false;
    model->inside = load / own_load;
    for (uint32_t i = 0; i < problem->n_filters; i++) {
        double n = ceil(model->inside * model->work->load[i] / LIMEF_PLAN_CUT_LOAD_LIMIT);

        if (!(problem->filters[i].flags & LIMEF_FILTER_SELF_THREADED))
            continue;
        if (n > MODEL_INSIDE - model->n_inside)
            return false;
        model->first_inside[i] = (uint8_t)model->n_inside;
        model->n_inside_of[i] = (uint8_t)n;
        model->n_inside += model->n_inside_of[i];
    }
    return true;
}

/* How many frames come out at the ends for one that comes to a filter. */
static void count_ends(struct plan_model *model, uint32_t filter)
{
    const struct plan_work *work = model->work;
    double n = 0;

    for (uint32_t k = work->out_at[filter]; k < work->out_at[filter + 1]; k++)
        n += model->n_ends[work->problem->edges[work->out_edges[k]].to];
    model->n_ends[filter] =
        work->out_at[filter] == work->out_at[filter + 1] ? 1 : n / model->keep[filter];
}

/* Whether all of it, one after the other on one core, is done long before anything is late. */
static bool is_idle(const struct plan_work *work)
{
    double all_us = 0, soonest_us = INFINITY;

    for (uint32_t i = 0; i < work->problem->n_filters; i++) {
        const struct limef_plan_filter *known = &work->problem->filters[i];

        all_us += fmax(known->cost_us, known->p95_us) * work->burst[i];
        if (work->source_hz[i] > 0)
            soonest_us = fmin(soonest_us, fmax(1e6 / work->source_hz[i], PLAN_SOON_US));
    }
    return work->total_load <= IDLE && all_us <= IDLE * soonest_us;
}

bool plan_model_init(struct plan_model *model, const struct plan_work *work)
{
    const struct limef_plan_problem *problem = work->problem;
    double handover_us = problem->machine.handover_us, n_cpus = problem->machine.n_cpus, hz = 0;

    if (problem->n_filters > MODEL_FILTERS || problem->n_edges > MODEL_EDGES || !(n_cpus >= 1) ||
        work->total_load > MOST_LOAD * floor(n_cpus) || is_idle(work))
        return false;
    memset(model, 0, sizeof(*model)); /* in place: it is large */
    model->work = work;
    model->most_steps = MODEL_STEPS;
    for (uint32_t i = 0; i < problem->n_filters; i++)
        if (!read_filter(model, work->order[i]))
            return false;
    for (uint32_t i = problem->n_filters; i-- > 0;)
        count_ends(model, work->order[i]);
    if (!model->n_sources || !read_inside(model))
        return false;
    model->n_cores = (unsigned)fmin(n_cpus, problem->n_filters + model->n_inside);
    for (unsigned i = 0; i < model->n_sources; i++)
        hz += 1e6 / model->sources[i].period_us;
    model->seconds = fmin(MODEL_SECONDS, MODEL_FRAMES / hz);
    /* as it was measured: test/sim */
    model->wake_us = handover_us * 5 / 16;
    model->resume_us = handover_us * 8 / 16;
    model->switch_us = handover_us * 3 / 16;
    model->queue_us = handover_us * 0.3 / 16;
    return true;
}
