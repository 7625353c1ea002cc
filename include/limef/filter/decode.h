/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The decoder: packets in, pictures or samples out, through libavcodec.
 *
 * It follows the codec frames that come in band: what describes the same stream
 * again changes nothing; what describes another one drains the decoder and
 * opens a new one. Packets that do not belong to the last codec frame (another
 * track or slot) are ignored.
 *
 * FLUSH forgets what is inside; END and STOP drain it first. Everything else
 * passes as it is.
 */
#ifndef LIMEF_FILTER_DECODE_H
#define LIMEF_FILTER_DECODE_H

#include <limef/filter/filter.h>

LIMEF_BEGIN_DECLS

struct AVCodecContext;
struct AVCodecParameters;
struct AVPacket;
struct limef_buffer_source;
struct limef_pool;

/** Packets that may be inside a decoder without losing what their pictures carry. */
#define LIMEF_DECODE_MAX_INSIDE 64

/** How to decode. All-zero is sane. */
struct limef_decode_settings {
    enum limef_media media; /**< LIMEF_MEDIA_AUDIO; otherwise video. The rest is not passed on */
    unsigned n_threads;     /**< inside the decoder. 0: one for what is live or small, else one for
                                 each core but no more than 4: each holds pictures and delays by
                                 one */
    struct limef_buffer_source *buffers; /**< where pictures are decoded into, as long as it lends
                                              memory; borrowed: the decoder counts itself as its
                                              user. NULL: into libavcodec's own */
    bool low_delay; /**< hand out each picture at once: only for streams without reordering */
};

/** What a decoder has done so far. */
struct limef_decode_counters {
    uint64_t n_packets;          /**< given to libavcodec */
    uint64_t n_frames;           /**< pictures or blocks of samples passed on */
    uint64_t n_corrupt;          /**< packets or pictures that libavcodec found damaged */
    uint64_t n_errors;           /**< other failures: no memory, no decoder */
    uint64_t n_dropped_seek;     /**< pictures before the target of an exact seek */
    uint64_t n_codec_changes;    /**< times a decoder was opened */
    uint64_t n_lent_buffers;     /**< pictures that limef_decode_settings.buffers lent memory for */
    uint64_t n_ordinary_buffers; /**< pictures for which it did not; why says the last reason */
    const char *ordinary_why;    /**< lives forever; NULL: there was none */
    uint64_t n_ignored;          /**< packets that were empty, or without a codec frame of theirs */
};

/** What a picture shall have of its packet. */
struct limef_decode_carried {
    int64_t tag;
    int64_t entered_us, wall_us;
    uint32_t flags;
};

/** Memory of a decoder; kind "decode". All-zero and limef_decode_filter_init(). */
struct limef_decode_filter {
    struct limef_filter filter;
    struct limef_decode_settings settings;

    /* the thread that runs it */
    struct AVCodecContext *context;       /**< NULL: nothing to decode with */
    struct AVCodecParameters *parameters; /**< what context was opened for */
    struct AVPacket *shell;               /**< borrows a frame's bytes for one call */
    struct limef_pool *pictures;
    struct limef_payload *spare;    /**< an empty picture */
    struct limef_codec_frame codec; /**< the last one; without its payload */
    struct limef_decoded_frame out; /**< the last one that was passed on */
    int64_t drop_before_us;         /**< LIMEF_NO_TIME: drop nothing */
    int64_t tag;                    /**< of the last packet */
    struct limef_decode_carried carried[LIMEF_DECODE_MAX_INSIDE];

    /* written by the thread that runs it, read by any */
    LIMEF_ATOMIC(uint64_t) n_packets, n_decoded, n_corrupt, n_errors, n_dropped_seek;
    LIMEF_ATOMIC(uint64_t) n_codec_changes, n_ignored;

    /* written by libavcodec's threads, read by any */
    LIMEF_ATOMIC(uint64_t) n_lent_buffers, n_ordinary_buffers;
    LIMEF_ATOMIC(const char *) ordinary_why;
};

/**
 * Makes a decoder; opens nothing before the first codec frame.
 *
 * @param decode    written; must be all-zero.
 * @param name      as limef_filter_init().
 * @param settings  copied; NULL: the defaults.
 * @return 0, or AVERROR(ENOMEM) (logged).
 * Thread: the controlling one
 */
LIMEF_API int limef_decode_filter_init(struct limef_decode_filter *decode, const char *name,
                                       const struct limef_decode_settings *settings);

/**
 * Reads the counters. Bytes that nobody counted, and that were therefore
 * copied, are in limef_filter.copied_bytes.
 *
 * @param counters  written.
 * Thread: any
 */
LIMEF_API void limef_decode_get_counters(const struct limef_decode_filter *decode,
                                         struct limef_decode_counters *counters);

LIMEF_END_DECLS

#endif
