/* SPDX-License-Identifier: MIT */
/*
 * Planar 8-bit YUV made RGBA, and smaller by halves on the way. Where the CPU renders, this costs
 * a fraction of what a shader does there. Pure.
 */
#ifndef LIMEF_SRC_GPU_TO_RGB_H
#define LIMEF_SRC_GPU_TO_RGB_H

#include "gpu/picture_format.h"

#include <stddef.h>
#include <stdint.h>

struct AVFrame;

/* A picture_matrix in whole numbers, of samples less 128; weights are 1/8192, sums 1/32. */
struct to_rgb {
    int16_t luma, red_v, green_u, green_v, blue_u;
    int16_t red, green, blue;
};

/* matrix is of 8-bit YUV. */
void to_rgb_init(struct to_rgb *to_rgb, const struct picture_matrix *matrix);

/* Makes a row of RGBA, opaque, of one with a chroma sample for each luma sample. No value is off by
 * more than 1. */
void to_rgb_row(const struct to_rgb *to_rgb, uint8_t *rgba, const uint8_t *const planes[3],
                int width);

/* How much memory to_rgb_shrunk() works in for a picture of that width. */
size_t to_rgb_scratch_bytes(int width, unsigned steps);

/*
 * Makes a picture smaller and RGBA: a sample is the mean of 2 x 2, as often as there are steps;
 * chroma of 4:2:0 once less, as it has as many samples then.
 *
 * rgba     written: height >> steps rows of 4 * (width >> steps) bytes.
 * stride   from one row to the next; below 0: rgba is the last of them in memory.
 * format   PICTURE_YUV of bytes, 4:4:4 or 4:2:0.
 * av       width and height are multiples of 2 << steps.
 * steps    at least 1.
 * scratch  written; to_rgb_scratch_bytes().
 */
void to_rgb_shrunk(uint8_t *rgba, ptrdiff_t stride, const struct picture_format *format,
                   const struct AVFrame *av, unsigned steps, uint8_t *scratch);

#endif
