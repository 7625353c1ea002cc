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

/* Drops the media that waits, because of a FLUSH of this slot behind it, UINT32_MAX: of all. What
 * of other slots was dropped waits for a key frame. Thread: the producer */
void lane_flush(struct limef_lane *lane, uint32_t slot);

/* The bit of lane.waits_for_key of a packet that cannot be decoded without those before it; 0 for
 * what stands alone: audio, subtitles, pictures, signals. Streams that share a bit may end each
 * other's waiting. */
static inline uint32_t lane_key_bit(const struct limef_frame *frame)
{
    if (frame->frame_class != LIMEF_FRAME_PACKET || frame->media == LIMEF_MEDIA_AUDIO ||
        frame->media == LIMEF_MEDIA_OTHER)
        return 0;
    return UINT32_C(1) << ((frame->slot * 4 + frame->track) % 32);
}

/* The same for any frame that is lost: those of all packets of a group. */
uint32_t lane_key_bits(const struct limef_frame *frame);

#endif
