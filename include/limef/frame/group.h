/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Packets in one frame, so that many cross a thread boundary at once. Made by
 * limef_gop_cache_go() for a boundary, taken apart by the thread that reads it:
 * filters never see one. Who reads a FrameFifo without a consumer thread gives
 * the packets on one by one.
 */
#ifndef LIMEF_FRAME_GROUP_H
#define LIMEF_FRAME_GROUP_H

#include <limef/frame/packet.h>

LIMEF_BEGIN_DECLS

/** How many packets a frame of class LIMEF_FRAME_GROUP holds; 0 for any other class. Thread: any */
LIMEF_API unsigned limef_group_n(const struct limef_frame *frame);

/**
 * The n-th packet of a group.
 *
 * @param n  below limef_group_n().
 * @return borrowed from the frame.
 * Thread: any
 */
LIMEF_API const struct limef_packet_frame *limef_group_nth(const struct limef_frame *frame,
                                                           unsigned n);

LIMEF_END_DECLS

#endif
