/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Makes sound last longer or shorter and leaves its pitch as it is, for playing at
 * another rate than the natural one. At the natural rate blocks pass as they are. Passes
 * everything else on. (libavfilter's atempo: waveform similarity overlap and add, Verhelst and
 * Roelands, ICASSP 1993; loaded when it is first needed.)
 *
 *     decode - resample - tempo - audio sink
 *
 * doc/filter/tempo.md
 */
#ifndef LIMEF_FILTER_TEMPO_H
#define LIMEF_FILTER_TEMPO_H

#include <limef/filter/filter.h>

LIMEF_BEGIN_DECLS

struct AVFrame;
struct limef_pool;
struct stretch;
struct stretch_ops;

/** Rates at which there is sound, in thousandths of the natural one. */
#define LIMEF_TEMPO_MIN_RATE 500
#define LIMEF_TEMPO_MAX_RATE 2000

/** What a tempo filter has done so far. */
struct limef_tempo_counters {
    uint64_t n_blocks;    /**< frames of sound that came */
    uint64_t n_stretched; /**< of those: not at the natural rate */
    uint64_t n_changes;   /**< of the rate */
    uint64_t n_restarts;  /**< times that something else began anew: format, jumps, FLUSH */
    uint64_t n_errors;    /**< blocks that were to be stretched and passed as they were, or lost */
};

/** Memory of a tempo filter; kind "tempo". All-zero and limef_tempo_filter_init(). */
struct limef_tempo_filter {
    struct limef_filter filter;
    LIMEF_ATOMIC(int32_t) asked; /**< rate; any thread writes, the filter's reads, relaxed */

    /* the thread that runs it */
    int32_t rate;                  /**< that was said to what is behind */
    const struct stretch_ops *ops; /**< NULL: not loaded */
    struct stretch *stretch;       /**< NULL: blocks pass as they are */
    bool failed;                   /**< this rate and format cannot be; said once */
    struct AVFrame *like;          /**< what stretch was opened for */
    struct limef_pool *blocks;
    struct limef_payload *spare; /**< an empty block */
    struct limef_decoded_frame out;
    int64_t begins_us;    /**< stream time of the first sample since it was opened; LIMEF_NO_TIME:
                               unknown */
    uint64_t n_in, n_out; /**< frames of one sample per channel since then */
    LIMEF_ATOMIC(uint64_t) n_blocks, n_stretched, n_changes, n_restarts, n_errors; /**< any reads */
};

/**
 * Makes a tempo filter at the natural rate.
 *
 * It acts on RATE. Blocks that it stretched say so in limef_decoded_frame.rate, their times are
 * those of the stream. What is live, rates outside LIMEF_TEMPO_MIN_RATE..LIMEF_TEMPO_MAX_RATE, and
 * everything where libavfilter is not installed passes as it is: an audio sink is silent then.
 * FLUSH forgets what is inside, END and STOP pass it on first.
 *
 * @param tempo  written; must be all-zero.
 * @param name   as limef_filter_init().
 * @return 0, or AVERROR(ENOMEM) (logged).
 * Thread: the controlling one
 */
LIMEF_API int limef_tempo_filter_init(struct limef_tempo_filter *tempo, const char *name);

/**
 * Asks for a rate from the next block on, as RATE does. Before that block RATE is passed on.
 *
 * @param rate  thousandths of the natural one, 1 or more.
 * Thread: any
 */
LIMEF_API void limef_tempo_set_rate(struct limef_tempo_filter *tempo, int32_t rate);

/**
 * Loads what stretches now, which takes a while, and not with the first block that needs it.
 *
 * @return 0, or AVERROR(ENOSYS): libavfilter is not there (logged).
 * Thread: that which runs it
 */
LIMEF_API int limef_tempo_load(struct limef_tempo_filter *tempo);

/** Reads the counters. @param counters  written. Thread: any */
LIMEF_API void limef_tempo_get_counters(const struct limef_tempo_filter *tempo,
                                        struct limef_tempo_counters *counters);

LIMEF_END_DECLS

#endif
