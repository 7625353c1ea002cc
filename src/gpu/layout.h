/* SPDX-License-Identifier: MIT */
/* Where tiles and pictures lie in the output. Pure. */
#ifndef LIMEF_SRC_GPU_LAYOUT_H
#define LIMEF_SRC_GPU_LAYOUT_H

/* Pixels, from the output's top left corner. */
struct layout_rect {
    int x, y, width, height;
};

/* How many columns a grid of n has, for the largest 16:9 pictures in an output of this size. */
unsigned layout_columns(unsigned n, int width, int height);

/* Cell i of a grid of n. The cells cover the output without a gap. */
struct layout_rect layout_cell(unsigned i, unsigned n, int width, int height);

/*
 * The largest rectangle of a picture's shape in the middle of a cell. The
 * picture is width x height samples of sar_num : sar_den (0: square) as it
 * is stored, shown turned by 90 degrees if sideways.
 */
struct layout_rect layout_fit(struct layout_rect cell, int width, int height, int sar_num,
                              int sar_den, int sideways);

#endif
