/* SPDX-License-Identifier: MIT */
/*
 * The adaptive frame: becomes whatever is written into it.
 */
#ifndef LIMEF_SRC_FIFO_STACK_FRAME_H
#define LIMEF_SRC_FIFO_STACK_FRAME_H

#include <limef/fifo/lane.h>

/* Takes on a borrowed frame: a reference, or a copy of bytes that nobody counts. Counts in its
 * lane. Returns 0, AVERROR(ENOMEM), or AVERROR(EINVAL) for a frame that describes nothing. */
int stack_frame_adapt(struct limef_stack_frame *stack, const struct limef_frame *from);

/* Drops the reference, keeps the memory. */
void stack_frame_empty(struct limef_stack_frame *stack);

/* Frees what it kept; all-zero afterwards. */
void stack_frame_clear(struct limef_stack_frame *stack);

/* Bytes of what a packet or decoded frame refers to; 0 for others. */
uint64_t frame_payload_bytes(const struct limef_frame *frame);

#endif
