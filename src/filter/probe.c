/* SPDX-License-Identifier: MIT */
#include "filter/probe_private.h"

#include "base/hot.h"
#include "fifo/ring.h"

#include <limef/frame/any.h>
#include <limef/thread/producer.h>

#include <libavutil/common.h>
#include <libavutil/error.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

/* Measuring may cost one part in so many of what is measured. */
#define WORK_PER_COST 2000
/* Or this often a second, whatever the share is: of 64 chains at 25 frames a second, 0.1 % of a
 * core. */
#define SAMPLES_HZ 16
#define EVERY_MAX 65536
#define NS_PER_S 1000000000LL
/* Timestamps that differ by more have jumped. */
#define JUMP_US 10000000
#define N_CALIBRATIONS 64
/* Frames until a filter without a probe is looked at again. */
#define NEVER 0x40000000u

/* A filter's call within the call that is measured. */
struct activation {
    struct activation *caller;
    struct limef_probe *probe;
    int64_t own_ns, wait_ns;
    uint32_t n_out;
    uint32_t out_seen; /* enum limef_probe_seen of what it passed on last */
};

/* What the calling thread measures. */
struct tree {
    struct activation *top; /* NULL: nothing */
    struct probe_counted *counted;
    int64_t stamped_ns; /* the last look at the clock */
    int64_t waited_ns;
    uint64_t number; /* of the outermost call */
    uint32_t n_calls;
};

static _Thread_local struct tree tree __attribute__((tls_model("initial-exec")));

static int64_t real_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int64_t (*now_ns)(void) = real_now_ns;
static int64_t stamp_cost_ns; /* of it, what lies between two looks at the clock */
static int64_t own_cost_ns;   /* of a measured call, what else its own time holds */
static int64_t call_cost_ns;  /* of a measured call, all of it */
static int64_t tree_cost_ns;  /* of the outermost one, beside that */

/* The time since the last look at the clock, without the look. */
static int64_t lap_ns(void)
{
    int64_t at_ns = now_ns();
    int64_t lap = at_ns - tree.stamped_ns - stamp_cost_ns;

    tree.stamped_ns = at_ns;
    return lap > 0 ? lap : 0;
}

static void note_burst(struct limef_probe *probe)
{
    unsigned bucket;

    if (probe->tree == tree.number) {
        probe->n_in_tree++;
        return;
    }
    if (probe->n_in_tree) {
        bucket = probe->n_in_tree == 1 ? 0 : 32 - (unsigned)__builtin_clz(probe->n_in_tree - 1);
        if (bucket >= LIMEF_PROBE_N_BURSTS)
            bucket = LIMEF_PROBE_N_BURSTS - 1;
        LIMEF_COUNT(probe->bursts[bucket], 1);
    }
    probe->tree = tree.number;
    probe->n_in_tree = 1;
}

/* How much later than the timestamps ask for, since the last measured frame of the stream. */
static void note_lateness(struct limef_probe *probe, const struct limef_frame *frame)
{
    const struct limef_packet_frame *packet = limef_packet_frame_from(frame);
    int64_t time_us = packet && packet->dts_us != LIMEF_NO_TIME ? packet->dts_us : frame->pts_us;
    uint64_t stream = (uint64_t)frame->slot << 32 | (uint64_t)frame->track << 16 | frame->media;
    int64_t step_us;

    if (time_us == LIMEF_NO_TIME)
        return;
    if (probe->arrived_ns &&
        stream != probe->stream) /* of several, video is watched, or the first */
        if (frame->media != LIMEF_MEDIA_VIDEO || (probe->stream & 0xffff) == LIMEF_MEDIA_VIDEO)
            return;
    if (probe->arrived_ns && stream == probe->stream &&
        !(frame->flags & LIMEF_FRAME_DISCONTINUITY) &&
        !__builtin_sub_overflow(time_us, probe->arrived_us, &step_us) && step_us < JUMP_US &&
        step_us > -JUMP_US)
        limef_histogram_add(&probe->late, (tree.stamped_ns - probe->arrived_ns) / 1000 - step_us);
    probe->stream = stream;
    probe->arrived_us = time_us;
    probe->arrived_ns = tree.stamped_ns;
}

static uint32_t seen_in(const struct limef_frame *frame)
{
    uint32_t seen = LIMEF_PROBE_MEDIA;

    if (frame->flags & LIMEF_FRAME_LIVE)
        seen |= LIMEF_PROBE_LIVE;
    if (frame->frame_class == LIMEF_FRAME_PACKET)
        seen |= LIMEF_PROBE_ENCODED;
    return seen;
}

static void note_age(struct limef_probe *probe, const struct limef_frame *frame)
{
    int64_t age_us = tree.stamped_ns / 1000 - frame->entered_us;

    if (!(frame->flags & LIMEF_FRAME_LIVE) || !frame->entered_us || age_us < 0)
        return;
    LIMEF_COUNT(probe->n_aged, 1);
    LIMEF_COUNT(probe->age_us, (uint64_t)age_us);
}

static void note_arrival(struct limef_probe *probe, const struct limef_frame *frame)
{
    atomic_store_explicit(&probe->seen, seen_in(frame), memory_order_relaxed);
    LIMEF_COUNT(probe->bytes, frame_payload_bytes(frame));
    note_burst(probe);
    note_lateness(probe, frame);
    note_age(probe, frame);
}

static void count_call(const struct activation *call)
{
    struct limef_probe *probe = call->probe;
    int64_t own_ns = call->own_ns > own_cost_ns ? call->own_ns - own_cost_ns : 0;

    LIMEF_COUNT(probe->n_out, call->n_out);
    if (call->wait_ns)
        LIMEF_COUNT(probe->wait_ns, (uint64_t)call->wait_ns);
    probe_note_counted(tree.counted, probe, own_ns);
}

static void mark_behind(struct limef_filter *filter, bool on);

/* Counted, as a filter may be behind several that are being measured. What is behind the filter
 * that a glued one works on gets its frames from the glued one. */
static void mark(struct limef_filter *filter, bool on, bool is_glued)
{
    if (!filter)
        return;
    if (on)
        filter->measuring++;
    else if (filter->measuring)
        filter->measuring--;
    filter->go = filter->measuring ? limef_probe_go : filter->ops->go;
    if (is_glued)
        mark_behind(filter, on);
}

/* Has the calls of a filter to those behind it measured too, while it is. */
static void mark_behind(struct limef_filter *filter, bool on)
{
    const struct limef_filter_ops *ops = filter->ops;
    bool is_glued = ops->flags & LIMEF_FILTER_GLUED;

    if (ops->flags & LIMEF_FILTER_BOUNDARY)
        return; /* they run on another thread */
    if (!ops->n_outputs)
        mark(filter->next, on, is_glued);
    for (unsigned i = 0; i < ops->n_outputs; i++)
        mark(ops->output(filter, i), on, is_glued);
}

/* A filter within what is measured. */
static int measured_go(struct limef_filter *filter, struct limef_probe *probe,
                       const struct limef_frame *frame)
{
    struct activation call = {.caller = tree.top, .probe = probe};
    bool counts = is_media(frame);
    int ret;

    call.caller->own_ns += lap_ns();
    tree.top = &call;
    tree.n_calls++;
    if (counts) {
        note_arrival(probe, frame);
        call.caller->n_out++;
        call.caller->out_seen = seen_in(frame);
    }
    mark_behind(filter, true);
    ret = filter->ops->go(filter, frame);
    mark_behind(filter, false);
    call.own_ns += lap_ns();
    tree.top = call.caller;
    if (ret == AVERROR(EAGAIN))
        LIMEF_COUNT(probe->n_refused, 1);
    else if (counts)
        count_call(&call);
    return ret;
}

int limef_probe_go(struct limef_filter *filter, const struct limef_frame *frame)
{
    struct limef_probe *probe = LIMEF_COUNTED(filter->probe);
    int ret;

    if (!tree.top) { /* whoever marked it passed frames elsewhere before it came back */
        filter->measuring = 0;
        filter->go = filter->ops->go;
        return filter->go(filter, frame);
    }
    if (probe)
        return measured_go(filter, probe, frame);
    mark_behind(filter, true);
    ret = filter->ops->go(filter, frame);
    mark_behind(filter, false);
    return ret;
}

/* One in how many to measure, by what it costs and how often frames come. */
static uint32_t choose_every(const struct limef_probe *probe, int64_t gap_ns)
{
    int64_t mean_ns = probe->mean_ns > 0 ? probe->mean_ns : 1;
    int64_t by_cost = (tree.n_calls * call_cost_ns + tree_cost_ns) * WORK_PER_COST / mean_ns;
    uint32_t set_hz = atomic_load_explicit(&probe->least_hz, memory_order_relaxed);
    int64_t least_hz = set_hz ? set_hz : SAMPLES_HZ;
    int64_t by_rate = NS_PER_S / least_hz * probe->drawn / (gap_ns > 0 ? gap_ns : 1) + 1;
    int64_t every = by_cost < by_rate ? by_cost : by_rate;

    return every < 1 ? 1 : every > EVERY_MAX ? EVERY_MAX : (uint32_t)every;
}

static void begin_tree(struct activation *call, struct limef_filter *filter,
                       struct limef_probe *probe, struct probe_counted *counted)
{
    *call = (struct activation){.probe = probe};
    mark_behind(filter, true);
    tree.counted = counted;
    probe_begin_counted(counted);
    tree.number++;
    tree.n_calls = 1;
    tree.waited_ns = 0;
    tree.top = call;
    tree.stamped_ns = now_ns();
}

static void end_tree(struct limef_filter *filter)
{
    tree.top = NULL;
    mark_behind(filter, false);
}

/* Decides when to measure again. */
static void draw(struct limef_probe *probe, int64_t began_ns)
{
    int64_t whole_ns = tree.stamped_ns - began_ns - tree.waited_ns;
    int64_t work_ns = whole_ns - tree.n_calls * call_cost_ns;

    work_ns = work_ns > whole_ns / 4 ? work_ns : whole_ns / 4;
    probe->mean_ns = probe->mean_ns ? (3 * probe->mean_ns + work_ns) / 4 : work_ns;
    probe->every = probe->drawn ? choose_every(probe, began_ns - probe->sampled_ns) : 1;
    probe->sampled_ns = began_ns;
    /* a linear congruence (Numerical Recipes): 1..2N-1, N on average */
    probe->random = probe->random * 1664525u + 1013904223u;
    probe->drawn = 1 + (uint32_t)((uint64_t)probe->random * (2 * probe->every - 1) >> 32);
}

/* The outermost call, measured. */
static APART int measured_run(struct limef_filter *filter, struct limef_probe *probe,
                              const struct limef_frame *frame)
{
    struct probe_counted counted;
    struct activation call;
    int64_t began_ns;
    int ret;

    begin_tree(&call, filter, probe, &counted);
    began_ns = tree.stamped_ns;
    note_arrival(probe, frame);
    ret = filter->ops->go(filter, frame);
    call.own_ns += lap_ns();
    end_tree(filter);
    draw(probe, began_ns);
    LIMEF_SET(filter->measure_at, (uint32_t)LIMEF_COUNTED(filter->n_frames) - 1 + probe->drawn);
    if (ret == AVERROR(EAGAIN))
        LIMEF_COUNT(probe->n_refused, 1);
    else
        count_call(&call);
    probe_end_counted(&counted, tree.stamped_ns - began_ns - tree.waited_ns);
    return ret;
}

/* What is counted is frames of any kind; signals, which are not measured, are few. */
static int choose_run(struct limef_filter *filter, const struct limef_frame *frame)
{
    struct limef_probe *probe = LIMEF_COUNTED(filter->probe);

    if (!probe)
        LIMEF_SET(filter->measure_at, (uint32_t)LIMEF_COUNTED(filter->n_frames) + NEVER);
    if (!probe || !is_media(frame))
        return filter->go(filter, frame);
    return tree.top ? measured_go(filter, probe, frame) : measured_run(filter, probe, frame);
}

int limef_probe_sample(struct limef_filter *filter, const struct limef_frame *frame)
{
    int ret;

    LIMEF_COUNT(filter->n_frames, 1);
    limef_filter_mark(filter, 1);
    ret = choose_run(filter, frame);
    limef_filter_mark(filter, 0);
    return ret;
}

static bool has_waited(int ret)
{
    return ret == AVERROR(EAGAIN) || ret == AVERROR_EOF;
}

static void count_step(struct limef_source *source, int ret)
{
    if (__builtin_expect(ret < 0, 0) && has_waited(ret))
        LIMEF_COUNT(source->n_waited, 1);
    else
        LIMEF_COUNT(source->n_steps, 1);
}

static int measured_step(struct limef_source *source, struct limef_probe *probe, int64_t *due_us)
{
    struct probe_counted counted;
    struct activation call;
    int64_t began_ns;
    int ret;

    begin_tree(&call, &source->filter, probe, &counted);
    began_ns = tree.stamped_ns;
    ret = source->step(source, due_us);
    call.own_ns += lap_ns();
    end_tree(&source->filter);
    if (!has_waited(ret)) {
        draw(probe, began_ns);
        count_call(&call);
    }
    probe_end_counted(&counted, tree.stamped_ns - began_ns - tree.waited_ns);
    if (has_waited(ret))
        return ret; /* the next one is measured */
    if (call.n_out)
        atomic_store_explicit(&probe->seen, call.out_seen, memory_order_relaxed);
    LIMEF_SET(source->filter.measure_at, (uint32_t)LIMEF_COUNTED(source->n_steps) + probe->drawn);
    return ret;
}

static APART int choose_step(struct limef_source *source, int64_t *due_us)
{
    struct limef_probe *probe = LIMEF_COUNTED(source->filter.probe);

    if (!probe)
        LIMEF_SET(source->filter.measure_at, (uint32_t)LIMEF_COUNTED(source->n_steps) + NEVER);
    return probe && !tree.top ? measured_step(source, probe, due_us) : source->step(source, due_us);
}

int limef_probe_step(struct limef_source *source, int64_t *due_us)
{
    uint32_t passed =
        (uint32_t)LIMEF_COUNTED(source->n_steps) - LIMEF_COUNTED(source->filter.measure_at);
    int ret;

    limef_filter_mark(&source->filter, 1);
    if (__builtin_expect((int32_t)passed < 0, 1)) /* modulo 2^32 */
        ret = source->step(source, due_us);
    else
        ret = choose_step(source, due_us);
    count_step(source, ret);
    limef_filter_mark(&source->filter, 0);
    return ret;
}

void probe_wait_begins(void)
{
    if (tree.top)
        tree.top->own_ns += lap_ns();
}

void probe_wait_ends(void)
{
    int64_t waited_ns;

    if (!tree.top)
        return;
    waited_ns = lap_ns();
    tree.top->wait_ns += waited_ns;
    tree.waited_ns += waited_ns;
}

static int nothing_go(struct limef_filter *filter, const struct limef_frame *in)
{
    (void)filter;
    (void)in;
    return 0;
}

/* The least that was seen: what disturbs only adds. */
static void calibrate(void)
{
    static const struct limef_filter_ops nothing_ops = {.kind = "nothing", .go = nothing_go};
    struct limef_filter next = LIMEF_FILTER(&nothing_ops, "next", NULL);
    struct limef_filter nothing = LIMEF_FILTER(&nothing_ops, "nothing", &next);
    struct limef_probe caller = {0}, probe = {0};
    struct limef_decoded_frame frame = {.frame = {.frame_class = LIMEF_FRAME_DECODED}};
    struct probe_counted counted;
    struct activation call = {.probe = &caller};
    struct tree kept = tree;
    int64_t stamp_ns = NS_PER_S, own_ns = NS_PER_S, call_ns = NS_PER_S, tree_ns = NS_PER_S;

    stamp_cost_ns = own_cost_ns = 0;
    tree.top = &call;
    tree.counted = &counted;
    for (int i = 0; i < N_CALIBRATIONS; i++) {
        int64_t began_ns = now_ns(), lap = now_ns() - began_ns;

        began_ns = now_ns();
        probe_begin_counted(&counted);
        tree_ns = FFMIN(tree_ns, now_ns() - began_ns);

        stamp_ns = lap < stamp_ns ? lap : stamp_ns;
        began_ns = now_ns();
        measured_go(&nothing, &probe, &frame.frame);
        probe_end_counted(&counted, 0);
        lap = now_ns() - began_ns;
        call_ns = lap < call_ns ? lap : call_ns;
        own_ns = FFMIN(own_ns, counted.calls[0].own_ns);
    }
    tree = kept;
    stamp_cost_ns = stamp_ns;
    own_cost_ns = own_ns - stamp_ns;
    /* code that seldom runs is not in the caches: twice what it costs in a loop */
    call_cost_ns = 2 * (call_ns - stamp_ns);
    tree_cost_ns = tree_ns - stamp_ns;
}

static pthread_once_t calibrated = PTHREAD_ONCE_INIT;

static struct probe_usage no_usage(void)
{
    return (struct probe_usage){.n_preempted = 0};
}

void probe_set_clock(int64_t (*clock_ns)(void), int64_t call_ns)
{
    pthread_once(&calibrated, calibrate);
    now_ns = clock_ns ? clock_ns : real_now_ns;
    probe_set_usage(clock_ns ? no_usage : NULL);
    calibrate();
    if (clock_ns)
        call_cost_ns = call_ns;
}

void limef_probe_attach(struct limef_probe *probe, struct limef_filter *filter)
{
    pthread_once(&calibrated, calibrate);
    limef_probe_reset(probe);
    limef_probe_ask(filter);
    atomic_store_explicit(&filter->probe, probe, memory_order_relaxed);
}
