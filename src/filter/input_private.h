/* SPDX-License-Identifier: MIT */
/*
 * The input as a graph uses it: made before it is known whose fifo it leads into.
 */
#ifndef LIMEF_SRC_FILTER_INPUT_PRIVATE_H
#define LIMEF_SRC_FILTER_INPUT_PRIVATE_H

#include <limef/filter/input.h>

/* As limef_input_filter_init(), without a fifo; what is read from its lane goes to `to`. */
int input_filter_prepare(struct limef_input_filter *input, struct limef_filter *to,
                         struct limef_stack_frame *frames, unsigned n_frames,
                         const struct limef_lane_settings *settings);

#endif
