/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The plan of a graph: which connections become thread boundaries, how deep each
 * fifo is and what it does when it is full, which thread runs what, and with which
 * priority. A pure function of topology, type flags, measured costs and the
 * machine: no threads, no clock, no side effects, the same answer every time.
 *
 * Costs are processor time, in microseconds a frame, of a filter alone (what it
 * calls is not counted); a load is a share of one core.
 */
#ifndef LIMEF_THREAD_PLAN_H
#define LIMEF_THREAD_PLAN_H

#include <limef/fifo/lane.h>
#include <limef/filter/filter.h>
#include <limef/thread/thread.h>

LIMEF_BEGIN_DECLS

/** A cost or a rate that nobody measured yet. */
#define LIMEF_NOT_MEASURED (-1.0)

/** No thread, island or worker. */
#define LIMEF_PLAN_NONE UINT32_MAX

/** Load of one core above which an island is split. */
#define LIMEF_PLAN_CUT_LOAD_LIMIT 0.75

/** Load of one core below which two islands become one again. */
#define LIMEF_PLAN_MERGE_LOAD 0.55

/** Share of the time between two frames that an island may need in 95 of 100 cases. */
#define LIMEF_PLAN_LATE_LIMIT 0.8

/** Share of all cores that islands of real-time classes may use together, the others left to
 * processing: what reads is one only as far as that goes, the lightest first; displays with what
 * reads as far as the second. Audio is not bounded: whoever asks for it, by LIMEF_FILTER_REAL_TIME,
 * is to be light. */
#define LIMEF_PLAN_URGENT_SHARE 0.5
#define LIMEF_PLAN_URGENT_SHARE_SHOWN 0.75

/** What is known of a filter. */
struct limef_plan_filter {
    const char *name; /**< borrowed; must outlive the plan's printing */
    const char *kind; /**< limef_filter_ops.kind; borrowed likewise */
    unsigned flags;   /**< enum limef_filter_flag, or-ed */
    bool is_live;     /**< of a source: does not wait for who is behind */
    bool is_eager; /**< of a source: always had the next frame; it takes whatever core it gets, and
                        what it used is not what it would */
    /** Number of the explicit thread that runs it; LIMEF_PLAN_NONE: the plan says. */
    uint32_t thread;
    uint64_t fingerprint; /**< limef_filter_ops.fingerprint(): of settings, and of the stream's
                               format as far as it was known before the filter ran; 0: none */
    double cost_us;       /**< mean of one frame; or LIMEF_NOT_MEASURED */
    double p95_us;        /**< likewise */
    double slow_us;       /**< mean of the slowest 4 of 100, key frames say; likewise; 0 tells
                               nothing either */
    double rate_hz;       /**< frames a second that go in (a source: that come out); likewise */
};

/** A connection. */
struct limef_plan_edge {
    uint32_t from, to;   /**< filters */
    uint32_t output;     /**< which of from's outputs */
    double rate_hz;      /**< frames a second; or LIMEF_NOT_MEASURED */
    double frame_bytes;  /**< payload of a frame, mean; likewise */
    double burst_frames; /**< most frames that come at once; likewise */
    double jitter_us;    /**< p99 of how late frames come, against their timestamps; likewise */
    bool is_encoded; /**< packets pass, not pictures or samples: dropping stops at a key frame */
    bool is_fixed;   /**< nothing may be put between the two: they run on one thread */
};

/** What the plan is made for. */
struct limef_plan_machine {
    double n_cpus;      /**< usable ones: affinity and quota; 0.5 is legal */
    double handover_us; /**< processor time of one frame across a boundary with a sleeping reader */
    size_t budget_bytes; /**< payload that may wait in all fifos together; 0: 256 MiB */
    int64_t budget_us;   /**< stream time that may wait in all fifos one behind the other, of a live
                              stream; 0: 500 ms in each. Of other streams in each */
    double inside_load;  /**< cores that the threads within self-threaded filters use, which no plan
                              places; 0: none, or not known */
};

/** How boundaries are chosen; all but the first for comparison. Forced cuts are made in all. */
enum limef_plan_mode {
    LIMEF_PLAN_AUTO,       /**< by cost */
    LIMEF_PLAN_FUSED,      /**< as few threads as is legal */
    LIMEF_PLAN_PER_FILTER, /**< a thread for each filter */
    LIMEF_PLAN_PER_STREAM, /**< a thread for each source with all behind it */
    LIMEF_PLAN_WHITELIST,  /**< by kind: decode, encode get a thread, all else is fused to what is
                                before it */
};

/** What the planner is given. */
struct limef_plan_problem {
    const struct limef_plan_filter *filters; /**< borrowed */
    const struct limef_plan_edge *edges;     /**< borrowed */
    uint32_t n_filters, n_edges;
    struct limef_plan_machine machine;
    enum limef_plan_mode mode;
    /** What runs now, so that only what has to change does: a cut stays until both sides together
     *  are under LIMEF_PLAN_MERGE_LOAD, an island stays on its worker, a fifo keeps its depth.
     *  Borrowed; not the plan that is written. NULL: nothing runs. */
    const struct limef_plan *previous;
    /** Which filter of the previous plan each one is; LIMEF_PLAN_NONE: new. NULL: the same ones. */
    const uint32_t *previous_filters; /**< borrowed */
    /** Which edge of the previous plan each one is; as previous_filters. */
    const uint32_t *previous_edges; /**< borrowed */
    /** What runs was planned before anything was measured: cuts are those of a plan from nothing,
     *  none stays because it is there. */
    bool is_first;
};

/** Why a connection was cut, or was not. */
enum limef_plan_reason {
    LIMEF_PLAN_FUSED_CHEAP,      /**< a call costs less than a handover saves */
    LIMEF_PLAN_FUSED_UNMEASURED, /**< nothing is known yet, and nothing forces a cut */
    LIMEF_PLAN_FUSED_NO_CPU,     /**< there is no core left that a cut could use */
    LIMEF_PLAN_FUSED_TRIED,      /**< the rules would cut it; in a model of the machine fewer frames
                                      are late without */
    LIMEF_PLAN_CUT_BLOCKING,     /**< a source that waits would be read late, or it waits itself */
    LIMEF_PLAN_CUT_BOUND,        /**< one side is bound to a thread */
    LIMEF_PLAN_CUT_EXPLICIT,     /**< a thread of the application is behind or before it */
    LIMEF_PLAN_CUT_REAL_TIME,    /**< real-time audio is on one side */
    LIMEF_PLAN_CUT_JOIN,         /**< several threads come together there */
    LIMEF_PLAN_CUT_LOAD,         /**< both sides together would load a core too much */
    LIMEF_PLAN_CUT_LATE,         /**< p95 of both sides together misses the frame period */
    LIMEF_PLAN_CUT_BRANCH,       /**< works seldom, but then holds up other branches of a fork */
    LIMEF_PLAN_CUT_PRIORITY,     /**< the sides are of different urgency */
    LIMEF_PLAN_CUT_UNMEASURED,   /**< nothing is known yet; the topology suggests it */
    LIMEF_PLAN_CUT_TRIED,        /**< in a model of the machine fewer frames are late with it */
    LIMEF_PLAN_CUT_MODE,         /**< the mode asked for it */
};

/** What was decided of a connection. */
struct limef_plan_link {
    bool is_cut;
    enum limef_plan_reason reason;
    unsigned depth;               /**< if cut: media frames that may wait */
    enum limef_overflow overflow; /**< if cut */
    size_t max_bytes;             /**< if cut; 0: no bound */
    int64_t max_time_us;          /**< if cut; 0: no bound */
};

/** Filters that run as one: what is behind a boundary or a source, up to the next boundary. All
 * connections that lead to a filter are cut, or none is. */
struct limef_plan_island {
    uint32_t first;  /**< the filter that gets the frames, or the source */
    uint32_t worker; /**< thread of the plan; LIMEF_PLAN_NONE: an explicit one */
    uint32_t thread; /**< the explicit one's number; or LIMEF_PLAN_NONE */
    enum limef_priority priority;
    double load;   /**< or LIMEF_NOT_MEASURED */
    double p95_us; /**< of all its filters for one frame; or LIMEF_NOT_MEASURED */
};

/** A thread that the plan asks for; without islands: its number is kept for one that may come, so
 * that the others need not be renumbered. Islands of one worker lie at the same distance from
 * sources, so that workers never wait for each other in a circle. */
struct limef_plan_worker {
    enum limef_priority priority;
    uint32_t n_islands;
    double load; /**< or LIMEF_NOT_MEASURED */
};

/** A plan, in the caller's memory. */
struct limef_plan {
    struct limef_plan_link *links;     /**< one for each edge; borrowed */
    uint32_t *island_of;               /**< one for each filter; borrowed */
    struct limef_plan_island *islands; /**< room for n_filters; borrowed */
    struct limef_plan_worker *workers; /**< room for n_filters; borrowed */
    uint32_t n_filters, n_edges;       /**< as the problem's */
    uint32_t n_islands, n_workers;     /**< written by the planner */
};

/** Bytes that limef_plan_init() needs for a problem of that size. Thread: any */
LIMEF_API size_t limef_plan_bytes(uint32_t n_filters, uint32_t n_edges);

/**
 * Lays a plan out in memory.
 *
 * @param plan    written.
 * @param memory  limef_plan_bytes() of it, aligned for any type; borrowed; must outlive the plan.
 * Thread: any
 */
LIMEF_API void limef_plan_init(struct limef_plan *plan, void *memory, uint32_t n_filters,
                               uint32_t n_edges);

/**
 * Plans.
 *
 * @param plan     initialised for the problem's size; its decisions are written.
 * @param problem  borrowed.
 * @param scratch  limef_plan_scratch_bytes(), aligned for any type; its content does not matter.
 * @return 0; AVERROR(ELOOP): a cycle, or a filter that no source or explicit thread reaches;
 *         AVERROR(EINVAL): a fixed connection between filters that cannot run on one thread, an
 *         edge to a filter that is not there, or to a source. Logged with the names.
 * Thread: any
 */
LIMEF_API int limef_plan_make(struct limef_plan *plan, const struct limef_plan_problem *problem,
                              void *scratch);

/** Bytes of scratch for limef_plan_make(). Thread: any */
LIMEF_API size_t limef_plan_scratch_bytes(uint32_t n_filters, uint32_t n_edges);

LIMEF_END_DECLS

#endif
