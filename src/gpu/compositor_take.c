/* SPDX-License-Identifier: MIT */
/*
 * Where the CPU renders, a tile's picture is uploaded as small as it is shown. It is kept as it
 * came, for the moment when it is shown larger and no other comes. Where decoders are lent memory
 * that the GPU reads, a picture that found none free is uploaded whole: it looks like the others.
 */
#include "gpu/compositor_private.h"
#include "gpu/layout.h"
#include "gpu/shrink.h"

#include <libavutil/frame.h>

/* Relaxed: a pool lends from before the first picture until the end, or never. */
static bool decoders_are_lent_memory(const struct surface_ways *ways)
{
    return ways->pool && !atomic_load_explicit(&ways->pool->refused, memory_order_relaxed);
}

/* How often a picture is halved for where it is shown; 0: the GPU does better, or it cannot be. */
static unsigned shrinks(const struct compositor *compositor, const struct surface *surface,
                        const struct limef_decoded_frame *picture)
{
    unsigned i = (unsigned)(surface - compositor->surfaces);
    bool is_sideways = picture->rotation_degrees % 180 != 0;
    struct layout_rect cell = {0, 0, compositor->width, compositor->height};
    const AVFrame *av = picture->av;

    if (!compositor->shrinks || !picture->frame.payload || compositor->width <= 0 ||
        decoders_are_lent_memory(&compositor->ways))
        return 0;
    if (compositor->solo != i)
        cell = layout_cell(i, compositor->n_surfaces, compositor->width, compositor->height);
    cell = layout_fit(cell, av->width, av->height, av->sample_aspect_ratio.num,
                      av->sample_aspect_ratio.den, is_sideways);
    return shrink_steps(av->width, av->height, is_sideways ? cell.height : cell.width,
                        is_sideways ? cell.width : cell.height);
}

/* Keeps a picture that was taken, if what was uploaded of it is smaller. */
static void keep_whole(struct surface *surface, const struct limef_decoded_frame *picture)
{
    struct limef_payload *before = surface->whole.frame.payload;

    surface->whole = (struct limef_decoded_frame){0};
    if (surface->textures.shrunk) {
        surface->whole = *picture;
        limef_payload_ref(picture->frame.payload);
    }
    limef_payload_unref(before);
}

int compositor_take(struct compositor *compositor, struct surface *surface,
                    const struct limef_decoded_frame *picture)
{
    struct compositor_upload *sum = &surface->moved;
    struct upload moved;
    bool turned = false;
    int ret;

    surface->shrinks = shrinks(compositor, surface, picture);
    ret = surface_take(surface, &compositor->ways, picture, &moved, &turned);
    if (ret >= 0)
        keep_whole(surface, picture);
    sum->uploaded_bytes += moved.uploaded_bytes;
    sum->direct_bytes += moved.direct_bytes;
    sum->memory_bytes += moved.memory_bytes;
    if (moved.memory_bytes)
        sum->why = moved.why;
    if (moved.failed_why)
        sum->failed_why = moved.failed_why;
    if (moved.uploaded_bytes)
        sum->uploaded_why = moved.uploaded_why;
    sum->n_imported += moved.imported;
    sum->n_images += moved.n_images;
    compositor->dirty |= turned; /* what it covers may change */
    return ret;
}

void compositor_drop_whole(struct surface *surface)
{
    limef_payload_unref(surface->whole.frame.payload);
    surface->whole = (struct limef_decoded_frame){0};
}

void compositor_take_whole(struct compositor *compositor)
{
    for (unsigned i = 0; i < compositor->n_surfaces; i++) {
        struct surface *surface = &compositor->surfaces[i];
        struct limef_decoded_frame whole = surface->whole;

        if (!whole.frame.payload || !surface->textures.shrunk ||
            shrinks(compositor, surface, &whole) >= surface->textures.shrunk)
            continue;
        limef_payload_ref(whole.frame.payload);
        compositor_take(compositor, surface, &whole);
        limef_payload_unref(whole.frame.payload);
    }
}
