/* SPDX-License-Identifier: MIT */
#include "gpu/layout.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static const struct layout_rect hd = {0, 0, 1920, 1080};

Test(layout, columns_follow_the_shape_of_the_output)
{
    static const struct {
        unsigned n;
        int width, height;
        unsigned columns;
    } cases[] = {
        {1, 1920, 1080, 1}, {2, 1920, 1080, 2}, {3, 1920, 1080, 2},  {4, 1920, 1080, 2},
        {6, 1920, 1080, 3}, {9, 1920, 1080, 3}, {16, 1920, 1080, 4}, {2, 1080, 1920, 1},
        {4, 800, 4000, 1},  {4, 4000, 400, 4},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect(
            eq(uint, layout_columns(cases[i].n, cases[i].width, cases[i].height), cases[i].columns),
            "%u tiles in %dx%d", cases[i].n, cases[i].width, cases[i].height);
}

Test(layout, cells_cover_every_pixel_once)
{
    static unsigned char seen[123][457];

    for (unsigned n = 1; n <= 12; n++) {
        unsigned columns = layout_columns(n, 457, 123), rows = (n + columns - 1) / columns;

        memset(seen, 0, sizeof(seen));
        for (unsigned i = 0; i < columns * rows; i++) {
            struct layout_rect cell = layout_cell(i, n, 457, 123);

            for (int y = cell.y; y < cell.y + cell.height; y++)
                for (int x = cell.x; x < cell.x + cell.width; x++)
                    seen[y][x]++;
        }
        for (int y = 0; y < 123; y++)
            for (int x = 0; x < 457; x++)
                cr_assert(eq(int, seen[y][x], 1), "%u tiles, pixel %d,%d", n, x, y);
    }
}

static void expect_fit(struct layout_rect fit, int x, int y, int width, int height)
{
    cr_expect(eq(int, fit.x, x));
    cr_expect(eq(int, fit.y, y));
    cr_expect(eq(int, fit.width, width));
    cr_expect(eq(int, fit.height, height));
}

Test(layout, picture_keeps_its_shape_in_the_middle)
{
    expect_fit(layout_fit(hd, 1920, 1080, 1, 1, 0), 0, 0, 1920, 1080);
    expect_fit(layout_fit(hd, 640, 480, 0, 1, 0), 240, 0, 1440, 1080);
    expect_fit(layout_fit(hd, 1920, 800, 1, 1, 0), 0, 140, 1920, 800);
}

Test(layout, sample_aspect_ratio_stretches_the_picture)
{
    /* PAL wide screen: 720x576 of 64:45 is 1024x576 */
    expect_fit(layout_fit(hd, 720, 576, 64, 45, 0), 0, 0, 1920, 1080);
}

Test(layout, turned_picture_swaps_its_sides)
{
    expect_fit(layout_fit(hd, 1920, 1080, 1, 1, 1), 656, 0, 608, 1080);
    expect_fit(layout_fit(hd, 720, 576, 64, 45, 1), 656, 0, 608, 1080);
}

Test(layout, extreme_shapes_stay_visible)
{
    struct layout_rect fit = layout_fit(hd, 100000, 1, 1, 1, 0);

    cr_assert(eq(int, fit.height, 1));
    fit = layout_fit(hd, 0, 0, 1, 1, 0);
    cr_assert(eq(int, fit.width, 1920));
}
