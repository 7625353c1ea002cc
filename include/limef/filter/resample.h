/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Makes sound of any rate, layout and sample format what a mixer takes: interleaved
 * floats of one rate. Passes everything else on. Follows changes in mid-stream without
 * losing a sample, takes out what is no number, and can play a little slower or faster
 * to follow a clock that drifts. (libswresample)
 */
#ifndef LIMEF_FILTER_RESAMPLE_H
#define LIMEF_FILTER_RESAMPLE_H

#include <limef/filter/filter.h>

LIMEF_BEGIN_DECLS

struct AVBufferPool;
struct AVFrame;
struct SwrContext;
struct limef_pool;

/** The most that limef_resample_set_ppm() changes the speed, in parts per million: 3.5 cents. */
#define LIMEF_RESAMPLE_MAX_PPM 2000

/** All-zero is sane. */
struct limef_resample_settings {
    uint32_t rate;       /**< of what it passes on, frames a second; 0: 48000 */
    uint32_t n_channels; /**< of what it passes on: 1..8; 0: 2 */
    bool follows;        /**< limef_resample_set_ppm() will be used: it resamples also where the
                              rates are the same */
};

/** What a resampler has done so far. */
struct limef_resample_counters {
    uint64_t n_blocks;  /**< frames of sound that came */
    uint64_t n_out;     /**< frames of one sample per channel that were passed on */
    uint64_t n_cleaned; /**< samples that were no number, infinite, denormal or absurdly large */
    uint64_t n_changes; /**< times that rate, layout or format changed, the first not counted */
    uint64_t n_errors;  /**< blocks that were lost; times that what was inside was, at a change or
                           the  end; speeds that libswresample refused */
};

/** Memory of a resampler; kind "resample". All-zero and limef_resample_filter_init(). */
struct limef_resample_filter {
    struct limef_filter filter;
    struct limef_resample_settings settings;
    LIMEF_ATOMIC(int32_t) ppm; /**< wanted; any thread writes, the filter's reads, relaxed */

    /* the thread that runs it */
    struct SwrContext *swr; /**< NULL: nothing came yet, or what comes cannot be converted */
    struct AVFrame *from;   /**< rate, layout and format that swr is made for */
    struct AVFrame *clean;  /**< a copy of a block with samples that were no number */
    struct limef_pool *blocks;
    struct AVBufferPool *buffers;
    unsigned n_capacity; /**< frames that one of the buffers holds */
    struct limef_decoded_frame out;
    bool began; /* swr has given something */
    int32_t ppm_in_use;
    int32_t n_until_again; /**< frames until the speed is set again: it lasts for so many */
    unsigned said;         /**< a bit for each kind of error that was in the log */
    int64_t ends_us;       /**< where what went in ends; LIMEF_NO_TIME: unknown */
    LIMEF_ATOMIC(uint64_t) n_blocks, n_out, n_cleaned, n_changes, n_errors; /**< any reads */
};

/**
 * Makes a resampler.
 *
 * @param resample  written; must be all-zero.
 * @param name      as limef_filter_init().
 * @param settings  copied; NULL: the defaults.
 * @return 0; AVERROR(EINVAL): no such rate or number of channels; AVERROR(ENOMEM). Logged.
 * Thread: the controlling one
 */
LIMEF_API int limef_resample_filter_init(struct limef_resample_filter *resample, const char *name,
                                         const struct limef_resample_settings *settings);

/**
 * Makes more frames of what comes (ppm > 0: it lasts longer), or fewer, from the next block on.
 * The change is without a step.
 *
 * @param ppm  parts per million; cut to -LIMEF_RESAMPLE_MAX_PPM..LIMEF_RESAMPLE_MAX_PPM.
 * Thread: any
 */
LIMEF_API void limef_resample_set_ppm(struct limef_resample_filter *resample, int32_t ppm);

/** Reads the counters. @param counters  written. Thread: any */
LIMEF_API void limef_resample_get_counters(const struct limef_resample_filter *resample,
                                           struct limef_resample_counters *counters);

LIMEF_END_DECLS

#endif
