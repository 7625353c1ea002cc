/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"

#include "thread/interrupt.h"

#include <limef/base/log.h>

#include <libavutil/error.h>
#include <stdio.h>

static struct graph_thread *new_thread(struct limef_graph_inside *graph)
{
    struct graph_thread *thread = arena_get(&graph->arena, sizeof(*thread));

    if (!thread) {
        limef_fail(AVERROR(ENOMEM), graph->settings.name,
                   "no room for a thread: the memory given to the graph is used up (%zu bytes)",
                   graph->arena.used_bytes);
        return NULL;
    }
    return thread;
}

static void add_thread(struct limef_graph_inside *graph, struct graph_thread *thread)
{
    pthread_mutex_lock(&graph->registry);
    thread->next = graph->threads;
    graph->threads = thread;
    pthread_mutex_unlock(&graph->registry);
}

static struct graph_thread *make_worker(struct limef_graph_inside *graph)
{
    struct graph_thread *made = new_thread(graph);

    if (!made)
        return NULL;
    snprintf(made->name, sizeof(made->name), "%.9s-%u", graph->settings.name,
             ++graph->n_threads_made);
    worker_init(&made->worker, &(struct limef_thread_settings){.name = made->name,
                                                               .reports = graph->settings.reports});
    made->thread = &made->worker.thread;
    made->fifo = &made->worker.fifo;
    add_thread(graph, made);
    return made;
}

struct graph_thread *graph_take_worker(struct limef_graph_inside *graph,
                                       enum limef_priority priority, int *ret)
{
    struct graph_thread *taken = graph->threads;

    while (taken && (taken->in_use || taken->consumer))
        taken = taken->next;
    if (!taken)
        taken = make_worker(graph);
    if (!taken) {
        *ret = AVERROR(ENOMEM);
        return NULL;
    }
    /* an idle one that could not be stopped has the priority that it had */
    if (!limef_thread_running(taken->thread))
        taken->thread->settings.priority = priority;
    if (graph->running && !limef_thread_running(taken->thread)) {
        *ret = limef_thread_start(taken->thread);
        if (*ret < 0)
            return NULL;
    }
    taken->in_use = true;
    return taken;
}

struct graph_thread *graph_thread_of(struct limef_graph_inside *graph,
                                     struct limef_consumer *consumer)
{
    struct graph_thread *thread = graph->threads;

    while (thread && thread->consumer != consumer)
        thread = thread->next;
    if (thread)
        return thread;
    thread = new_thread(graph);
    if (!thread)
        return NULL;
    thread->consumer = consumer;
    thread->thread = &consumer->thread;
    thread->fifo = &consumer->fifo;
    thread->in_use = true;
    add_thread(graph, thread);
    return thread;
}

void graph_drop_consumer(struct limef_graph_inside *graph, const struct limef_consumer *consumer)
{
    struct graph_thread **link = &graph->threads, *thread;

    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (node->consumer == consumer)
            node->consumer = NULL;
    while (*link && (*link)->consumer != consumer)
        link = &(*link)->next;
    thread = *link;
    if (!thread)
        return;
    pthread_mutex_lock(&graph->registry);
    *link = thread->next;
    pthread_mutex_unlock(&graph->registry);
    arena_put(&graph->arena, thread);
}

bool graph_is_driven(const struct graph_node *node)
{
    return node->source.source || (node->filter->ops->tick && !node->consumer);
}

void graph_drive(struct graph_node *node, struct worker *worker)
{
    if (node->source.source)
        worker_add_source(worker, &node->source);
    else
        worker_set_ticking(worker, node->filter);
}

void graph_drive_no_more(struct graph_node *node, struct worker *worker)
{
    if (node->source.source)
        worker_remove_source(worker, &node->source);
    else
        worker_set_ticking(worker, NULL);
}

int graph_stop_idle(struct limef_graph_inside *graph, int64_t deadline_us)
{
    int first_error = 0;

    for (struct graph_thread *thread = graph->threads; thread; thread = thread->next)
        thread->reached = false;
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (node->thread)
            node->thread->reached = true;
    for (struct graph_thread *thread = graph->threads; thread; thread = thread->next)
        if (!thread->consumer && !thread->reached)
            limef_thread_ask_stop(thread->thread);
    for (struct graph_thread *thread = graph->threads; thread; thread = thread->next) {
        int ret;

        if (thread->consumer || thread->reached)
            continue;
        ret = thread_stop_until(thread->thread, deadline_us);
        if (ret < 0 && !first_error)
            first_error = ret;
        thread->in_use = ret < 0;
    }
    return first_error;
}

static struct graph_thread *thread_of(const struct graph_node *node, bool as_wanted)
{
    return as_wanted && node->wanted ? node->wanted : node->thread;
}

/* Marks who gets frames from a thread. Returns whether it comes to `to`. */
static bool reach(struct limef_graph_inside *graph, struct graph_thread *from,
                  struct graph_thread *to, bool as_wanted)
{
    bool found = true, came = false;

    for (struct graph_thread *thread = graph->threads; thread; thread = thread->next)
        thread->reached = false;
    while (found) {
        found = false;
        for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
            struct graph_thread *a = thread_of(edge->from, as_wanted);
            struct graph_thread *b = thread_of(edge->to, as_wanted);

            if (!a || !b || a == b || !(a == from || a->reached) || b->reached)
                continue;
            b->reached = true;
            found = true;
            came |= b == to;
        }
    }
    return came;
}

bool graph_has_circle(struct limef_graph_inside *graph, struct graph_thread *through)
{
    return reach(graph, through, through, true);
}

bool graph_leads_to(struct limef_graph_inside *graph, struct graph_thread *from,
                    struct graph_thread *to)
{
    return reach(graph, from, to, false);
}
