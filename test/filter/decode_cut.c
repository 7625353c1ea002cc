/* SPDX-License-Identifier: MIT */
/*
 * Holes before groups of pictures that refer past their key frames: what a lane, a latency filter,
 * a switch and others leave out. What comes out of the decoder then is what comes of the whole
 * stream, picture by picture.
 */
#include "decode_cut.h"
#include "support/chain.h"

#include <limef/fifo/fifo.h>
#include <limef/filter/gate.h>
#include <limef/filter/gop_cache.h>
#include <limef/filter/latency.h>
#include <limef/filter/split.h>
#include <limef/filter/switch.h>

#define LATE_US 100000000

static const unsigned all_threads[] = {1, 3};

TestSuite(decode_cut, .init = set_up, .fini = tear_down, .timeout = 120);

typedef unsigned cutter_fn(unsigned hole_at, unsigned n_threads);

static void cut_each_way(cutter_fn *cut, bool leaves_leading)
{
    unsigned n_leading = 0, step = device ? 5 : 4;

    learn();
    for (unsigned hole_at = GOP + 5; hole_at < 2 * GOP + 5; hole_at += step)
        for (unsigned i = 0; i < (device ? 1 : 2); i++)
            n_leading += cut(hole_at, all_threads[i]);
    cr_assert(eq(int, n_leading > 0, leaves_leading));
    free_clip();
}

static void cut_h264(cutter_fn *cut, bool leaves_leading)
{
    if (encode("libx264", "x264-params",
               "open-gop=1:keyint=12:min-keyint=12:scenecut=0:bframes=3:b-adapt=0:b-pyramid=normal:"
               "ref=3"))
        cut_each_way(cut, leaves_leading);
}

static void cut_h265(cutter_fn *cut)
{
    if (encode("libx265", "x265-params",
               "log-level=none:pools=none:frame-threads=1:open-gop=1:keyint=12:min-keyint=12:"
               "scenecut=0:bframes=3:b-adapt=0"))
        cut_each_way(cut, true);
}

/* A consumer that reads nothing for a while. */
static unsigned cut_by_lane(unsigned hole_at, unsigned n_threads)
{
    static struct limef_stack_frame frames[16];
    struct limef_lane lane = {.frames = NULL};
    struct limef_fifo fifo = {.name = NULL};
    struct limef_stack_frame *frame;
    struct limef_decode_counters counters;

    memset(frames, 0, sizeof(frames));
    begin(n_threads);
    limef_fifo_init(&fifo, "fifo");
    cr_assert(eq(int,
                 limef_lane_init(&lane, frames, 16,
                                 &(struct limef_lane_settings){
                                     .overflow = LIMEF_OVERFLOW_DROP_TO_KEY, .depth = 4}),
                 0));
    limef_fifo_add_lane(&fifo, &lane);
    for (unsigned i = 0; i < clip.n; i++) {
        cr_assert(eq(int, limef_lane_write(&lane, &clip.frames[i].frame), 0));
        while ((i < hole_at || i > hole_at + 5) && limef_fifo_read(&fifo, &frame, 0) == 0) {
            limef_go(&before.filter, &frame->any.frame);
            limef_fifo_recycle(&fifo, frame);
        }
    }
    counters = end();
    cr_assert(lt(uint, seen.n_packets, clip.n));
    limef_fifo_clear(&fifo);
    limef_lane_clear(&lane);
    return check(&counters);
}

Test(decode_cut, behind_a_lane_that_dropped_to_a_key_frame)
{
    cut_h264(cut_by_lane, true);
    cut_h265(cut_by_lane);
}

static unsigned cut_by_latency(unsigned hole_at, unsigned n_threads)
{
    struct limef_latency_filter latency = {.budget_us = 0};
    struct limef_decode_counters counters;

    begin(n_threads);
    limef_latency_filter_init(&latency, NULL, LATE_US / 2);
    limef_connect(&latency.filter, &before.filter);
    for (unsigned i = 0; i < clip.n; i++) {
        if (i == hole_at)
            latency.states[0].base_us -= LATE_US; /* all that comes is so late */
        if (i == hole_at + 3)
            latency.states[0].base_us += LATE_US;
        limef_go(&latency.filter, &clip.frames[i].frame);
    }
    counters = end();
    cr_assert(lt(uint, seen.n_packets, clip.n));
    limef_filter_clear(&latency.filter);
    return check(&counters);
}

Test(decode_cut, behind_a_latency_filter)
{
    cut_h264(cut_by_latency, true);
}

/* Away to an input of the same kind at a hole, and back at another one. */
static unsigned cut_by_switch(unsigned hole_at, unsigned n_threads)
{
    struct limef_switch_filter choice = {.n_inputs = 0};
    struct limef_switch_input inputs[2] = {{.n_withheld = 0}};
    struct limef_decode_counters counters;

    begin(n_threads);
    limef_switch_filter_init(&choice, NULL, inputs, 2);
    limef_connect(&choice.filter, &before.filter);
    for (unsigned i = 0; i < clip.n; i++) {
        struct limef_signal_frame choose;
        bool is_other = i >= hole_at && i < hole_at + 2 * GOP;

        limef_signal_frame_set(&choose, LIMEF_SIGNAL_CHOOSE, 0, NULL);
        choose.value = is_other;
        if (i == hole_at || i == hole_at + 2 * GOP)
            limef_go(&choice.filter, &choose.frame);
        limef_go(&inputs[is_other].filter, &clip.frames[i].frame);
    }
    cr_assert(eq(u64, limef_switch_n_cuts(&choice), 2));
    counters = end();
    limef_filter_clear(&inputs[0].filter);
    limef_filter_clear(&inputs[1].filter);
    limef_filter_clear(&choice.filter);
    return check(&counters);
}

Test(decode_cut, behind_a_switch)
{
    cut_h264(cut_by_switch, true);
}

static unsigned cut_by_gate(unsigned hole_at, unsigned n_threads)
{
    struct limef_gate_filter gate = {.rebase = false};
    struct limef_decode_counters counters;

    begin(n_threads);
    limef_gate_filter_init(&gate, NULL, LIMEF_GATE_WAITING, false);
    limef_connect(&gate.filter, &before.filter);
    for (unsigned i = 0; i < clip.n; i++) {
        struct limef_signal_frame open;

        limef_signal_frame_set(&open, LIMEF_SIGNAL_GATE, 0, NULL);
        open.value = i != hole_at;
        if (i == hole_at || i == hole_at + 3)
            limef_go(&gate.filter, &open.frame);
        limef_go(&gate.filter, &clip.frames[i].frame);
    }
    counters = end();
    cr_assert(lt(uint, seen.n_packets, clip.n));
    limef_filter_clear(&gate.filter);
    return check(&counters);
}

Test(decode_cut, behind_a_gate_which_withholds_what_leads_itself)
{
    cut_h264(cut_by_gate, false);
}

/* A branch that leaves and comes back later. */
static unsigned cut_by_branch(unsigned hole_at, unsigned n_threads)
{
    struct limef_gop_cache_filter cache = {.open = 0};
    struct limef_split_filter split = {.cache = NULL};
    struct limef_decode_counters counters;

    begin(n_threads);
    limef_gop_cache_filter_init(&cache, NULL, NULL);
    limef_split_filter_init(&split, NULL);
    limef_connect(&cache.filter, &split.filter);
    limef_split_connect(&split, &before.filter, LIMEF_SPLIT_FROM_NOW);
    for (unsigned i = 0; i < clip.n; i++) {
        if (i == hole_at)
            limef_split_disconnect(&split, &before.filter, 0);
        if (i == hole_at + GOP)
            limef_split_connect(&split, &before.filter, LIMEF_SPLIT_BURST_FIRST);
        limef_go(&cache.filter, &clip.frames[i].frame);
    }
    counters = end();
    limef_filter_clear(&cache.filter);
    limef_filter_clear(&split.filter);
    return check(&counters);
}

Test(decode_cut, behind_a_gop_cache_when_a_branch_comes_back)
{
    cut_h264(cut_by_branch, true);
}

static unsigned next_key(unsigned n)
{
    while (n < clip.n && !(clip.frames[n].frame.flags & LIMEF_FRAME_KEY))
        n++;
    return n;
}

/* What the decoder ignored between its restart and the next key came to it, and need not come out.
 */
static void forget_seen(unsigned from, unsigned n)
{
    memmove(&seen.packets[from], &seen.packets[from + n],
            (seen.n_packets - from - n) * sizeof(seen.packets[0]));
    seen.n_packets -= n;
    seen.packets[from].flags |= LIMEF_FRAME_DISCONTINUITY;
}

static void write_some(struct limef_input_filter *input, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        cr_assert(zero(int, limef_go(&input->filter, &clip.frames[i].frame)));
}

/* A thread that is started, reads up to here, and is stopped. */
static void read_some(struct limef_consumer *consumer, struct limef_input_filter *input,
                      unsigned from, unsigned to)
{
    cr_assert(zero(int, limef_thread_start(&consumer->thread)));
    write_some(input, from, to);
    ASSERT_COMES(all_was_read(&input->lane));
    cr_assert(zero(int, limef_thread_stop(&consumer->thread, TOO_LONG_US)));
}

/* A thread that was stopped while three packets waited. */
static unsigned cut_by_restart(unsigned hole_at, unsigned n_threads)
{
    static struct limef_stack_frame frames[128];
    struct limef_consumer consumer = {.chain = NULL};
    struct limef_input_filter input = {.lane = {.frames = NULL}};
    struct limef_decode_counters counters;
    unsigned goes_on = hole_at + 3, key = next_key(goes_on);

    begin(n_threads);
    limef_consumer_init(&consumer, &before.filter, NULL);
    cr_assert(
        zero(int, limef_input_filter_init(&input, "input", &consumer.fifo, frames, 128, NULL)));
    read_some(&consumer, &input, 0, hole_at);
    limef_fifo_open(&consumer.fifo); /* as if they had come before it was stopped */
    write_some(&input, hole_at, goes_on);
    limef_fifo_close(&consumer.fifo);
    read_some(&consumer, &input, goes_on, clip.n);
    cr_assert(eq(u64, counters_of(&input.lane).n_dropped_stale, 3));
    limef_filter_clear(&input.filter);
    limef_consumer_clear(&consumer);
    counters = end();
    cr_assert(eq(u64, counters.n_ignored, key - goes_on));
    cr_assert(eq(u64, counters.n_cuts, 1));
    forget_seen(hole_at, key - goes_on);
    return check(&counters);
}

Test(decode_cut, behind_a_restart)
{
    cut_h264(cut_by_restart, true);
}

/* What a boundary kept back is a GAP where it was taken away. */
static unsigned cut_by_gap(unsigned hole_at, unsigned n_threads)
{
    struct limef_decode_counters counters;
    struct limef_signal_frame gap;

    begin(n_threads);
    limef_signal_frame_set(&gap, LIMEF_SIGNAL_GAP, UINT32_MAX, NULL);
    for (unsigned i = 0; i < clip.n; i++) {
        if (i == hole_at) {
            limef_go(&before.filter, &gap.frame);
            i = next_key(i);
            limef_go(&before.filter, &clip.frames[i].frame);
            seen.packets[seen.n_packets - 1].flags |= LIMEF_FRAME_DISCONTINUITY;
            continue;
        }
        limef_go(&before.filter, &clip.frames[i].frame);
    }
    counters = end();
    cr_assert(eq(u64, counters.n_cuts, 1));
    return check(&counters);
}

Test(decode_cut, behind_a_gap)
{
    cut_h264(cut_by_gap, true);
}

static unsigned cut_out(unsigned hole_at, unsigned n_threads)
{
    struct limef_decode_counters counters;
    unsigned key = next_key(hole_at);

    begin(n_threads);
    for (unsigned i = 0; i < clip.n; i++) {
        struct limef_packet_frame packet = clip.frames[i];

        if (i == key)
            packet.frame.flags |= LIMEF_FRAME_DISCONTINUITY;
        if (i < hole_at || i >= key)
            limef_go(&before.filter, &packet.frame);
    }
    counters = end();
    cr_assert(eq(u64, counters.n_cuts, 1));
    return check(&counters);
}

Test(decode_cut, of_packets_with_lengths_instead_of_start_codes)
{
    if (!encode("libx264", "x264-params",
                "annexb=0:open-gop=1:keyint=12:min-keyint=12:scenecut=0:bframes=3:b-adapt=0"))
        return;
    say_lengths();
    cut_each_way(cut_out, true);
}

/* Leading as they are, they refer to their key frame alone: x265 makes such behind an IDR. */
Test(decode_cut, leading_pictures_that_are_whole_are_shown)
{
    if (encode("libx265", "x265-params",
               "log-level=none:pools=none:frame-threads=1:open-gop=0:radl=2:keyint=12:"
               "min-keyint=12:scenecut=0:bframes=3:b-adapt=0")) {
        is_closed = true;
        cut_each_way(cut_out, false);
    }
}

/* Whoever wants to see damage says nothing of it. */
Test(decode_cut, nothing_is_left_out_behind_a_hole_that_is_not_told)
{
    struct limef_decode_counters counters;

    if (!encode("libx264", "x264-params", "keyint=12:min-keyint=12:scenecut=0:bframes=0"))
        return;
    begin(1);
    for (unsigned i = 0; i < clip.n; i++)
        if (i != GOP + 5)
            limef_go(&before.filter, &clip.frames[i].frame);
    counters = end();
    cr_assert(eq(u64, counters.n_cuts, 0));
    cr_assert(eq(uint, seen.n_pictures, N_PICTURES - 1));
}

/* As a camera's clock that is set among pictures that come out of order: each picture that is sent
 * from then on has a time that nobody can put among those before it. */
static void jump(int64_t by_us)
{
    learn();
    for (unsigned at = GOP + 4; at < 2 * GOP + 4; at++) {
        struct limef_decode_counters counters;

        begin(1);
        for (unsigned i = 0; i < clip.n; i++) {
            struct limef_packet_frame packet = clip.frames[i];

            packet.frame.pts_us += i < at ? 0 : by_us;
            limef_go(&before.filter, &packet.frame);
        }
        counters = end();
        cr_assert(eq(uint, seen.n_pictures, N_PICTURES));
        for (unsigned i = 0; i < seen.n_pictures; i++) {
            cr_assert(eq(str, (char *)seen.pictures[i].md5, (char *)clip.pictures[i].md5));
            cr_assert(i == 0 || seen.pictures[i].pts_us > seen.pictures[i - 1].pts_us);
        }
        cr_assert(eq(u64, counters.n_frames, N_PICTURES));
    }
    free_clip();
}

Test(decode_cut, no_time_goes_back_where_a_clock_jumps_among_reordered_pictures)
{
    static const int64_t jumps_us[] = {-2 * FRAME_US, 2 * FRAME_US, -FRAME_US - 1};

    for (size_t i = 0; i < sizeof(jumps_us) / sizeof(jumps_us[0]); i++) {
        if (encode("libx264", "x264-params", "keyint=12:scenecut=0:bframes=3:b-adapt=0"))
            jump(jumps_us[i]);
        if (encode("libx265", "x265-params",
                   "log-level=none:pools=none:frame-threads=1:keyint=12:scenecut=0:bframes=3"))
            jump(jumps_us[i]);
    }
}
