/* SPDX-License-Identifier: MIT */
#include "frame/turn.h"

#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
#include <string.h>

/* One plane, seen from the output: which input pixel is it that comes here? */
struct plane {
    uint8_t *to;
    const uint8_t *from;
    int to_stride, from_stride, pixel_bytes;
    int width, height; /* of the output */
};

static const uint8_t *source_of(const struct plane *plane, int x, int y, int degrees)
{
    int from_x = x, from_y = y;

    switch (degrees) {
    case 90:
        from_x = y;
        from_y = plane->width - 1 - x;
        break;
    case 180:
        from_x = plane->width - 1 - x;
        from_y = plane->height - 1 - y;
        break;
    case 270:
        from_x = plane->height - 1 - y;
        from_y = x;
        break;
    default:
        break;
    }
    return plane->from + (ptrdiff_t)from_y * plane->from_stride +
           (ptrdiff_t)from_x * plane->pixel_bytes;
}

static void turn_plane(const struct plane *plane, int degrees, int mirrored)
{
    for (int y = 0; y < plane->height; y++) {
        uint8_t *line = plane->to + (ptrdiff_t)y * plane->to_stride;

        for (int x = 0; x < plane->width; x++) {
            int turned_x = mirrored ? plane->width - 1 - x : x;

            memcpy(line + (ptrdiff_t)x * plane->pixel_bytes, source_of(plane, turned_x, y, degrees),
                   (size_t)plane->pixel_bytes);
        }
    }
}

void turn_picture(AVFrame *to, const AVFrame *from, int degrees, int mirrored)
{
    const AVPixFmtDescriptor *descriptor = av_pix_fmt_desc_get(from->format);

    for (int i = 0; i < av_pix_fmt_count_planes(from->format); i++) {
        int shift = i > 0 ? descriptor->log2_chroma_w : 0;

        turn_plane(&(struct plane){.to = to->data[i],
                                   .from = from->data[i],
                                   .to_stride = to->linesize[i],
                                   .from_stride = from->linesize[i],
                                   .pixel_bytes = descriptor->comp[i].step,
                                   .width = AV_CEIL_RSHIFT(to->width, shift),
                                   .height = AV_CEIL_RSHIFT(to->height, shift)},
                   degrees, mirrored);
    }
}
