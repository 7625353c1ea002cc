/* SPDX-License-Identifier: MIT */
#include "thread/graph_seen.h"

#include "base/memory_private.h"

#include <limef/base/url.h>

#include <libavutil/error.h>
#include <stdio.h>
#include <time.h>

/* The registry is held for some instructions, and a while longer by who loses its processor there;
 * who waits longer than this waits for something that is broken. */
#define REGISTRY_US 1000000
/* Room for what comes between counting and looking. */
#define ROOM 8
/* A way through filters that is longer goes round in a circle that is about to be refused. */
#define LONGEST_WAY 4096

#ifdef __SANITIZE_THREAD__ /* which does not know pthread_mutex_clocklock() before gcc 13 */
#define CLOCKLOCK(mutex, until) pthread_mutex_timedlock(mutex, until)
#define CLOCKLOCK_NOW_US limef_wall_us()
#else
#define CLOCKLOCK(mutex, until) pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, until)
#define CLOCKLOCK_NOW_US limef_now_us()
#endif

int graph_lock_until(pthread_mutex_t *lock, int64_t deadline_us)
{
    struct timespec until;
    int64_t until_us;

    if (deadline_us == LIMEF_FOREVER)
        return AVERROR(pthread_mutex_lock(lock));
    until_us = CLOCKLOCK_NOW_US + graph_left_us(deadline_us);
    until = (struct timespec){.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    return AVERROR(CLOCKLOCK(lock, &until));
}

int graph_lock_registry(struct limef_graph_inside *graph)
{
    return graph_lock_until(&graph->registry, limef_deadline_us(REGISTRY_US)) < 0 ? AVERROR(EAGAIN)
                                                                                  : 0;
}

static bool is_inside(const struct graph_node *node, const struct graph_thread *thread)
{
    return node->thread == thread && LIMEF_COUNTED(node->filter->inside);
}

void graph_where(const struct limef_graph_inside *graph, const struct graph_thread *thread,
                 struct graph_node **in, struct graph_edge **waits_at)
{
    struct graph_node *next = graph->nodes;

    *in = NULL;
    *waits_at = NULL;
    while (next && !is_inside(next, thread))
        next = next->next;
    for (unsigned i = 0; next && i < LONGEST_WAY; i++) {
        *in = next;
        next = NULL;
        for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
            if (edge->from != *in)
                continue;
            if (is_inside(edge->to, thread))
                next = edge->to;
            else if (edge->is_shown && LIMEF_COUNTED(edge->input.lane.writer_sleeps))
                *waits_at = edge;
        }
        if (next)
            *waits_at = NULL;
    }
}

static void count(const struct limef_graph_inside *graph, struct graph_seen *seen)
{
    for (struct graph_thread *thread = graph->threads; thread; thread = thread->next)
        seen->n_threads++;
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        seen->n_filters++;
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        seen->n_edges++;
}

static int make_room(struct graph_seen *seen)
{
    size_t filters = (seen->n_filters += ROOM) * sizeof(*seen->filters);
    size_t edges = (seen->n_edges += ROOM) * sizeof(*seen->edges);
    size_t threads = (seen->n_threads += ROOM) * sizeof(*seen->threads);

    seen->memory = memory_allocate(filters + edges + threads);
    if (!seen->memory)
        return AVERROR(ENOMEM);
    seen->filters = seen->memory;
    seen->edges = (void *)((char *)seen->memory + filters);
    seen->threads = (void *)((char *)seen->memory + filters + edges);
    return 0;
}

static void note_count(struct graph_progress *progress, uint64_t n, int64_t now_us)
{
    if (progress->n != n || !progress->since_us)
        *progress = (struct graph_progress){.n = n, .since_us = now_us};
}

void graph_note_progress(struct limef_graph_inside *graph, int64_t now_us)
{
    for (struct graph_node *node = graph->nodes; node; node = node->next) {
        bool gives = node->filter->ops->flags & LIMEF_FILTER_SOURCE;
        uint64_t n = LIMEF_COUNTED(node->filter->n_frames);

        for (const struct graph_edge *edge = graph->edges; gives && edge; edge = edge->next)
            if (edge->from == node)
                n += edge->is_shown ? LIMEF_COUNTED(edge->input.lane.n_written)
                                    : LIMEF_COUNTED(edge->to->filter->n_frames);
        note_count(&node->progress, n, now_us);
    }
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
        uint64_t n = LIMEF_COUNTED(edge->to->filter->n_frames);

        note_count(&edge->written, edge->is_shown ? LIMEF_COUNTED(edge->input.lane.n_written) : n,
                   now_us);
        note_count(&edge->read, edge->is_shown ? LIMEF_COUNTED(edge->input.lane.n_read) : n,
                   now_us);
    }
}

static void see_filters(struct limef_graph_inside *graph, struct graph_seen *seen)
{
    uint32_t n = 0;

    for (struct graph_node *node = graph->nodes; node; node = node->next) {
        struct seen_filter *filter = &seen->filters[n];

        node->seen_number = n < seen->n_filters ? n : SEEN_NONE;
        if (n >= seen->n_filters)
            continue;
        n++;
        limef_url_mask(filter->name, sizeof(filter->name), node->filter->name);
        filter->kind = node->filter->ops->kind;
        filter->thread = node->thread ? node->thread->seen_number : SEEN_NONE;
        filter->is_inside = LIMEF_COUNTED(node->filter->inside);
        filter->leaves = node->leaves;
        filter->n_frames = LIMEF_COUNTED(node->filter->n_frames);
        filter->quiet_us = seen->at_us - node->progress.since_us;
        filter->copied_bytes = LIMEF_COUNTED(node->filter->copied_bytes);
        filter->n_counts =
            node->filter->ops->counts ? node->filter->ops->counts(node->filter, filter->counts) : 0;
        filter->cost_us = seen->is_changing ? LIMEF_NOT_MEASURED : node->measured.cost_us;
    }
    seen->n_filters = n;
}

static void see_edge(const struct graph_edge *edge, struct seen_edge *seen, int64_t now_us)
{
    const struct limef_lane *lane = &edge->input.lane;

    *seen = (struct seen_edge){.from = edge->from->seen_number,
                               .to = edge->to->seen_number,
                               .output = edge->output,
                               .is_cut = edge->is_shown,
                               .n_late = edge->n_late,
                               .unwritten_us = now_us - edge->written.since_us,
                               .unread_us = now_us - edge->read.since_us,
                               .counters = edge->past};
    if (!edge->is_shown)
        return;
    graph_add_counters(&seen->counters, lane);
    seen->is_held = LIMEF_COUNTED(lane->held);
    seen->writer_waits = LIMEF_COUNTED(lane->writer_sleeps);
    seen->overflow = lane->settings.overflow;
    seen->n_waiting = limef_lane_n_waiting(lane);
    seen->oldest_us = limef_lane_oldest_us(lane);
    seen->late_us = edge->is_late ? now_us - edge->late_us : 0;
}

static void see_edges(struct limef_graph_inside *graph, struct graph_seen *seen)
{
    uint32_t n = 0;

    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
        edge->seen_number = SEEN_NONE;
        if (n >= seen->n_edges || edge->from->seen_number == SEEN_NONE ||
            edge->to->seen_number == SEEN_NONE)
            continue;
        edge->seen_number = n;
        see_edge(edge, &seen->edges[n++], seen->at_us);
    }
    seen->n_edges = n;
}

static void number_threads(struct limef_graph_inside *graph, struct graph_seen *seen)
{
    uint32_t n = 0;

    for (struct graph_thread *thread = graph->threads; thread; thread = thread->next)
        thread->seen_number = n < seen->n_threads ? n++ : SEEN_NONE;
    seen->n_threads = n;
}

/* After the filters and connections have their numbers. */
static void see_threads(const struct limef_graph_inside *graph, struct graph_seen *seen)
{
    for (struct graph_thread *at = graph->threads; at; at = at->next) {
        struct graph_node *in;
        struct graph_edge *waits_at;
        struct seen_thread *thread;
        int64_t inside_us;

        if (at->seen_number == SEEN_NONE)
            continue;
        thread = &seen->threads[at->seen_number];
        snprintf(thread->name, sizeof(thread->name), "%s", at->thread->settings.name);
        thread->tid = LIMEF_COUNTED(at->thread->tid);
        thread->scheduled_as = (enum limef_scheduled)LIMEF_COUNTED(at->thread->scheduled_as);
        thread->n_errors = LIMEF_COUNTED(at->thread->n_errors);
        thread->filter = thread->waits_at = SEEN_NONE;
        inside_us = LIMEF_COUNTED(at->thread->inside_us);
        if (!inside_us)
            continue;
        thread->inside_us = seen->at_us > inside_us ? seen->at_us - inside_us : 1;
        graph_where(graph, at, &in, &waits_at);
        thread->filter = in ? in->seen_number : SEEN_NONE;
        thread->waits_at = waits_at ? waits_at->seen_number : SEEN_NONE;
    }
}

static void see_all(struct limef_graph_inside *graph, struct graph_seen *seen,
                    graph_visit_fn *visit, void *context)
{
    seen->at_us = limef_now_us();
    graph_note_progress(graph, seen->at_us);
    number_threads(graph, seen);
    see_filters(graph, seen);
    see_edges(graph, seen);
    see_threads(graph, seen);
    for (struct graph_node *node = graph->nodes; node && visit; node = node->next)
        if (node->seen_number != SEEN_NONE)
            visit(context, node->filter, node->seen_number);
}

int graph_see(struct limef_graph_inside *graph, struct graph_seen *seen, graph_visit_fn *visit,
              void *context)
{
    int ret;

    *seen = (struct graph_seen){.is_changing = pthread_mutex_trylock(&graph->lock)};
    snprintf(seen->name, sizeof(seen->name), "%s", graph->settings.name);
    ret = graph_lock_registry(graph);
    if (ret >= 0) {
        count(graph, seen);
        pthread_mutex_unlock(&graph->registry);
        ret = make_room(seen);
    }
    if (ret >= 0)
        ret = graph_lock_registry(graph);
    if (ret >= 0) {
        see_all(graph, seen, visit, context);
        pthread_mutex_unlock(&graph->registry);
    }
    if (!seen->is_changing)
        pthread_mutex_unlock(&graph->lock);
    if (ret < 0)
        graph_seen_clear(seen);
    return ret;
}

void graph_seen_clear(struct graph_seen *seen)
{
    memory_release(seen->memory);
    seen->memory = NULL;
}
