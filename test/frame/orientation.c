/* SPDX-License-Identifier: MIT */
#include "frame/orientation.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/display.h>

TestSuite(orientation, .timeout = 10);

Test(orientation, none_is_upright)
{
    int16_t degrees = 1, mirrored = 1;

    orientation_from_matrix(NULL, &degrees, &mirrored);
    cr_assert(eq(int, degrees, 0));
    cr_assert(eq(int, mirrored, 0));
}

Test(orientation, quarter_turns_are_clockwise)
{
    for (int turn = 0; turn < 360; turn += 90) {
        int32_t matrix[9];
        int16_t degrees, mirrored;

        av_display_rotation_set(matrix, turn);
        orientation_from_matrix(matrix, &degrees, &mirrored);
        cr_assert(eq(int, degrees, turn));
        cr_assert(eq(int, mirrored, 0));
    }
}

Test(orientation, other_angles_go_to_the_nearest_quarter)
{
    int32_t matrix[9];
    int16_t degrees, mirrored;

    av_display_rotation_set(matrix, 80);
    orientation_from_matrix(matrix, &degrees, &mirrored);
    cr_assert(eq(int, degrees, 90));
    av_display_rotation_set(matrix, 20);
    orientation_from_matrix(matrix, &degrees, &mirrored);
    cr_assert(eq(int, degrees, 0));
}

Test(orientation, a_mirror_comes_after_the_turn)
{
    for (int turn = 0; turn < 360; turn += 90) {
        int32_t matrix[9];
        int16_t degrees, mirrored;

        /* flips what the rotation made */
        av_display_rotation_set(matrix, turn);
        matrix[0] = -matrix[0];
        matrix[3] = -matrix[3];
        orientation_from_matrix(matrix, &degrees, &mirrored);
        cr_assert(eq(int, degrees, turn));
        cr_assert(eq(int, mirrored, 1));
    }
}

Test(orientation, a_matrix_of_zeros_is_upright)
{
    int32_t matrix[9] = {0};
    int16_t degrees = 7, mirrored = 7;

    orientation_from_matrix(matrix, &degrees, &mirrored);
    cr_assert(eq(int, degrees, 0));
    cr_assert(eq(int, mirrored, 0));
}
