/* SPDX-License-Identifier: MIT */
/*
 * What a lane's bounds and its overflow policy make of a frame that comes.
 */
#ifndef LIMEF_SRC_FIFO_OVERFLOW_H
#define LIMEF_SRC_FIFO_OVERFLOW_H

#include <limef/fifo/lane.h>

/* Finds a stack frame by the lane's policy. Returns 0 and *stack, or 0 and NULL if the frame is
 * dropped, or an error as limef_lane_write(). Thread: the producer */
int lane_make_room(struct limef_lane *lane, const struct limef_frame *in,
                   struct limef_stack_frame **stack);

/* Drops the media of this slot that waits, UINT32_MAX: of all, because of a FLUSH behind it.
 * Thread: the producer */
void lane_flush(struct limef_lane *lane, uint32_t slot);

/* The frame is lost: what follows of its streams and cannot be decoded without it waits for a key
 * frame. Thread: the producer */
void lane_begin_waits(struct limef_lane *lane, const struct limef_frame *lost);

#endif
