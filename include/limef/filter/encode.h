/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The encoder: pictures or samples in, packets out, through libavcodec.
 *
 * It opens at the first frame, and says what will follow in a codec frame. When
 * its input changes (size, pixel or sample format, rate, another slot or track)
 * it hands out what is inside, opens anew, and says again what follows.
 *
 * END and STOP of its slot hand out what is inside; FLUSH forgets it. What is not of the
 * encoder's kind, and signals, passes as it is.
 */
#ifndef LIMEF_FILTER_ENCODE_H
#define LIMEF_FILTER_ENCODE_H

#include <limef/filter/filter.h>

LIMEF_BEGIN_DECLS

struct AVBufferPool;
struct AVCodec;
struct AVCodecContext;
struct AVFrame;
struct limef_pool;

/** Pictures that may be inside an encoder without losing what their packets carry. */
#define LIMEF_ENCODE_MAX_INSIDE 256

/** How to encode. All-zero but codec is sane. */
struct limef_encode_settings {
    const char *codec; /**< libavcodec's name of an encoder, "libx264", or of a codec, "h264";
                            borrowed; must outlive the filter */
    int64_t bit_rate;  /**< bits a second; 0: the encoder's default */
    int quality;       /**< constant quality instead, on MPEG's scale of quantisers: 1 (best) to 31.
                            0: by bit_rate. Encoders that have their own take it in options */
    int gop;           /**< pictures from one key frame to the next; 0: the encoder's default */
    unsigned n_threads;  /**< inside the encoder. 0: as limef_decode_settings.n_threads */
    const char *options; /**< the encoder's own, "preset=fast:crf=23"; borrowed; must outlive the
                              filter. NULL: none */
};

/** What an encoder has done so far. */
struct limef_encode_counters {
    uint64_t n_frames;      /**< pictures or blocks of samples given to libavcodec */
    uint64_t n_packets;     /**< passed on */
    uint64_t n_bytes;       /**< in them */
    uint64_t n_errors;      /**< frames that could not be encoded */
    uint64_t n_opened;      /**< times an encoder was opened */
    uint64_t n_times_fixed; /**< pictures without a time, or not later than the one before */
};

/** What a packet shall have of its picture. */
struct limef_encode_carried {
    int64_t tick; /**< the encoder's time of it */
    int64_t pts_us, duration_us, entered_us, wall_us;
    uint32_t flags;
};

/** What an encoder was opened for. */
struct limef_encode_format {
    uint32_t slot, media, track;
    int format, width, height; /**< of pictures; format of samples too */
    int colorspace, color_range, color_primaries, color_trc, aspect_num, aspect_den;
    int sample_rate, n_channels;
    int rotation_degrees, mirrored;
    uint64_t channel_mask;
};

/** Memory of an encoder; kind "encode". All-zero and limef_encode_filter_init(). */
struct limef_encode_filter {
    struct limef_filter filter;
    struct limef_encode_settings settings;
    const struct AVCodec *encoder;
    enum limef_media media; /**< which frames it takes */

    /* the thread that runs it */
    struct AVCodecContext *context; /**< NULL: none is open */
    struct AVFrame *shell;          /**< borrows a frame's bytes for one call */
    struct AVFrame *fetched;        /**< the last picture that came in hardware, in memory */
    struct limef_pool *packets, *codecs;
    struct limef_payload *spare;    /**< an empty packet */
    struct limef_codec_frame codec; /**< of what is open; owns a reference */
    struct limef_packet_frame out;  /**< the last one that was passed on */
    struct limef_encode_format format;
    int error;              /**< why nothing could be opened for format */
    int rate_num, rate_den; /**< ticks a second */
    int64_t origin_us;      /**< stream time of tick 0 */
    int64_t last_us;        /**< of the last picture; LIMEF_NO_TIME: none */
    int64_t next_tick;      /**< the first that is free */
    uint64_t n_carried;
    struct limef_encode_carried carried[LIMEF_ENCODE_MAX_INSIDE];

    /* samples that wait for a block to be full */
    struct AVFrame *block;
    struct AVBufferPool *blocks;

    /* written by the thread that runs it, read by any */
    LIMEF_ATOMIC(uint64_t) n_encoded, n_packets, n_bytes, n_errors, n_opened, n_times_fixed;
};

/**
 * Makes an encoder; opens nothing before the first frame.
 *
 * @param encode    written; must be all-zero.
 * @param name      as limef_filter_init().
 * @param settings  copied; what it points to is borrowed and must outlive the filter.
 * @return 0; AVERROR_ENCODER_NOT_FOUND; AVERROR(EINVAL): a number out of range, or options that
 *         are not "key=value:key=value"; AVERROR(ENOMEM). Logged.
 * Thread: the controlling one
 */
LIMEF_API int limef_encode_filter_init(struct limef_encode_filter *encode, const char *name,
                                       const struct limef_encode_settings *settings);

/**
 * Reads the counters. Bytes that nobody counted, and that were therefore copied, and samples that
 * were put together to blocks, and hardware
 * pictures, which have to be fetched to memory, are in limef_filter.copied_bytes.
 *
 * @param counters  written.
 * Thread: any
 */
LIMEF_API void limef_encode_get_counters(const struct limef_encode_filter *encode,
                                         struct limef_encode_counters *counters);

LIMEF_END_DECLS

#endif
