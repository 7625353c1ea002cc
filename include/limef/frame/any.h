/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Room for a frame of any class, and how to keep a borrowed frame in it.
 */
#ifndef LIMEF_FRAME_ANY_H
#define LIMEF_FRAME_ANY_H

#include <limef/frame/codec.h>
#include <limef/frame/decoded.h>
#include <limef/frame/packet.h>
#include <limef/frame/signal.h>

LIMEF_BEGIN_DECLS

/** A frame of any class. */
union limef_any_frame {
    struct limef_frame frame;
    struct limef_packet_frame packet;
    struct limef_decoded_frame decoded;
    struct limef_codec_frame codec;
    struct limef_signal_frame signal;
};

/**
 * Keeps a borrowed frame whose payload is counted, or that has no payload at
 * all (a signal): takes a reference, copies the struct, allocates nothing.
 *
 * @param any   written; must be all-zero or cleared.
 * @param from  borrowed.
 * @return 0, or AVERROR(EINVAL) if from refers to bytes that nobody counts.
 * Thread: any
 */
LIMEF_API int limef_any_frame_ref(union limef_any_frame *any, const struct limef_frame *from);

/**
 * Gives the reference back and leaves all-zero.
 *
 * Thread: any
 */
LIMEF_API void limef_any_frame_clear(union limef_any_frame *any);

LIMEF_END_DECLS

#endif
