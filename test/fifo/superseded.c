/* SPDX-License-Identifier: MIT */
#include "support/boundary.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <libavutil/error.h>

static struct boundary boundary;
static struct limef_lane *const lane = &boundary.lane;
static struct limef_fifo *const fifo = &boundary.fifo;

static void open_lane(unsigned n_frames, struct limef_lane_settings settings)
{
    cr_assert(zero(int, boundary_open(&boundary, n_frames, &settings)));
}

static void close_lane(void)
{
    boundary_clear(&boundary);
}

TestSuite(no_stack_frame, .fini = close_lane, .timeout = 30);

static struct limef_lane_settings to_key(unsigned depth)
{
    return (struct limef_lane_settings){LIMEF_OVERFLOW_DROP_TO_KEY, .depth = depth};
}

/* Nobody reads: each write comes back, and the last of each state waits, in order. */
Test(no_stack_frame, a_newer_state_takes_the_place_of_an_older_one)
{
    open_lane(8, to_key(0));
    for (int i = 0; i < 9; i++)
        cr_assert(zero(int, write_signal(lane, LIMEF_SIGNAL_STATE, i)));
    cr_assert(eq(u64, counters_of(lane).n_superseded, 1));
    for (int i = 9; i < 30; i += 2) {
        cr_assert(zero(int, write_signal(lane, LIMEF_SIGNAL_LOST, i)));
        cr_assert(zero(int, write_signal(lane, LIMEF_SIGNAL_START, i + 1)));
    }
    cr_assert(eq(u64, counters_of(lane).n_superseded, 23));
    cr_assert(zero(u64, counters_of(lane).n_blocked));
    cr_assert(eq(str, read_all_names(fifo), (char *)"S8 S24 S25 S26 S27 S28 S29 S30"));
}

static int write_state_of_slot(uint32_t slot, int64_t number)
{
    struct limef_signal_frame state;

    limef_signal_frame_set(&state, LIMEF_SIGNAL_STATE, slot, NULL);
    state.value = number;
    return limef_lane_write(lane, &state.frame);
}

Test(no_stack_frame, a_newer_state_takes_the_place_of_one_of_its_own_slot_alone)
{
    open_lane(4, (struct limef_lane_settings){LIMEF_OVERFLOW_DROP_OLDEST});
    for (uint32_t slot = 0; slot < 4; slot++)
        cr_assert(zero(int, write_state_of_slot(slot, slot)));
    cr_assert(zero(int, write_state_of_slot(2, 4)));
    cr_assert(zero(int, write_state_of_slot(0, 5)));
    cr_assert(eq(str, read_all_names(fifo), (char *)"S1 S3 S4 S5"));
}

static void write_codec(int32_t frame_rate_num)
{
    struct limef_codec_frame codec = {.frame = {LIMEF_FRAME_CODEC, .payload = static_payload()},
                                      .frame_rate_num = frame_rate_num};

    cr_assert(zero(int, limef_lane_write(lane, &codec.frame)));
}

/* No packet comes with another's parameters: what is between two codec frames went before. */
Test(no_stack_frame, a_newer_codec_frame_takes_the_place_of_an_older_one_when_its_media_is_gone)
{
    struct limef_stack_frame *stack;

    open_lane(4, to_key(2));
    write_codec(1);
    write_key(lane, 0);
    write_video(lane, 1);
    write_signal(lane, LIMEF_SIGNAL_USER, 100);
    for (int i = 2; i < 6; i++)
        write_codec(i);
    write_video(lane, 2);
    cr_assert(eq(u64, counters_of(lane).n_dropped_to_key, 3));
    cr_assert(eq(u64, counters_of(lane).n_superseded, 2));
    cr_assert(eq(str, read_names(fifo, 1), (char *)"S100"));
    for (int i = 3; i < 6; i++) {
        cr_assert(zero(int, limef_fifo_read(fifo, &stack, 0)));
        cr_assert(eq(int, stack->any.codec.frame_rate_num, i));
        limef_fifo_recycle(fifo, stack);
    }
    write_video(lane, 3);
    write_key(lane, 4);
    cr_assert(eq(str, read_all_names(fifo), (char *)"4"));
}

Test(no_stack_frame, waits_for_a_signal_once_until_the_reader_gives_a_frame_back)
{
    struct limef_lane_settings settings = to_key(2);

    settings.block_us = 1;
    open_lane(4, settings);
    for (int i = 0; i < 4; i++)
        cr_assert(zero(int, write_signal(lane, LIMEF_SIGNAL_USER, i)));
    for (int i = 4; i < 7; i++)
        cr_assert(eq(int, write_signal(lane, LIMEF_SIGNAL_USER, i), AVERROR(ETIMEDOUT)));
    cr_assert(eq(u64, counters_of(lane).n_dropped_timeout, 3));
    cr_assert(eq(u64, counters_of(lane).n_blocked, 1));
    cr_assert(eq(str, read_names(fifo, 1), (char *)"S0"));
    cr_assert(zero(int, write_signal(lane, LIMEF_SIGNAL_USER, 7)));
    cr_assert(eq(int, write_signal(lane, LIMEF_SIGNAL_USER, 8), AVERROR(ETIMEDOUT)));
    cr_assert(eq(u64, counters_of(lane).n_blocked, 2));
    cr_assert(eq(str, read_all_names(fifo), (char *)"S1 S2 S3 S7"));
}
