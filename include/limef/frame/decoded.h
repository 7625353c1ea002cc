/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A decoded picture or block of samples: in memory, or a handle to a VA-API or
 * DRM-PRIME surface. The layout (planes, strides, pixel or sample format) is
 * AVFrame's.
 */
#ifndef LIMEF_FRAME_DECODED_H
#define LIMEF_FRAME_DECODED_H

#include <limef/frame/frame.h>

LIMEF_BEGIN_DECLS

struct AVFrame;

/** Class LIMEF_FRAME_DECODED. */
struct limef_decoded_frame {
    struct limef_frame frame;
    const struct AVFrame *av; /**< planes, strides, format, colour; borrowed from the payload, or
                                   the user's own. Its times are those of frame, not av's */
    int16_t rotation_degrees; /**< turn it clockwise by this to see it upright: 0, 90, 180, 270 */
    int16_t mirrored;         /**< 1: mirror left-right, after turning */
    int32_t rate;             /**< of sound: thousandths of stream time to the time that it lasts;
                                   0: 1000, it was not stretched. See limef_tempo_filter */
};

/**
 * Describes a payload from a pool of pictures.
 *
 * @param decoded  written; whatever it held is forgotten, not released.
 * @param payload  taken: its reference becomes the frame's.
 * Thread: any
 */
LIMEF_API void limef_decoded_frame_set(struct limef_decoded_frame *decoded,
                                       struct limef_payload *payload);

/**
 * The picture or samples behind a frame.
 *
 * @return frame, downcast; NULL if it is of another class.
 * Thread: any
 */
static inline const struct limef_decoded_frame *
limef_decoded_frame_from(const struct limef_frame *frame)
{
    return frame->frame_class == LIMEF_FRAME_DECODED
               ? (const struct limef_decoded_frame *)(const void *)frame
               : NULL;
}

LIMEF_END_DECLS

#endif
