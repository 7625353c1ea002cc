/* SPDX-License-Identifier: MIT */
/*
 * How a chain fared in a window, and whether that is worse than before. What is compared means the
 * same under every plan: frames that come to the ends of the chain a second, and how old they are.
 * Drops do not: a source that runs slow work itself is late and drops nothing, the boundary that
 * frees it drops what the work behind it leaves.
 */
#include "thread/replan.h"

#include <math.h>
#include <string.h>

/* What is not noise: share of frames that are missed more, or arrive fewer, beside so many frames
 * of a window; share of processor time more; waiting of a frame more. */
#define MORE_MISSED 0.02
#define FEWER_ARRIVE 0.02
#define FEWER_FRAMES 2
#define MORE_CPU 0.1
#define MORE_WAITED_US 33000

static struct replan_now *now_of(struct limef_replan *replan, uint32_t filter)
{
    return &replan->chains[0][replan->chain_of[filter]].now;
}

static void measure_islands(struct limef_replan *replan, const struct limef_replan_window *window)
{
    memset(replan->loads, 0, window->running->n_islands * sizeof(*replan->loads));
    memset(replan->busy_us, 0, window->running->n_islands * sizeof(*replan->busy_us));
    for (uint32_t i = 0; i < window->problem->n_filters; i++) {
        const struct limef_plan_filter *filter = &window->problem->filters[i];
        uint32_t island = window->running->island_of[i];

        replan->loads[island] += replan_load(filter);
        replan->busy_us[island] += fmax(0, fmax(filter->slow_us, filter->p95_us));
    }
}

/* Whether the next frames may have come while a source's thread was at work: then that fewer come
 * out of it is the plan's doing, else they are fewer. */
static bool is_pressed(const struct limef_replan *replan, const struct limef_replan_window *window,
                       uint32_t source)
{
    const struct limef_plan_filter *filter = &window->problem->filters[source];
    double busy_us = replan->busy_us[window->running->island_of[source]];

    return filter->is_eager ||
           (filter->rate_hz > 0 && busy_us > LIMEF_PLAN_LATE_LIMIT * 1e6 / filter->rate_hz);
}

/* In notes[1] which filters end their chains. */
static void find_ends(struct limef_replan *replan, const struct limef_plan_problem *problem)
{
    for (uint32_t i = 0; i < problem->n_filters; i++)
        replan->notes[1][i] = true;
    for (uint32_t i = 0; i < problem->n_edges; i++)
        if (replan_edge_is_inside(problem, &problem->edges[i]))
            replan->notes[1][problem->edges[i].from] = false;
}

static void add_filter(struct limef_replan *replan, const struct limef_replan_window *window,
                       uint32_t number)
{
    const struct limef_plan_filter *filter = &window->problem->filters[number];
    const struct limef_replan_seen *seen = &window->seen[number];
    struct replan_now *now = now_of(replan, number);

    if (filter->flags & LIMEF_FILTER_SOURCE) {
        now->n_source_frames += seen->n_frames;
        now->fared.is_pressed |= is_pressed(replan, window, number);
    }
    if (seen->n_frames > now->n_most_frames)
        now->n_most_frames = seen->n_frames;
    now->n_missed += seen->n_missed;
    now->cpu_us += seen->cpu_us;
    if (filter->cost_us > 0)
        now->own_us += filter->cost_us * (double)seen->n_frames;
    if (!replan->notes[1][number])
        return;
    now->n_arrived += seen->n_frames;
    if (seen->age_us > 0) {
        now->n_aged += seen->n_frames;
        now->age_us += seen->age_us * (double)seen->n_frames;
    }
}

static void sum_up(struct replan_now *now, int64_t window_us)
{
    double n = (double)(now->n_source_frames ? now->n_source_frames : now->n_most_frames);

    now->fared.frame_hz = 1e6 / (double)window_us;
    now->fared.arrived_hz = (double)now->n_arrived * now->fared.frame_hz;
    if (n <= 0)
        return;
    now->fared.missed = (double)now->n_missed / n;
    now->fared.cpu_us = now->cpu_us / n;
    now->fared.own_us = now->own_us / n;
    now->fared.has_age = now->n_aged > 0;
    if (now->fared.has_age)
        now->fared.waited_us = now->age_us / (double)now->n_aged - now->fared.own_us;
}

void replan_measure(struct limef_replan *replan, const struct limef_replan_window *window)
{
    measure_islands(replan, window);
    find_ends(replan, window->problem);
    for (uint32_t i = 0; i < window->problem->n_filters; i++)
        add_filter(replan, window, i);
    for (uint32_t i = 0; i < replan->chain_slots; i++)
        if (replan->chains[0][i].key)
            sum_up(&replan->chains[0][i].now, window->window_us);
}

bool replan_is_worse(const struct replan_measure *now, const struct replan_measure *base)
{
    double noise_hz =
        fmax(FEWER_ARRIVE * base->arrived_hz, FEWER_FRAMES * fmax(now->frame_hz, base->frame_hz));
    double dearer = base->own_us > 0 ? fmax(1, now->own_us / base->own_us) : 1;
    double rise = now->cpu_us - base->cpu_us;
    double overhead = rise - (now->own_us - base->own_us);
    double waited_us = now->has_age && base->has_age ? now->waited_us - base->waited_us : 0;
    bool is_lost = now->missed > base->missed + MORE_MISSED;

    /* that filters themselves cost more, or that a camera sends less, is not the plan's doing */
    if (now->arrived_hz < base->arrived_hz / dearer - noise_hz)
        return is_lost || now->is_pressed;
    if (now->arrived_hz > base->arrived_hz + noise_hz || now->missed < base->missed - MORE_MISSED)
        return false;
    /* a source that was late before missed those that are dropped now */
    if (is_lost && !base->is_pressed && dearer <= 1 + MORE_CPU)
        return true;
    if (fabs(waited_us) > MORE_WAITED_US)
        return waited_us > 0;
    return rise > MORE_CPU * base->cpu_us && overhead > rise / 2;
}

struct replan_measure replan_worse_of(const struct replan_measure *a,
                                      const struct replan_measure *b)
{
    return (struct replan_measure){
        .arrived_hz = fmin(a->arrived_hz, b->arrived_hz),
        .frame_hz = fmax(a->frame_hz, b->frame_hz),
        .waited_us = fmax(a->waited_us, b->waited_us),
        .has_age = a->has_age && b->has_age,
        .is_pressed = a->is_pressed || b->is_pressed,
        .missed = fmax(a->missed, b->missed),
        .cpu_us = fmax(a->cpu_us, b->cpu_us),
        .own_us = fmax(a->own_us, b->own_us),
    };
}
