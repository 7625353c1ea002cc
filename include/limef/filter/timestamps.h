/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The one place where time is repaired: what comes out has times that grow,
 * whatever comes in. Missing, backward, jumping and wrapped timestamps; audio
 * and video of a slot stay in step.
 */
#ifndef LIMEF_FILTER_TIMESTAMPS_H
#define LIMEF_FILTER_TIMESTAMPS_H

#include <limef/filter/filter.h>
#include <limef/filter/tracks.h>

LIMEF_BEGIN_DECLS

/** Most frames that a decoder may hold back for reordering (H.264 and HEVC: 16). */
#define LIMEF_TIMESTAMPS_MAX_REORDER 16

/** What was repaired. Read with limef_timestamps_get_counters(). */
struct limef_timestamps_counters {
    uint64_t n_missing;   /**< frames without any time; filled by duration or frame rate */
    uint64_t n_derived;   /**< decoding times made of presentation times, or the other way round */
    uint64_t n_backward;  /**< frames not after their predecessor; put right behind it */
    uint64_t n_jumps;     /**< times that went elsewhere, and were brought back by a new offset */
    uint64_t n_followed;  /**< tracks that followed the jump of another one of their slot */
    uint64_t n_wraps;     /**< counters that ran over: 33 bits of MPEG-TS, 32 bits of RTP */
    uint64_t n_order;     /**< presentation times that contradict their decoding time */
    uint64_t n_untracked; /**< frames beyond LIMEF_MAX_TRACKS, passed as they were */
};

/** One track. The filter's thread. */
struct limef_timestamps_track {
    bool started;
    bool is_derived;       /**< the last decoding time was made of presentation times */
    uint8_t n_reorder;     /**< frames its decoder holds back; from the codec frame, or seen */
    uint16_t n_backward;   /**< how many in a row were not after their predecessor */
    uint32_t generation;   /**< which of its slot's offsets it uses */
    int64_t wrap_us;       /**< what wraps added so far */
    int64_t wraps_at_us;   /**< period of its RTP clock, of audio; 0: not known */
    int64_t offset_us;     /**< from unwrapped to repaired time */
    int64_t in_us;         /**< last decoding time, unwrapped */
    int64_t out_us;        /**< last decoding time that was passed on */
    int64_t step_us;       /**< from that to the next one, as far as is known */
    int64_t codec_step_us; /**< the same by the codec frame's frame rate; 0: not known */
    int64_t sorted_us[LIMEF_TIMESTAMPS_MAX_REORDER + 1]; /**< latest presentation times, growing */
};

/** One slot: what its tracks have in common. The filter's thread. */
struct limef_timestamps_slot {
    bool started;
    uint32_t generation; /**< counts the jumps */
    int64_t offset_us;   /**< since the last one */
    int64_t out_us;      /**< latest time that was passed on, of any track */
};

/**
 * Kind "timestamps". As static data:
 * `.filter = LIMEF_FILTER(&limef_timestamps_ops, "timestamps", NULL)`.
 */
struct limef_timestamps_filter {
    struct limef_filter filter;
    int64_t max_gap_us; /**< a gap above this is a jump, not a pause; 0: 10 s */

    /* the filter's thread; the counters are read by any */
    struct limef_tracks tracks;
    struct limef_tracks slots;
    struct limef_timestamps_track track_states[LIMEF_MAX_TRACKS];
    struct limef_timestamps_slot slot_states[LIMEF_MAX_TRACKS];
    LIMEF_ATOMIC(uint64_t) n_missing, n_derived, n_backward, n_jumps;
    LIMEF_ATOMIC(uint64_t) n_followed, n_wraps, n_order, n_untracked;
};

/**
 * The type.
 *
 * Video and audio: decoding times of packets, and presentation times of decoded frames, grow
 * strictly; a packet's presentation time keeps its distance from the decoding time, so B-frames
 * stay in order. A jump gives the slot a new offset, chosen so that time goes on; the other
 * tracks of the slot follow with the same offset where their times jump. The first frame behind
 * a jump is flagged LIMEF_FRAME_DISCONTINUITY. Other media is only shifted along. A FLUSH signal
 * starts the slot anew, with the source's own times: after a seek they are what was asked for.
 * All frames and signals pass, none is dropped.
 */
extern LIMEF_API const struct limef_filter_ops limef_timestamps_ops;

/**
 * @param timestamps  written; must be all-zero.
 * @param max_gap_us  as the member.
 * Thread: the controlling one
 */
LIMEF_API void limef_timestamps_filter_init(struct limef_timestamps_filter *timestamps,
                                            const char *name, int64_t max_gap_us);

/** Reads the counters. @param counters  written. Thread: any */
LIMEF_API void limef_timestamps_get_counters(const struct limef_timestamps_filter *timestamps,
                                             struct limef_timestamps_counters *counters);

LIMEF_END_DECLS

#endif
