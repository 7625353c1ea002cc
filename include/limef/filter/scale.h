/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Scales pictures in memory and converts their pixel format, through swscale.
 * Follows its input when that changes. What already is as it shall be passes as
 * it is; so does everything but pictures.
 */
#ifndef LIMEF_FILTER_SCALE_H
#define LIMEF_FILTER_SCALE_H

#include <limef/filter/filter.h>

LIMEF_BEGIN_DECLS

struct AVBufferPool;
struct AVFrame;
struct SwsContext;
struct limef_pool;
struct limef_slices;
struct limef_team;

/** How pixels are interpolated. */
enum limef_scale_quality {
    LIMEF_SCALE_FAST, /**< bilinear */
    LIMEF_SCALE_GOOD, /**< bicubic, exact rounding, all of the chroma */
};

/** What to make of a picture. All-zero: leave it as it is. */
struct limef_scale_settings {
    int width;  /**< 0: from the height and the input's aspect; both 0: the input's size */
    int height; /**< 0: from the width and the input's aspect */
    bool fit;   /**< keep the aspect: as large as fits into width x height, in square pixels */
    const char *pixel_format; /**< libavutil's name, "rgb24"; borrowed; must outlive the filter.
                                   NULL: the input's */
    enum limef_scale_quality quality;
    struct limef_team *team; /**< who helps with large pictures; borrowed; must outlive the filter.
                                  NULL: nobody. With one, rounding is exact in either quality, so
                                  that the result does not depend on who helps */
};

/** What a converter was made for. */
struct limef_scale_layout {
    int width, height, format, colorspace, color_range, aspect_num, aspect_den;
};

/** Memory of a scaler; kind "scale". All-zero and limef_scale_filter_init(). */
struct limef_scale_filter {
    struct limef_filter filter;
    struct limef_scale_settings settings;
    int format; /**< enum AVPixelFormat; -1: the input's */

    /* the thread that runs it */
    struct SwsContext *converter; /**< NULL: none is needed, or none could be made */
    struct limef_slices *slices;  /**< the same in horizontal slices; NULL: nobody helps */
    struct limef_scale_layout from, to;
    struct limef_pool *pictures;
    struct AVBufferPool *buffers;   /**< of the size that `to` needs */
    struct AVFrame *fetched;        /**< the last picture that came in hardware, in memory */
    struct limef_decoded_frame out; /**< the last one that was passed on */
    int error;                      /**< why converter could not be made */
};

/**
 * Makes a scaler.
 *
 * @param scale     written; must be all-zero.
 * @param name      as limef_filter_init().
 * @param settings  copied.
 * @return 0; AVERROR(EINVAL): no such pixel format, or a negative size; AVERROR(ENOMEM). Logged.
 * Thread: the controlling one
 */
LIMEF_API int limef_scale_filter_init(struct limef_scale_filter *scale, const char *name,
                                      const struct limef_scale_settings *settings);

LIMEF_END_DECLS

#endif
