/* SPDX-License-Identifier: MIT */
/*
 * A picture that is alone on the output and lies in buffers of the kernel is
 * not drawn: the display reads it. It is taken for textures only if that is
 * refused, or if something comes beside or over it.
 */
#include "gpu/compositor_private.h"

#include "frame/dmabuf.h"

#include <limef/frame/decoded.h>

#include <libavutil/frame.h>

/* The tile that is alone on the output, or NULL. */
static struct surface *alone(struct compositor *compositor)
{
    if (compositor->n_surfaces == 1)
        return &compositor->surfaces[0];
    return compositor->solo == LIMEF_PRESENTER_ALL ? NULL : &compositor->surfaces[compositor->solo];
}

static bool describe(const struct limef_decoded_frame *picture,
                     struct limef_hardware_frame *hardware)
{
    return limef_hardware_is(picture->av) ? limef_hardware_frame_map(hardware, picture->av) >= 0
                                          : dmabuf_frame_map(hardware, picture->av) >= 0;
}

bool compositor_keep(struct compositor *compositor, struct surface *surface,
                     const struct limef_decoded_frame *picture)
{
    if (!compositor->output.ops->scan_out || alone(compositor) != surface ||
        picture->rotation_degrees || picture->mirrored)
        return false;
    if (picture->frame.payload && describe(picture, &surface->kept_as)) {
        if (surface->kept_as.x || surface->kept_as.y)
            return false;
        surface->kept = *picture;
        limef_payload_ref(picture->frame.payload);
        surface->kept_is_news = true;
    } else {
        if (!compositor_bring(compositor, surface, picture, &surface->kept))
            return false;
        if (!describe(&surface->kept, &surface->kept_as)) {
            compositor_drop_kept(surface);
            return false;
        }
    }
    surface->has_picture = surface->dirty = true;
    return true;
}

void compositor_drop_kept(struct surface *surface)
{
    limef_payload_unref(surface->kept.frame.payload);
    surface->kept = (struct limef_decoded_frame){0};
    surface->kept_is_news = false;
}

static void drop_on_plane(struct surface *surface)
{
    limef_payload_unref(surface->on_plane.frame.payload);
    surface->on_plane = (struct limef_decoded_frame){0};
}

/* A picture is on a plane; how it is put there again is remembered. */
static void note_on_plane(struct surface *surface)
{
    limef_payload_ref(surface->kept.frame.payload);
    drop_on_plane(surface);
    surface->on_plane = surface->kept;
    surface->on_plane_as = surface->kept_as;
}

bool compositor_show_again(struct surface *surface)
{
    if (!surface->on_plane.frame.payload)
        return false;
    compositor_drop_kept(surface);
    limef_payload_ref(surface->on_plane.frame.payload);
    surface->kept = surface->on_plane;
    surface->kept_as = surface->on_plane_as;
    surface->has_picture = surface->dirty = true;
    return true;
}

void compositor_drop_planes(struct surface *surface)
{
    compositor_drop_kept(surface);
    drop_on_plane(surface);
}

bool compositor_scan_out(struct compositor *compositor)
{
    struct surface *surface = alone(compositor);
    const struct limef_decoded_frame *kept = surface ? &surface->kept : NULL;
    struct layout_rect whole = {0, 0, compositor->width, compositor->height}, rect;
    const char *why = NULL;

    if (!kept || !kept->frame.payload)
        return false;
    if (compositor->overlay.text[0] || surface->label.text[0]) {
        compositor->planes_why = "there is text over it";
        return false;
    }
    rect = layout_fit(whole, surface->kept_as.width, surface->kept_as.height,
                      kept->av->sample_aspect_ratio.num, kept->av->sample_aspect_ratio.den, 0);
    if (compositor->output.ops->scan_out(&compositor->output, &surface->kept_as, rect,
                                         kept->frame.payload, &why) < 0) {
        compositor->planes_why = why;
        return false;
    }
    if (surface->payload)
        surface_let_go(surface, &compositor->ways);
    note_on_plane(surface);
    surface->moved.n_planes += surface->kept_is_news;
    surface->kept_is_news = false;
    surface->has_picture = true;
    surface->dirty = false;
    compositor->dirty = true; /* what GL draws next has all to be drawn */
    return true;
}

/* Its textures, beside what is kept. */
static int take(struct compositor *compositor, struct surface *surface)
{
    return surface->kept.frame.payload ? compositor_take(compositor, surface, &surface->kept) : 0;
}

bool compositor_take_kept(struct compositor *compositor)
{
    bool again = false;

    for (unsigned i = 0; i < compositor->n_surfaces; i++) {
        struct surface *surface = &compositor->surfaces[i];

        if (take(compositor, surface) >= 0) {
            compositor_drop_planes(surface);
        } else {
            surface->moved.n_failed +=
                surface->kept.frame.payload != surface->on_plane.frame.payload;
            if (compositor_show_again(surface))
                again = true;
            else
                compositor_drop_kept(surface);
        }
    }
    return again;
}

int compositor_look_at_kept(struct compositor *compositor)
{
    int ret = 0;

    for (unsigned i = 0; i < compositor->n_surfaces && ret >= 0; i++)
        ret = take(compositor, &compositor->surfaces[i]);
    return ret;
}
