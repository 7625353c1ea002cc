/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The FrameFifo: what a consumer thread reads. One lane for each producer; the
 * reader takes from them in turn. A reader with nothing to do looks briefly,
 * then sleeps on a futex, or polls a descriptor; a writer makes a system call
 * only when the reader sleeps.
 *
 * Vocabulary: a producer *writes* to its lane; the consumer *reads* a frame,
 * which is *lent until recycle*, and *recycles* it.
 */
#ifndef LIMEF_FIFO_FIFO_H
#define LIMEF_FIFO_FIFO_H

#include <limef/fifo/lane.h>

#include <pthread.h>

LIMEF_BEGIN_DECLS

/** Memory of a fifo. All-zero and limef_fifo_init(). */
struct limef_fifo {
    const char *name;

    /* the consumer changes it under lock; others look at it under lock */
    struct limef_lane *lanes; /**< list, by lane.next */
    pthread_mutex_t lock;     /**< never taken to read or write a frame */

    /* the consumer */
    struct limef_lane *turn; /**< who is looked at first */
    unsigned spin_rounds;    /**< how long to look before sleeping; adapts to what pays */
    int fd;                  /**< eventfd, or -1 */
    bool armed;              /**< the last read left the reader word at 2 */
    unsigned n_held;         /**< lanes that are held */

    /* any */
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    LIMEF_ATOMIC(uint32_t)
    reader;                        /**< 0 awake, 1 asleep on this word, 2 polls fd. The reader's
                                        seq_cst store pairs with the writers' seq_cst fence */
    LIMEF_ATOMIC(uint32_t) closed; /**< release; pairs with everybody's acquire */
    LIMEF_ATOMIC(uint32_t) woken;  /**< release by limef_fifo_wake(), taken by read */
};

/**
 * Prepares an open fifo without lanes.
 *
 * @param fifo  written; must be all-zero.
 * @param name  for logs; borrowed; must outlive the fifo.
 * Thread: the controlling one
 */
LIMEF_API void limef_fifo_init(struct limef_fifo *fifo, const char *name);

/**
 * Takes all lanes out, closes the descriptor; all-zero afterwards. The lanes stay the caller's to
 * clear.
 *
 * Thread: the controlling one, when nobody reads or writes any more
 */
LIMEF_API void limef_fifo_clear(struct limef_fifo *fifo);

/**
 * Adds a lane; its producer may write from now on.
 *
 * @param lane  initialised; borrowed; must outlive its stay in the fifo.
 * Thread: the consumer, or the controlling one while nobody reads
 */
LIMEF_API void limef_fifo_add_lane(struct limef_fifo *fifo, struct limef_lane *lane);

/**
 * Takes a lane out, with what waits in it; none of its frames may be lent. Its producer gets
 * AVERROR_EXIT from now on.
 *
 * Thread: the consumer, or the controlling one while nobody reads
 */
LIMEF_API void limef_fifo_remove_lane(struct limef_fifo *fifo, struct limef_lane *lane);

/**
 * Takes the next frame.
 *
 * @param frame       written: lent until recycle.
 * @param timeout_us  0: look only. LIMEF_FOREVER: no deadline.
 * @return 0; AVERROR(EAGAIN): nothing came in time, or limef_fifo_wake() was called;
 *         AVERROR_EXIT: closed.
 * Thread: the consumer
 */
LIMEF_API int limef_fifo_read(struct limef_fifo *fifo, struct limef_stack_frame **frame,
                              int64_t timeout_us);

/**
 * Takes all that waits, up to max_frames, from one lane after the other.
 *
 * @param frames  written: each lent until recycle; in order within each lane.
 * @return how many, at least 1; or an error as limef_fifo_read().
 * Thread: the consumer
 */
LIMEF_API int limef_fifo_read_batch(struct limef_fifo *fifo, struct limef_stack_frame **frames,
                                    unsigned max_frames, int64_t timeout_us);

/**
 * Gives a frame back: the reference it held is dropped, its memory is kept.
 *
 * Thread: the consumer
 */
LIMEF_API void limef_fifo_recycle(struct limef_fifo *fifo, struct limef_stack_frame *frame);

/**
 * Gives several frames back; cheaper than one by one. Thread: the consumer
 */
LIMEF_API void limef_fifo_recycle_batch(struct limef_fifo *fifo, struct limef_stack_frame **frames,
                                        unsigned n_frames);

/**
 * Puts the frame that was read last from its lane back to the front, and holds the lane: it gives
 * nothing until limef_fifo_unhold().
 *
 * Thread: the consumer
 */
LIMEF_API void limef_fifo_unread(struct limef_fifo *fifo, struct limef_stack_frame *frame);

/** Lets all lanes give again. Thread: the consumer */
LIMEF_API void limef_fifo_unhold(struct limef_fifo *fifo);

/**
 * Makes a waiting or the next read return AVERROR(EAGAIN) at once, and the descriptor of
 * limef_fifo_fd() readable once behind that: a poll loop turns round, whoever took the wake-up.
 *
 * Thread: any
 */
LIMEF_API void limef_fifo_wake(struct limef_fifo *fifo);

/**
 * Wakes everybody, for good: reads and writes return AVERROR_EXIT until limef_fifo_open().
 * What waits stays in the lanes.
 *
 * Thread: any
 */
LIMEF_API void limef_fifo_close(struct limef_fifo *fifo);

/** Undoes limef_fifo_close(). Thread: the controlling one, while nobody reads */
LIMEF_API void limef_fifo_open(struct limef_fifo *fifo);

/**
 * A descriptor for poll loops, made at the first call. When a read with timeout 0 returned
 * AVERROR(EAGAIN), poll it for POLLIN, then read again.
 *
 * @return the descriptor, owned by the fifo; or a negative AVERROR code.
 * Thread: the consumer
 */
LIMEF_API int limef_fifo_fd(struct limef_fifo *fifo);

LIMEF_END_DECLS

#endif
