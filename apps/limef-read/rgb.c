/* SPDX-License-Identifier: MIT */
#include "rgb.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Where a format has its components. */
struct layout {
    const char *format;
    bool is_rgb, is_full;
    struct {
        uint8_t plane, step, offset;
    } at[3];                  /* Y, U, V or R, G, B */
    uint8_t shift_x, shift_y; /* of chroma */
};

static const struct layout layouts[] = {
    {"yuv420p", false, false, {{0, 1, 0}, {1, 1, 0}, {2, 1, 0}}, 1, 1},
    {"yuvj420p", false, true, {{0, 1, 0}, {1, 1, 0}, {2, 1, 0}}, 1, 1},
    {"yuv422p", false, false, {{0, 1, 0}, {1, 1, 0}, {2, 1, 0}}, 1, 0},
    {"yuvj422p", false, true, {{0, 1, 0}, {1, 1, 0}, {2, 1, 0}}, 1, 0},
    {"yuv444p", false, false, {{0, 1, 0}, {1, 1, 0}, {2, 1, 0}}, 0, 0},
    {"yuvj444p", false, true, {{0, 1, 0}, {1, 1, 0}, {2, 1, 0}}, 0, 0},
    {"nv12", false, false, {{0, 1, 0}, {1, 2, 0}, {1, 2, 1}}, 1, 1},
    {"nv21", false, false, {{0, 1, 0}, {1, 2, 1}, {1, 2, 0}}, 1, 1},
    {"gray", true, true, {{0, 1, 0}, {0, 1, 0}, {0, 1, 0}}, 0, 0},
    {"rgb24", true, true, {{0, 3, 0}, {0, 3, 1}, {0, 3, 2}}, 0, 0},
    {"bgr24", true, true, {{0, 3, 2}, {0, 3, 1}, {0, 3, 0}}, 0, 0},
    {"rgba", true, true, {{0, 4, 0}, {0, 4, 1}, {0, 4, 2}}, 0, 0},
    {"rgb0", true, true, {{0, 4, 0}, {0, 4, 1}, {0, 4, 2}}, 0, 0},
    {"bgra", true, true, {{0, 4, 2}, {0, 4, 1}, {0, 4, 0}}, 0, 0},
    {"bgr0", true, true, {{0, 4, 2}, {0, 4, 1}, {0, 4, 0}}, 0, 0},
};

/* Kr and Kb of ITU-T H.273, table 4 ("MatrixCoefficients"); what is not said goes by the size. */
static void weights_of(const struct limef_export_frame *frame, double *red, double *blue)
{
    bool is_709 =
        frame->matrix == 1 || (frame->matrix != 5 && frame->matrix != 6 && frame->matrix != 9 &&
                               (frame->height > 576 || frame->width > 1024));

    *red = is_709 ? 0.2126 : frame->matrix == 9 ? 0.2627 : 0.299;
    *blue = is_709 ? 0.0722 : frame->matrix == 9 ? 0.0593 : 0.114;
}

static uint8_t clip(double value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value + 0.5);
}

/* H.273, equations 29 to 31 and 38 to 40, solved for R, G, B. */
static void convert(uint8_t rgb[3], const double yuv[3], double red, double blue)
{
    double r = yuv[0] + 2 * (1 - red) * yuv[2], b = yuv[0] + 2 * (1 - blue) * yuv[1];

    rgb[0] = clip(r);
    rgb[1] = clip((yuv[0] - red * r - blue * b) / (1 - red - blue));
    rgb[2] = clip(b);
}

uint8_t *rgb_make(const struct limef_export_frame *frame,
                  const uint8_t *const planes[LIMEF_EXPORT_MAX_PLANES])
{
    const struct layout *layout = NULL;
    uint8_t *rgb;
    double red, blue;
    bool full;

    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
        if (strncmp(frame->format, layouts[i].format, sizeof(frame->format)) == 0)
            layout = &layouts[i];
    if (!layout) {
        errno = ENOTSUP;
        return NULL;
    }
    rgb = malloc((size_t)3 * frame->width * frame->height);
    weights_of(frame, &red, &blue);
    full = layout->is_full || frame->range == 2;
    for (uint32_t y = 0; rgb && y < frame->height; y++)
        for (uint32_t x = 0; x < frame->width; x++) {
            uint8_t *to = rgb + 3 * ((size_t)y * frame->width + x), sample[3];

            for (int c = 0; c < 3; c++) {
                unsigned plane = layout->at[c].plane;
                size_t row = c ? y >> layout->shift_y : y, column = c ? x >> layout->shift_x : x;

                sample[c] = planes[plane][row * frame->planes[plane].pitch_bytes +
                                          column * layout->at[c].step + layout->at[c].offset];
            }
            if (layout->is_rgb)
                memcpy(to, sample, 3);
            else
                convert(to,
                        (const double[]){full ? sample[0] : (sample[0] - 16) * 255 / 219.0,
                                         (sample[1] - 128) * (full ? 1 : 255 / 224.0),
                                         (sample[2] - 128) * (full ? 1 : 255 / 224.0)},
                        red, blue);
        }
    return rgb;
}
