/* SPDX-License-Identifier: MIT */
/*
 * The judge at work. The filters wait instead of working, and the threads' clocks are refused, so
 * that waiting is what is measured: how fast the machine is, and what else it does, does not
 * matter.
 */
#include "graph.h"

#include "thread/graph_private.h"

#include <errno.h>
#include <time.h>

#define WINDOW_US 1000000
#define PERIOD_US 20000
#define N_WINDOWS 5

/* In place of the C library's: then costs are wall time. */
int pthread_getcpuclockid(pthread_t thread, clockid_t *clock)
{
    (void)thread;
    (void)clock;
    return ENOENT;
}

/* A camera: what is due while its thread is away is lost. */
struct live_source {
    struct limef_source source;
    int64_t began_us, number;
};

static int live_step(struct limef_source *base, int64_t *due_us)
{
    struct live_source *source = LIMEF_CONTAINER_OF(base, struct live_source, source);
    int64_t now_us = limef_now_us(), due_number;
    struct limef_packet_frame packet;

    if (!source->began_us)
        source->began_us = now_us;
    due_number = (now_us - source->began_us) / PERIOD_US;
    if (due_number < source->number) {
        *due_us = source->began_us + source->number * PERIOD_US;
        return AVERROR(EAGAIN);
    }
    packet = packet_frame(due_number, LIMEF_MEDIA_VIDEO, LIMEF_FRAME_KEY | LIMEF_FRAME_LIVE);
    packet.frame.pts_us = due_number * PERIOD_US;
    packet.frame.entered_us = now_us;
    source->number = due_number + 1;
    limef_pass(&base->filter, &packet.frame);
    return 0;
}

static int live_go(struct limef_filter *filter, const struct limef_frame *in)
{
    (void)filter;
    (void)in;
    return 0;
}

static const struct limef_filter_ops live_ops = {
    .kind = "live", .flags = LIMEF_FILTER_SOURCE, .go = live_go};

/* For so long, in microseconds: the context. */
static int wait_us(void *context, const struct limef_frame *frame)
{
    const int64_t *us = context;

    (void)frame;
    clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = *us * 1000}, NULL);
    return 0;
}

static struct limef_replan_counters judge_counters(struct limef_graph *graph)
{
    struct limef_replan_counters counters;

    pthread_mutex_lock(&graph->inside->lock);
    counters = graph->inside->replan.counters;
    pthread_mutex_unlock(&graph->inside->lock);
    return counters;
}

static bool is_cut_behind(struct limef_graph *graph, struct limef_filter *filter)
{
    bool is_cut;

    pthread_mutex_lock(&graph->inside->lock);
    is_cut = graph_is_cut(graph_edge_at(graph->inside, graph_find(graph->inside, filter), 0));
    pthread_mutex_unlock(&graph->inside->lock);
    return is_cut;
}

/* 38 ms for each of 50 frames a second: on one thread 26 of them are seen, and none is dropped.
 * With a cut 33 are, and what the slower side leaves is dropped there. */
Test(graph_judge, a_cut_that_brings_more_frames_to_the_end_stays_though_it_drops_some,
     .timeout = 60)
{
    static struct live_source source;
    static struct limef_tap_filter light, heavy;
    static int64_t light_us = 8000, heavy_us = 30000;
    struct limef_graph graph = {0};
    struct limef_graph_settings settings = {.window_us = WINDOW_US, .n_cpus = 2};
    uint64_t n_windows;

    limef_filter_init(&source.source.filter, &live_ops, "live");
    source.source.step = live_step;
    limef_tap_filter_init(&light, "light", wait_us, &light_us);
    limef_tap_filter_init(&heavy, "heavy", wait_us, &heavy_us);
    limef_connect(&source.source.filter, &light.filter);
    limef_connect(&light.filter, &heavy.filter);
    cr_assert(eq(int, limef_graph_init(&graph, memory, sizeof(memory), &settings), 0));
    cr_assert(eq(int, limef_graph_add(&graph, &source.source), 0));
    cr_assert(eq(int, limef_graph_start(&graph), 0));
    ASSERT_COMES(is_cut_behind(&graph, &light.filter));
    n_windows = judge_counters(&graph).n_windows;
    ASSERT_COMES(judge_counters(&graph).n_windows >= n_windows + N_WINDOWS);
    cr_assert(is_cut_behind(&graph, &light.filter));
    cr_assert(zero(u64, judge_counters(&graph).n_reverts));
    cr_assert(eq(int, limef_graph_stop(&graph, TOO_LONG_US), 0));
    limef_graph_clear(&graph);
}
