/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A lane: the way of one producer into a FrameFifo. Frames go down one
 * single-producer single-consumer ring and come back, recycled, on another;
 * neither takes a lock. Each lane has its own bound and its own overflow
 * policy, so that a camera that overflows harms itself alone.
 *
 * What crosses is a reference: the payload's count goes up by one, the frame's
 * struct is copied into a recycled stack frame. Only bytes that nobody counts
 * are copied, into memory that the stack frame keeps.
 */
#ifndef LIMEF_FIFO_LANE_H
#define LIMEF_FIFO_LANE_H

#include <limef/base/histogram.h>
#include <limef/frame/any.h>

LIMEF_BEGIN_DECLS

struct AVFrame;
struct limef_fifo;
struct limef_filter;
struct limef_lane;
struct limef_pool;

/** Most stack frames of one lane. */
#define LIMEF_LANE_MAX_FRAMES 4096

/** What happens to media that finds the lane full. Of signals and codec frames only one goes that a
 * newer one of its stream supersedes, where media is dropped and no stack frame is left. */
enum limef_overflow {
    LIMEF_OVERFLOW_BLOCK,       /**< the writer waits for room: files */
    LIMEF_OVERFLOW_DROP_OLDEST, /**< the oldest queued frame goes: pictures on their way to a
                                   display */
    LIMEF_OVERFLOW_DROP_TO_KEY, /**< frames are dropped up to the next key frame, so that no group
                                     of pictures is decoded with a hole in it: packets. That
                                     frame gets LIMEF_FRAME_DISCONTINUITY; the log has a line for
                                     the 1st, 2nd, 4th, ... hole */
};

/** Streams of one lane of which it is known whether each waits for a key frame. */
#define LIMEF_LANE_MAX_WAITS 128

/** Video streams that have a hole, up to their next key frame. All-zero: none. */
struct limef_key_waits {
    unsigned n;
    bool all_but; /**< more than there is room for: those of the list are back, all others wait.
                     More than there is room for again, and the rest has its key frames alone */
    uint64_t streams[LIMEF_LANE_MAX_WAITS]; /**< slot and track; cold where nobody waits */
};

/** How a lane is bounded. All-zero: block until there is room. */
struct limef_lane_settings {
    enum limef_overflow overflow;
    unsigned depth;      /**< media frames that may wait; 0: three quarters of the stack frames */
    size_t max_bytes;    /**< encoded or decoded bytes that may wait; 0: no bound */
    int64_t max_time_us; /**< stream time from the oldest to the newest that waits; 0: no bound */
    int64_t block_us;    /**< how long a writer waits for room; 0: until the fifo closes or the
                              writing thread is stopped. Where media is dropped only signals and
                              codec frames wait, and no further one once one did in vain, until
                              the consumer has given a stack frame back */
};

/**
 * A recycled, adaptive frame: takes the class, the reference, or the bytes of
 * whatever is written into it, and keeps its memory when it is recycled.
 */
struct limef_stack_frame {
    /* first line: all that the consumer must touch. The rings' slot i lies in stack frame i, and
     * holds the number of a stack frame: in steady state, i */
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    LIMEF_ATOMIC(uint32_t) down; /**< published by lane.tail, given up by lane.head */
    LIMEF_ATOMIC(uint32_t) up;   /**< published by lane.recycled */
    union limef_any_frame any; /**< whoever holds the frame: producer, ring, consumer, ring, ... */

    /* the producer: of ring position i, what was queued before it */
    uint64_t media_before;
    uint64_t bytes_before;
    int64_t pts_us;
    struct limef_stack_frame
        *next; /**< of this frame, not of a position: in lane.spare or unread */

    /* whoever holds the frame; seldom written, so that both CPUs keep the line */
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    struct limef_lane *lane;
    void *memory;       /**< kept for payloads that nobody counts; owned */
    struct AVFrame *av; /**< describes a picture in memory; owned */
    size_t memory_bytes;
    LIMEF_ATOMIC(int64_t)
    written_us; /**< when it was written, if it was sampled; else 0. Relaxed: any may look */
};

/** What a lane has done so far. Read with limef_lane_get_counters(). */
struct limef_lane_counters {
    uint64_t n_written;         /**< frames queued, signals included */
    uint64_t n_read;            /**< frames the consumer took */
    uint64_t n_dropped_oldest;  /**< media dropped to make room for newer */
    uint64_t n_dropped_to_key;  /**< media dropped up to a key frame */
    uint64_t n_dropped_flush;   /**< media dropped because a FLUSH of its slot came behind it */
    uint64_t n_dropped_timeout; /**< frames refused with AVERROR(ETIMEDOUT) */
    uint64_t n_dropped_stale;   /**< media that waited where the reading thread was stopped, dropped
                                     when it was started again */
    uint64_t n_superseded;      /**< codec frames and signals of a state dropped because a newer
                                     one of their stream came and no stack frame was left */
    uint64_t n_blocked;         /**< writes that had to wait */
    uint64_t n_wakes;           /**< system calls made to wake the consumer */
    uint64_t copied_bytes;      /**< payload bytes copied because nobody counted them */
    uint64_t n_allocations;     /**< times a stack frame grew */
    unsigned max_used;          /**< most media frames that ever waited */
    unsigned depth;             /**< media frames that may wait */
    unsigned n_frames;          /**< stack frames, and of those, */
    unsigned n_used;            /**< that wait, or that the consumer has */
};

/** Memory of a lane; init, then add it to a fifo. */
struct limef_lane {
    struct limef_lane_settings settings;
    struct limef_stack_frame *frames; /**< borrowed */
    unsigned n_frames;                /**< a power of two */
    /** Who gets what a consumer thread reads from here; borrowed; NULL: the consumer's chain. Set
     * before the lane is added to a fifo. */
    struct limef_filter *chain;
    LIMEF_ATOMIC(struct limef_fifo *)
    fifo; /**< whom it leads into, or NULL; release, pairs with
               the producer's acquire */

    /* the producer */
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    LIMEF_ATOMIC(uint32_t)
    tail; /**< release: publishes slot tail-1; pairs with the consumer's acquire */
    uint32_t head_cache;
    uint32_t recycled_cache;
    uint32_t taken;                  /**< how many came out of the up ring */
    struct limef_stack_frame *spare; /**< frames the producer took back itself */
    bool ends_hole;                  /**< what is written now is that key frame */
    uint32_t timed_out_at;           /**< `taken` + 1 when the last wait was in vain; else 0 */
    uint64_t n_holes, n_said;        /**< so far; n_dropped_to_key when that was said last */
    unsigned sample_every, sample_in;
    int64_t sampled_us;
    uint64_t media_written, bytes_written;
    struct limef_pool *codecs; /**< for codec parameters that nobody counts; owned */
    LIMEF_ATOMIC(uint64_t) n_written, n_dropped_oldest, n_dropped_to_key, n_dropped_flush;
    LIMEF_ATOMIC(uint64_t) n_dropped_timeout, n_superseded, n_blocked, n_wakes;
    LIMEF_ATOMIC(uint64_t) copied_bytes, n_allocations;
    LIMEF_ATOMIC(uint32_t) max_used;
    struct limef_key_waits waits_for_key; /**< last: what each write touches is in three lines */

    /* the consumer; the producer takes frames back by moving head */
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    LIMEF_ATOMIC(uint32_t) head; /**< acq_rel compare-and-swap from both sides */
    uint32_t tail_cache;
    LIMEF_ATOMIC(uint32_t)
    recycled; /**< release: publishes up slot recycled-1; pairs with the producer's acquire */
    struct limef_stack_frame *unread; /**< came back from the reader, goes out first */
    struct limef_lane *next;          /**< in the fifo's list */
    LIMEF_ATOMIC(bool) held;          /**< gives nothing until unhold; relaxed: any may look */
    LIMEF_ATOMIC(uint64_t) n_read, n_dropped_stale; /**< the latter is in the former */
    struct limef_histogram wait;                    /**< from write to read, sampled */

    /* both: 1 while the producer sleeps for room */
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    LIMEF_ATOMIC(uint32_t) writer_sleeps;
};

/**
 * Prepares a lane.
 *
 * @param lane      written; must be all-zero.
 * @param frames    borrowed, all-zero; must outlive the lane. n_frames of them.
 * @param n_frames  a power of two, 4..LIMEF_LANE_MAX_FRAMES.
 * @param settings  copied; NULL: the defaults. A depth above n_frames - 2 is cut to that:
 *                  the rest is for signals and for the frame that the consumer holds.
 * @return 0, or AVERROR(EINVAL).
 * Thread: the controlling one
 */
LIMEF_API int limef_lane_init(struct limef_lane *lane, struct limef_stack_frame *frames,
                              unsigned n_frames, const struct limef_lane_settings *settings);

/**
 * Releases what waits and what the stack frames kept; all-zero afterwards.
 *
 * @param lane  not in a fifo any more, or nobody reads and writes that fifo.
 * Thread: the controlling one
 */
LIMEF_API void limef_lane_clear(struct limef_lane *lane);

/**
 * Queues a frame.
 *
 * A FLUSH signal first drops the media of its slot that waits in the lane, UINT32_MAX: of all.
 *
 * @param frame  borrowed.
 * @return 0: queued, or dropped by the policy and counted; AVERROR_EXIT: the fifo is closed, or
 *         the writing limef thread is asked to stop: where packets are dropped to a key frame what
 *         follows waits for one, where it blocks the frame is to be offered again;
 *         AVERROR(ETIMEDOUT): no room in block_us, not queued, counted; AVERROR(ENOMEM): no memory
 *         for bytes to copy.
 * Thread: the producer
 */
LIMEF_API int limef_lane_write(struct limef_lane *lane, const struct limef_frame *frame);

/**
 * Reads the counters.
 *
 * @param counters  written.
 * Thread: any
 */
LIMEF_API void limef_lane_get_counters(const struct limef_lane *lane,
                                       struct limef_lane_counters *counters);

/** What of it was dropped, for whatever reason. Thread: any */
LIMEF_API uint64_t limef_lane_n_dropped(const struct limef_lane_counters *counters);

/**
 * How many frames wait at this moment.
 *
 * Thread: any; exact only if nobody reads and writes
 */
LIMEF_API unsigned limef_lane_n_waiting(const struct limef_lane *lane);

/**
 * Since when the oldest of the frames waits whose times were taken: all of a slow stream, one in 64
 * of a fast one.
 *
 * @return microseconds; 0: none waits, or no time was taken of those that do.
 * Thread: any; exact only if nobody reads and writes
 */
LIMEF_API int64_t limef_lane_oldest_us(const struct limef_lane *lane);

LIMEF_END_DECLS

#endif
