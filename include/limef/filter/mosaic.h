/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Composes the pictures of several slots into one, in memory: a grid to be encoded
 * and sent on. Each picture is fitted into its cell, on black. The grid comes at a
 * fixed rate of the monotonic clock, whatever the cameras do: one that is late is
 * shown as it was, one that is lost is black.
 */
#ifndef LIMEF_FILTER_MOSAIC_H
#define LIMEF_FILTER_MOSAIC_H

#include <limef/filter/filter.h>

LIMEF_BEGIN_DECLS

struct AVBufferPool;
struct SwsContext;
struct limef_pool;
struct limef_team;

/** What to compose. */
struct limef_mosaic_settings {
    int width, height;       /**< of the grid, in pixels; even; 0: 1920 x 1080 */
    int64_t interval_us;     /**< from one grid to the next; 0: 40 ms */
    uint32_t slot;           /**< of the grid's frames */
    struct limef_team *team; /**< who helps, cell by cell; borrowed; must outlive the filter. NULL:
                                  nobody. The result is the same */
};

/** Memory of one cell. */
struct limef_mosaic_cell {
    struct limef_decoded_frame picture; /**< its newest; a reference. All-zero: black */
    struct SwsContext *converter;
    struct AVFrame *scaled;  /**< what it writes; owned */
    struct AVFrame *fetched; /**< the picture in memory, if it came in hardware; owned */
    int from[5];             /**< what converter was made for: size, format, aspect */
    int x, y, width, height; /**< where the picture lies in the grid */
    bool changed;            /**< not drawn yet */
};

/** Memory of a mosaic; kind "mosaic". All-zero and limef_mosaic_filter_init(). */
struct limef_mosaic_filter {
    struct limef_filter filter;
    struct limef_mosaic_settings settings;

    /* the thread that runs it */
    struct limef_mosaic_cell *cells; /**< borrowed; cell n shows slot n */
    unsigned n_cells;
    struct limef_pool *pictures;
    struct AVBufferPool *buffers;
    struct limef_decoded_frame out; /**< the last grid */
    const struct AVFrame *before;   /**< while drawing: the last grid, or NULL */
    struct AVFrame *drawn;          /**< while drawing */
    int64_t start_us, due_us; /**< of the first grid and the next one; 0: no picture came yet */
    LIMEF_ATOMIC(uint64_t) n_grids, n_missed; /**< passed on; not in time, left out */
};

/**
 * Makes a mosaic.
 *
 * @param mosaic    written; must be all-zero.
 * @param name      as limef_filter_init().
 * @param cells     borrowed, all-zero; must outlive the filter. n_cells of them, 1 at least.
 * @param settings  copied; NULL: the defaults.
 * @return 0; AVERROR(EINVAL): an odd or impossible size, no cells; AVERROR(ENOMEM). Logged.
 * Thread: the controlling one
 */
LIMEF_API int limef_mosaic_filter_init(struct limef_mosaic_filter *mosaic, const char *name,
                                       struct limef_mosaic_cell *cells, unsigned n_cells,
                                       const struct limef_mosaic_settings *settings);

/**
 * Passes on the grid if it is due. Incoming pictures do the same; as a consumer's periodic task
 * it keeps the grid coming when no picture does. A limef_task_fn.
 *
 * @param mosaic  the struct limef_mosaic_filter.
 * @return when the next one is due.
 * Thread: the filter's
 */
LIMEF_API int64_t limef_mosaic_tick(void *mosaic, int64_t now_us);

LIMEF_END_DECLS

#endif
