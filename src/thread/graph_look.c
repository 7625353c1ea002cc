/* SPDX-License-Identifier: MIT */
#include <limef/thread/graph_look.h>

#include "thread/graph_private.h"

#include <limef/thread/plan_print.h>

#include <libavutil/error.h>
#include <string.h>

static int print_plan(const struct graph_plan *plan, enum limef_graph_format format, FILE *file)
{
    switch (format) {
    case LIMEF_GRAPH_DOT:
        return limef_plan_print_dot(&plan->plan, &plan->problem, file);
    case LIMEF_GRAPH_JSON:
        return limef_plan_print_json(&plan->plan, &plan->problem, file);
    default:
        return limef_plan_print_text(&plan->plan, &plan->problem, file);
    }
}

int limef_graph_print(struct limef_graph *graph, enum limef_graph_format format, FILE *file)
{
    struct limef_graph_inside *inside = graph->inside;
    struct graph_plan *made = NULL;
    int ret = 0;

    pthread_mutex_lock(&inside->lock);
    if (!inside->plan)
        ret = graph_order(inside);
    if (ret >= 0 && !inside->plan)
        ret = graph_make_plan(inside, &made);
    if (ret >= 0)
        ret = print_plan(made ? made : inside->plan, format, file);
    arena_put(&inside->arena, made);
    pthread_mutex_unlock(&inside->lock);
    return ret;
}

static void look_at_filter(const struct graph_node *node, struct limef_graph_filter_view *view)
{
    const struct limef_thread *thread = NULL;

    *view = (struct limef_graph_filter_view){.filter = node->filter};
    if (node->consumer)
        thread = &node->consumer->thread;
    else if (node->thread)
        thread = node->thread->thread;
    if (!thread)
        return;
    if (thread->settings.name)
        strncpy(view->thread, thread->settings.name, sizeof(view->thread) - 1);
    /* relaxed: for people */
    view->tid =
        limef_thread_running(thread) ? atomic_load_explicit(&thread->tid, memory_order_relaxed) : 0;
    view->scheduled =
        (enum limef_scheduled)atomic_load_explicit(&thread->scheduled_as, memory_order_relaxed);
    view->priority = thread->settings.priority;
    view->is_explicit = node->consumer != NULL;
}

static uint32_t place_of(const struct limef_graph_inside *graph, const struct graph_node *node)
{
    uint32_t n = 0;

    for (const struct graph_node *at = graph->nodes; at && at != node; at = at->next)
        n++;
    return n;
}

static void look_at_edge(const struct limef_graph_inside *graph, const struct graph_edge *edge,
                         struct limef_graph_edge_view *view)
{
    const struct limef_lane *lane = &edge->input.lane;

    *view = (struct limef_graph_edge_view){
        .from = place_of(graph, edge->from),
        .to = place_of(graph, edge->to),
        .output = edge->output,
        .is_cut = graph_is_cut(edge),
    };
    if (!view->is_cut)
        return;
    limef_lane_get_counters(lane, &view->lane);
    view->n_waiting = limef_lane_n_waiting(lane);
    view->overflow = lane->settings.overflow;
    view->wait_p50_us = limef_histogram_percentile_us(&lane->wait, 0.5);
    view->wait_p99_us = limef_histogram_percentile_us(&lane->wait, 0.99);
}

void limef_graph_look(struct limef_graph *graph, struct limef_graph_view *view)
{
    struct limef_graph_inside *inside = graph->inside;

    view->n_filters = view->n_edges = 0;
    pthread_mutex_lock(&inside->lock);
    for (const struct graph_node *node = inside->nodes; node; node = node->next)
        if (view->n_filters++ < view->max_filters)
            look_at_filter(node, &view->filters[view->n_filters - 1]);
    for (const struct graph_edge *edge = inside->edges; edge; edge = edge->next)
        if (view->n_edges++ < view->max_edges)
            look_at_edge(inside, edge, &view->edges[view->n_edges - 1]);
    pthread_mutex_unlock(&inside->lock);
}
