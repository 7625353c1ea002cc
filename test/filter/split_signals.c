/* SPDX-License-Identifier: MIT */
/* What a branch hears that was stopped while something was said. */
#include <limef/filter/gop_cache.h>
#include <limef/filter/split.h>

#include "support/frames.h"
#include "support/sink.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>

#define N_SINKS 3

static struct sink sinks[N_SINKS];
static struct limef_split_filter split;

static void set_up(void)
{
    limef_split_filter_init(&split, NULL);
    for (unsigned i = 0; i < N_SINKS; i++)
        sink_init(&sinks[i]);
}

static void tear_down(void)
{
    limef_filter_clear(&split.filter);
    for (unsigned i = 0; i < N_SINKS; i++)
        limef_filter_clear(&sinks[i].filter);
}

TestSuite(split_signals, .init = set_up, .fini = tear_down, .timeout = 20);

static void go_packet(int64_t pts_us)
{
    struct limef_packet_frame packet = make_packet(pts_us, 0);

    limef_go(&split.filter, &packet.frame);
}

static void go_codec(struct limef_pool *pool)
{
    struct limef_codec_frame codec = make_codec(pool, 320, 240);

    limef_go(&split.filter, &codec.frame);
    limef_payload_unref(codec.frame.payload);
}

static void go_signal(uint32_t signal, uint32_t slot, int64_t value)
{
    struct limef_signal_frame frame = make_signal(signal, value);

    frame.frame.slot = slot;
    limef_go(&split.filter, &frame.frame);
}

/* Two that are stopped, as a branch and as `next`, beside one that is not. */
static void stop_two(void)
{
    limef_connect(&split.filter, &sinks[1].filter);
    limef_split_connect(&split, &sinks[0].filter, LIMEF_SPLIT_FROM_NOW);
    limef_split_connect(&split, &sinks[2].filter, LIMEF_SPLIT_FROM_NOW);
    sinks[0].answer = sinks[1].answer = AVERROR_EXIT;
}

static void start_two(void)
{
    for (unsigned i = 0; i < 2; i++) {
        sinks[i].answer = 0;
        sink_empty(&sinks[i]);
    }
}

/* The n-th frame that one got is that signal. */
static void expect_signal(const struct sink *sink, unsigned n, uint32_t signal, int64_t value)
{
    cr_assert(lt(uint, n, sink->n_frames));
    cr_assert(eq(int, (int)sink->frames[n].frame.frame_class, LIMEF_FRAME_SIGNAL));
    cr_assert(eq(u32, sink->frames[n].signal.signal, signal));
    cr_assert(eq(i64, sink->frames[n].signal.value, value));
}

Test(split_signals, who_was_stopped_at_the_start_hears_it_before_the_codecs)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);

    stop_two();
    go_signal(LIMEF_SIGNAL_START, 0, 7);
    go_codec(pool);
    start_two();
    go_packet(1);
    go_packet(2);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(eq(u64, sinks[i].n_frames, 4));
        expect_signal(&sinks[i], 0, LIMEF_SIGNAL_START, 7);
        cr_assert(eq(int, (int)sinks[i].frames[1].frame.frame_class, LIMEF_FRAME_CODEC));
    }
    cr_assert(eq(u64, sink_count(&sinks[2], LIMEF_FRAME_SIGNAL), 1));
    limef_pool_release(pool);
}

Test(split_signals, who_was_stopped_at_the_end_hears_it_behind_the_codecs_without_a_further_frame)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);

    stop_two();
    go_codec(pool);
    go_signal(LIMEF_SIGNAL_LOST, 0, 1);
    go_signal(LIMEF_SIGNAL_END, 0, 2);
    go_signal(LIMEF_SIGNAL_END, 1, 3);
    start_two();
    limef_split_serve(&split);
    limef_split_serve(&split);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(eq(u64, sinks[i].n_frames, 3));
        cr_assert(eq(int, (int)sinks[i].frames[0].frame.frame_class, LIMEF_FRAME_CODEC));
        expect_signal(&sinks[i], 1, LIMEF_SIGNAL_END, 2);
        expect_signal(&sinks[i], 2, LIMEF_SIGNAL_END, 3);
    }
    cr_assert(eq(u64, sink_count(&sinks[2], LIMEF_FRAME_SIGNAL), 3));
    limef_pool_release(pool);
}

Test(split_signals, who_was_stopped_hears_of_a_seek_and_not_of_an_end_before_the_stream_began_anew)
{
    stop_two();
    go_signal(LIMEF_SIGNAL_END, 0, 1);
    go_signal(LIMEF_SIGNAL_START, 0, 2);
    go_signal(LIMEF_SIGNAL_FLUSH, 0, 3);
    start_two();
    go_packet(1);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(eq(u64, sinks[i].n_frames, 3));
        expect_signal(&sinks[i], 0, LIMEF_SIGNAL_START, 2);
        expect_signal(&sinks[i], 1, LIMEF_SIGNAL_FLUSH, 3);
    }
}

Test(split_signals, who_is_still_stopped_hears_all_of_it_when_it_goes_on)
{
    stop_two();
    go_signal(LIMEF_SIGNAL_START, 0, 1);
    go_packet(1);
    go_signal(LIMEF_SIGNAL_LOST, 0, 2);
    start_two();
    go_packet(2);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(eq(u64, sinks[i].n_frames, 3));
        expect_signal(&sinks[i], 0, LIMEF_SIGNAL_START, 1);
        expect_signal(&sinks[i], 1, LIMEF_SIGNAL_LOST, 2);
    }
}

Test(split_signals, what_nobody_heard_is_the_senders_to_say_again)
{
    stop_two();
    limef_split_disconnect(&split, &sinks[2].filter, 0);
    go_signal(LIMEF_SIGNAL_START, 0, 1);
    start_two();
    go_signal(LIMEF_SIGNAL_START, 0, 1);
    for (unsigned i = 0; i < 2; i++)
        cr_assert(eq(u64, sinks[i].n_frames, 1));
}

/* Who gives a frame on from another thread does not say it again. */
Test(split_signals, what_nobody_heard_and_nobody_says_again_is_given_to_who_is_started)
{
    stop_two();
    limef_split_disconnect(&split, &sinks[2].filter, 0);
    go_signal(LIMEF_SIGNAL_START, 0, 1);
    go_signal(LIMEF_SIGNAL_END, 1, 2);
    start_two();
    limef_split_serve(&split);
    go_packet(1);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(eq(u64, sinks[i].n_frames, 3));
        expect_signal(&sinks[i], 0, LIMEF_SIGNAL_START, 1);
        expect_signal(&sinks[i], 1, LIMEF_SIGNAL_END, 2);
    }
}

Test(split_signals, who_comes_back_behind_a_boundary_goes_on_at_a_key_frame_and_who_is_new_does_not)
{
    static struct limef_filter_ops boundary_ops;

    boundary_ops = sink_ops;
    boundary_ops.flags |= LIMEF_FILTER_BOUNDARY;
    sinks[0].filter.ops = &boundary_ops;
    sinks[1].filter.ops = &boundary_ops;
    limef_connect(&split.filter, &sinks[1].filter);
    limef_split_connect(&split, &sinks[0].filter, LIMEF_SPLIT_BURST_FIRST);
    go_packet(1);
    cr_assert(eq(u64, sinks[0].n_frames, 1));
    sinks[0].answer = sinks[1].answer = AVERROR_EXIT;
    go_packet(2);
    start_two();
    go_packet(3);
    for (unsigned i = 0; i < 2; i++) {
        cr_assert(eq(u64, sinks[i].n_frames, 2));
        expect_signal(&sinks[i], 0, LIMEF_SIGNAL_GAP, 0);
        cr_assert(eq(u32, sinks[i].frames[0].frame.slot, UINT32_MAX));
        cr_assert(eq(u16, sinks[i].frames[0].frame.media, LIMEF_MEDIA_VIDEO));
    }
}

/* What a gop cache has kept is not lost by that. */
Test(split_signals, a_cached_split_is_served_by_its_cache_alone)
{
    struct limef_gop_cache_filter cache = {.bytes = 0};
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_CODEC);
    struct limef_codec_frame codec = make_codec(pool, 320, 240);

    limef_gop_cache_filter_init(&cache, "cache", NULL);
    limef_connect(&cache.filter, &split.filter);
    limef_connect(&split.filter, &sinks[1].filter);
    limef_go(&cache.filter, &codec.frame);
    limef_split_connect(&split, &sinks[0].filter, LIMEF_SPLIT_BURST_FIRST);
    cr_assert(eq(int, limef_split_serve(&split), AVERROR(EINVAL)));
    cr_assert(zero(u64, sinks[0].n_frames));
    cr_assert(zero(int, limef_gop_cache_serve(&cache)));
    cr_assert(eq(u64, sinks[0].n_frames, 1));
    limef_filter_clear(&cache.filter);
    limef_payload_unref(codec.frame.payload);
    limef_pool_release(pool);
}
