/* SPDX-License-Identifier: MIT */
/* What an output says of itself: flips, keys, that it wants to be drawn anew. */
#include "gpu/compositor_private.h"

#include <libavutil/error.h>

int64_t compositor_flips(struct compositor *compositor, struct output_flip *flip)
{
    *flip = (struct output_flip){0};
    return compositor->output.ops->flips ? compositor->output.ops->flips(&compositor->output, flip)
                                         : 0;
}

struct fence_counts compositor_fences(const struct compositor *compositor)
{
    const struct fence_counts *display = &compositor->output.fences;
    struct fence_counts fences = compositor->ways.images.fences;

    fences.n_display = display->n_display;
    fences.n_late += display->n_late;
    return fences;
}

bool compositor_has_events(const struct compositor *compositor)
{
    return compositor->output.ops->poll != NULL;
}

enum output_event compositor_poll(struct compositor *compositor, int *key)
{
    enum output_event event = compositor->output.ops->poll(&compositor->output, key);

    compositor->dirty |= event == OUTPUT_EVENT_REDRAW;
    return event;
}

int compositor_toggle_fullscreen(struct compositor *compositor)
{
    if (!compositor->output.ops->toggle_fullscreen)
        return AVERROR(ENOSYS);
    compositor->dirty = true;
    return compositor->output.ops->toggle_fullscreen(&compositor->output);
}
