/* SPDX-License-Identifier: MIT */
#include "gpu/shrink.h"

unsigned shrink_steps(int width, int height, int shown_width, int shown_height)
{
    unsigned steps = 0;

    if (shown_width <= 0 || shown_height <= 0)
        return 0;
    while (steps < SHRINK_MOST_STEPS && width >> (steps + 1) >= shown_width &&
           height >> (steps + 1) >= shown_height)
        steps++;
    return steps;
}

/* to may be where from begins: what is written was read. */
static void halve(uint8_t *to, const uint8_t *from, ptrdiff_t linesize, int width, int height)
{
    for (int y = 0; y < height; y++) {
        const uint8_t *upper = from + 2 * y * linesize, *lower = upper + linesize;

        for (int x = 0; x < width; x++)
            to[x] =
                (uint8_t)((upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1] + 2) >>
                          2);
        to += width;
    }
}

void shrink_plane(uint8_t *to, const uint8_t *from, ptrdiff_t linesize, int width, int height,
                  unsigned steps)
{
    halve(to, from, linesize, width / 2, height / 2);
    for (unsigned i = 1; i < steps; i++)
        halve(to, to, width >> i, width >> (i + 1), height >> (i + 1));
}
