/* SPDX-License-Identifier: MIT */
/*
 * Pictures made smaller before they are uploaded, by halves. Where the CPU renders this
 * costs a fraction of what interpolating each of their pixels costs, and nothing is left out of
 * what is shown. Pure.
 */
#ifndef LIMEF_SRC_GPU_SHRINK_H
#define LIMEF_SRC_GPU_SHRINK_H

#include <stddef.h>
#include <stdint.h>

/* A tile that is 1/16 as wide as its picture shows nothing any more. */
#define SHRINK_MOST_STEPS 4

/* How often a picture can be halved without being smaller than it is shown. */
unsigned shrink_steps(int width, int height, int shown_width, int shown_height);

/*
 * Makes a plane smaller: a sample is the mean of 2 x 2, as often as there are steps.
 *
 * to             written: (width >> steps) * (height >> steps) samples without padding; may hold
 *                (width / 2) * (height / 2) in between.
 * width, height  multiples of 1 << steps.
 * steps          at least 1.
 */
void shrink_plane(uint8_t *to, const uint8_t *from, ptrdiff_t linesize, int width, int height,
                  unsigned steps);

#endif
