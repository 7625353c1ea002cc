/* SPDX-License-Identifier: MIT */
/* One lane with its fifo, for tests of what happens when it is full. */
#ifndef LIMEF_TEST_FIFO_ONE_LANE_H
#define LIMEF_TEST_FIFO_ONE_LANE_H

#include "support/boundary.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct boundary boundary;
static struct limef_lane *const lane = &boundary.lane;
static struct limef_fifo *const fifo = &boundary.fifo;

static inline void open_lane(unsigned n_frames, struct limef_lane_settings settings)
{
    cr_assert(zero(int, boundary_open(&boundary, n_frames, &settings)));
}

static inline void close_lane(void)
{
    boundary_clear(&boundary);
}

static inline void write_of_slot(uint32_t slot, int64_t number, uint32_t flags)
{
    struct limef_packet_frame packet = packet_frame(number, LIMEF_MEDIA_VIDEO, flags);

    packet.frame.slot = slot;
    cr_assert(zero(int, limef_lane_write(lane, &packet.frame)));
}

static inline void flush_slot_1(void)
{
    struct limef_signal_frame flush;

    limef_signal_frame_set(&flush, LIMEF_SIGNAL_FLUSH, 1, NULL);
    flush.value = 100;
    cr_assert(zero(int, limef_lane_write(lane, &flush.frame)));
}

static inline void *allocate_nothing(void *context, size_t bytes)
{
    (void)context;
    (void)bytes;
    return NULL;
}

static inline void release_nowhere(void *context, void *memory)
{
    (void)context;
    (void)memory;
}

static const struct limef_allocator failing = {allocate_nothing, release_nowhere, NULL};

static inline int write_uncounted(int64_t number, uint32_t flags)
{
    struct limef_packet_frame packet = packet_frame(number, LIMEF_MEDIA_VIDEO, flags);

    packet.frame.payload = NULL;
    return limef_lane_write(lane, &packet.frame);
}

#endif
