/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What the packets that follow are: sent in band before the first packet of a
 * stream, and again whenever it changes.
 */
#ifndef LIMEF_FRAME_CODEC_H
#define LIMEF_FRAME_CODEC_H

#include <limef/frame/frame.h>

LIMEF_BEGIN_DECLS

struct AVCodecParameters;

/** Class LIMEF_FRAME_CODEC. */
struct limef_codec_frame {
    struct limef_frame frame;
    const struct AVCodecParameters *parameters; /**< borrowed from the payload, or the user's own */
    int32_t frame_rate_num; /**< frames a second, as a fraction; 0/0 if not known */
    int32_t frame_rate_den;
    int32_t
        aspect_num; /**< width : height of a sample, as the container says; 0/0 if it does not */
    int32_t aspect_den;
    int16_t rotation_degrees; /**< as in struct limef_decoded_frame */
    int16_t mirrored;
};

/**
 * Describes a payload from a pool of codec parameters.
 *
 * @param codec    written; whatever it held is forgotten, not released.
 * @param payload  taken: its reference becomes the frame's.
 * Thread: any
 */
LIMEF_API void limef_codec_frame_set(struct limef_codec_frame *codec,
                                     struct limef_payload *payload);

/**
 * The codec behind a frame.
 *
 * @return frame, downcast; NULL if it is of another class.
 * Thread: any
 */
static inline const struct limef_codec_frame *
limef_codec_frame_from(const struct limef_frame *frame)
{
    return frame->frame_class == LIMEF_FRAME_CODEC
               ? (const struct limef_codec_frame *)(const void *)frame
               : NULL;
}

/**
 * What a codec is called, as libavcodec's avcodec_get_name() has it: "h264".
 *
 * @param parameters  borrowed for the call; NULL gives "none".
 * @return            a constant.
 * Thread: any
 */
LIMEF_API const char *limef_codec_name(const struct AVCodecParameters *parameters);

LIMEF_END_DECLS

#endif
