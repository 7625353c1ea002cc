/* SPDX-License-Identifier: MIT */
#include "gpu/layout.h"

#include <stdint.h>

unsigned layout_columns(unsigned n, int width, int height)
{
    unsigned best = 1;
    double best_width = 0;

    for (unsigned columns = 1; columns <= n; columns++) {
        unsigned rows = (n + columns - 1) / columns;
        double cell_width = (double)width / columns;
        double by_height = (double)height / rows * 16 / 9;
        double shown = cell_width < by_height ? cell_width : by_height;

        /* of two that show them equally large the wider one, as screens are */
        if (shown >= best_width * 0.999) {
            best_width = shown;
            best = columns;
        }
    }
    return best;
}

struct layout_rect layout_cell(unsigned i, unsigned n, int width, int height)
{
    unsigned columns = layout_columns(n, width, height), rows = (n + columns - 1) / columns;
    unsigned column = i % columns, row = i / columns;
    struct layout_rect cell;

    cell.x = (int)((int64_t)width * column / columns);
    cell.y = (int)((int64_t)height * row / rows);
    cell.width = (int)((int64_t)width * (column + 1) / columns) - cell.x;
    cell.height = (int)((int64_t)height * (row + 1) / rows) - cell.y;
    return cell;
}

struct layout_rect layout_fit(struct layout_rect cell, int width, int height, int sar_num,
                              int sar_den, int sideways)
{
    struct layout_rect fit = cell;
    int64_t w = (int64_t)width * (sar_num > 0 && sar_den > 0 ? sar_num : 1);
    int64_t h = (int64_t)height * (sar_num > 0 && sar_den > 0 ? sar_den : 1);

    if (sideways) {
        int64_t turned = w;

        w = h;
        h = turned;
    }
    if (w <= 0 || h <= 0)
        return fit;
    if (w * cell.height > h * cell.width)
        fit.height = (int)((h * cell.width + w / 2) / w);
    else
        fit.width = (int)((w * cell.height + h / 2) / h);
    fit.width = fit.width > 0 ? fit.width : 1;
    fit.height = fit.height > 0 ? fit.height : 1;
    fit.x += (cell.width - fit.width) / 2;
    fit.y += (cell.height - fit.height) / 2;
    return fit;
}
