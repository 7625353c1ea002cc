/* SPDX-License-Identifier: MIT */
#include "gpu/compositor_private.h"

#include <limef/base/log.h>

#include <libavutil/error.h>

static void swap_bytes(uint8_t *a, uint8_t *b, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        uint8_t kept = a[i];

        a[i] = b[i];
        b[i] = kept;
    }
}

int compositor_read(struct compositor *compositor, uint8_t *rgba)
{
    const struct gl *gl = &compositor->gl;
    size_t stride = 4 * (size_t)compositor->width;
    int ret = compositor_prepare_size(compositor);

    if (ret < 0)
        return ret;
    ret = compositor_look_at_kept(compositor);
    if (ret < 0)
        return limef_fail(ret, compositor->name, "cannot read what is on a plane");
    compositor_take_whole(compositor);
    /* what was swapped is gone from a window's buffer */
    compositor->dirty = true;
    compositor_compose(compositor);
    compositor->dirty = true;
    gl->PixelStorei(GL_PACK_ALIGNMENT, 4);
    gl->ReadPixels(0, 0, compositor->width, compositor->height, GL_RGBA, GL_UNSIGNED_BYTE, rgba);
    /* GL counts rows from the bottom */
    for (int y = 0; y < compositor->height / 2; y++)
        swap_bytes(rgba + (size_t)y * stride, rgba + (size_t)(compositor->height - 1 - y) * stride,
                   stride);
    return gl->GetError() == GL_NO_ERROR
               ? 0
               : limef_fail(AVERROR_EXTERNAL, compositor->name, "cannot read the composed picture");
}
