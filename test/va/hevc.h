/* SPDX-License-Identifier: MIT */
/* The two halves of H.265: parameter sets (hevc_headers.c) and slices (hevc.c). */
#ifndef LIMEF_TEST_VA_HEVC_H
#define LIMEF_TEST_VA_HEVC_H

#include "bits.h"

#include <va/va.h>

/* Appends a video, a sequence and a picture parameter set, each number 0. The sequence has no
 * short-term reference picture sets, and no long-term ones: slices say theirs themselves.
 * matrices: NULL: none came */
void hevc_append_headers(struct bytes *stream, const VAPictureParameterBufferHEVC *parameters,
                         const VAIQMatrixBufferHEVC *matrices);

#endif
