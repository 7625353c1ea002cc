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
 * Of a burst (LIMEF_FRAME_BURST) the last picture alone is passed on, as soon as
 * the burst is over. What its pictures do not refer to is not even decoded. H.264 and
 * H.265 that begin with a burst are decoded on as many cores as other files are; each
 * picture behind the burst is handed out at once all the same.
 *
 * FLUSH forgets what is inside; END and STOP drain it first; after a GAP nothing
 * is decoded up to the next key frame. Everything else passes as it is.
 *
 * A video key frame with LIMEF_FRAME_DISCONTINUITY, or the first after a GAP, ends a hole: what is
 * inside is whole and passed on, then forgotten. Pictures behind that key frame that are shown
 * before it and refer past it (open groups of H.264 and H.265) are dropped.
 *
 * Where it is given hardware, pictures come as VA-API surfaces or as DRM-PRIME
 * (limef/frame/hardware.h), those of a wrapper perhaps in memory that the
 * hardware shares with the CPU. When that fails it goes down a ladder: on from a key
 * frame, a new context, software. Each step is a DECODER signal, passed on in
 * order with the pictures and sent to the application, a counter and a line in
 * the log.
 */
#ifndef LIMEF_FILTER_DECODE_H
#define LIMEF_FILTER_DECODE_H

#include <limef/filter/filter.h>

LIMEF_BEGIN_DECLS

struct AVBufferRef;
struct AVCodecContext;
struct AVCodecParameters;
struct AVPacket;
struct limef_decode_kept;
struct limef_buffer_source;
struct limef_pool;

/** Packets that may be inside a decoder without losing what their pictures carry. */
#define LIMEF_DECODE_MAX_INSIDE 64

/** Pictures at most that a decoder counts on to be held behind it. */
#define LIMEF_DECODE_MAX_BEHIND 256

/** What decodes from here on: the `value` of LIMEF_SIGNAL_DECODER. */
enum limef_decode_step {
    LIMEF_DECODE_IN_HARDWARE, /**< the first picture came, and can be used */
    LIMEF_DECODE_RESUMED,     /**< hardware failed; it goes on from a key frame */
    LIMEF_DECODE_NEW_CONTEXT, /**< it failed again; a new context goes on from a key frame */
    LIMEF_DECODE_IN_SOFTWARE, /**< hardware failed too often, or cannot do this; until another
                                   codec frame comes */
};

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
    struct AVBufferRef *hardware; /**< an AVHWDeviceContext to decode with, see
                                       limef_hardware_device_open(); borrowed: the decoder takes a
                                       reference of its own. NULL: in software */
    const char *wrapper; /**< where there is no hardware in that way: libavcodec's decoders around
                              those of the system, "v4l2m2m" or "rkmpp" (h264_v4l2m2m, ...), see
                              limef_hardware_wrapper_find(); lives as long as the decoder. NULL:
                              none */
    unsigned n_held; /**< hardware pictures that what is behind may hold at once; more are copied to
                          ordinary memory, so that the decoder always has surfaces. 0: as many as
                          the graph's plan says (LIMEF_SIGNAL_DEPTH), without a graph 32 */
};

/** What a decoder has done so far. */
struct limef_decode_counters {
    uint64_t n_packets;          /**< given to libavcodec */
    uint64_t n_frames;           /**< pictures or blocks of samples passed on */
    uint64_t n_corrupt;          /**< packets or pictures that libavcodec found damaged */
    uint64_t n_errors;           /**< other failures: no memory, no decoder */
    uint64_t n_dropped_seek;     /**< pictures before the target of an exact seek */
    uint64_t n_dropped_burst;    /**< pictures or samples of a burst, but for its last picture */
    uint64_t n_dropped_leading;  /**< packets that refer past a key frame to what is missing */
    uint64_t n_backward;         /**< live pictures whose time was up to 5 s before that of the one
                                    that is shown before them; they are right behind that one */
    uint64_t n_cuts;             /**< holes behind which it began anew at a key frame */
    uint64_t n_codec_changes;    /**< times a decoder was opened */
    uint64_t n_without_threads;  /**< of these, with one thread because the system gave no more */
    uint64_t n_lent_buffers;     /**< pictures that limef_decode_settings.buffers lent memory for */
    uint64_t n_ordinary_buffers; /**< pictures for which it did not; why says the last reason */
    const char *ordinary_why;    /**< lives forever; NULL: there was none */
    int64_t last_frame_us;       /**< limef_now_us() of the last one passed on; 0: none yet */
    uint64_t n_ignored;          /**< packets that were empty, without a codec frame of theirs, or
                                    after a GAP */
    unsigned n_pool;             /**< pictures or blocks of its pool, and of those, */
    unsigned n_pool_used;        /**< that it or somebody behind it has */
};

/** What hardware has done so far. */
struct limef_decode_hardware_counters {
    const char *with;    /**< what decodes now: "vaapi", "drm", or the wrapper; lives as long as the
                              decoder. NULL: software */
    uint64_t n_frames;   /**< pictures passed on in hardware */
    uint64_t n_failures; /**< packets or pictures that hardware failed at, refusals to begin */
    uint64_t n_steps[4]; /**< how often each enum limef_decode_step was taken */
    uint64_t n_skipped;  /**< packets left out on the way to a key frame, and pictures that hardware
                              failed at and that come no more, or that libavcodec dropped with
                              those */
    uint64_t n_unproved; /**< pictures of H.264, H.265, VP8 or VP9 passed on in hardware while none
                            of their kind (codec, profile, size) was compared with software's */
    const char *unproved_why; /**< of the last of them; lives forever. NULL: there was none */
    uint64_t n_copied;        /**< pictures copied to ordinary memory: too many were held */
    uint64_t copied_bytes;    /**< in them; limef_filter.copied_bytes has them too */
    int last_error;           /**< why the last step down was taken; 0: there was none */
};

/** What a picture shall have of its packet. */
struct limef_decode_carried {
    int64_t tag;
    uint64_t serial; /**< of the packet, the same when it is decoded again */
    int64_t pts_us, entered_us, wall_us;
    uint32_t flags;
    bool is_inside; /**< no picture came of it yet; of hardware */
};

/** What a decoder remembers of its hardware; the thread that runs it. */
struct limef_decode_hardware {
    int format;          /**< enum AVPixelFormat of its pictures */
    bool is_used;        /**< it decodes now */
    bool is_given_up;    /**< not before another codec comes */
    bool is_proved;      /**< a picture came since it was opened, and can be used */
    bool is_chosen;      /**< libavcodec was told to use it, within this packet */
    bool is_refused;     /**< it could not begin */
    bool is_unsupported; /**< and never will */
    bool is_spent;       /**< a wrapper was drained: another context has to go on */
    bool is_unread;      /**< a picture could not be had: what is behind it waits for it */
    bool is_ending;      /**< it failed, and hands out what cannot be decoded again */
    bool was_unreadable; /**< somebody behind met such a picture, which is not forgiven yet */
    bool waits_for_key;
    int error;                 /**< what it failed with since the last step; 0: it did not */
    int error_before;          /**< likewise, before the present call of libavcodec */
    unsigned n_more;           /**< pictures that could not be had, behind that */
    int64_t failed_tag;        /**< of the packet that a call failed at; 0: none did */
    int64_t out_us;            /**< time of the last picture before that; LIMEF_NO_TIME: none */
    unsigned n_failed_calls;   /**< of the driver, before the present call of libavcodec */
    unsigned n_recent, n_good; /**< failures that are not forgiven; pictures since the last one */
    unsigned n_pool; /**< pictures that a pool which cannot grow has for others; 0: it can grow */
    uint64_t true_kind;  /**< of pictures that software was seen to make alike; 0: none */
    uint64_t tried_kind; /**< of those that are compared at present, */
    unsigned n_tries;    /**< and how often that was tried */
    struct limef_decode_kept *kept; /**< packets that can be decoded again; owned. NULL: none */
    uint64_t serial;                /**< of the packet that is decoded */
    uint64_t n_serials;
};

/** Memory of a decoder; kind "decode". All-zero and limef_decode_filter_init(). */
struct limef_decode_filter {
    struct limef_filter filter;
    struct limef_decode_settings settings;

    /* the thread that runs it */
    struct AVCodecContext *context;       /**< NULL: nothing to decode with */
    struct AVCodecParameters *parameters; /**< of the codec frame; NULL before the first */
    struct AVPacket *shell;               /**< borrows a frame's bytes for one call */
    struct limef_pool *pictures;
    struct limef_payload *spare;      /**< an empty picture */
    struct limef_codec_frame codec;   /**< the last one; without its payload */
    struct limef_decoded_frame out;   /**< the last one that was passed on */
    struct limef_decoded_frame burst; /**< the newest picture of a burst that goes on; or empty */
    struct AVPacket *delimiter;       /**< without a picture: pushes one out; owned. NULL: none */
    bool is_fresh;                    /**< nothing was decoded since the decoder was opened */
    bool is_empty;                    /**< nor since it was flushed */
    bool is_parallel;                 /**< it was opened for a burst: on several cores */
    int64_t drop_before_us;           /**< LIMEF_NO_TIME: drop nothing */
    bool is_after_gap;                /**< packets were left out; no key frame came since */
    bool leads;                       /**< what is shown before lead_us refers to what is missing */
    int64_t lead_us;
    bool has_passed; /**< a picture, since it was flushed; of the time passed_us */
    int64_t passed_us;
    unsigned n_behind; /**< pictures that what is behind may hold; 0: nobody has said */
    int64_t tag;       /**< of the last packet */
    struct limef_decode_carried carried[LIMEF_DECODE_MAX_INSIDE];
    struct limef_decode_hardware hardware;

    /* written by the thread that runs it, read by any */
    LIMEF_ATOMIC(uint64_t) n_packets, n_decoded, n_corrupt, n_errors, n_dropped_seek;
    LIMEF_ATOMIC(uint64_t) n_dropped_burst, n_dropped_leading, n_backward, n_cuts;
    LIMEF_ATOMIC(uint64_t) n_codec_changes, n_without_threads, n_ignored;
    LIMEF_ATOMIC(int64_t) last_frame_us;
    LIMEF_ATOMIC(uint64_t) n_hardware, n_failures, n_steps[4], n_skipped, n_copied, out_bytes;
    LIMEF_ATOMIC(uint64_t) n_unproved;
    LIMEF_ATOMIC(const char *) with, unproved_why;
    LIMEF_ATOMIC(int) last_error;

    /* written by libavcodec's threads, read by any */
    LIMEF_ATOMIC(uint64_t) n_lent_buffers, n_ordinary_buffers;
    LIMEF_ATOMIC(const char *) ordinary_why;
    LIMEF_ATOMIC(uint32_t) row_align_bytes; /**< of all pictures of this context; 0: none yet */
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

/** Reads the counters of hardware. @param counters written. Thread: any */
LIMEF_API void limef_decode_get_hardware_counters(const struct limef_decode_filter *decode,
                                                  struct limef_decode_hardware_counters *counters);

LIMEF_END_DECLS

#endif
