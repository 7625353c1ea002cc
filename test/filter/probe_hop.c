/* SPDX-License-Identifier: MIT */
/* Which frames are measured, and which way those go that are not. */
#include "filter/probe_private.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static int pass_go(struct limef_filter *filter, const struct limef_frame *in)
{
    return limef_pass(filter, in);
}

/* What the frame before came by. */
static int (*came_by)(struct limef_filter *filter, const struct limef_frame *in);

static int64_t clock_ns = 1, work_ns;

static int note_way(struct limef_filter *filter, const struct limef_frame *in)
{
    (void)in;
    clock_ns += work_ns;
    came_by = filter->go;
    return 0;
}

static const struct limef_filter_ops first_ops = {.kind = "first", .go = pass_go};
static const struct limef_filter_ops behind_ops = {.kind = "behind", .go = note_way};

static struct limef_filter behind = LIMEF_FILTER(&behind_ops, "behind", NULL);
static struct limef_filter first = LIMEF_FILTER(&first_ops, "first", &behind);
static struct limef_probe probe;

static struct limef_packet_frame packet = {
    .frame = {.frame_class = LIMEF_FRAME_PACKET, .media = LIMEF_MEDIA_VIDEO}};

static int64_t fake_now_ns(void)
{
    return clock_ns;
}

/* A second lies between two frames: each is worth to be measured. */
static void run_often(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        clock_ns += 1000000000;
        cr_assert(eq(int, limef_probe_run(&first, &packet.frame), 0));
    }
}

static void begin(void)
{
    probe_set_clock(fake_now_ns, 0);
    limef_probe_attach(&probe, &first);
}

TestSuite(probe_hop, .init = begin, .timeout = 60);

Test(probe_hop, what_is_not_measured_goes_straight_to_the_filter)
{
    cr_assert(behind.go == limef_filter_first_go);
    run_often(1);
    cr_assert(came_by == limef_probe_go);
    cr_assert(behind.go == note_way);
    first.measure_at += 1; /* the next one is not */
    run_often(1);
    cr_assert(came_by == note_way);
    cr_assert(eq(u64, LIMEF_COUNTED(probe.n_sampled), 1));
    cr_assert(eq(int, limef_go(&first, &packet.frame), 0));
    cr_assert(came_by == note_way);
}

/* Signals, and what comes otherwise than through limef_probe_run(), are counted past the frame that
 * was to be measured: it is the next one then. */
Test(probe_hop, the_next_frame_is_measured_where_the_one_that_was_drawn_is_none)
{
    struct limef_signal_frame end = {.frame = {.frame_class = LIMEF_FRAME_SIGNAL}};

    run_often(1);
    for (int i = 0; i < 3; i++) {
        limef_go(&first, &packet.frame);
        limef_probe_run(&first, &end.frame);
    }
    cr_assert(eq(u64, LIMEF_COUNTED(probe.n_sampled), 1));
    run_often(1);
    cr_assert(eq(u64, LIMEF_COUNTED(probe.n_sampled), 2));
    cr_assert(eq(u64, LIMEF_COUNTED(first.n_frames), 8));
}

Test(probe_hop, goes_on_when_the_count_of_frames_passes_32_bits)
{
    LIMEF_SET(first.n_frames, UINT32_MAX - 2);
    limef_probe_attach(&probe, &first);
    run_often(10);
    cr_assert(eq(u64, LIMEF_COUNTED(probe.n_sampled), 10));
}

Test(probe_hop, a_probe_that_comes_late_measures_the_next_frame)
{
    limef_probe_detach(&first);
    run_often(10);
    cr_assert(eq(u64, LIMEF_COUNTED(probe.n_sampled), 0));
    limef_probe_attach(&probe, &first);
    run_often(1);
    cr_assert(eq(u64, LIMEF_COUNTED(probe.n_sampled), 1));
}

Test(probe_hop, frames_that_come_in_a_burst_do_not_put_off_those_behind_it)
{
    probe_set_clock(fake_now_ns, 100);
    work_ns = 2000; /* by cost about one in 40 */
    for (int i = 0; i < 3; i++)
        limef_probe_run(&first, &packet.frame);
    for (int i = 0; i < 300; i++) { /* 100 a second */
        clock_ns += 10000000;
        limef_probe_run(&first, &packet.frame);
    }
    cr_assert(ge(u64, LIMEF_COUNTED(probe.n_sampled), 20));
}

static int step(struct limef_source *source, int64_t *due_us)
{
    (void)due_us;
    return limef_pass(&source->filter, &packet.frame);
}

Test(probe_hop, the_steps_of_a_source_are_counted_and_measured_likewise)
{
    static const struct limef_filter_ops ops = {
        .kind = "source", .flags = LIMEF_FILTER_SOURCE, .go = pass_go};
    struct limef_source source = {.step = step};
    int64_t due_us;

    limef_filter_init(&source.filter, &ops, NULL);
    limef_connect(&source.filter, &behind);
    for (int i = 0; i < 9; i++) /* frames that it is given are no steps */
        limef_go(&source.filter, &packet.frame);
    for (int i = 0; i < 3; i++)
        cr_assert(eq(int, limef_probe_step(&source, &due_us), 0));
    cr_assert(came_by == note_way);
    limef_probe_attach(&probe, &source.filter);
    clock_ns += 1000000000;
    cr_assert(eq(int, limef_probe_step(&source, &due_us), 0));
    cr_assert(came_by == limef_probe_go);
    cr_assert(eq(u64, LIMEF_COUNTED(probe.n_sampled), 1));
    cr_assert(eq(u64, LIMEF_COUNTED(source.n_steps), 4));
}
