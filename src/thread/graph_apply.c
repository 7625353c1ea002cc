/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"

#include "thread/priority.h"

#include <limef/base/log.h>

#include <libavutil/error.h>

/* A thread is mostly between two frames within some tens of milliseconds. After this the change is
 * given up for now. */
#define MOVE_US 500000

static struct graph_thread *thread_numbered(struct limef_graph_inside *graph, uint32_t number,
                                            int *ret)
{
    struct graph_thread *thread = graph->threads;

    while (thread && (thread->consumer || thread->number != number))
        thread = thread->next;
    if (thread)
        return thread;
    thread = graph_take_worker(graph, graph->plan->plan.workers[number].priority, ret);
    if (thread)
        thread->number = number;
    return thread;
}

/* A chain of which something still leaves stays as it is, others do not. */
static void pin(struct limef_graph_inside *graph)
{
    bool found = true;

    for (struct graph_node *node = graph->nodes; node; node = node->next)
        node->is_pinned = node->leaves;
    while (found) {
        found = false;
        for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
            bool is_pinned = edge->leaves || edge->from->is_pinned || edge->to->is_pinned;

            found |= is_pinned && !(edge->from->is_pinned && edge->to->is_pinned);
            edge->from->is_pinned = edge->to->is_pinned = is_pinned;
        }
    }
}

/* Where the plan wants each filter. Returns whether one of them is pinned elsewhere, or an error.
 */
static int aim(struct limef_graph_inside *graph)
{
    const struct limef_plan *plan = &graph->plan->plan;
    bool is_held = false;
    int ret = 0;

    pin(graph);
    for (struct graph_node *node = graph->nodes; node; node = node->next) {
        uint32_t worker = plan->islands[plan->island_of[node->number]].worker;

        if (node->is_pinned) {
            node->target = node->thread;
            is_held |= node->thread && !node->consumer && worker != LIMEF_PLAN_NONE &&
                       node->thread->number != worker;
            continue;
        }
        node->target = worker == LIMEF_PLAN_NONE || node->consumer
                           ? node->thread
                           : thread_numbered(graph, worker, &ret);
        if (!node->target)
            return ret;
    }
    return is_held;
}

/* All that goes from where this filter is to where it is wanted. */
static int move_with(struct limef_graph_inside *graph, const struct graph_node *one)
{
    struct graph_thread *from = one->thread, *to = one->target;

    for (struct graph_node *node = graph->nodes; node; node = node->next)
        node->wanted = node->thread == from && node->target == to ? to : NULL;
    return graph_move(graph, from, to, MOVE_US);
}

/* A move may have to wait for another one, so that threads do not lead into a circle between. */
static int move_all(struct limef_graph_inside *graph)
{
    bool moved = true;
    int first_error = 0;

    while (moved) {
        moved = false;
        first_error = 0;
        for (struct graph_node *node = graph->nodes; node; node = node->next) {
            int ret;

            if (node->target == node->thread)
                continue;
            if (atomic_load_explicit(&graph->stopping, memory_order_relaxed))
                return AVERROR_EXIT;
            ret = move_with(graph, node);
            if (ret == AVERROR(ETIMEDOUT))
                return ret;
            moved |= ret >= 0;
            if (ret < 0 && !first_error)
                first_error = ret;
        }
    }
    return first_error;
}

static int apply_bounds(struct limef_graph_inside *graph)
{
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
        const struct limef_plan_link *link = &edge->link;
        const struct limef_lane_settings *now = &edge->input.lane.settings;
        unsigned most = edge->input.lane.n_frames - 2;
        int ret;

        if (edge->from->is_pinned || !link->is_cut || !graph_is_cut(edge) ||
            (now->depth == (link->depth < most ? link->depth : most) &&
             now->overflow == link->overflow && now->max_bytes == link->max_bytes &&
             now->max_time_us == link->max_time_us))
            continue;
        ret = graph_set_bounds(graph, edge, link, MOVE_US);
        if (ret < 0)
            return ret;
    }
    return 0;
}

static int take_priority(void *context)
{
    struct limef_thread *thread = context;

    atomic_store_explicit(&thread->scheduled_as,
                          (int)priority_apply(thread->settings.priority, thread->settings.name),
                          memory_order_relaxed);
    return 0;
}

static void apply_priorities(struct limef_graph_inside *graph)
{
    const struct limef_plan *plan = &graph->plan->plan;

    for (struct graph_thread *thread = graph->threads; thread; thread = thread->next) {
        enum limef_priority wanted;

        if (thread->consumer || !thread->in_use || thread->number >= plan->n_workers ||
            !plan->workers[thread->number].n_islands)
            continue;
        wanted = plan->workers[thread->number].priority;
        if (thread->thread->settings.priority == wanted)
            continue;
        thread->thread->settings.priority = wanted;
        limef_thread_call(thread->thread, take_priority, thread->thread, MOVE_US);
    }
}

int graph_apply(struct limef_graph_inside *graph)
{
    int ret = aim(graph), is_held = ret, idle;

    if (ret >= 0)
        ret = move_all(graph);
    if (ret >= 0)
        ret = apply_bounds(graph);
    if (ret >= 0)
        apply_priorities(graph);
    graph_tell_depths(graph);
    idle = graph_stop_idle(graph, limef_deadline_us(MOVE_US));
    if (ret >= 0 && is_held)
        ret = AVERROR(EBUSY);
    return ret < 0 ? ret : idle;
}
