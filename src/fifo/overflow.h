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

/* What of its streams a lane keeps back up to the next key frame, as GAP signals, one after the
 * other: the nth. Returns false: there are no more. Thread: the producer, or while nobody writes */
bool lane_gap(const struct limef_lane *lane, unsigned n, struct limef_signal_frame *gap);

/* The frame is lost: what of it cannot be decoded without those before it waits for a key frame.
 * Audio, subtitles, pictures and signals stand alone. */
void lane_begin_waits(struct limef_lane *lane, const struct limef_frame *frame);

#endif
