/* SPDX-License-Identifier: MIT */
#include <limef/filter/tap.h>

#include "support/frames.h"
#include "support/sink.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <limef/base/memory.h>

struct look {
    unsigned n;
    int64_t pts_us;
    int answer;
};

static struct sink sink = {.filter = LIMEF_FILTER(&sink_ops, "sink", NULL)};
static struct look seen;

static int look(void *context, const struct limef_frame *frame)
{
    struct look *at = context;

    at->n++;
    at->pts_us = frame->pts_us;
    return at->answer;
}

static struct limef_tap_filter tap = {LIMEF_FILTER(&limef_tap_ops, "tap", &sink.filter), look,
                                      &seen};

Test(tap, shows_a_frame_and_passes_it_on)
{
    struct limef_packet_frame packet = make_packet(40000, 0);

    cr_assert(eq(int, limef_go(&tap.filter, &packet.frame), 0));
    cr_assert(eq(i64, seen.pts_us, 40000));
    cr_assert(eq(ptr, (void *)sink.frames[0].packet.data, (void *)packet.data));
}

Test(tap, returns_what_is_behind_it)
{
    struct limef_packet_frame packet = make_packet(0, 0);

    sink.answer = AVERROR_EXIT;
    cr_assert(eq(int, limef_go(&tap.filter, &packet.frame), AVERROR_EXIT));
}

Test(tap, a_callback_that_fails_keeps_media_but_no_signal)
{
    struct limef_packet_frame packet = make_packet(0, 0);
    struct limef_signal_frame end = make_signal(LIMEF_SIGNAL_END, 0);

    seen.answer = AVERROR(EIO);
    cr_assert(eq(int, limef_go(&tap.filter, &packet.frame), AVERROR(EIO)));
    cr_assert(eq(u64, sink.n_frames, 0));
    cr_assert(eq(int, limef_go(&tap.filter, &end.frame), AVERROR(EIO)));
    cr_assert(eq(u64, sink.n_frames, 1));
}

Test(tap, init_connects_nothing_and_clear_leaves_all_zero)
{
    struct limef_tap_filter made = {0}, empty = {0};

    limef_tap_filter_init(&made, NULL, look, &seen);
    cr_assert(eq(str, (char *)made.filter.name, "tap"));
    limef_filter_clear(&made.filter);
    cr_assert(eq(ptr, made.context, NULL));
    limef_filter_clear(&empty.filter);
}

Test(tap, allocates_nothing_per_frame)
{
    struct limef_packet_frame packet = make_packet(0, 0);
    uint64_t before = limef_memory_n_allocations();

    sink.counts_only = true;
    for (int i = 0; i < 1000; i++)
        limef_go(&tap.filter, &packet.frame);
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
    cr_assert(eq(u64, seen.n, 1000));
}
