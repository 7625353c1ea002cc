/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The framefilter: takes a frame, hands on zero or more. A filter is a struct
 * that embeds struct limef_filter as its first member and a table of functions
 * that is its type. A chain is filters connected by `next`; it can be static
 * data, readable in a debugger before it starts.
 *
 * Lifetime, of every object in this library:
 * 1. an object is all-zero, or initialised;
 * 2. if init fails nothing is owed, and the object is all-zero;
 * 3. clear on all-zero does nothing, and leaves all-zero;
 * 4. what is connected or started is not moved;
 * 5. a frame given to go is borrowed;
 * 6. what a filter passes on stays valid until its next go or clear;
 * 7. what may change while running says so.
 */
#ifndef LIMEF_FILTER_FILTER_H
#define LIMEF_FILTER_FILTER_H

#include <limef/frame/any.h>

LIMEF_BEGIN_DECLS

struct limef_filter;
struct limef_probe;

/** What the graph pass knows beforehand of a filter's type. */
enum limef_filter_flag {
    LIMEF_FILTER_SOURCE = 1 << 0,        /**< a struct limef_source, driven by a producer thread */
    LIMEF_FILTER_BLOCKING = 1 << 1,      /**< waits for devices or the network */
    LIMEF_FILTER_THREAD_BOUND = 1 << 2,  /**< must always run on one thread (a GL context) */
    LIMEF_FILTER_REAL_TIME = 1 << 3,     /**< misses deadlines if it waits for others (audio) */
    LIMEF_FILTER_SELF_THREADED = 1 << 4, /**< has threads of its own inside */
    LIMEF_FILTER_BOUNDARY = 1 << 5,      /**< what follows runs on another thread */
    LIMEF_FILTER_DISPLAY = 1 << 6,       /**< shows pictures when their time has come */
    LIMEF_FILTER_RECORDS = 1 << 7,       /**< keeps what it gets: what is lost is missed later */
    LIMEF_FILTER_GLUED = 1 << 8,         /**< works on the filter behind it, not through go alone:
                                              both always run on the same thread */
    LIMEF_FILTER_POOLS = 1 << 9, /**< makes pictures in a pool: a graph tells it how many are
                                      held behind it at once, LIMEF_SIGNAL_DEPTH */
};

/** Most things that one filter counts for limef_filter_ops.counts. */
#define LIMEF_FILTER_MAX_COUNTS 12

/** One thing that a filter counts. */
struct limef_filter_count {
    const char *name; /**< a word in lower case, "times_fixed"; lives forever */
    uint64_t n;       /**< so often */
};

/** A filter's type: static const, one per kind. */
struct limef_filter_ops {
    const char *kind; /**< "decode", "split", ... */
    unsigned flags;   /**< enum limef_filter_flag, or-ed */
    /**
     * Takes a frame and passes on what it makes of it.
     *
     * @param in  borrowed.
     * @return 0; AVERROR_EXIT: what is behind was stopped, send nothing more;
     *         AVERROR(EAGAIN): cannot take it now, offer it again (only a filter directly
     *         behind a FrameFifo may say so); another negative AVERROR code: this frame was
     *         lost, the next one is welcome.
     */
    int (*go)(struct limef_filter *filter, const struct limef_frame *in);
    /** Releases what the filter owns and leaves all-zero; NULL: it owns nothing. */
    void (*clear)(struct limef_filter *filter);
    /** For the graph pass, of a filter that passes frames elsewhere than to `next` alone: most
     *  outputs it can have. 0: `next` is the only one, and the two functions below are NULL. */
    unsigned n_outputs;
    /** Who is behind an output, 0..n_outputs-1; NULL: nobody. Thread: any */
    struct limef_filter *(*output)(const struct limef_filter *filter, unsigned output);
    /** Puts another filter there, a thread boundary mostly. Thread: the filter's, between two
     *  frames, or the controlling one while the filter does not run */
    void (*reroute)(struct limef_filter *filter, unsigned output, struct limef_filter *to);
    /** For the graph pass: a number that differs where settings make a difference to what a frame
     *  costs, or the stream's format where it is known already. NULL: all filters of this type cost
     *  the same for the same stream. Thread: the controlling one while the filter does not run */
    uint64_t (*fingerprint)(const struct limef_filter *filter);
    /** Of a THREAD_BOUND filter with work besides its frames (pictures whose time has come, a
     *  window's events): a graph calls it on the filter's thread, at the start and then when the
     *  filter said. NULL: there is none. @return when to be called next; LIMEF_FOREVER.
     *  Thread: the filter's */
    int64_t (*tick)(struct limef_filter *filter, int64_t now_us);
    /** What it has counted beside its frames so far: what it dropped, repaired, or did in another
     *  way than it was to, for metrics and dumps. NULL: nothing.
     *  @param counts  written; room for LIMEF_FILTER_MAX_COUNTS. @return how many. Thread: any */
    unsigned (*counts)(const struct limef_filter *filter, struct limef_filter_count *counts);
    /** Gives back what belongs to the thread, a GL context mostly; the next tick may be on another
     *  one. A graph calls it as the last thing before that thread stops. NULL: nothing belongs to
     *  it. Thread: the filter's */
    void (*leave)(struct limef_filter *filter);
};

/** The base of every filter; its first member. */
struct limef_filter {
    const struct limef_filter_ops *ops;
    const char *name;          /**< for people and logs; borrowed, must outlive the filter */
    struct limef_filter *next; /**< who gets what this one passes; NULL: nobody */
    unsigned n_kept; /**< pictures of a stream that it keeps references to after go, at most; 0 of
                          most. Written by its init */

    /* written by the thread that runs the filter, read by any */
    LIMEF_ATOMIC(uint64_t) n_frames;     /**< frames that go took, signals included */
    LIMEF_ATOMIC(uint64_t) copied_bytes; /**< bytes of payload that this filter copied */

    /** What its cost is measured with, see limef_probe_attach(); NULL: not measured. */
    LIMEF_ATOMIC(struct limef_probe *) probe;

    /* the thread that runs the filter */
    /** What limef_go() calls: ops->go; limef_probe_go() while who gives it frames measures; before
     * the first frame limef_filter_first_go(). LIMEF_FILTER(), limef_filter_init() write it. */
    int (*go)(struct limef_filter *filter, const struct limef_frame *in);
    uint32_t measuring; /**< how many measure that give it frames */

    /** The next one is measured when n_frames, of a source its n_steps, modulo 2^32, is here;
     * written by the thread that runs it, and by limef_probe_ask(). */
    LIMEF_ATOMIC(uint32_t) measure_at;
    /** Not 0 while its go, its step or its tick runs; written by the thread that runs it, relaxed,
     * read by whoever looks where a thread is: limef_graph_dump(). */
    LIMEF_ATOMIC(uint32_t) inside;
};

/** The first go of a filter: from then on it is ops->go that is called. Thread: the filter's */
LIMEF_API int limef_filter_first_go(struct limef_filter *filter, const struct limef_frame *frame);

/** A filter as static data: `.filter = LIMEF_FILTER(&limef_dump_ops, "dump", &next.filter)`. */
#define LIMEF_FILTER(ops_, name_, next_)                                                           \
    {                                                                                              \
        .ops = (ops_), .name = (name_), .next = (next_), .go = limef_filter_first_go               \
    }

/**
 * Makes a filter's base; called by the init functions of filters.
 *
 * @param ops   borrowed; must outlive the filter.
 * @param name  borrowed; must outlive the filter. NULL: the kind.
 * Thread: the controlling one
 */
static inline void limef_filter_init(struct limef_filter *filter,
                                     const struct limef_filter_ops *ops, const char *name)
{
    filter->ops = ops;
    filter->name = name ? name : ops->kind;
    filter->go = limef_filter_first_go;
}

/**
 * Releases what a filter of any type owns; all-zero afterwards.
 *
 * @param filter  no thread may be running it.
 * Thread: the controlling one
 */
LIMEF_API void limef_filter_clear(struct limef_filter *filter);

/**
 * Puts `to` behind `from`.
 *
 * @param to  borrowed; must outlive from, or limef_disconnect(). NULL: nobody.
 * Thread: the controlling one before from's thread starts, or from's own thread
 */
static inline void limef_connect(struct limef_filter *from, struct limef_filter *to)
{
    from->next = to;
}

/** Undoes limef_connect(). Thread: as there */
static inline void limef_disconnect(struct limef_filter *from)
{
    from->next = NULL;
}

/** Says where the thread is: 1 in the filter, 0 out of it again. Thread: the filter's */
static inline void limef_filter_mark(struct limef_filter *filter, uint32_t inside)
{
    /* relaxed: who looks wants to know what lasts */
    LIMEF_SET(filter->inside, inside);
}

/** Gives a frame to a filter. @return as limef_filter_ops.go. Thread: the filter's */
static inline int limef_go(struct limef_filter *filter, const struct limef_frame *frame)
{
    int ret;

    LIMEF_COUNT(filter->n_frames, 1);
    limef_filter_mark(filter, 1);
    ret = filter->go(filter, frame);
    limef_filter_mark(filter, 0);
    return ret;
}

/** Gives a frame to the filter behind this one, if any. @return as limef_filter_ops.go. Thread: the
 * filter's */
static inline int limef_pass(struct limef_filter *filter, const struct limef_frame *frame)
{
    struct limef_filter *next = filter->next;
    return next ? limef_go(next, frame) : 0;
}

LIMEF_END_DECLS

#endif
