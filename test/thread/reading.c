/* SPDX-License-Identifier: MIT */
/* What a thread that was stopped finds in its fifo when it is started again. */
#include "support/chain.h"

#include <limef/filter/gop_cache.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#define N_STACK_FRAMES 256
#define MAX_FRAMES 160

/* What came to the chain. */
static struct limef_frame noted[MAX_FRAMES];
static LIMEF_ATOMIC(unsigned) n_came;
static bool meets_end;
static void (*meanwhile)(void); /* done by who is in go then */

static int note_go(struct limef_filter *filter, const struct limef_frame *in)
{
    const struct limef_signal_frame *signal = limef_signal_frame_from(in);
    unsigned n = atomic_load(&n_came);

    (void)filter;
    if (n < MAX_FRAMES)
        noted[n] = *in;
    if (n < MAX_FRAMES && signal) /* it has no time of its own */
        noted[n].pts_us = signal->signal;
    atomic_store(&n_came, n + 1);
    if (!meets_end)
        return 0;
    meets_end = false;
    if (meanwhile)
        meanwhile();
    limef_thread_ask_stop(limef_thread_current());
    return AVERROR_EXIT;
}

static const struct limef_filter_ops note_ops = {.kind = "note", .go = note_go};
static struct limef_filter note = LIMEF_FILTER(&note_ops, "note", NULL);
static struct limef_consumer consumer;
static struct limef_input_filter input;
static struct limef_stack_frame frames[N_STACK_FRAMES];
static struct limef_thread *const thread = &consumer.thread;
static struct limef_lane *const lane = &input.lane;

static void open_with(enum limef_overflow overflow)
{
    limef_consumer_init(&consumer, &note, NULL);
    cr_assert(
        zero(int, limef_input_filter_init(&input, "input", &consumer.fifo, frames, N_STACK_FRAMES,
                                          &(struct limef_lane_settings){overflow})));
}

static void clear(void)
{
    limef_thread_stop(thread, TOO_LONG_US);
    limef_filter_clear(&input.filter);
    limef_consumer_clear(&consumer);
}

TestSuite(reading, .fini = clear, .timeout = 60);

static void write_of(uint32_t slot, uint16_t track, enum limef_media media)
{
    struct limef_packet_frame packet = packet_frame(0, media, 0);

    packet.frame.slot = slot;
    packet.frame.track = track;
    cr_assert(zero(int, limef_lane_write(lane, &packet.frame)));
}

/* What was written waits, and is stale. */
static void start_again(void)
{
    limef_thread_ask_stop(thread);
    cr_assert(zero(int, limef_thread_start(thread)));
    write_signal(lane, LIMEF_SIGNAL_USER, 0);
    ASSERT_COMES(all_was_read(lane));
    cr_assert(zero(int, limef_thread_stop(thread, TOO_LONG_US)));
}

static void assert_gap(unsigned n, uint32_t slot, uint16_t track)
{
    cr_assert(eq(int, noted[n].frame_class, LIMEF_FRAME_SIGNAL));
    cr_assert(eq(i64, noted[n].pts_us, LIMEF_SIGNAL_GAP));
    cr_assert(eq(u32, noted[n].slot, slot));
    cr_assert(eq(u16, noted[n].track, track));
    cr_assert(eq(u16, noted[n].media, LIMEF_MEDIA_VIDEO));
}

Test(reading, a_gap_is_where_the_first_packet_of_each_video_stream_was_dropped)
{
    open_with(LIMEF_OVERFLOW_BLOCK);
    write_signal(lane, LIMEF_SIGNAL_START, 0);
    write_of(1, 2, LIMEF_MEDIA_VIDEO);
    write_of(1, 2, LIMEF_MEDIA_VIDEO);
    write_of(7, 0, LIMEF_MEDIA_AUDIO);
    write_of(7, 1, LIMEF_MEDIA_VIDEO);
    write_of(1, 2, LIMEF_MEDIA_VIDEO);
    start_again();
    cr_assert(eq(uint, atomic_load(&n_came), 4));
    cr_assert(eq(i64, noted[0].pts_us, LIMEF_SIGNAL_START));
    assert_gap(1, 1, 2);
    assert_gap(2, 7, 1);
    cr_assert(eq(i64, noted[3].pts_us, LIMEF_SIGNAL_USER));
}

Test(reading, what_is_dropped_is_counted_and_not_as_read)
{
    struct limef_lane_counters counters;

    open_with(LIMEF_OVERFLOW_BLOCK);
    for (int i = 0; i < 5; i++)
        write_of(0, 0, i % 2 ? LIMEF_MEDIA_AUDIO : LIMEF_MEDIA_VIDEO);
    start_again();
    counters = counters_of(lane);
    cr_assert(eq(u64, counters.n_written, 6));
    cr_assert(eq(u64, counters.n_dropped_stale, 5));
    cr_assert(eq(u64, counters.n_read, 1));
    cr_assert(eq(u64, limef_lane_n_dropped(&counters), 5));
}

Test(reading, what_stands_alone_leaves_no_gap)
{
    struct limef_decoded_frame picture = {
        .frame = {LIMEF_FRAME_DECODED, .media = LIMEF_MEDIA_VIDEO, .payload = static_payload()}};

    open_with(LIMEF_OVERFLOW_DROP_OLDEST);
    write_of(0, 0, LIMEF_MEDIA_AUDIO);
    cr_assert(zero(int, limef_lane_write(lane, &picture.frame)));
    start_again();
    cr_assert(eq(uint, atomic_load(&n_came), 1));
    cr_assert(eq(u64, counters_of(lane).n_dropped_stale, 2));
}

/* The thread had it in hand, and what is behind was stopped. */
Test(reading, a_packet_that_met_the_end_of_what_is_behind_leaves_a_gap)
{
    open_with(LIMEF_OVERFLOW_BLOCK);
    meets_end = true;
    write_of(3, 0, LIMEF_MEDIA_VIDEO);
    cr_assert(zero(int, limef_thread_start(thread)));
    ASSERT_COMES(!limef_thread_running(thread));
    cr_assert(zero(int, limef_thread_stop(thread, TOO_LONG_US)));
    atomic_store(&n_came, 0);
    start_again();
    assert_gap(0, 3, 0);
    cr_assert(eq(u64, counters_of(lane).n_dropped_stale, 1));
}

static void write_seek(void)
{
    write_signal(lane, LIMEF_SIGNAL_FLUSH, 0);
    write_key(lane, 1);
    write_video(lane, 2);
}

Test(reading, a_seek_that_waits_does_not_hide_the_gap_behind_it)
{
    open_with(LIMEF_OVERFLOW_BLOCK);
    meets_end = true;
    meanwhile = write_seek;
    write_video(lane, 0);
    cr_assert(zero(int, limef_thread_start(thread)));
    ASSERT_COMES(!limef_thread_running(thread));
    cr_assert(zero(int, limef_thread_stop(thread, TOO_LONG_US)));
    atomic_store(&n_came, 0);
    start_again();
    cr_assert(eq(uint, atomic_load(&n_came), 4));
    assert_gap(0, 0, 0);
    cr_assert(eq(i64, noted[1].pts_us, LIMEF_SIGNAL_FLUSH));
    assert_gap(2, 0, 0);
}

Test(reading, more_streams_than_are_told_apart_are_one_gap_of_any)
{
    open_with(LIMEF_OVERFLOW_BLOCK);
    for (uint32_t slot = 0; slot < LIMEF_LANE_MAX_WAITS + 3; slot++)
        write_of(slot, 0, LIMEF_MEDIA_VIDEO);
    start_again();
    cr_assert(eq(uint, atomic_load(&n_came), LIMEF_LANE_MAX_WAITS + 2));
    assert_gap(LIMEF_LANE_MAX_WAITS - 1, LIMEF_LANE_MAX_WAITS - 1, 0);
    assert_gap(LIMEF_LANE_MAX_WAITS, UINT32_MAX, 0);
}

Test(reading, a_burst_of_several_streams_is_one_gap_of_any)
{
    struct limef_gop_cache_filter cache = {.bytes = 0};
    struct limef_packet_frame key = packet_frame(0, LIMEF_MEDIA_VIDEO, LIMEF_FRAME_KEY);

    open_with(LIMEF_OVERFLOW_BLOCK);
    limef_gop_cache_filter_init(&cache, "cache", NULL);
    for (key.frame.slot = 0; key.frame.slot < 2; key.frame.slot++)
        cr_assert(zero(int, limef_go(&cache.filter, &key.frame)));
    cr_assert(zero(int, limef_gop_cache_go(&cache, &input.filter)));
    start_again();
    cr_assert(eq(uint, atomic_load(&n_came), 2));
    assert_gap(0, UINT32_MAX, 0);
    limef_filter_clear(&cache.filter);
}

/* Refused while the fifo was closed: its writer goes on meanwhile. */
Test(reading, behind_a_packet_that_was_refused_a_live_stream_goes_on_at_a_key)
{
    struct limef_packet_frame other = packet_frame(5, LIMEF_MEDIA_VIDEO, 0);

    open_with(LIMEF_OVERFLOW_DROP_TO_KEY);
    limef_thread_ask_stop(thread);
    cr_assert(eq(int, write_video(lane, 0), AVERROR_EXIT));
    cr_assert(zero(int, limef_thread_start(thread)));
    write_video(lane, 1); /* refers to the one that was refused */
    other.frame.slot = 1;
    cr_assert(zero(int, limef_lane_write(lane, &other.frame))); /* and this one does not */
    write_key(lane, 2);
    write_video(lane, 3);
    ASSERT_COMES(all_was_read(lane));
    cr_assert(eq(uint, atomic_load(&n_came), 3));
    cr_assert(eq(i64, noted[0].pts_us, 5000));
    cr_assert(eq(i64, noted[1].pts_us, 2000));
    cr_assert(ne(u32, noted[1].flags & LIMEF_FRAME_DISCONTINUITY, 0));
    cr_assert(eq(i64, noted[2].pts_us, 3000));
    cr_assert(eq(u64, counters_of(lane).n_dropped_to_key, 1));
}

/* As a split does when the branch starts again. */
Test(reading, behind_a_burst_a_live_stream_that_was_refused_goes_on)
{
    struct limef_gop_cache_filter cache = {.bytes = 0};
    struct limef_packet_frame key = packet_frame(1, LIMEF_MEDIA_VIDEO, LIMEF_FRAME_KEY);

    open_with(LIMEF_OVERFLOW_DROP_TO_KEY);
    limef_gop_cache_filter_init(&cache, "cache", NULL);
    limef_thread_ask_stop(thread);
    cr_assert(eq(int, write_video(lane, 0), AVERROR_EXIT));
    cr_assert(zero(int, limef_go(&cache.filter, &key.frame)));
    cr_assert(zero(int, limef_thread_start(thread)));
    cr_assert(zero(int, limef_gop_cache_go(&cache, &input.filter)));
    write_video(lane, 2);
    ASSERT_COMES(all_was_read(lane));
    cr_assert(eq(uint, atomic_load(&n_came), 2));
    cr_assert(eq(i64, noted[0].pts_us, 1000));
    cr_assert(eq(i64, noted[1].pts_us, 2000));
    cr_assert(zero(u64, counters_of(lane).n_dropped_to_key));
    limef_filter_clear(&cache.filter);
}

/* Where the newest pictures are kept nothing waits for a key frame. */
Test(reading, behind_a_picture_that_was_refused_no_stream_waits)
{
    open_with(LIMEF_OVERFLOW_DROP_OLDEST);
    limef_thread_ask_stop(thread);
    cr_assert(eq(int, write_video(lane, 0), AVERROR_EXIT));
    cr_assert(zero(uint, lane->waits_for_key.n));
}

Test(reading, a_file_offers_again_what_was_refused)
{
    open_with(LIMEF_OVERFLOW_BLOCK);
    limef_thread_ask_stop(thread);
    cr_assert(eq(int, write_video(lane, 0), AVERROR_EXIT));
    cr_assert(zero(int, limef_thread_start(thread)));
    write_video(lane, 0);
    write_video(lane, 1);
    ASSERT_COMES(all_was_read(lane));
    cr_assert(eq(uint, atomic_load(&n_came), 2));
    cr_assert(eq(i64, noted[0].pts_us, 0));
}
