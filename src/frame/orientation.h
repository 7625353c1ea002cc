/* SPDX-License-Identifier: MIT */
/*
 * Display matrices, as the quarter turns that frames carry.
 */
#ifndef LIMEF_SRC_FRAME_ORIENTATION_H
#define LIMEF_SRC_FRAME_ORIENTATION_H

#include <stdint.h>

/*
 * Takes the nearest quarter turn out of a display matrix.
 *
 * matrix: nine numbers as libavutil/display.h has them (ISO/IEC 14496-12, 6.2.2); NULL: upright.
 * Written: the clockwise turn that makes the picture upright, and whether it is then to be
 * mirrored left-right.
 */
void orientation_from_matrix(const int32_t *matrix, int16_t *rotation_degrees, int16_t *mirrored);

#endif
