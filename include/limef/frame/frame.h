/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The frame: what travels down a filterchain. Every class of frame starts with
 * struct limef_frame; the class says which struct it really is.
 *
 * A frame that is given to a filter is *borrowed*: it is valid for the call,
 * never written, and kept only by taking a reference to its payload
 * (limef_any_frame_ref()) or by copying. A frame whose payload is NULL belongs
 * to nobody's count: to keep it is to copy it.
 *
 * All-zero is an empty frame.
 */
#ifndef LIMEF_FRAME_FRAME_H
#define LIMEF_FRAME_FRAME_H

#include <limef/base/clock.h>
#include <limef/frame/payload.h>

LIMEF_BEGIN_DECLS

/** Which struct a frame is. */
enum limef_frame_class {
    LIMEF_FRAME_EMPTY,   /**< nothing: struct limef_frame alone */
    LIMEF_FRAME_PACKET,  /**< encoded: struct limef_packet_frame */
    LIMEF_FRAME_DECODED, /**< picture or samples: struct limef_decoded_frame */
    LIMEF_FRAME_CODEC,   /**< parameters of the packets that follow: struct limef_codec_frame */
    LIMEF_FRAME_SIGNAL,  /**< control, in order with the media: struct limef_signal_frame */
    LIMEF_FRAME_GROUP,   /**< packets on their way through a boundary: see limef/frame/group.h */
};

/** What kind of stream a frame belongs to. */
enum limef_media {
    LIMEF_MEDIA_NONE, /**< signals that concern the whole slot */
    LIMEF_MEDIA_VIDEO,
    LIMEF_MEDIA_AUDIO,
    LIMEF_MEDIA_OTHER, /**< subtitles, metadata */
};

/** limef_frame.flags */
enum limef_frame_flag {
    LIMEF_FRAME_KEY = 1 << 0,           /**< decoding can start here */
    LIMEF_FRAME_CORRUPT = 1 << 1,       /**< damaged, or decoded from something damaged */
    LIMEF_FRAME_DISCONTINUITY = 1 << 2, /**< what came before is not what precedes this in time */
    LIMEF_FRAME_LIVE = 1 << 3,          /**< from a source that does not wait */
    LIMEF_FRAME_BURST = 1 << 4, /**< older than now on purpose: to be decoded, not to be shown or
                                     heard; the last one of a burst has not got it */
};

/** The header that all frames share. */
struct limef_frame {
    enum limef_frame_class frame_class;
    uint32_t slot;       /**< number of the logical stream: one camera, one file */
    uint16_t media;      /**< enum limef_media */
    uint16_t track;      /**< number of the elementary stream within the slot */
    uint32_t flags;      /**< enum limef_frame_flag, or-ed */
    int64_t pts_us;      /**< presentation time in the stream; LIMEF_NO_TIME if not known */
    int64_t duration_us; /**< how long it is shown or heard; 0 if not known */
    int64_t entered_us;  /**< limef_now_us() when it entered the process; 0 if it never did */
    int64_t wall_us;     /**< wall clock of its capture, microseconds since 1970; 0 if not known */
    struct limef_payload *payload; /**< what it refers to; NULL: a payload that nobody counts */
};

/**
 * How large the struct of a class is.
 *
 * @return bytes; that of struct limef_frame for a class this version does not know.
 * Thread: any
 */
LIMEF_API size_t limef_frame_size_bytes(enum limef_frame_class frame_class);

/**
 * A class's name, for people: "packet", "decoded", ...
 *
 * @return a string that lives forever.
 * Thread: any
 */
LIMEF_API const char *limef_frame_class_name(enum limef_frame_class frame_class);

LIMEF_END_DECLS

#endif
