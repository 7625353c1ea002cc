/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"

#include "fifo/lane_private.h"

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <stdio.h>

static void look_at_filter(const struct graph_node *node, struct limef_graph_filter_look *look)
{
    const struct limef_thread *thread = node->thread ? node->thread->thread : NULL;

    *look = (struct limef_graph_filter_look){
        .filter = node->filter,
        .name = node->filter->name,
        .kind = node->filter->ops->kind,
        .cost_us = node->measured.cost_us,
        .p95_us = node->measured.p95_us,
        .rate_hz = node->measured.rate_hz,
        .n_frames = LIMEF_COUNTED(node->filter->n_frames),
    };
    if (!thread)
        return;
    snprintf(look->thread, sizeof(look->thread), "%s", thread->settings.name);
    look->tid = LIMEF_COUNTED(thread->tid);
    look->scheduled_as = (enum limef_scheduled)LIMEF_COUNTED(thread->scheduled_as);
    look->priority = thread->settings.priority;
}

void graph_add_counters(struct limef_lane_counters *sum, const struct limef_lane *lane)
{
    int64_t n_read = (int64_t)(sum->n_read + lane_n_read(lane));
    struct limef_lane_counters more;

    limef_lane_get_counters(lane, &more);
    sum->n_written += more.n_written;
    sum->n_read = n_read > 0 ? (uint64_t)n_read : 0;
    sum->n_dropped_oldest += more.n_dropped_oldest;
    sum->n_dropped_to_key += more.n_dropped_to_key;
    sum->n_dropped_flush += more.n_dropped_flush;
    sum->n_dropped_timeout += more.n_dropped_timeout;
    sum->n_dropped_stale += more.n_dropped_stale;
    sum->n_superseded += more.n_superseded;
    sum->n_blocked += more.n_blocked;
    sum->n_wakes += more.n_wakes;
    sum->copied_bytes += more.copied_bytes;
    sum->n_allocations += more.n_allocations;
    sum->max_used = FFMAX(sum->max_used, more.max_used);
    sum->depth = more.depth;
    sum->n_frames = more.n_frames;
    sum->n_used = more.n_used;
}

static void add_waits(struct limef_histogram *sum, const struct limef_histogram *histogram)
{
    for (unsigned i = 0; i < LIMEF_HISTOGRAM_N_BUCKETS; i++)
        LIMEF_COUNT(sum->n[i], LIMEF_COUNTED(histogram->n[i]));
}

void graph_keep_counters(struct graph_edge *edge)
{
    const struct limef_lane *lane = &edge->input.lane;
    uint64_t n_read = edge->past.n_read + lane_n_read(lane);

    /* one that nothing was written to was undone before it was a boundary */
    if (!graph_is_cut(edge) ||
        !(LIMEF_COUNTED(lane->n_written) || LIMEF_COUNTED(lane->n_dropped_timeout)))
        return;
    edge->was_cut = true;
    graph_add_counters(&edge->past, lane);
    edge->past.n_read = n_read; /* with what the next lane makes up for */
    add_waits(&edge->past_wait, &lane->wait);
}

static void look_at_boundary(const struct graph_edge *edge, struct limef_graph_boundary_look *look)
{
    const struct limef_lane *lane = &edge->input.lane;
    struct limef_histogram wait = edge->past_wait;

    *look = (struct limef_graph_boundary_look){
        .from = edge->from->filter,
        .to = edge->to->filter,
        .output = edge->output,
        .is_cut = graph_is_cut(edge),
        .counters = edge->past,
    };
    if (look->is_cut) {
        look->n_waiting = limef_lane_n_waiting(lane);
        look->oldest_us = limef_lane_oldest_us(lane);
        look->overflow = lane->settings.overflow;
        graph_add_counters(&look->counters, lane);
        add_waits(&wait, &lane->wait);
    }
    look->wait_p50_us = limef_histogram_percentile_us(&wait, 0.5);
    look->wait_p99_us = limef_histogram_percentile_us(&wait, 0.99);
}

int limef_graph_look(struct limef_graph *graph, struct limef_graph_filter_look *filters,
                     size_t *n_filters, struct limef_graph_boundary_look *boundaries,
                     size_t *n_boundaries)
{
    struct limef_graph_inside *inside = graph->inside;
    size_t n = 0;

    if (pthread_mutex_trylock(&inside->lock))
        return AVERROR(EAGAIN);
    for (struct graph_node *node = inside->nodes; node && n_filters; node = node->next, n++)
        if (filters && n < *n_filters)
            look_at_filter(node, &filters[n]);
    if (n_filters)
        *n_filters = n;
    n = 0;
    for (struct graph_edge *edge = inside->edges; edge && n_boundaries; edge = edge->next) {
        if (!graph_is_cut(edge) && !edge->was_cut)
            continue;
        if (boundaries && n < *n_boundaries)
            look_at_boundary(edge, &boundaries[n]);
        n++;
    }
    if (n_boundaries)
        *n_boundaries = n;
    pthread_mutex_unlock(&inside->lock);
    return 0;
}

/* Of a graph that does not run, what start would plan; else what runs. */
static int plan_to_print(struct limef_graph_inside *graph, struct graph_plan **plan)
{
    int ret;

    if (graph->running) {
        ret = graph_plan_lay_out(graph, plan);
        if (ret >= 0)
            graph_describe_running(graph, *plan);
        return ret;
    }
    graph_cache_open(graph);
    ret = graph_refresh(graph);
    return ret < 0 ? ret : graph_make_plan(graph, plan);
}

int limef_graph_print(struct limef_graph *graph, limef_graph_print_fn *print, FILE *file)
{
    struct limef_graph_inside *inside = graph->inside;
    struct graph_plan *plan = NULL;
    int ret;

    pthread_mutex_lock(&inside->lock);
    ret = plan_to_print(inside, &plan);
    if (ret >= 0)
        ret = print(&plan->plan, &plan->problem, file);
    arena_put(&inside->arena, plan);
    /* the edges' numbers are those of the plan that is kept again */
    pthread_mutex_unlock(&inside->lock);
    return ret;
}

uint64_t limef_graph_n_plan_changes(const struct limef_graph *graph)
{
    return LIMEF_COUNTED(graph->inside->n_changes);
}

uint64_t limef_graph_n_failed_changes(const struct limef_graph *graph)
{
    return LIMEF_COUNTED(graph->inside->n_failed_changes);
}

uint64_t limef_graph_n_recalled(const struct limef_graph *graph)
{
    return LIMEF_COUNTED(graph->inside->n_recalled);
}

uint64_t limef_graph_n_lost(const struct limef_graph *graph)
{
    return LIMEF_COUNTED(graph->inside->n_lost_at_removal);
}
