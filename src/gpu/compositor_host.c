/* SPDX-License-Identifier: MIT */
#include "gpu/compositor_private.h"

#include "base/memory_private.h"
#include "gpu/output_host.h"

#include <limef/base/log.h>

#include <libavutil/error.h>
#include <libavutil/frame.h>

int compositor_open_host(struct compositor **compositor,
                         const struct limef_presenter_host_settings *host, unsigned n_tiles,
                         bool gles2, const char *name)
{
    struct compositor *made = memory_allocate(sizeof(*made) + n_tiles * sizeof(made->surfaces[0]));
    int ret;

    if (!made)
        return limef_fail(AVERROR(ENOMEM), name, "output");
    made->name = name;
    made->n_surfaces = n_tiles;
    made->solo = LIMEF_PRESENTER_ALL;
    made->output =
        (struct output){.fail = limef_fail, .allocate = memory_allocate, .release = memory_release};
    ret = output_host_open(&made->output, &made->gl, host, gles2, name);
    if (ret < 0) {
        memory_release(made);
        return ret;
    }
    surface_ways_open(&made->ways, &made->gl, NULL, name);
    *compositor = made;
    return 0;
}

void compositor_begin_host(struct compositor *compositor,
                           const struct limef_presenter_host_target *target)
{
    output_host_begin(&compositor->output, target);
    if (!compositor->corners)
        compositor_make_corners(compositor);
    compositor_prepare_state(compositor);
}

void compositor_end_host(struct compositor *compositor)
{
    output_host_end(&compositor->output);
}

void compositor_abandon(struct compositor **compositor)
{
    struct compositor *old = *compositor;

    if (!old)
        return;
    for (unsigned i = 0; i < old->n_surfaces; i++) {
        struct surface *surface = &old->surfaces[i];

        textures_clear(&surface->textures, NULL);
        limef_payload_unref(surface->payload);
        av_frame_free(&surface->downloaded);
    }
    for (unsigned i = 0; i < old->ways.held.n; i++)
        limef_payload_unref(old->ways.held.pictures[i].payload);
    label_maker_clear(&old->texts);
    memory_release(old->output.private_data);
    memory_release(old);
    *compositor = NULL;
}
