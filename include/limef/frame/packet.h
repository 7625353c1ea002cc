/* SPDX-License-Identifier: MIT */
/**
 * @file
 * An encoded access unit, as a demuxer or a depacketizer gives it.
 */
#ifndef LIMEF_FRAME_PACKET_H
#define LIMEF_FRAME_PACKET_H

#include <limef/frame/frame.h>

LIMEF_BEGIN_DECLS

struct AVPacket;

/** Class LIMEF_FRAME_PACKET. */
struct limef_packet_frame {
    struct limef_frame frame;
    int64_t dts_us;            /**< decoding time; LIMEF_NO_TIME if not known */
    const uint8_t *data;       /**< the bytes; borrowed from the payload, or the user's own */
    size_t size_bytes;         /**< of data; without padding */
    const struct AVPacket *av; /**< the payload as libavcodec has it, for its side data; or NULL.
                                    The times in here are those of frame and dts_us, not av's */
};

/**
 * Describes a payload from a pool of packets: bytes, flags and reference.
 *
 * @param packet   written; whatever it held is forgotten, not released.
 * @param payload  taken: its reference becomes the packet's.
 * Thread: any
 */
LIMEF_API void limef_packet_frame_set(struct limef_packet_frame *packet,
                                      struct limef_payload *payload);

/**
 * The packet behind a frame.
 *
 * @return frame, downcast; NULL if it is of another class.
 * Thread: any
 */
static inline const struct limef_packet_frame *
limef_packet_frame_from(const struct limef_frame *frame)
{
    return frame->frame_class == LIMEF_FRAME_PACKET
               ? (const struct limef_packet_frame *)(const void *)frame
               : NULL;
}

LIMEF_END_DECLS

#endif
