/* SPDX-License-Identifier: MIT */
#include "frame/orientation.h"

#include <libavutil/display.h>
#include <math.h>
#include <string.h>

void orientation_from_matrix(const int32_t *matrix, int16_t *rotation_degrees, int16_t *mirrored)
{
    int32_t turn[9];
    double degrees;

    *rotation_degrees = 0;
    *mirrored = 0;
    if (!matrix)
        return;
    memcpy(turn, matrix, sizeof(turn));
    /* a negative determinant: a mirror, which is undone by negating what becomes x */
    if ((double)turn[0] * turn[4] - (double)turn[1] * turn[3] < 0) {
        *mirrored = 1;
        turn[0] = -turn[0];
        turn[3] = -turn[3];
    }
    degrees = -av_display_rotation_get(turn); /* that counts anticlockwise */
    if (isnan(degrees))
        return;
    *rotation_degrees = (int16_t)(((int)lround(degrees / 90) * 90 + 360) % 360);
}
