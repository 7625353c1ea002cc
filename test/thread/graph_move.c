/* SPDX-License-Identifier: MIT */
/* Filters that change their thread, and fifos that change, while frames flow. */
#include "graph.h"

#include "thread/graph_private.h"

#include <pthread.h>
#include <time.h>

static int set_bounds(struct limef_graph *graph, struct limef_plan_link link)
{
    struct limef_graph_inside *inside = graph->inside;
    int ret;

    pthread_mutex_lock(&inside->lock);
    ret = graph_set_bounds(inside, inside->edges, &link, TOO_LONG_US);
    pthread_mutex_unlock(&inside->lock);
    return ret;
}

/* Leaves so many bytes of the graph's memory. */
static void fill_memory(struct limef_graph_inside *inside, size_t n_bytes)
{
    pthread_mutex_lock(&inside->lock);
    cr_assert(arena_get(&inside->arena, inside->arena.bytes - inside->arena.used_bytes - n_bytes) !=
              NULL);
    pthread_mutex_unlock(&inside->lock);
}

Test(graph_move, fifos_get_other_bounds_while_frames_flow)
{
    static struct line line;
    struct limef_graph graph = {0};
    const struct limef_lane *lane;
    struct limef_graph_boundary_look looks[3];
    size_t n = 3;

    begin_line(&graph, &line);
    lane = &graph.inside->edges->input.lane;
    fill_memory(graph.inside, 600000);
    cr_assert(eq(int, set_bounds(&graph, (struct limef_plan_link){.depth = 2}), 0));
    cr_assert(eq(uint, lane->settings.depth, 2));
    ASSERT_COMES(atomic_load(&line.sink.n_packets) > 1000);
    cr_assert(
        eq(int, set_bounds(&graph, (struct limef_plan_link){.depth = 5, .max_bytes = 70000}), 0));
    cr_assert(eq(uint, lane->settings.depth, 5));
    cr_assert(eq(sz, lane->settings.max_bytes, 70000));
    /* with more stack frames than it was made with */
    cr_assert(lt(uint, lane->n_frames, 100));
    cr_assert(eq(int, set_bounds(&graph, (struct limef_plan_link){.depth = 100}), 0));
    cr_assert(eq(uint, lane->settings.depth, 100));
    cr_assert(eq(uint, lane->n_frames, 128));
    /* for these the graph's memory has no room, or too little would be left to others: all stays,
     * and a line says so */
    limef_log_set_sink(keep_line, NULL);
    cr_assert(
        eq(int, set_bounds(&graph, (struct limef_plan_link){.depth = 10000}), AVERROR(ENOMEM)));
    cr_assert(eq(uint, lane->settings.depth, 100));
    last_line[0] = '\0';
    cr_assert(
        eq(int, set_bounds(&graph, (struct limef_plan_link){.depth = 2000}), AVERROR(ENOMEM)));
    limef_log_set_sink(NULL, NULL);
    cr_assert(ne(ptr, strstr(last_line, "stays at 128 stack frames, no room for 2048"), NULL), "%s",
              last_line);
    cr_assert(eq(uint, lane->settings.depth, 100));
    cr_assert(eq(int, limef_graph_look(&graph, NULL, NULL, looks, &n), 0));
    cr_assert(eq(int, looks[0].overflow, LIMEF_OVERFLOW_BLOCK));
    end_line(&graph, &line);
}

Test(graph_move, a_live_fifo_begins_to_drop_when_it_is_told_to)
{
    static struct line line;
    struct limef_graph graph = {0};
    struct limef_graph_boundary_look looks[3];
    size_t n = 3;

    begin_line(&graph, &line);
    cr_assert(
        eq(int,
           set_bounds(&graph,
                      (struct limef_plan_link){.depth = 2, .overflow = LIMEF_OVERFLOW_DROP_OLDEST}),
           0));
    atomic_store(&line.sink.stuck, 1);
    do {
        n = 3;
        cr_assert(eq(int, limef_graph_look(&graph, NULL, NULL, looks, &n), 0));
        cr_assert(eq(int, looks[0].overflow, LIMEF_OVERFLOW_DROP_OLDEST));
    } while (!looks[0].counters.n_dropped_oldest);
    atomic_store(&line.sink.stuck, 0);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

/* Goes to the source's thread, or away from it: a boundary comes and goes there. */
static void move_filter(struct limef_graph_inside *inside, const struct limef_filter *filter)
{
    struct graph_node *node;
    struct graph_thread *to;
    int ret = 0;

    pthread_mutex_lock(&inside->lock);
    node = graph_find(inside, filter);
    to = inside->nodes->thread;
    if (node->thread == to)
        to = graph_take_worker(inside, LIMEF_PRIORITY_PROCESSING, &ret);
    cr_assert(ne(ptr, to, NULL));
    node->wanted = to;
    cr_assert(eq(int, graph_move(inside, node->thread, to, TOO_LONG_US), 0));
    cr_assert(eq(int, graph_stop_idle(inside, limef_deadline_us(TOO_LONG_US)), 0));
    pthread_mutex_unlock(&inside->lock);
}

struct hanging {
    struct limef_thread *thread;
    LIMEF_ATOMIC(int) hangs, may_go;
};

static int hang(void *context)
{
    struct hanging *hanging = context;

    atomic_store(&hanging->hangs, 1);
    while (!atomic_load(&hanging->may_go))
        sched_yield();
    return 0;
}

static void *hang_there(void *context)
{
    struct hanging *hanging = context;

    limef_thread_call(hanging->thread, hang, hanging, TOO_LONG_US);
    return NULL;
}

/* Others have all processors, say; what is to be done is done. */
Test(graph_move, a_thread_without_work_that_comes_back_late_is_no_failure)
{
    static struct line line;
    static struct hanging hanging;
    struct limef_graph graph = {0};
    struct limef_graph_inside *inside;
    struct graph_thread *worker;
    pthread_t caller;
    int ret = 0;

    begin_line(&graph, &line);
    inside = graph.inside;
    pthread_mutex_lock(&inside->lock);
    worker = graph_take_worker(inside, LIMEF_PRIORITY_PROCESSING, &ret);
    cr_assert(ne(ptr, worker, NULL));
    hanging.thread = worker->thread;
    cr_assert(zero(int, pthread_create(&caller, NULL, hang_there, &hanging)));
    ASSERT_COMES(atomic_load(&hanging.hangs));
    last_line[0] = '\0';
    limef_log_set_sink(keep_line, NULL);
    cr_assert(eq(int, graph_stop_idle(inside, limef_deadline_us(1000)), AVERROR(ETIMEDOUT)));
    cr_assert(worker->in_use); /* nobody else gets it */
    cr_assert(eq(str, last_line, ""));
    atomic_store(&hanging.may_go, 1);
    cr_assert(zero(int, graph_stop_idle(inside, limef_deadline_us(TOO_LONG_US))));
    cr_assert(not(worker->in_use));
    limef_log_set_sink(NULL, NULL);
    pthread_mutex_unlock(&inside->lock);
    pthread_join(caller, NULL);
    end_line(&graph, &line);
}

/* What the boundary before it dropped is not missed again by the one that comes. */
Test(graph_move, counts_of_a_boundary_begin_anew_with_it)
{
    static struct line line;
    struct limef_graph graph = {0};
    struct graph_edge *edge;

    begin_line(&graph, &line);
    pthread_mutex_lock(&graph.inside->lock);
    for (edge = graph.inside->edges; edge->to->filter != &line.a.filter; edge = edge->next)
        continue;
    graph_measure(graph.inside, 1000000);
    edge->n_written = 1;
    edge->n_dropped = 5;
    pthread_mutex_unlock(&graph.inside->lock);
    for (int i = 0; i < 2; i++) /* to the source's thread, and away from it */
        move_filter(graph.inside, &line.a.filter);
    ASSERT_COMES(LIMEF_COUNTED(edge->input.lane.n_written) > 10);
    pthread_mutex_lock(&graph.inside->lock);
    graph_measure(graph.inside, 2000000);
    cr_assert(eq(u64, edge->n_missed, 0));
    pthread_mutex_unlock(&graph.inside->lock);
    end_line(&graph, &line);
}

struct connecting {
    struct limef_split_filter *split;
    struct number_sink *sink;
    LIMEF_ATOMIC(int) stops;
    LIMEF_ATOMIC(int) n_times;
};

static void *connect_and_disconnect(void *context)
{
    struct connecting *it = context;

    while (!atomic_load(&it->stops)) {
        if (limef_split_connect(it->split, &it->sink->filter, LIMEF_SPLIT_FROM_NOW) ||
            limef_split_disconnect(it->split, &it->sink->filter, TOO_LONG_US))
            break;
        atomic_fetch_add(&it->n_times, 1);
    }
    return NULL;
}

/* The application's branches come and go beside those of the graph. */
Test(graph_move, reroutes_beside_branches_that_come_and_go)
{
    static struct line line;
    static struct limef_split_filter split;
    static struct number_sink sink, other;
    struct limef_graph graph = {0};
    struct connecting connecting = {.split = &split, .sink = &other};
    pthread_t thread;

    line_init(&line, INT64_MAX);
    limef_split_filter_init(&split, "split");
    number_sink_init(&sink);
    number_sink_init(&other);
    limef_connect(&line.b.filter, &split.filter);
    limef_split_connect(&split, &sink.filter, LIMEF_SPLIT_FROM_NOW);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_FUSED);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    cr_assert(eq(int, pthread_create(&thread, NULL, connect_and_disconnect, &connecting), 0));
    for (int i = 0; i < 40; i++)
        move_filter(graph.inside, &sink.filter);
    ASSERT_COMES(atomic_load(&connecting.n_times) > 40 && atomic_load(&other.n_packets) > 0);
    atomic_store(&connecting.stops, 1);
    pthread_join(thread, NULL);
    cr_assert(eq(int, limef_graph_remove(&graph, &line.source.source, TOO_LONG_US), 0));
    cr_assert(eq(i64, atomic_load(&sink.n_packets), atomic_load(&line.source.n_passed)));
    cr_assert(eq(i64, atomic_load(&sink.n_out_of_order), 0));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

/* A camera, and a consumer that hangs in each frame until the camera has been looked at again. */
struct camera_line {
    struct limef_source source;
    struct limef_filter consumer;
    LIMEF_ATOMIC(struct limef_thread *) camera_thread;
    LIMEF_ATOMIC(int64_t) n_steps, n_wanted, n_passed, n_consumed, n_hung;
};

static int camera_step(struct limef_source *base, int64_t *due_us)
{
    struct camera_line *line = LIMEF_CONTAINER_OF(base, struct camera_line, source);
    struct limef_packet_frame packet = packet_frame(0, LIMEF_MEDIA_VIDEO, LIMEF_FRAME_KEY);

    atomic_store(&line->camera_thread, limef_thread_current());
    atomic_fetch_add(&line->n_steps, 1);
    if (atomic_load(&line->n_passed) < atomic_load(&line->n_wanted)) {
        limef_pass(&base->filter, &packet.frame);
        atomic_fetch_add(&line->n_passed, 1);
    }
    *due_us = limef_now_us() + 1000;
    return AVERROR(EAGAIN);
}

static int hang_in(struct limef_filter *filter, const struct limef_frame *in)
{
    struct camera_line *line = LIMEF_CONTAINER_OF(filter, struct camera_line, consumer);
    int64_t n_steps = atomic_load(&line->n_steps);

    (void)in;
    if (limef_thread_current() != atomic_load(&line->camera_thread))
        atomic_fetch_add(&line->n_hung, !WAIT_FOR(atomic_load(&line->n_steps) > n_steps + 1));
    atomic_fetch_add(&line->n_consumed, 1);
    return 0;
}

static const struct limef_filter_ops camera_ops = {
    .kind = "camera", .flags = LIMEF_FILTER_SOURCE, .go = paced_go};
static const struct limef_filter_ops hanging_ops = {.kind = "hanging", .go = hang_in};

/* The consumer is behind a lane, and is in a frame. */
static void run_camera(struct limef_graph *graph, struct camera_line *line)
{
    memset(line, 0, sizeof(*line));
    limef_filter_init(&line->source.filter, &camera_ops, "camera");
    limef_filter_init(&line->consumer, &hanging_ops, "consumer");
    line->source.step = camera_step;
    atomic_store(&line->source.is_live, 1);
    limef_connect(&line->source.filter, &line->consumer);
    graph_init(graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(graph, &line->source), 0));
    cr_assert(eq(int, limef_graph_start(graph), 0));
    ASSERT_COMES(atomic_load(&line->n_steps) > 0);
    atomic_store(&line->n_wanted, 5);
}

static void end_camera(struct limef_graph *graph, struct camera_line *line)
{
    ASSERT_COMES(atomic_load(&line->n_consumed) == 5);
    cr_assert(eq(i64, atomic_load(&line->n_hung), 0));
    cr_assert(eq(int, limef_graph_stop(graph, TOO_LONG_US), 0));
    limef_graph_clear(graph);
}

/* What is held for a change is never the camera while somebody behind it does not come back. */
Test(graph_move, a_camera_is_read_while_a_fifo_waits_for_its_hung_reader_to_change_it)
{
    static struct camera_line line;
    struct limef_graph graph = {0};

    run_camera(&graph, &line);
    ASSERT_COMES(atomic_load(&line.n_passed) > 2);
    for (unsigned depth = 6; depth < 9; depth++)
        cr_assert(eq(int, set_bounds(&graph, (struct limef_plan_link){.depth = depth}), 0));
    end_camera(&graph, &line);
}

Test(graph_move, a_camera_is_read_while_a_hung_filter_behind_it_changes_its_thread)
{
    static struct camera_line line;
    struct limef_graph graph = {0};

    run_camera(&graph, &line);
    ASSERT_COMES(atomic_load(&line.n_passed) > 2); /* some wait in the lane that goes */
    for (int i = 0; i < 2; i++)                    /* to the camera's thread, and away from it */
        move_filter(graph.inside, &line.consumer);
    end_camera(&graph, &line);
}

static int move_sink_back(struct limef_graph_inside *inside, struct line *line)
{
    struct graph_node *node;
    int ret;

    pthread_mutex_lock(&inside->lock);
    node = graph_find(inside, &line->sink.filter);
    node->wanted = graph_find(inside, &line->b.filter)->thread;
    ret = graph_move(inside, node->thread, node->wanted, TOO_LONG_US);
    pthread_mutex_unlock(&inside->lock);
    return ret;
}

/* What its filter refuses waits in it, and is not lost with it. */
Test(graph_move, a_boundary_whose_filter_refuses_stays_until_it_does_not)
{
    static struct line line;
    struct limef_graph graph = {0};
    const struct graph_edge *edge;
    unsigned depth;

    line_init(&line, 3);
    atomic_store(&line.sink.refuses, INT64_MAX);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    edge = graph_edge_at(graph.inside, graph_find(graph.inside, &line.b.filter), 0);
    depth = edge->input.lane.settings.depth;
    ASSERT_COMES(atomic_load(&line.sink.n_refused) > 2 &&
                 limef_lane_n_waiting(&edge->input.lane) > 1);
    cr_assert(eq(int, move_sink_back(graph.inside, &line), AVERROR(EAGAIN)));
    cr_assert(eq(uint, edge->input.lane.settings.depth, depth));
    atomic_store(&line.sink.refuses, 0);
    cr_assert(eq(int, move_sink_back(graph.inside, &line), 0));
    assert_whole(&line.sink, 3);
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

#define SLOW_US 60000

static int take_long(void *context, const struct limef_frame *frame)
{
    (void)context;
    (void)frame;
    clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = SLOW_US * 1000}, NULL);
    return 0;
}

/* A source that never waits, and a fifo of twelve frames, each of which its reader takes long for:
 * to read them to the end takes more than twice the time that the change has. */
Test(graph_move, a_full_boundary_goes_whose_reader_takes_longer_for_it_than_a_change_may)
{
    static struct line line;
    struct limef_graph graph = {0};
    struct graph_edge *edge;
    struct graph_node *node;

    line_init(&line, INT64_MAX);
    limef_tap_filter_init(&line.a, "slow", take_long, NULL);
    limef_connect(&line.a.filter, &line.b.filter);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_PER_FILTER);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    edge = graph.inside->edges;
    cr_assert(eq(int, set_bounds(&graph, (struct limef_plan_link){.depth = 12}), 0));
    ASSERT_COMES(limef_lane_n_waiting(&edge->input.lane) == 12);
    pthread_mutex_lock(&graph.inside->lock);
    node = graph_find(graph.inside, &line.a.filter);
    node->wanted = edge->from->thread;
    cr_assert(eq(int, graph_move(graph.inside, node->thread, node->wanted, 5 * SLOW_US), 0));
    pthread_mutex_unlock(&graph.inside->lock);
    ASSERT_COMES(atomic_load(&line.sink.n_packets) > 14);
    cr_assert(eq(i64, atomic_load(&line.sink.n_out_of_order), 0));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}

/* It is given up in time though somebody hangs, and whoever hangs was given nothing by it. */
Test(graph_move, a_change_is_given_up_while_its_reader_hangs)
{
    static struct line line;
    struct limef_graph graph = {0};
    struct limef_graph_inside *inside;
    struct graph_node *node;

    begin_line(&graph, &line);
    inside = graph.inside;
    atomic_store(&line.sink.stuck, 1);
    ASSERT_COMES(atomic_load(&line.sink.in_go));
    pthread_mutex_lock(&inside->lock);
    node = graph_find(inside, &line.sink.filter);
    node->wanted = graph_find(inside, &line.b.filter)->thread;
    cr_assert(eq(int, graph_move(inside, node->thread, node->wanted, 20000), AVERROR(ETIMEDOUT)));
    pthread_mutex_unlock(&inside->lock);
    atomic_store(&line.sink.stuck, 0);
    end_line(&graph, &line);
}

/* A plan of an earlier run asks for more than this graph's memory has. */
Test(graph_move, boundaries_are_shallower_where_memory_is_short)
{
    static struct line line;
    struct limef_graph graph = {0};
    struct limef_plan_link link = {.is_cut = true, .depth = 1000};
    struct graph_edge *edge;
    unsigned n_frames;

    line_init(&line, INT64_MAX);
    graph_init(&graph, sizeof(memory), LIMEF_PLAN_FUSED);
    cr_assert(eq(int, limef_graph_add(&graph, &line.source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    fill_memory(graph.inside, 100000);
    pthread_mutex_lock(&graph.inside->lock);
    edge = graph.inside->edges;
    cr_assert(eq(int, graph_prepare_boundary(graph.inside, edge, &link), 0));
    n_frames = edge->input.lane.n_frames;
    cr_assert(ge(uint, n_frames, 16));
    cr_assert(lt(uint, n_frames, 1024));
    cr_assert(eq(uint, edge->input.lane.settings.depth, n_frames - 2));
    graph_clear_boundary(graph.inside, edge);
    pthread_mutex_unlock(&graph.inside->lock);
    end_line(&graph, &line);
}
