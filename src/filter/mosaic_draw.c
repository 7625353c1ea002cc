/* SPDX-License-Identifier: MIT */
/* The mosaic's pictures: scaled, and put where they belong in the grid. */
#include "filter/mosaic_private.h"

#include "base/memory_private.h"
#include "frame/convert.h"
#include "gpu/layout.h"

#include <limef/base/log.h>

#include <libavutil/frame.h>
#include <libswscale/swscale.h>
#include <string.h>

/* Even rows and columns: chroma is half. */
static struct layout_rect even_rect(struct layout_rect rect)
{
    int right = (rect.x + rect.width) & ~1, bottom = (rect.y + rect.height) & ~1;

    rect.x = (rect.x + 1) & ~1;
    rect.y = (rect.y + 1) & ~1;
    rect.width = right - rect.x > 2 ? right - rect.x : 2;
    rect.height = bottom - rect.y > 2 ? bottom - rect.y : 2;
    return rect;
}

static struct layout_rect cell_rect(const struct limef_mosaic_filter *mosaic, unsigned n)
{
    struct layout_rect cell =
        layout_cell(n, mosaic->n_cells, mosaic->settings.width, mosaic->settings.height);
    int right = (cell.x + cell.width + 1) & ~1, bottom = (cell.y + cell.height + 1) & ~1;

    /* neighbours round their common edge alike, so nothing is left between them */
    cell.x = (cell.x + 1) & ~1;
    cell.y = (cell.y + 1) & ~1;
    cell.width = right - cell.x;
    cell.height = bottom - cell.y;
    return cell;
}

/* Black, limited range. */
static void fill_black(AVFrame *picture, int x, int y, int width, int height)
{
    for (int plane = 0; plane < 3; plane++) {
        int shift = plane > 0;

        for (int row = y >> shift; row < (y + height) >> shift; row++)
            memset(picture->data[plane] + (ptrdiff_t)row * picture->linesize[plane] + (x >> shift),
                   plane ? 128 : 16, (size_t)(width >> shift));
    }
}

/* From a place in one picture to a place in another one. */
static void copy_rect(AVFrame *to, const struct layout_rect *rect, const AVFrame *from, int from_x,
                      int from_y)
{
    for (int plane = 0; plane < 3; plane++) {
        int shift = plane > 0;
        uint8_t *to_row = to->data[plane] + (ptrdiff_t)(rect->y >> shift) * to->linesize[plane] +
                          (rect->x >> shift);
        const uint8_t *from_row = from->data[plane] +
                                  (ptrdiff_t)(from_y >> shift) * from->linesize[plane] +
                                  (from_x >> shift);

        for (int row = 0; row < rect->height >> shift; row++) {
            memcpy(to_row, from_row, (size_t)(rect->width >> shift));
            to_row += to->linesize[plane];
            from_row += from->linesize[plane];
        }
    }
}

static void describe(int *from, const AVFrame *in)
{
    from[0] = in->width;
    from[1] = in->height;
    from[2] = in->format;
    from[3] = in->sample_aspect_ratio.num;
    from[4] = in->sample_aspect_ratio.den;
}

/* Memory of a cell's own: swscale writes up to a vector more than the width of a line, which in the
 * grid would be the neighbour's. */
static int new_scaled(struct limef_mosaic_cell *cell, const AVFrame *grid)
{
    av_frame_free(&cell->scaled);
    cell->scaled = memory_new_av_frame();
    if (!cell->scaled)
        return AVERROR(ENOMEM);
    cell->scaled->format = grid->format;
    cell->scaled->colorspace = grid->colorspace;
    cell->scaled->color_range = grid->color_range;
    cell->scaled->width = cell->width;
    cell->scaled->height = cell->height;
    if (!memory_permits() || av_frame_get_buffer(cell->scaled, MOSAIC_ALIGN_BYTES) < 0)
        return AVERROR(ENOMEM);
    return 0;
}

/* Sets up a cell for pictures like this one. */
static int follow(struct limef_mosaic_cell *cell, struct layout_rect rect, const AVFrame *in,
                  const AVFrame *grid)
{
    int ret;

    sws_freeContext(cell->converter);
    cell->converter = NULL;
    describe(cell->from, in);
    rect = even_rect(layout_fit(rect, in->width, in->height, in->sample_aspect_ratio.num,
                                in->sample_aspect_ratio.den, 0));
    cell->x = rect.x;
    cell->y = rect.y;
    cell->width = rect.width;
    cell->height = rect.height;
    ret = new_scaled(cell, grid);
    return ret < 0 ? ret : convert_open(&cell->converter, in, cell->scaled, SWS_BILINEAR);
}

static void draw_picture(struct limef_mosaic_cell *cell, AVFrame *grid)
{
    const AVFrame *in = cell->picture.av;
    struct layout_rect rect = {cell->x, cell->y, cell->width, cell->height};

    sws_scale(cell->converter, (const uint8_t *const *)in->data, in->linesize, 0, in->height,
              cell->scaled->data, cell->scaled->linesize);
    copy_rect(grid, &rect, cell->scaled, 0, 0);
}

static void draw_new(struct limef_mosaic_filter *mosaic, unsigned n, struct layout_rect rect)
{
    struct limef_mosaic_cell *cell = &mosaic->cells[n];
    const AVFrame *in = cell->picture.av;
    int from[5];

    cell->changed = false;
    if (!in)
        return;
    describe(from, in);
    if (memcmp(from, cell->from, sizeof(from)) != 0) {
        int ret = follow(cell, rect, in, mosaic->drawn);

        if (ret < 0)
            limef_fail(ret, mosaic->filter.name, "the pictures of slot %u cannot be shown", n);
        if (ret == AVERROR(ENOMEM))
            cell->from[0] = 0; /* the next picture tries again */
    }
    if (cell->converter)
        draw_picture(cell, mosaic->drawn);
}

void mosaic_draw_cell(void *context, unsigned n)
{
    struct limef_mosaic_filter *mosaic = context;
    struct layout_rect rect = cell_rect(mosaic, n);

    if (n < mosaic->n_cells && !mosaic->cells[n].changed && mosaic->before) {
        copy_rect(mosaic->drawn, &rect, mosaic->before, rect.x, rect.y);
        return;
    }
    fill_black(mosaic->drawn, rect.x, rect.y, rect.width, rect.height);
    if (n < mosaic->n_cells)
        draw_new(mosaic, n, rect);
}

unsigned mosaic_n_places(const struct limef_mosaic_filter *mosaic)
{
    unsigned columns =
        layout_columns(mosaic->n_cells, mosaic->settings.width, mosaic->settings.height);

    return (mosaic->n_cells + columns - 1) / columns * columns;
}
