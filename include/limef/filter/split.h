/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Fan-out: every frame goes to `next` and to each branch. Branches come and go
 * while frames flow, from any thread, without a lock or an allocation on the
 * way of the frames.
 */
#ifndef LIMEF_FILTER_SPLIT_H
#define LIMEF_FILTER_SPLIT_H

#include <limef/filter/codecs.h>

LIMEF_BEGIN_DECLS

struct limef_gop_cache_filter;

/** Most branches of one split, `next` not counted. */
#define LIMEF_SPLIT_MAX_BRANCHES 16

/** One way out. All-zero: free. In static data only `to` is given. */
struct limef_split_branch {
    /** Who gets the frames; NULL: nobody. seq_cst: pairs with limef_split_filter.epoch. */
    LIMEF_ATOMIC(struct limef_filter *) to;
    LIMEF_ATOMIC(struct limef_filter *)
    leaving;                        /**< disconnected in vain so far; release/acquire */
    LIMEF_ATOMIC(uint32_t) claimed; /**< 1: taken; acquire, pairs with the release that frees it */
    LIMEF_ATOMIC(uint32_t)
    join; /**< enum limef_split_join, what it still has to get; written
               before `to` is published */
    LIMEF_ATOMIC(uint32_t)
    unheard;                          /**< bits of signals that came while `to` was stopped, see
                                           limef_split_signals; relaxed */
    LIMEF_ATOMIC(uint64_t) n_refused; /**< frames that `to` answered with an error */
    uint32_t left_epoch;              /**< whoever disconnects: go that may still be inside */
};

/** What was said last of each slot, for who was stopped then. Bits 2 n and 2 n + 1 stand for slot
 * n.
 */
struct limef_split_signals {
    struct limef_tracks slots;
    struct {
        struct limef_signal_frame start; /**< its latest START */
        struct limef_signal_frame since; /**< the latest FLUSH, STOP, END or LOST since then */
    } of[LIMEF_MAX_TRACKS];
};

/** Kind "split". As static data: `.filter = LIMEF_FILTER(&limef_split_ops, "split", NULL)`. */
struct limef_split_filter {
    struct limef_filter filter;
    struct limef_split_branch branches[LIMEF_SPLIT_MAX_BRANCHES];
    struct limef_codecs codecs;         /**< the filter's thread */
    struct limef_split_signals signals; /**< the filter's thread */
    /** Odd while go is inside. seq_cst: either go sees that a branch left, or who disconnects it
     *  sees that go is inside. */
    LIMEF_ATOMIC(uint32_t) epoch;
    LIMEF_ATOMIC(uintptr_t) runner; /**< thread of that go; published by epoch */
    bool next_missed; /**< the filter's thread: `next` was stopped, and has to get what it missed */
    uint32_t next_unheard; /**< the filter's thread: as limef_split_branch.unheard */
    /** The filter's thread: the cache whose frame it is in; NULL: none is before the split. */
    struct limef_gop_cache_filter *cache;
    bool is_cached; /**< the filter's thread: one was there for the latest frame */
};

/** How a branch joins. */
enum limef_split_join {
    LIMEF_SPLIT_FROM_NOW,     /**< gets the next frame and what follows */
    LIMEF_SPLIT_CODECS_FIRST, /**< before that, the latest codec frame of each track */
    LIMEF_SPLIT_BURST_FIRST,  /**< and what a gop cache directly before the split has kept; without
                                   one, as CODECS_FIRST. So does a graph */
};

/**
 * The split's type.
 *
 * go gives the frame to `next`, then to the branches in their order. A branch that answers
 * AVERROR_EXIT (its thread was stopped) stops nobody else; it is offered the following frames
 * too, so that it goes on when its thread starts again, and gets before that what one that joins
 * gets: a boundary with LIMEF_SPLIT_BURST_FIRST, or, where no burst is kept, a GAP of all video
 * streams, so that it goes on at a key frame; a chain of the split's own thread, which has had
 * the packets itself, with LIMEF_SPLIT_CODECS_FIRST. What was said of a slot meanwhile it gets as
 * well, also where nobody heard it: the latest START or FLUSH before that, STOP, END or LOST, if
 * none followed it, behind it;
 * other signals, and those of more than LIMEF_MAX_TRACKS slots, only count as refused. go returns
 * AVERROR_EXIT only if everyone behind it says so, otherwise the first other error;
 * AVERROR(EAGAIN) of a branch is counted as refused and not returned, since the others have had the
 * frame.
 */
extern LIMEF_API const struct limef_filter_ops limef_split_ops;

/** @param split  written; must be all-zero. @param name  as limef_filter_init(). Thread: the
 * controlling one */
LIMEF_API void limef_split_filter_init(struct limef_split_filter *split, const char *name);

/**
 * Adds a branch; frames may reach it before this returns.
 *
 * @param to  borrowed; must outlive its stay, see limef_split_disconnect(). It runs on the
 *            split's thread.
 * @return 0; AVERROR(ENOSPC): no branch is free; AVERROR(EEXIST): it is connected already.
 * Thread: any
 */
LIMEF_API int limef_split_connect(struct limef_split_filter *split, struct limef_filter *to,
                                  enum limef_split_join join);

/**
 * Gives those who joined, or were started again, since the last frame what they missed, instead of
 * with the next one: behind an END none may come. For limef_graph_call() with the split's filter.
 * Directly behind a gop cache limef_gop_cache_serve() does that, with the burst.
 *
 * @param split  a struct limef_split_filter.
 * @return 0; AVERROR(EINVAL): a gop cache is directly before it.
 * Thread: the filter's
 */
LIMEF_API int limef_split_serve(void *split);

/**
 * Takes a branch out, and waits until the split's go has let go of it: then its memory is the
 * caller's again. Called from inside the split's own go (by a branch) it does not wait: the
 * branch gets nothing more, and its memory must stay until that go has returned.
 *
 * @param timeout_us  how long to wait for a go that is inside, blocked perhaps by another branch.
 * @return 0; AVERROR(ENOENT): it is not connected; AVERROR(ETIMEDOUT): it gets no further frame,
 *         but one may still be inside: its memory must stay; call again.
 * Thread: any; for the same branch one at a time
 */
LIMEF_API int limef_split_disconnect(struct limef_split_filter *split, struct limef_filter *to,
                                     int64_t timeout_us);

/**
 * How many frames a branch answered with an error, AVERROR_EXIT included, since it was connected.
 *
 * @return that; 0 if it is not connected.
 * Thread: any
 */
LIMEF_API uint64_t limef_split_n_refused(const struct limef_split_filter *split,
                                         const struct limef_filter *to);

LIMEF_END_DECLS

#endif
