/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The input of a consumer thread: the thread boundary. Upstream calls go and is
 * done; the frame crosses in the lane.
 */
#ifndef LIMEF_FILTER_INPUT_H
#define LIMEF_FILTER_INPUT_H

#include <limef/fifo/lane.h>
#include <limef/filter/filter.h>

LIMEF_BEGIN_DECLS

/** A boundary's entry, with its lane; kind "input". One for each producer. */
struct limef_input_filter {
    struct limef_filter filter;
    struct limef_lane lane;
};

/**
 * Makes the input and adds its lane to a consumer's fifo.
 *
 * @param input     written; must be all-zero.
 * @param fifo      whom it leads into; borrowed; must outlive the input.
 * @param frames    as limef_lane_init().
 * @param settings  as limef_lane_init().
 * @return as limef_lane_init().
 * Thread: that of limef_fifo_add_lane()
 */
LIMEF_API int limef_input_filter_init(struct limef_input_filter *input, const char *name,
                                      struct limef_fifo *fifo, struct limef_stack_frame *frames,
                                      unsigned n_frames,
                                      const struct limef_lane_settings *settings);

LIMEF_END_DECLS

#endif
