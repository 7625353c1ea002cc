/* SPDX-License-Identifier: MIT */
#include "support/boundary.h"
#include "support/silence.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <libavutil/error.h>
#include <stdlib.h>

static struct boundary boundary;
static struct limef_lane *const lane = &boundary.lane;
static struct limef_fifo *const fifo = &boundary.fifo;

static void open_lane(void)
{
    cr_assert(zero(int, boundary_open(&boundary, 8, NULL)));
}

static void close_lane(void)
{
    boundary_clear(&boundary);
}

TestSuite(lane, .init = open_lane, .fini = close_lane, .timeout = 30);

Test(lane, all_zero_clears_to_all_zero)
{
    struct limef_lane zero = {0};

    limef_lane_clear(&zero);
    limef_fifo_remove_lane(fifo, lane);
    limef_lane_clear(lane);
    cr_assert(zero(int, memcmp(lane, &zero, sizeof(zero))));
    for (size_t i = 0; i < sizeof(boundary.frames); i++)
        cr_assert(zero(int, ((char *)boundary.frames)[i]));
}

Test(lane, wants_a_power_of_two_of_frames)
{
    static struct limef_stack_frame frames[8];
    struct limef_lane zero = {0}, other = {0};

    limef_log_set_sink(log_to_nobody, NULL);
    cr_assert(eq(int, limef_lane_init(&other, frames, 2, NULL), AVERROR(EINVAL)));
    cr_assert(eq(int, limef_lane_init(&other, frames, 6, NULL), AVERROR(EINVAL)));
    cr_assert(
        eq(int, limef_lane_init(&other, frames, 2 * LIMEF_LANE_MAX_FRAMES, NULL), AVERROR(EINVAL)));
    cr_assert(zero(int, memcmp(&other, &zero, sizeof(zero))));
}

Test(lane, cuts_its_depth_to_what_signals_leave)
{
    static struct limef_stack_frame frames[16];
    struct limef_lane other = {0};

    cr_assert(eq(uint, counters_of(lane).depth, 6));
    cr_assert(zero(int, limef_lane_init(&other, frames, 16, NULL)));
    cr_assert(eq(uint, counters_of(&other).depth, 12));
    limef_lane_clear(&other);
    cr_assert(
        zero(int, limef_lane_init(&other, frames, 16, &(struct limef_lane_settings){.depth = 99})));
    cr_assert(eq(uint, counters_of(&other).depth, 14));
    limef_lane_clear(&other);
}

/* The level of its stack: what waits, and what the consumer has. */
Test(lane, counts_the_frames_that_are_out)
{
    struct limef_stack_frame *frames[2];

    for (int i = 0; i < 3; i++)
        cr_assert(zero(int, write_video(lane, i)));
    cr_assert(eq(u32, counters_of(lane).n_used, 3));
    cr_assert(eq(int, limef_fifo_read_batch(fifo, frames, 2, 0), 2));
    cr_assert(eq(u32, counters_of(lane).n_used, 3));
    limef_fifo_recycle_batch(fifo, frames, 2);
    cr_assert(eq(u32, counters_of(lane).n_used, 1));
    cr_assert(eq(u32, counters_of(lane).n_frames, lane->n_frames));
}

Test(lane, refuses_until_it_is_in_a_fifo)
{
    static struct limef_stack_frame frames[4];
    struct limef_lane other = {0};

    cr_assert(zero(int, limef_lane_init(&other, frames, 4, NULL)));
    cr_assert(eq(int, write_video(&other, 0), AVERROR_EXIT));
    limef_lane_clear(&other);
}

Test(lane, counts_what_waits_and_what_ever_waited)
{
    write_signal(lane, LIMEF_SIGNAL_START, 100);
    write_video(lane, 0);
    write_video(lane, 1);
    cr_assert(eq(uint, limef_lane_n_waiting(lane), 3));
    cr_assert(eq(uint, counters_of(lane).max_used, 2));
    cr_assert(eq(str, read_names(fifo, 2), (char *)"S100 0"));
    cr_assert(eq(uint, limef_lane_n_waiting(lane), 1));
    cr_assert(eq(str, read_all_names(fifo), (char *)"1"));
    write_video(lane, 2);
    cr_assert(eq(uint, counters_of(lane).max_used, 2));
    cr_assert(eq(u64, counters_of(lane).n_written, 4));
    cr_assert(eq(u64, counters_of(lane).n_read, 3));
}

Test(lane, a_reference_crosses_and_is_given_back_at_recycle)
{
    struct limef_payload payload;
    struct limef_packet_frame packet = packet_frame(3, LIMEF_MEDIA_VIDEO, LIMEF_FRAME_KEY);
    struct limef_stack_frame *stack;

    limef_payload_init(&payload, release_nothing);
    packet.frame.payload = &payload;
    packet.frame.slot = 7;
    cr_assert(zero(int, limef_lane_write(lane, &packet.frame)));
    cr_assert(eq(u32, atomic_load(&payload.n_refs), 2));
    cr_assert(zero(int, limef_fifo_read(fifo, &stack, 0)));
    cr_assert(zero(int, memcmp(&stack->any.packet, &packet, sizeof(packet))));
    limef_fifo_recycle(fifo, stack);
    cr_assert(eq(u32, atomic_load(&payload.n_refs), 1));
    cr_assert(zero(u64, counters_of(lane).copied_bytes));
}

Test(lane, clear_gives_references_back)
{
    struct limef_payload payload;
    struct limef_packet_frame packet = packet_frame(3, LIMEF_MEDIA_VIDEO, LIMEF_FRAME_KEY);

    limef_payload_init(&payload, release_nothing);
    packet.frame.payload = &payload;
    for (int i = 0; i < 3; i++)
        limef_lane_write(lane, &packet.frame);
    close_lane();
    cr_assert(eq(u32, atomic_load(&payload.n_refs), 1));
}

Test(lane, frames_recycled_in_any_order_are_used_again)
{
    for (int round = 0; round < 200; round++) {
        struct limef_stack_frame *frames[6];
        int step = round % 2 ? 1 : 5;

        for (int i = 0; i < 6; i++)
            cr_assert(zero(int, write_video(lane, round * 6 + i)));
        cr_assert(eq(int, limef_fifo_read_batch(fifo, frames, 6, 0), 6));
        for (int i = 0; i < 6; i++) {
            cr_assert(eq(i64, frames[i]->any.packet.dts_us, round * 6 + i));
            cr_assert(eq(ptr, frames[i]->lane, lane));
        }
        for (int i = 0, at = 0; i < 6; i++, at = (at + step) % 6)
            limef_fifo_recycle(fifo, frames[at]);
    }
}

/* As after four thousand million frames. */
Test(lane, positions_wrap)
{
    uint32_t start = UINT32_MAX - 15;
    struct limef_lane_settings settings = {LIMEF_OVERFLOW_DROP_OLDEST, .depth = 2};

    close_lane();
    cr_assert(zero(int, boundary_open(&boundary, 8, &settings)));
    atomic_store(&lane->tail, start);
    atomic_store(&lane->head, start);
    atomic_store(&lane->recycled, start + 8);
    lane->head_cache = lane->tail_cache = lane->taken = start;
    lane->recycled_cache = start + 8;
    for (int i = 0; i < 40; i++) {
        write_video(lane, 3 * i);
        write_signal(lane, LIMEF_SIGNAL_USER, 100);
        write_video(lane, 3 * i + 1);
        write_video(lane, 3 * i + 2);
        cr_assert(eq(uint, limef_lane_n_waiting(lane), 3));
        cr_assert(eq(str, read_names(fifo, 1), (char *)"S100"));
        read_names(fifo, 2);
    }
    cr_assert(eq(u64, counters_of(lane).n_dropped_oldest, 40));
    cr_assert(eq(u64, counters_of(lane).n_read, 120));
    cr_assert(eq(uint, counters_of(lane).max_used, 2));
}

static uint64_t n_sampled(void)
{
    uint64_t n = 0;

    for (int i = 0; i < LIMEF_HISTOGRAM_N_BUCKETS; i++)
        n += LIMEF_COUNTED(lane->wait.n[i]);
    return n;
}

Test(lane, waits_of_a_fast_stream_are_sampled)
{
    const unsigned n = 64000;
    int64_t began_us = limef_now_us(), took_us;

    for (unsigned i = 0; i < n; i++) {
        write_video(lane, i);
        read_names(fifo, 1);
    }
    took_us = limef_now_us() - began_us;
    cr_assert(ge(u64, n_sampled(), n / 64));
    /* no closer than a millisecond once it has found its pace, or every 64th */
    cr_assert(le(u64, n_sampled(), 64 + n / 64 + (uint64_t)took_us / 200));
}

Test(lane, wait_of_a_single_frame_is_sampled)
{
    write_video(lane, 0);
    cr_assert(zero(u64, n_sampled()));
    read_names(fifo, 1);
    cr_assert(eq(u64, n_sampled(), 1));
}
