/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"

#include "thread/priority.h"

#include <limef/base/log.h>

#include <libavutil/error.h>

/* A thread is mostly between two frames within some tens of milliseconds. After this the change is
 * given up for now. */
#define MOVE_US 500000
/* Of all chains together; those that had no turn are asked again. */
#define ALL_MOVES_US 2000000

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

/* A chain of which one filter stays as it is stays as a whole; others do not. */
static void pin_chains(struct limef_graph_inside *graph)
{
    bool found = true;

    while (found) {
        found = false;
        for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
            bool is_pinned = edge->leaves || edge->from->is_pinned || edge->to->is_pinned;

            if (!is_pinned || (edge->from->is_pinned && edge->to->is_pinned) ||
                (!edge->leaves && (graph_ends_chain(edge->from) || graph_ends_chain(edge->to))))
                continue;
            edge->from->is_pinned = edge->to->is_pinned = found = true;
        }
    }
}

/* A filter that cannot go where it is wanted, and what is left to do of its chain. */
static void give_up(struct limef_graph_inside *graph, struct graph_node *failed, int ret)
{
    failed->is_pinned = true;
    failed->failed = ret;
    pin_chains(graph);
    for (struct graph_node *node = graph->nodes; node; node = node->next) {
        if (!node->is_pinned || node->target == node->thread)
            continue;
        node->failed = ret;
        node->target = node->thread;
    }
}

/* Where the plan wants each filter. What still leaves stays where it is, with its chain. */
static void aim(struct limef_graph_inside *graph)
{
    const struct limef_plan *plan = &graph->plan->plan;

    for (struct graph_node *node = graph->nodes; node; node = node->next) {
        node->is_pinned = node->leaves;
        node->failed = 0;
        node->target = node->thread;
    }
    pin_chains(graph);
    for (struct graph_node *node = graph->nodes; node; node = node->next) {
        uint32_t worker = plan->islands[plan->island_of[node->number]].worker;
        struct graph_thread *target;
        int ret = 0;

        if (worker == LIMEF_PLAN_NONE || node->consumer)
            continue;
        if (node->is_pinned) {
            if (node->thread && node->thread->number != worker && !node->failed)
                node->failed = AVERROR(EBUSY);
            continue;
        }
        target = thread_numbered(graph, worker, &ret);
        if (target)
            node->target = target;
        else
            give_up(graph, node, ret);
    }
}

/* All that goes from where this filter is to where it is wanted. */
static int move_with(struct limef_graph_inside *graph, const struct graph_node *one)
{
    struct graph_thread *from = one->thread, *to = one->target;

    for (struct graph_node *node = graph->nodes; node; node = node->next)
        node->wanted = node->thread == from && node->target == to ? to : NULL;
    return graph_move(graph, from, to, MOVE_US);
}

/* Who did not get where it is wanted. */
static void note_left(struct limef_graph_inside *graph, int ret)
{
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (node->target != node->thread && !node->failed)
            node->failed = ret;
}

static bool has_no_time(const struct limef_graph_inside *graph, int64_t deadline_us)
{
    return atomic_load_explicit(&graph->stopping, memory_order_relaxed) ||
           limef_now_us() >= deadline_us;
}

/* A move may have to wait for another one, so that threads do not lead into a circle between. */
static void move_all(struct limef_graph_inside *graph, int64_t deadline_us, bool *changed)
{
    bool moved = true;

    while (moved) {
        moved = false;
        for (struct graph_node *node = graph->nodes; node; node = node->next) {
            int ret;

            if (node->target == node->thread)
                continue;
            if (has_no_time(graph, deadline_us)) {
                note_left(graph, AVERROR_EXIT);
                return;
            }
            ret = move_with(graph, node);
            node->failed = ret < 0 ? ret : 0;
            moved |= ret >= 0;
            if (ret == AVERROR(ETIMEDOUT))
                give_up(graph, node, ret);
        }
        *changed |= moved;
    }
}

static bool has_bounds(const struct graph_edge *edge)
{
    const struct limef_plan_link *link = &edge->link;
    const struct limef_lane_settings *now = &edge->input.lane.settings;

    return now->depth == graph_depth_of(link) && now->overflow == link->overflow &&
           now->max_bytes == link->max_bytes && now->max_time_us == link->max_time_us;
}

static void apply_bounds(struct limef_graph_inside *graph, int64_t deadline_us, bool *changed)
{
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
        int ret = AVERROR_EXIT;

        if (edge->from->is_pinned || !edge->link.is_cut || !graph_is_cut(edge) || has_bounds(edge))
            continue;
        if (!has_no_time(graph, deadline_us))
            ret = graph_set_bounds(graph, edge, &edge->link, MOVE_US);
        if (ret < 0)
            give_up(graph, edge->from, ret);
        else
            *changed = true;
    }
}

static int take_priority(void *context)
{
    struct limef_thread *thread = context;

    atomic_store_explicit(&thread->scheduled_as,
                          (int)priority_apply(thread->settings.priority, thread->settings.name),
                          memory_order_relaxed);
    return 0;
}

static void apply_priorities(struct limef_graph_inside *graph, bool *changed)
{
    const struct limef_plan *plan = &graph->plan->plan;

    for (struct graph_thread *thread = graph->threads; thread; thread = thread->next) {
        enum limef_priority wanted, had = thread->thread->settings.priority;

        if (thread->consumer || !thread->in_use || thread->number >= plan->n_workers ||
            !plan->workers[thread->number].n_islands)
            continue;
        wanted = plan->workers[thread->number].priority;
        if (had == wanted)
            continue;
        thread->thread->settings.priority = wanted;
        if (limef_thread_call(thread->thread, take_priority, thread->thread, MOVE_US) >= 0)
            *changed = true;
        else
            thread->thread->settings.priority = had; /* wanted again in the next window */
    }
}

int graph_apply(struct limef_graph_inside *graph, bool *changed)
{
    int64_t deadline_us = limef_deadline_us(ALL_MOVES_US);
    int ret = 0;

    *changed = false;
    aim(graph);
    move_all(graph, deadline_us, changed);
    apply_bounds(graph, deadline_us, changed);
    apply_priorities(graph, changed);
    graph_tell_depths(graph);
    /* where others have all processors one comes back later: the change is made all the same */
    if (graph_stop_idle(graph, limef_deadline_us(MOVE_US)) < 0)
        limef_log(LIMEF_LOG_INFO, graph->settings.name, "a thread without work is to end yet");
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (node->failed && (!ret || ret == AVERROR_EXIT))
            ret = node->failed;
    return ret;
}
