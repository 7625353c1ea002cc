/* SPDX-License-Identifier: MIT */
/* Threads of the application, with their chains. */
#include "thread/graph_private.h"

#include <limef/base/log.h>

#include <libavutil/error.h>

/* How long threads may take to come to what a call without a timeout of its own asks of them. */
#define PATIENCE_US 2000000

/* One that could not be added. What of it could not be undone, as its reader is stuck, stays. */
static void take_back_thread(struct limef_graph_inside *inside,
                             const struct limef_consumer *consumer, bool was_root)
{
    struct graph_node *node = graph_find(inside, consumer->chain);

    if (node && node->thread)
        return;
    if (node)
        node->is_root = was_root;
    graph_mark_leaving(inside);
    graph_drop_consumer(inside, consumer);
}

static int add_thread(struct limef_graph_inside *inside, struct limef_consumer *consumer)
{
    struct graph_node *node = graph_find(inside, consumer->chain);
    bool was_root = node && node->is_root;
    int ret;

    if (node && (node->consumer || node->thread))
        return limef_fail(AVERROR(EEXIST), inside->settings.name,
                          "'%s' is run by another thread already", consumer->chain->name);
    if (!graph_thread_of(inside, consumer))
        return AVERROR(ENOMEM);
    ret = graph_walk_filter(inside, consumer->chain, &node);
    if (ret >= 0) {
        node->is_root = true;
        graph_pin(inside, node, consumer);
    }
    ret = graph_take_up(inside, ret, limef_deadline_us(PATIENCE_US));
    if (ret < 0)
        take_back_thread(inside, consumer, was_root);
    else if (inside->running)
        ret = graph_sources_on(inside, limef_deadline_us(PATIENCE_US));
    return ret;
}

int limef_graph_add_thread(struct limef_graph *graph, struct limef_consumer *consumer)
{
    int ret;

    pthread_mutex_lock(&graph->inside->lock);
    ret = add_thread(graph->inside, consumer);
    pthread_mutex_unlock(&graph->inside->lock);
    return ret;
}

static struct graph_thread *find_consumer(const struct limef_graph_inside *inside,
                                          const struct limef_consumer *consumer)
{
    struct graph_thread *thread = inside->threads;

    while (thread && thread->consumer != consumer)
        thread = thread->next;
    return thread;
}

/* Its chain leaves, with what only that leads to. */
static void let_leave(struct limef_graph_inside *inside, struct graph_node *first)
{
    first->is_root = false;
    for (struct graph_edge *edge = inside->edges; edge; edge = edge->next) {
        bool is_behind = edge->from->consumer == first->consumer;

        if (is_behind == (edge->to->consumer == first->consumer))
            continue;
        edge->leaves = true;
        if (!inside->running || !edge->from->thread) /* else on the filter's own thread */
            graph_reroute(edge->from->filter, edge->output, NULL);
    }
    graph_mark_leaving(inside);
}

static int remove_thread(struct limef_graph_inside *inside, struct limef_consumer *consumer,
                         int64_t deadline_us)
{
    struct graph_node *node = graph_find(inside, consumer->chain);
    int ret = 0;

    if (!find_consumer(inside, consumer))
        return limef_fail(AVERROR(ENOENT), inside->settings.name,
                          "the thread '%s' is not part of it", consumer->thread.settings.name);
    if (node && node->consumer == consumer) {
        let_leave(inside, node);
        ret = graph_detach(inside, node, NULL, deadline_us);
    }
    if (ret >= 0)
        graph_drop_consumer(inside, consumer);
    return ret;
}

int limef_graph_remove_thread(struct limef_graph *graph, struct limef_consumer *consumer,
                              int64_t timeout_us)
{
    int ret;

    pthread_mutex_lock(&graph->inside->lock);
    ret = remove_thread(graph->inside, consumer, limef_deadline_us(timeout_us));
    pthread_mutex_unlock(&graph->inside->lock);
    return ret;
}
