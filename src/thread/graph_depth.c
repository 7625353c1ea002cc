/* SPDX-License-Identifier: MIT */
/* How many pictures what is behind a decoder can hold at once, as boundaries are now: what a pool
 * of pictures needs beside what the decoder itself works with. */
#include "thread/graph_private.h"

#include "thread/command.h"

/* A reader has one picture, besides those that wait for it. */
#define READERS 1
/* Filters of an application that keep a picture or two and do not say so. */
#define UNSAID 2

/* Behind an output of a filter; branches hold pictures for themselves. Depths of what was counted
 * already are in the nodes: no way is walked twice. */
static uint32_t depth_behind(struct limef_graph_inside *graph, struct graph_node *node)
{
    uint32_t depth = 0;

    if (node->depth_is_known)
        return node->depth;
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next) {
        if (edge->from != node)
            continue;
        if (graph_is_cut(edge))
            depth += edge->input.lane.settings.depth + READERS;
        depth += edge->to->filter->n_kept;
        if (!(edge->to->filter->ops->flags & LIMEF_FILTER_POOLS))
            depth += depth_behind(graph, edge->to);
    }
    node->depth = depth;
    node->depth_is_known = true;
    return depth;
}

void graph_tell_depths(struct limef_graph_inside *graph)
{
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        node->depth_is_known = false;
    for (struct graph_node *node = graph->nodes; node; node = node->next) {
        struct limef_signal_frame told;
        uint32_t depth;

        if (!(node->filter->ops->flags & LIMEF_FILTER_POOLS) || !node->thread || node->leaves)
            continue;
        depth = depth_behind(graph, node) + UNSAID;
        if (depth == node->told_depth)
            continue;
        limef_signal_frame_set(&told, LIMEF_SIGNAL_DEPTH, 0, NULL);
        told.value = depth;
        /* a thread whose queue is full is told at the next change */
        if (command_send_to(node->thread->thread, node->filter, &told) >= 0)
            node->told_depth = depth;
    }
}
