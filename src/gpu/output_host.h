/* SPDX-License-Identifier: MIT */
/*
 * A framebuffer of somebody else's GL context. Between begin and end the state
 * is ours; before and after it is the host's.
 */
#ifndef LIMEF_SRC_GPU_OUTPUT_HOST_H
#define LIMEF_SRC_GPU_OUTPUT_HOST_H

#include "gpu/output.h"

#include <limef/filter/presenter_host.h>

/*
 * Loads the functions of the current context; no state is touched. 0; AVERROR(ENODEV): a function
 * is missing; AVERROR(ENOSYS): neither OpenGL ES 2 nor OpenGL 3.3 or later. Logged.
 */
int output_host_open(struct output *output, struct gl *gl,
                     const struct limef_presenter_host_settings *host, bool strict_2,
                     const char *name);

/* Keeps the host's state, and sets what drawing here needs. Ends with output_host_end() or
 * output_close(). */
void output_host_begin(struct output *output, const struct limef_presenter_host_target *target);

/* The host's state is back. */
void output_host_end(struct output *output);

#endif
