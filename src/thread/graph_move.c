/* SPDX-License-Identifier: MIT */
/*
 * Filters change their thread while frames flow. Both threads are held between two frames: then
 * nobody runs any of the filters, and nobody reads any of the lanes that lead to them; whoever
 * writes into one from a third thread goes on and does not notice.
 *
 * The outer one, upstream, is held first, so that it cannot wait for room in a lane of the inner
 * one, and as long as it takes: no more than the lanes that go is to be read. But where it has a
 * camera it is waited for instead, and held for some instructions only: whoever hangs behind a lane
 * hangs before it comes to that. Both are asked again and again, up to the deadline; meanwhile they
 * go on. Filters get no frame in what is called here, so that none can hang in it.
 */
#include "thread/graph_private.h"

#include "fifo/futex.h"
#include "fifo/key_waits.h"
#include "fifo/lane_private.h"
#include "filter/input_private.h"
#include "thread/command.h"

#include <limef/base/log.h>

#include <libavutil/error.h>

/* How long the inner thread waits for one that has a camera, before it goes on for a frame. */
#define PATIENCE_US 2000
/* Who waits for a thread looks so often whether the graph is to stop. */
#define STOP_LOOK_US 20000
/* How long what waits in a boundary that goes is read before anybody stands still for it. */
#define NARROW_US 1500000

struct move {
    struct limef_graph_inside *graph;
    struct graph_thread *from, *to;
    struct graph_thread *outer, *inner; /* frames go from the one to the other, if at all */
    limef_call_fn *act; /* on the inner one; AVERROR(EBUSY): too early, again after a frame */
    void *context;
    int64_t deadline_us;
    unsigned n_refusals; /* times that a filter was seen to refuse what waits */
};

static struct graph_thread *after(const struct graph_node *node)
{
    return node->wanted ? node->wanted : node->thread;
}

static bool is_cut_after(const struct graph_edge *edge)
{
    return after(edge->from) != after(edge->to);
}

/* What a boundary keeps back up to the next key frame its filter has to leave out from now on, of
 * each stream that has a hole. */
static int hand_over_gaps(const struct limef_lane *lane)
{
    struct limef_signal_frame gap;

    for (unsigned i = 0; key_waits_gap(&lane->waits_for_key, i, &gap); i++)
        if (limef_go(lane->chain, &gap.frame) == AVERROR(EAGAIN))
            return AVERROR(EAGAIN);
    return 0;
}

/* A boundary that goes is read to its end by the thread that read it so far, as always. Returns 0;
 * AVERROR(EBUSY): something waits yet; AVERROR(EAGAIN): its filter refuses it. */
static int look_whether_empty(struct move *move, const struct limef_lane *lane)
{
    if (LIMEF_COUNTED(lane->held)) /* it is offered again after this call */
        return move->n_refusals++ > 0 ? AVERROR(EAGAIN) : AVERROR(EBUSY);
    return lane_has_frames(lane) ? AVERROR(EBUSY) : 0;
}

static bool goes(const struct graph_edge *edge)
{
    return graph_is_cut(edge) && !is_cut_after(edge);
}

/* All of them lead from the outer thread to the inner one: what is handed over comes to none. */
static int empty_all(struct move *move)
{
    int ret = 0;

    for (struct graph_edge *edge = move->graph->edges; edge && ret >= 0; edge = edge->next)
        if (goes(edge))
            ret = look_whether_empty(move, &edge->input.lane);
    for (struct graph_edge *edge = move->graph->edges; edge && ret >= 0; edge = edge->next)
        if (goes(edge))
            ret = hand_over_gaps(&edge->input.lane);
    return ret;
}

static void switch_edge(struct graph_edge *edge)
{
    struct limef_lane *lane = &edge->input.lane;

    if (!graph_is_cut(edge))
        return;
    if (!is_cut_after(edge)) {
        limef_fifo_remove_lane(edge->to->thread->fifo, lane);
        graph_reroute(edge->from->filter, edge->output, edge->to->filter);
    } else if (!lane->fifo) {
        limef_fifo_add_lane(after(edge->to)->fifo, lane);
        graph_reroute(edge->from->filter, edge->output, &edge->input.filter);
    } else if (after(edge->to) != edge->to->thread) {
        fifo_move_lane(edge->to->thread->fifo, after(edge->to)->fifo, lane);
    }
}

static void switch_node(struct graph_node *node)
{
    if (!node->wanted)
        return;
    if (node->source_is_on) {
        graph_drive_no_more(node, &node->thread->worker);
        graph_drive(node, &node->wanted->worker);
    }
    node->thread = node->wanted;
    node->wanted = NULL;
}

static bool is_moved(void *context, const struct limef_filter *filter)
{
    const struct graph_node *node = graph_find(context, filter);

    return node && node->wanted;
}

/* Both threads are held. */
static int switch_over(void *context)
{
    struct move *move = context;
    int ret = empty_all(move);

    if (ret < 0)
        return ret;
    pthread_mutex_lock(&move->graph->registry);
    ret = commands_move(move->from->thread, move->to->thread, is_moved, move->graph);
    if (ret >= 0) {
        for (struct graph_edge *edge = move->graph->edges; edge; edge = edge->next)
            switch_edge(edge);
        for (struct graph_node *node = move->graph->nodes; node; node = node->next)
            switch_node(node);
    }
    pthread_mutex_unlock(&move->graph->registry);
    return ret;
}

/* A thread that stands still between two frames. */
struct hold {
    struct limef_thread *thread; /* NULL: none */
    struct limef_thread_reply reply;
    LIMEF_ATOMIC(uint32_t) stands;      /* release by the thread; pairs with hold_begin() */
    LIMEF_ATOMIC(uint32_t) is_released; /* release by hold_end(); pairs with stand() */
};

static int stand(void *context)
{
    struct hold *hold = context;

    atomic_store_explicit(&hold->stands, 1, memory_order_release);
    futex_wake(&hold->stands);
    while (!atomic_load_explicit(&hold->is_released, memory_order_acquire))
        futex_wait(&hold->is_released, 0, LIMEF_FOREVER);
    return 0;
}

static void hold_end(struct hold *hold)
{
    int ret;

    if (!hold->thread)
        return;
    atomic_store_explicit(&hold->is_released, 1, memory_order_release);
    futex_wake(&hold->is_released);
    command_wait(hold->thread, &hold->reply, 0, &ret); /* withdrawn, or it goes on */
}

static bool is_stopping(const struct limef_graph_inside *graph)
{
    return atomic_load_explicit(&graph->stopping, memory_order_relaxed);
}

/* Returns 0: it stands, up to hold_end(), or does not run; AVERROR_EXIT: the graph is to stop;
 * AVERROR(ETIMEDOUT), AVERROR(EAGAIN): as limef_thread_call(). */
static int hold_begin(const struct limef_graph_inside *graph, struct hold *hold,
                      struct limef_thread *thread, int64_t deadline_us)
{
    int ret = command_post_call(thread, NULL, stand, hold, &hold->reply);
    bool stands;

    if (ret < 0)
        return ret == AVERROR_EXIT ? 0 : ret;
    hold->thread = thread;
    while (!(stands = atomic_load_explicit(&hold->stands, memory_order_acquire)) &&
           limef_now_us() < deadline_us && !is_stopping(graph))
        futex_wait(&hold->stands, 0, FFMIN(deadline_us, limef_deadline_us(STOP_LOOK_US)));
    if (stands)
        return 0;
    hold_end(hold);
    hold->thread = NULL;
    return is_stopping(graph) ? AVERROR_EXIT : AVERROR(ETIMEDOUT);
}

/* The inner thread is held: it waits for the outer one. */
static int meet(void *context)
{
    struct move *move = context;
    struct hold hold = {.thread = NULL};
    int ret = hold_begin(move->graph, &hold, move->outer->thread, limef_deadline_us(PATIENCE_US));

    if (ret >= 0)
        ret = move->act(move->context);
    hold_end(&hold);
    return ret == AVERROR(ETIMEDOUT) ? AVERROR(EBUSY) : ret;
}

/* Runs it on the inner thread, which goes on between as long as it is too early. */
static int call_inner(const struct move *move, limef_call_fn *call, void *context)
{
    int ret;

    do
        ret =
            limef_thread_call(move->inner->thread, call, context, graph_left_us(move->deadline_us));
    while (ret == AVERROR(EBUSY) && limef_now_us() < move->deadline_us);
    return ret == AVERROR(EBUSY) ? AVERROR(ETIMEDOUT) : ret;
}

/* Whether it reads what comes when it likes, of a camera. */
static bool is_live(const struct limef_graph_inside *graph, const struct graph_thread *thread)
{
    const struct graph_node *node = graph->nodes;

    while (node && (node->thread != thread || !node->source.source ||
                    !LIMEF_COUNTED(node->source.source->is_live)))
        node = node->next;
    return node;
}

static int hold_both(struct move *move)
{
    bool back = graph_leads_to(move->graph, move->to, move->from);
    struct hold hold = {.thread = NULL};
    int ret;

    move->outer = back ? move->to : move->from;
    move->inner = back ? move->from : move->to;
    if (is_live(move->graph, move->outer))
        return call_inner(move, meet, move);
    ret = hold_begin(move->graph, &hold, move->outer->thread, move->deadline_us);
    if (ret >= 0)
        ret = call_inner(move, move->act, move->context);
    hold_end(&hold);
    return ret;
}

/* A boundary that blocks is full where who is behind it has a pace, a display say. */
static bool is_wide(const struct graph_edge *edge)
{
    return goes(edge) && edge->input.lane.settings.overflow == LIMEF_OVERFLOW_BLOCK &&
           limef_lane_n_waiting(&edge->input.lane) > 1;
}

static bool is_any_wide(const struct move *move)
{
    const struct graph_edge *edge = move->graph->edges;

    while (edge && !is_wide(edge))
        edge = edge->next;
    return edge;
}

/* Whether it was made shallower, and lies between the two threads of this move: the others run. */
static bool is_narrowed(const struct move *move, const struct graph_edge *edge)
{
    const struct graph_thread *from = edge->from->thread, *to = edge->to->thread;

    return edge->narrowed_from && (from == move->from || from == move->to) &&
           (to == move->from || to == move->to);
}

static int narrow_all(void *context)
{
    struct move *move = context;

    pthread_mutex_lock(&move->graph->registry);
    for (struct graph_edge *edge = move->graph->edges; edge; edge = edge->next)
        if (is_wide(edge)) {
            if (!edge->narrowed_from)
                edge->narrowed_from = edge->input.lane.settings.depth;
            edge->input.lane.settings.depth = 1;
        }
    pthread_mutex_unlock(&move->graph->registry);
    return 0;
}

static int widen_all(void *context)
{
    struct move *move = context;

    pthread_mutex_lock(&move->graph->registry);
    for (struct graph_edge *edge = move->graph->edges; edge; edge = edge->next)
        if (is_narrowed(move, edge)) {
            edge->input.lane.settings.depth = edge->narrowed_from;
            edge->narrowed_from = 0;
        }
    pthread_mutex_unlock(&move->graph->registry);
    return 0;
}

static int look_whether_narrow(void *context)
{
    const struct move *move = context;
    const struct graph_edge *edge = move->graph->edges;

    if (is_stopping(move->graph))
        return AVERROR_EXIT;
    while (edge && !(is_wide(edge) && LIMEF_COUNTED(edge->input.lane.held)))
        edge = edge->next;
    return edge ? AVERROR(EAGAIN) : is_any_wide(move) ? AVERROR(EBUSY) : 0;
}

/* While a boundary is read to its end the outer thread stands still, with all else that it feeds:
 * sound, say. So full ones are made one frame deep first: the inner one goes on until no more
 * waits, the outer one until its next frame for it. Where the inner one is slow the move is tried
 * all the same. Returns 0, or as hold_both(). */
static int narrow(struct move *move)
{
    int ret;

    if (!is_any_wide(move))
        return 0;
    move->act = narrow_all;
    move->deadline_us = limef_deadline_us(NARROW_US); /* who waits for room goes on at half of it */
    ret = hold_both(move);
    if (ret < 0)
        return ret;
    ret = call_inner(move, look_whether_narrow, move);
    return ret == AVERROR_EXIT ? ret : 0;
}

/* What is left of the boundaries that were to go is as deep as before. */
static void widen(struct move *move, int64_t timeout_us)
{
    struct graph_edge *edge = move->graph->edges;

    while (edge && !is_narrowed(move, edge))
        edge = edge->next;
    if (!edge)
        return;
    move->act = widen_all;
    move->deadline_us = limef_deadline_us(timeout_us);
    if (hold_both(move) < 0 && !is_stopping(move->graph))
        limef_log(LIMEF_LOG_WARNING, move->graph->settings.name,
                  "before '%s' it stays one frame deep for now", edge->to->filter->name);
}

static int prepare(struct limef_graph_inside *graph)
{
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
        struct limef_plan_link link;
        int ret;

        if (graph_is_cut(edge) || !is_cut_after(edge))
            continue;
        link = graph_link_of(edge);
        ret = graph_prepare_boundary(graph, edge, &link);
        if (ret < 0)
            return ret;
    }
    return 0;
}

/* What is in nobody's fifo is no boundary: it was never used, or is no longer. */
static void tidy(struct limef_graph_inside *graph)
{
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        if (graph_is_cut(edge) && !edge->leaves && !edge->input.lane.fifo)
            graph_clear_boundary(graph, edge);
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        node->wanted = NULL;
}

/* Only what goes from one of the two to the other is meant. */
static int select_nodes(struct limef_graph_inside *graph, struct graph_thread *from,
                        struct graph_thread *to)
{
    struct graph_node *bound = NULL;

    for (struct graph_node *node = graph->nodes; node; node = node->next) {
        if (node->thread != from || node->wanted != to)
            node->wanted = NULL;
        else if (node->filter->ops->flags & LIMEF_FILTER_THREAD_BOUND && graph->running)
            bound = node;
    }
    if (bound)
        return limef_fail(AVERROR(EPERM), graph->settings.name,
                          "'%s' is bound to the thread that it runs on", bound->filter->name);
    if (graph_has_circle(graph, from) || graph_has_circle(graph, to))
        return AVERROR(EDEADLK);
    return 0;
}

int graph_move(struct limef_graph_inside *graph, struct graph_thread *from, struct graph_thread *to,
               int64_t timeout_us)
{
    struct move move = {
        .graph = graph, .from = from, .to = to, .deadline_us = limef_deadline_us(timeout_us)};
    int ret = select_nodes(graph, from, to);

    move.context = &move;
    if (ret >= 0)
        ret = prepare(graph);
    if (ret >= 0)
        ret = narrow(&move);
    if (ret >= 0) {
        move.act = switch_over;
        move.deadline_us = limef_deadline_us(timeout_us);
        ret = hold_both(&move);
    }
    tidy(graph);
    widen(&move, timeout_us);
    return ret;
}

struct bounds {
    struct move move;
    struct graph_edge *edge;
    struct limef_lane_settings settings;
    struct limef_stack_frame *frames; /* those that it gets, then those that it had; NULL: the lane
                                         has enough */
    unsigned n_frames;
};

/* What waits in it goes on waiting: who reads it may not take it yet. Nobody reads or writes it. */
static void exchange_frames(struct bounds *bounds)
{
    struct graph_edge *edge = bounds->edge;
    struct limef_stack_frame *had = edge->frames;
    struct limef_fifo *fifo = edge->to->thread->fifo;
    struct lane_rest rest = lane_move_out(&edge->input.lane, bounds->frames);

    graph_keep_counters(edge);
    edge->n_written = edge->n_dropped = 0;
    limef_filter_clear(&edge->input.filter);
    edge->frames = bounds->frames;
    bounds->frames = had;
    input_filter_prepare(&edge->input, edge->to->filter, edge->frames, bounds->n_frames,
                         &bounds->settings);
    lane_move_in(&edge->input.lane, &rest);
    limef_fifo_add_lane(fifo, &edge->input.lane);
}

static int set_bounds(void *context)
{
    struct bounds *bounds = context;
    struct limef_graph_inside *graph = bounds->move.graph;

    pthread_mutex_lock(&graph->registry);
    bounds->edge->narrowed_from = 0;
    if (bounds->frames)
        exchange_frames(bounds);
    else
        bounds->edge->input.lane.settings = bounds->settings;
    pthread_mutex_unlock(&graph->registry);
    return 0;
}

int graph_set_bounds(struct limef_graph_inside *graph, struct graph_edge *edge,
                     const struct limef_plan_link *link, int64_t timeout_us)
{
    const struct limef_lane *lane = &edge->input.lane;
    struct bounds bounds = {
        .edge = edge, .settings = graph_bounds_of(link), .n_frames = lane->n_frames};
    int ret;

    bounds.move = (struct move){.graph = graph,
                                .from = edge->from->thread,
                                .to = edge->to->thread,
                                .act = set_bounds,
                                .context = &bounds,
                                .deadline_us = limef_deadline_us(timeout_us)};
    if (graph_frames_for(link) > lane->n_frames) {
        bounds.n_frames = graph_frames_for(link);
        bounds.frames = graph_get_frames(graph, bounds.n_frames);
        if (!bounds.frames)
            return limef_fail(AVERROR(ENOMEM), graph->settings.name,
                              "before '%s' it stays at %u stack frames, no room for %u: the memory "
                              "given to the graph is nearly used up (%zu bytes)",
                              edge->to->filter->name, lane->n_frames, bounds.n_frames,
                              graph->arena.used_bytes);
    }
    ret = hold_both(&bounds.move);
    arena_put(&graph->arena, bounds.frames);
    return ret;
}
