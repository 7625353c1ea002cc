/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The probe: measures what one filter costs, alone, while it runs. Calls nest, so
 * the time of whom a filter calls is not counted as its own, nor is the time that
 * a write waits for room in a lane.
 *
 * The outermost call of a thread - limef_probe_run() of a consumer,
 * limef_probe_step() of a source - decides whether all that it calls is measured:
 * every frame where that is cheap, else one in N, so that reading the clock costs
 * about 0.05 % of what is measured, or happens 16 times a second. What is not
 * measured costs the outermost call a comparison, and a filter nothing: the
 * pointer that a frame is passed through leads to the probe while it measures.
 *
 * Frames are counted every one, in limef_filter.n_frames, and the steps of a source in
 * limef_source.n_steps; all else is of measured media frames. doc/probe.md
 */
#ifndef LIMEF_FILTER_PROBE_H
#define LIMEF_FILTER_PROBE_H

#include <limef/base/histogram.h>
#include <limef/filter/filter.h>

LIMEF_BEGIN_DECLS

struct limef_plan_edge;
struct limef_plan_filter;
struct limef_source;

/** Buckets of own time: below 16 ns, then four an octave up to 17 s. */
#define LIMEF_PROBE_N_BUCKETS 121

/** Buckets of frames at once: 1, 2, up to 4, up to 8, ... */
#define LIMEF_PROBE_N_BURSTS 8

/** What limef_probe.seen tells of the last measured frame. */
enum limef_probe_seen {
    LIMEF_PROBE_MEDIA = 1 << 0,   /**< there was one */
    LIMEF_PROBE_LIVE = 1 << 1,    /**< it had LIMEF_FRAME_LIVE */
    LIMEF_PROBE_ENCODED = 1 << 2, /**< it was a packet */
};

/** What is measured of one filter. All-zero and limef_probe_attach(). */
struct limef_probe {
    /* written by the thread that runs the filter, read by any */
    LIMEF_ATOMIC(uint64_t) n_sampled; /**< measured frames; of a source: steps */
    LIMEF_ATOMIC(uint64_t) n_refused; /**< measured, and answered with AVERROR(EAGAIN) */
    LIMEF_ATOMIC(uint64_t) n_out;     /**< frames that the measured ones made the filter pass on */
    LIMEF_ATOMIC(uint64_t) bytes;     /**< payload of the measured frames */
    LIMEF_ATOMIC(uint64_t) sum_ns;    /**< own time of the measured frames */
    LIMEF_ATOMIC(uint64_t) max_ns;    /**< the longest of them */
    LIMEF_ATOMIC(uint64_t) wait_ns;   /**< not in sum_ns: waiting for room in a lane */
    LIMEF_ATOMIC(uint64_t) n_aged;    /**< measured frames of live streams */
    LIMEF_ATOMIC(uint64_t) age_us;    /**< of these, since they entered the process: sum */
    LIMEF_ATOMIC(uint32_t) seen;      /**< enum limef_probe_seen, or-ed */
    LIMEF_ATOMIC(uint32_t) own[LIMEF_PROBE_N_BUCKETS];
    LIMEF_ATOMIC(uint32_t) bursts[LIMEF_PROBE_N_BURSTS];
    struct limef_histogram late; /**< later than the timestamps since the last measured one say */

    /* written by any */
    LIMEF_ATOMIC(uint32_t) least_hz; /**< limef_probe_set_rate(); 0: 16 */

    /* the thread that runs the filter */
    uint32_t every;     /**< one frame in so many is measured, on average; of an outermost filter */
    uint32_t drawn;     /**< frames from the last one to the next one; 0: none was measured */
    uint32_t random;    /**< so that a pattern in the frames is not always met at the same place */
    int64_t sampled_ns; /**< when it was outermost and measured */
    int64_t mean_ns;    /**< of all that was called then */
    uint32_t n_in_tree; /**< frames that came in one outermost call */
    uint64_t tree;      /**< which call that was */
    uint64_t stream;    /**< whose timestamps are watched */
    int64_t arrived_ns; /**< when its last measured frame came */
    int64_t arrived_us; /**< that frame's timestamp */
};

/** A probe as it was at one moment; the difference of two is what a window measured. */
struct limef_probe_reading {
    int64_t at_ns; /**< limef_now_us()'s clock */
    uint64_t n_frames, n_steps, n_waited, n_sampled, n_refused, n_out, bytes, sum_ns, max_ns,
        wait_ns, n_aged, age_us;
    uint32_t seen; /**< enum limef_probe_seen, or-ed */
    uint32_t own[LIMEF_PROBE_N_BUCKETS];
    uint32_t bursts[LIMEF_PROBE_N_BURSTS];
    uint32_t late[LIMEF_HISTOGRAM_N_BUCKETS];
};

/**
 * Starts to measure a filter. The first call in a process takes some microseconds, to learn what
 * reading the clock costs.
 *
 * @param probe   whatever it measured is forgotten; borrowed; must outlive limef_probe_detach().
 * @param filter  borrowed likewise.
 * Thread: the filter's, between two outermost calls, or the controlling one while it does not run
 */
LIMEF_API void limef_probe_attach(struct limef_probe *probe, struct limef_filter *filter);

/** Stops measuring a filter; what was measured stays readable. Thread: as limef_probe_attach() */
LIMEF_API void limef_probe_detach(struct limef_filter *filter);

/** Forgets what was measured. Thread: as limef_probe_attach() */
LIMEF_API void limef_probe_reset(struct limef_probe *probe);

/** How many frames a second are measured although they cost too little for it, of the filters that
 * a fifo or a source gives its frames to; 0: 16. From the next one that is measured on. Thread: any
 */
LIMEF_API void limef_probe_set_rate(struct limef_probe *probe, uint32_t hz);

/** Has the next frame of a filter measured, the next step of a source, if a fifo gives it its
 * frames: how many pass until then was drawn when they may have come faster than now. Thread: any
 */
LIMEF_API void limef_probe_ask(struct limef_filter *filter);

/** Gives a frame to a filter while costs are measured; limef_filter.go. Thread: the filter's */
LIMEF_API int limef_probe_go(struct limef_filter *filter, const struct limef_frame *frame);

/** Gives a frame to a filter, and measures it if it is a media frame; limef_probe_run() does it.
 *  Thread: the filter's */
LIMEF_API int limef_probe_sample(struct limef_filter *filter, const struct limef_frame *frame);

/**
 * Gives a frame to the first filter behind a fifo: limef_go() that decides whether this frame is
 * measured.
 *
 * @return as limef_filter_ops.go.
 * Thread: the filter's
 */
static inline int limef_probe_run(struct limef_filter *filter, const struct limef_frame *frame)
{
#ifndef LIMEF_WITHOUT_PROBES /* to measure what the probes cost */
    uint32_t passed = (uint32_t)LIMEF_COUNTED(filter->n_frames) - LIMEF_COUNTED(filter->measure_at);

    if (__builtin_expect((int32_t)passed >= 0, 0))
        return limef_probe_sample(filter, frame);
#endif
    return limef_go(filter, frame);
}

/**
 * Does a step of a source: limef_source.step that decides whether it is measured. A step that
 * answers AVERROR(EAGAIN) or AVERROR_EOF waited, and does not count.
 *
 * @return as limef_source.step.
 * Thread: the source's
 */
LIMEF_API int limef_probe_step(struct limef_source *source, int64_t *due_us);

/**
 * Reads what a filter's probe has measured so far.
 *
 * @param filter   without a probe the reading holds the time and the frames alone.
 * @param reading  written.
 * Thread: any that may look at the filter
 */
LIMEF_API void limef_probe_read(struct limef_filter *filter, struct limef_probe_reading *reading);

/**
 * What a filter did between two readings: writes cost_us, p95_us, slow_us, rate_hz, is_live and
 * is_eager, and of the connection that leads to it rate_hz, frame_bytes, burst_frames, jitter_us
 * and is_encoded; what was not measured is LIMEF_NOT_MEASURED. Costs are wall time, see
 * limef_probe_correct(). p95 is interpolated in a bucket, so off by at most 25 %, and so is slow.
 * Of a source the rate is that of what comes out, and the cost that of one of those.
 *
 * @param edge  NULL: none.
 * @return how many frames it was measured with.
 * Thread: any
 */
LIMEF_API uint64_t limef_probe_measure(const struct limef_probe_reading *before,
                                       const struct limef_probe_reading *after,
                                       struct limef_plan_filter *filter,
                                       struct limef_plan_edge *edge);

/**
 * Makes processor time of the wall time that was measured of all filters of one thread: on a
 * machine that has more to do than it can, the difference is what others ran meanwhile. If the
 * filters seem to use more than the thread did, first those that block are given less, as they
 * waited, then all of them.
 *
 * @param filters   whose cost_us, p95_us and slow_us are changed.
 * @param n         how many filters the thread runs.
 * @param cpu_load  processor time of the thread in the window, as a share of the window; see
 *                  limef_thread_cpu_us().
 * Thread: any
 */
LIMEF_API void limef_probe_correct(struct limef_plan_filter *const *filters, unsigned n,
                                   double cpu_load);

LIMEF_END_DECLS

#endif
