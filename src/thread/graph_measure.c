/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"

#include <math.h>
#include <time.h>

/* What is no change: of a core, and of what the load was. */
#define SMALL_LOAD 0.02
#define SMALL_SHARE 0.25

/* From one window to the next: not in each of them are key frames. */
#define SLOW_STAYS 0.8
#define INSIDE_STAYS 0.8

/* What was not measured in this window was mostly not there: what it cost before stays. */
static void keep_measured(struct limef_plan_filter *known, const struct limef_plan_filter *now)
{
    if (now->cost_us >= 0)
        known->cost_us = now->cost_us;
    if (now->p95_us >= 0)
        known->p95_us = now->p95_us;
    if (now->slow_us >= 0)
        known->slow_us = fmax(now->slow_us, SLOW_STAYS * known->slow_us);
    if (now->rate_hz >= 0)
        known->rate_hz = now->rate_hz;
    known->is_live = now->is_live;
    known->is_eager = now->is_eager;
}

static void keep_edge(struct limef_plan_edge *known, const struct limef_plan_edge *now,
                      unsigned n_edges)
{
    if (now->rate_hz >= 0)
        known->rate_hz = now->rate_hz / n_edges;
    if (now->frame_bytes >= 0)
        known->frame_bytes = now->frame_bytes;
    if (now->burst_frames >= 0)
        known->burst_frames = now->burst_frames;
    if (now->jitter_us >= 0)
        known->jitter_us = now->jitter_us;
    known->is_encoded = now->is_encoded;
}

/* What came to a filter came through all that lead to it; one look at each connection. */
static void measure_edges(struct limef_graph_inside *graph)
{
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        edge->to->n_edges = 0;
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        edge->to->n_edges++;
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        if (edge->to->is_measured)
            keep_edge(&edge->measured, &edge->to->arrived, edge->to->n_edges);
}

/* Of one window it is off by a tenth, by some thirty samples, where a fiftieth is judged. */
static double taken_share(struct graph_node *node, uint64_t n_sampled, uint64_t n_refused)
{
    uint64_t n_looks = n_sampled + n_refused;
    double now = n_looks ? (double)n_sampled / (double)n_looks : 1;

    if (!n_looks || (!n_refused && node->taken_share <= 0))
        return node->taken_share > 0 ? node->taken_share : 1;
    node->taken_share += (now - node->taken_share) * (node->taken_share > 0 ? 0.125 : 1);
    return node->taken_share;
}

/* Media frames that went in, by the measured ones without those that were refused; of a source:
 * that came out, by what the measured steps gave. */
static uint64_t media_of(struct graph_node *node, const struct limef_probe_reading *now)
{
    const struct limef_probe_reading *began = &node->began;
    uint64_t n_steps = now->n_steps - began->n_steps, n_sampled = now->n_sampled - began->n_sampled;
    uint64_t n_frames = now->n_frames - began->n_frames;
    uint64_t n_refused = now->n_refused - began->n_refused;

    if (!node->source.source)
        return (uint64_t)((double)n_frames * taken_share(node, n_sampled, n_refused) + 0.5);
    return n_sampled ? n_steps * (now->n_out - began->n_out) / n_sampled : n_steps;
}

static double age_of(const struct limef_probe_reading *began, const struct limef_probe_reading *now)
{
    uint64_t n_aged = now->n_aged - began->n_aged;

    return n_aged ? (double)(now->age_us - began->age_us) / (double)n_aged : LIMEF_NOT_MEASURED;
}

static void measure_node(struct graph_node *node, bool is_first)
{
    struct limef_plan_filter now = node->measured;
    struct limef_probe_reading reading;

    node->is_measured = false;
    limef_probe_read(node->filter, &reading);
    if (!is_first && node->began.at_ns) {
        node->n_media = media_of(node, &reading);
        node->age_us = age_of(&node->began, &reading);
        if (limef_probe_measure(&node->began, &reading, &now, &node->arrived)) {
            node->is_measured = true;
            keep_measured(&node->measured, &now);
        } else if (node->n_media) {
            limef_probe_ask(node->filter); /* what its costs were may be long past */
        }
    }
    node->began = reading;
}

static void measure_boundary(struct graph_edge *edge, int64_t window_us)
{
    struct limef_lane_counters counters;
    uint64_t n_dropped;

    edge->n_missed = 0;
    if (!graph_is_cut(edge))
        return;
    limef_lane_get_counters(&edge->input.lane, &counters);
    n_dropped = counters.n_dropped_oldest + counters.n_dropped_to_key + counters.n_dropped_timeout;
    if (counters.n_written >= edge->n_written && window_us) {
        edge->measured.rate_hz =
            (double)(counters.n_written - edge->n_written) * 1e6 / (double)window_us;
        edge->n_missed = n_dropped - edge->n_dropped;
    }
    edge->n_written = counters.n_written;
    edge->n_dropped = n_dropped;
}

/* Wall time that filters took becomes processor time, by what their thread used. */
static void correct_thread(struct limef_graph_inside *graph, struct graph_thread *thread,
                           int64_t window_us, struct limef_plan_filter **filters)
{
    int64_t cpu_us = limef_thread_cpu_us(thread->thread), used_us = cpu_us - thread->cpu_us;
    unsigned n = 0;

    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (node->thread == thread && node->is_measured)
            filters[n++] = &node->measured;
    thread->load =
        window_us && cpu_us > 0 && used_us >= 0 ? (double)used_us / (double)window_us : 0;
    if (window_us && cpu_us > 0 && used_us >= 0 && n)
        limef_probe_correct(filters, n, thread->load);
    thread->cpu_us = thread->glanced_cpu_us = cpu_us > 0 ? cpu_us : 0;
}

static int64_t process_cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static bool has_threads_inside(const struct limef_graph_inside *graph)
{
    for (const struct graph_node *node = graph->nodes; node; node = node->next)
        if (node->filter->ops->flags & LIMEF_FILTER_SELF_THREADED)
            return true;
    return false;
}

/* Whose threads those are of the process that are none of the graph's, the system does not tell:
 * where a filter has some, they are its, else the application's own. It falls slowly, so that a
 * plan does not come and go with it. */
static void measure_inside(struct limef_graph_inside *graph, int64_t window_us)
{
    int64_t cpu_us = process_cpu_us(), used_us = cpu_us - graph->process_cpu_us;
    double load = window_us ? (double)used_us / (double)window_us : 0;

    for (struct graph_thread *thread = graph->threads; thread; thread = thread->next)
        load -= thread->load;
    graph->process_cpu_us = cpu_us;
    if (!has_threads_inside(graph)) { /* a plan could give what is left to nobody */
        graph->inside_load = 0;
        return;
    }
    if (!window_us)
        load = 0;
    graph->inside_load = fmax(load, INSIDE_STAYS * graph->inside_load);
}

bool graph_has_other_load(struct limef_graph_inside *graph, int64_t now_us)
{
    int64_t since_us = now_us - graph->glanced_us;
    bool is_other = false;

    if (since_us <= 0)
        return false;
    for (struct graph_thread *thread = graph->threads; thread; thread = thread->next) {
        int64_t cpu_us = thread->in_use ? limef_thread_cpu_us(thread->thread) : 0;
        double load = (double)(cpu_us - thread->glanced_cpu_us) / (double)since_us;
        double noise = thread->load * SMALL_SHARE;

        if (cpu_us <= 0)
            continue;
        thread->glanced_cpu_us = cpu_us;
        is_other |= fabs(load - thread->load) > (noise > SMALL_LOAD ? noise : SMALL_LOAD);
    }
    graph->glanced_us = now_us;
    return is_other;
}

void graph_probe_seldom(struct limef_graph_inside *graph, uint32_t hz)
{
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        limef_probe_set_rate(&node->probe, hz);
}

int64_t graph_measure(struct limef_graph_inside *graph, int64_t now_us)
{
    int64_t window_us = graph->window_began_us ? now_us - graph->window_began_us : 0;
    struct limef_plan_filter **filters;
    unsigned n = 0;

    for (struct graph_node *node = graph->nodes; node; node = node->next, n++)
        measure_node(node, !window_us);
    measure_edges(graph);
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        measure_boundary(edge, window_us);
    filters = arena_get(&graph->arena, n * sizeof(struct limef_plan_filter *));
    for (struct graph_thread *thread = graph->threads; thread && filters; thread = thread->next)
        correct_thread(graph, thread, window_us, filters);
    arena_put(&graph->arena, filters);
    measure_inside(graph, window_us);
    graph->window_began_us = graph->glanced_us = now_us;
    return window_us;
}
