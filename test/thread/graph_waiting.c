/* SPDX-License-Identifier: MIT */
/* What waits in a boundary of a graph that runs, when the boundary is changed or goes. */
#include "graph.h"

#include "frame/group.h"
#include "thread/graph_private.h"

#include <pthread.h>

static struct graph_edge *edge_to(struct limef_graph *graph, const struct limef_filter *to)
{
    struct graph_edge *edge = graph->inside->edges;

    while (edge->to->filter != to)
        edge = edge->next;
    return edge;
}

static int set_depth(struct limef_graph *graph, struct graph_edge *edge, unsigned depth)
{
    struct limef_plan_link link = {.depth = depth};
    int ret;

    pthread_mutex_lock(&graph->inside->lock);
    ret = graph_set_bounds(graph->inside, edge, &link, TOO_LONG_US);
    pthread_mutex_unlock(&graph->inside->lock);
    return ret;
}

/* The filter goes to the thread of whoever leads to it, and the boundary with that. */
static int fuse(struct limef_graph *graph, struct graph_edge *edge)
{
    struct graph_thread *to = edge->from->thread;
    int ret;

    pthread_mutex_lock(&graph->inside->lock);
    edge->to->wanted = to;
    ret = graph_move(graph->inside, edge->to->thread, to, TOO_LONG_US);
    pthread_mutex_unlock(&graph->inside->lock);
    return ret;
}

/* A display takes no picture before its time: what waits for it goes on waiting. */
Test(graph_waiting, a_fifo_gets_deeper_before_who_takes_nothing_now)
{
    static struct line line;
    struct limef_graph graph = {0};
    struct limef_lane_counters counters;
    struct graph_edge *edge;

    line_init(&line, 3);
    atomic_store(&line.sink.refuses, INT64_MAX);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    edge = edge_to(&graph, &line.sink.filter);
    ASSERT_COMES(LIMEF_COUNTED(edge->input.lane.held) &&
                 LIMEF_COUNTED(edge->input.lane.n_written) == 4);
    cr_assert(eq(int, set_depth(&graph, edge, 100), 0));
    cr_assert(eq(uint, edge->input.lane.settings.depth, 100));
    cr_assert(eq(i64, atomic_load(&line.sink.n_packets), 0));
    atomic_store(&line.sink.refuses, 0);
    ASSERT_COMES(atomic_load(&line.sink.last_signal) == LIMEF_SIGNAL_END);
    cr_assert(eq(i64, atomic_load(&line.sink.n_packets), 3));
    cr_assert(eq(i64, atomic_load(&line.sink.n_out_of_order), 0));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    counters = edge->past;
    graph_add_counters(&counters, &edge->input.lane);
    cr_assert(eq(u64, counters.n_written, 4));
    cr_assert(eq(u64, counters.n_read, 4));
    limef_graph_clear(&graph);
}

/* Once: a packet, then a burst of three as one frame. */
static int burst_step(struct limef_source *base, int64_t *due_us)
{
    struct number_source *source = LIMEF_CONTAINER_OF(base, struct number_source, source);
    struct limef_packet_frame first = packet_frame(0, LIMEF_MEDIA_VIDEO, LIMEF_FRAME_KEY);
    struct frame_group *group;
    struct limef_frame burst;

    (void)due_us;
    if (source->ended)
        return AVERROR_EOF;
    source->ended = true;
    group = frame_group_create(3);
    group->n = 3;
    for (int i = 0; i < 3; i++) {
        group->packets[i] = packet_frame(i + 1, LIMEF_MEDIA_VIDEO, 0);
        limef_payload_ref(group->packets[i].frame.payload);
    }
    burst = frame_group_frame(group);
    limef_pass(&base->filter, &first.frame);
    limef_pass(&base->filter, &burst);
    limef_payload_unref(&group->payload);
    return AVERROR_EOF;
}

/* Lets a sink go on once its thread is to be held. */
static void *release_when_called(void *context)
{
    struct graph_node *node = context;
    struct number_sink *sink = LIMEF_CONTAINER_OF(node->filter, struct number_sink, filter);

    if (!WAIT_FOR(LIMEF_COUNTED(node->thread->thread->n_commands) > 0))
        return node;
    atomic_store(&sink->stuck, 0);
    return NULL;
}

Test(graph_waiting, a_burst_that_waits_before_a_filter_that_moves_is_given_packet_by_packet)
{
    static struct line line;
    struct limef_graph graph = {0};
    struct graph_edge *edge;
    pthread_t thread;
    void *failed;

    line_init(&line, 0);
    line.source.source.step = burst_step;
    limef_connect(&line.source.source.filter, &line.sink.filter); /* alone */
    atomic_store(&line.sink.stuck, 1);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    edge = edge_to(&graph, &line.sink.filter);
    ASSERT_COMES(atomic_load(&line.sink.in_go) && LIMEF_COUNTED(edge->input.lane.n_written) == 2);
    cr_assert(eq(int, pthread_create(&thread, NULL, release_when_called, edge->to), 0));
    cr_assert(eq(int, fuse(&graph, edge), 0));
    cr_assert(eq(int, pthread_join(thread, &failed), 0));
    cr_assert(zero(ptr, failed));
    ASSERT_COMES(atomic_load(&line.sink.n_packets) == 4);
    cr_assert(eq(i64, atomic_load(&line.sink.n_out_of_order), 0));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}
