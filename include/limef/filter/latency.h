/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Keeps a live stream live: what is later than a budget is dropped, packets of
 * pictures up to a key frame. It stands on the consumer's side, before the
 * decoder, and sees what piled up anywhere before it: in a fifo, in the kernel,
 * in the camera.
 */
#ifndef LIMEF_FILTER_LATENCY_H
#define LIMEF_FILTER_LATENCY_H

#include <limef/filter/filter.h>
#include <limef/filter/tracks.h>

LIMEF_BEGIN_DECLS

/** What a latency filter has done so far. */
struct limef_latency_counters {
    uint64_t n_late;     /**< times that a stream was over its budget */
    uint64_t n_dropped;  /**< frames dropped to catch up */
    uint64_t n_slower;   /**< times that dropping did not help: the way itself takes longer now, and
                              that is what is natural from then on */
    int64_t late_us;     /**< how late the last frame was */
    int64_t max_late_us; /**< how late one ever was */
    int64_t budget_us;   /**< how late one may be */
};

/** One track. The filter's thread. */
struct limef_latency_track {
    uint32_t slot;
    bool is_known; /**< base_us is */
    bool is_dropping;
    bool was_cut;           /**< the next frame gets LIMEF_FRAME_DISCONTINUITY */
    int64_t base_us;        /**< limef_now_us() less presentation time of what came without delay */
    int64_t based_at_us;    /**< up to when it has followed a slow clock */
    int64_t highest_pts_us; /**< since it is known */
    int64_t least_wait_us;  /**< from its arrival to here, of those since then */
    uint64_t n_waited;      /**< of the source that drives this: what it had counted at the last */
    int64_t begun_pts_us;   /**< of the first frame that is dropped */
    int64_t begun_late_us;  /**< how late that was */
    uint64_t n_dropped;     /**< since then */
};

/**
 * Kind "latency". As static data: `.filter = LIMEF_FILTER(&limef_latency_ops, "latency", NULL)`.
 */
struct limef_latency_filter {
    struct limef_filter filter;
    int64_t budget_us; /**< how late a frame may be; 0: 500 ms */

    /* the filter's thread */
    struct limef_tracks tracks;
    struct limef_latency_track states[LIMEF_MAX_TRACKS];

    /* any reads */
    LIMEF_ATOMIC(uint64_t) n_late, n_dropped, n_slower;
    LIMEF_ATOMIC(int64_t) late_us, max_late_us;
};

/**
 * The type; a graph runs it on the thread of what is behind it. Frames that are not
 * LIMEF_FRAME_LIVE, or have LIMEF_FRAME_BURST, pass as they are.
 *
 * A frame is late by what its presentation time lags behind that of the track's quickest frames. A
 * clock of the camera that is slow is not taken for lateness: up to 10 000 ppm where a frame comes
 * here at most an eighth of the budget later than the promptest did, 200 ppm where it waited, or
 * the source on whose thread this runs has not run dry since the track's last frame. Over the
 * budget, packets of pictures are dropped up to a key frame that is within it, pictures and sound
 * up to the first frame that is. If the stream is as late after a budget's worth of it was dropped,
 * dropping does not help, and what it is like now is natural. The first frame that passes again has
 * LIMEF_FRAME_DISCONTINUITY.
 *
 * To the application (limef_report()): LIMEF_SIGNAL_LATE when a stream has caught up; the log has
 * a line, too. START, FLUSH, LOST and a source that jumps back begin anew.
 */
extern LIMEF_API const struct limef_filter_ops limef_latency_ops;

/**
 * @param latency    written; must be all-zero.
 * @param budget_us  as the member.
 * Thread: the controlling one
 */
LIMEF_API void limef_latency_filter_init(struct limef_latency_filter *latency, const char *name,
                                         int64_t budget_us);

/** Reads the counters. @param counters written. Thread: any */
LIMEF_API void limef_latency_get_counters(const struct limef_latency_filter *latency,
                                          struct limef_latency_counters *counters);

LIMEF_END_DECLS

#endif
