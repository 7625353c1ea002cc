/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Hands frames to a C callback, then passes them on: the shortest way to look
 * into a chain.
 */
#ifndef LIMEF_FILTER_TAP_H
#define LIMEF_FILTER_TAP_H

#include <limef/filter/filter.h>

LIMEF_BEGIN_DECLS

/**
 * Gets each frame.
 *
 * @param context  as in the filter.
 * @param frame    borrowed: limef_any_frame_ref() keeps it.
 * @return 0: pass the frame on; a negative AVERROR code: do not, and return this from go. A
 *         signal is passed on in any case.
 * Thread: the filter's
 */
typedef int limef_tap_fn(void *context, const struct limef_frame *frame);

/** Kind "tap". As static data: `{LIMEF_FILTER(&limef_tap_ops, "tap", NULL), look, &my_data}`. */
struct limef_tap_filter {
    struct limef_filter filter;
    limef_tap_fn *tap;
    void *context; /**< borrowed; must outlive the filter */
};

extern LIMEF_API const struct limef_filter_ops limef_tap_ops;

/** @param tap_filter  written; must be all-zero. Thread: the controlling one */
LIMEF_API void limef_tap_filter_init(struct limef_tap_filter *tap_filter, const char *name,
                                     limef_tap_fn *tap, void *context);

LIMEF_END_DECLS

#endif
