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

static int set_bounds(struct limef_graph *graph, struct graph_edge *edge,
                      const struct limef_plan_link *link)
{
    int ret;

    pthread_mutex_lock(&graph->inside->lock);
    ret = graph_set_bounds(graph->inside, edge, link, TOO_LONG_US);
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
    cr_assert(eq(int, set_bounds(&graph, edge, &(struct limef_plan_link){.depth = 100}), 0));
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

static LIMEF_ATOMIC(int64_t) n_allowed, n_gaps;
static LIMEF_ATOMIC(uint32_t) gap_slot, gap_track;

/* Keys of two slots, then one packet more of each. */
static int two_slots_step(struct limef_source *base, int64_t *due_us)
{
    struct number_source *source = LIMEF_CONTAINER_OF(base, struct number_source, source);
    int64_t number = atomic_load(&source->n_passed);
    struct limef_packet_frame packet =
        packet_frame(number, LIMEF_MEDIA_VIDEO, number < 2 ? LIMEF_FRAME_KEY : 0);

    if (number == atomic_load(&n_allowed)) {
        *due_us = limef_now_us() + 1000;
        return AVERROR(EAGAIN);
    }
    packet.frame.slot = 5 + number % 2;
    packet.frame.track = 3;
    limef_pass(&base->filter, &packet.frame);
    atomic_store(&source->n_passed, number + 1);
    return 0;
}

static int note_gap(void *context, const struct limef_frame *frame)
{
    const struct limef_signal_frame *signal = limef_signal_frame_from(frame);

    (void)context;
    if (!signal || signal->signal != LIMEF_SIGNAL_GAP)
        return 0;
    atomic_store(&gap_slot, frame->slot);
    atomic_store(&gap_track, frame->track);
    atomic_fetch_add(&n_gaps, 1);
    return 0;
}

static int signals_step(struct limef_source *base, int64_t *due_us)
{
    struct number_source *source = LIMEF_CONTAINER_OF(base, struct number_source, source);
    struct limef_signal_frame signal;

    if (atomic_load(&source->n_passed) == atomic_load(&n_allowed)) {
        *due_us = limef_now_us() + 1000;
        return AVERROR(EAGAIN);
    }
    limef_signal_frame_set(&signal, LIMEF_SIGNAL_USER, 0, NULL);
    limef_pass(&base->filter, &signal.frame);
    atomic_fetch_add(&source->n_passed, 1);
    return 0;
}

/* More than there is room for, and each means something by itself. */
Test(graph_waiting, signals_before_a_filter_that_hangs_do_not_stop_a_live_source)
{
    static struct line line;
    struct limef_plan_link link = {.overflow = LIMEF_OVERFLOW_DROP_TO_KEY, .depth = 2};
    struct limef_graph graph = {0};
    struct graph_edge *edge;
    const int n_signals = 2 * LIMEF_LANE_MAX_FRAMES;

    line_init(&line, 0);
    line.source.source.step = signals_step;
    limef_connect(&line.source.source.filter, &line.sink.filter); /* alone */
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    edge = edge_to(&graph, &line.sink.filter);
    cr_assert(eq(int, set_bounds(&graph, edge, &link), 0));
    atomic_store(&line.sink.stuck, 1);
    atomic_store(&n_allowed, n_signals);
    ASSERT_COMES(atomic_load(&line.source.n_passed) == n_signals);
    cr_assert(gt(u64, LIMEF_COUNTED(edge->input.lane.n_dropped_timeout), 0));
    atomic_store(&line.sink.stuck, 0);
    link.overflow = LIMEF_OVERFLOW_BLOCK;
    cr_assert(eq(int, set_bounds(&graph, edge, &link), 0));
    cr_assert(zero(i64, edge->input.lane.settings.block_us)); /* and a file's loses nothing */
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

Test(graph_waiting, the_stream_alone_that_has_a_hole_is_told_of_it_where_a_boundary_goes)
{
    static struct line line;
    struct limef_plan_link link = {.overflow = LIMEF_OVERFLOW_DROP_TO_KEY, .depth = 2};
    struct limef_graph graph = {0};
    struct graph_edge *edge;
    pthread_t thread;
    void *failed;

    line_init(&line, 0);
    line.source.source.step = two_slots_step;
    limef_tap_filter_init(&line.a, "a", note_gap, NULL);
    limef_connect(&line.source.source.filter, &line.sink.filter);
    limef_connect(&line.sink.filter, &line.a.filter);
    limef_connect(&line.a.filter, NULL);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    edge = edge_to(&graph, &line.sink.filter);
    cr_assert(eq(int, set_bounds(&graph, edge, &link), 0));
    atomic_store(&line.sink.stuck, 1);
    atomic_store(&n_allowed, 1);
    ASSERT_COMES(atomic_load(&line.sink.in_go));
    atomic_store(&n_allowed, 4); /* two wait, there is no room for the last */
    ASSERT_COMES(atomic_load(&line.source.n_passed) == 4);
    cr_assert(eq(u64, LIMEF_COUNTED(edge->input.lane.n_dropped_to_key), 1));
    cr_assert(eq(int, pthread_create(&thread, NULL, release_when_called, edge->to), 0));
    cr_assert(eq(int, fuse(&graph, edge), 0));
    cr_assert(eq(int, pthread_join(thread, &failed), 0));
    cr_assert(zero(ptr, failed));
    ASSERT_COMES(atomic_load(&n_gaps) == 1);
    cr_assert(eq(u32, atomic_load(&gap_slot), 6));
    cr_assert(eq(u32, atomic_load(&gap_track), 3));
    cr_assert(eq(i64, atomic_load(&line.sink.n_packets), 3));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    cr_assert(eq(i64, atomic_load(&n_gaps), 1));
    limef_graph_clear(&graph);
}
