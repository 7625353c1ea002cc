/* SPDX-License-Identifier: MIT */
/*
 * What the mosaic's two files share.
 */
#ifndef LIMEF_SRC_FILTER_MOSAIC_PRIVATE_H
#define LIMEF_SRC_FILTER_MOSAIC_PRIVATE_H

#include <limef/filter/mosaic.h>

#define MOSAIC_ALIGN_BYTES 64 /* of each line */

/* Places in the grid: cells, and those behind the last one in its row. */
unsigned mosaic_n_places(const struct limef_mosaic_filter *mosaic);

/* Draws place n into mosaic->drawn; those behind the last slot's are black. A limef_team_fn. */
void mosaic_draw_cell(void *mosaic, unsigned n);

#endif
