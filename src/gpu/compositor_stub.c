/* SPDX-License-Identifier: MIT */
/* For builds without EGL: the only output is none. */
#include "gpu/compositor.h"

#include <limef/base/clock.h>
#include <limef/base/log.h>

#include <libavutil/error.h>

int compositor_open(struct compositor **compositor, const struct limef_presenter_settings *settings,
                    unsigned n_tiles, struct buffer_pool *buffers, const char *name)
{
    (void)settings;
    (void)n_tiles;
    (void)buffers;
    *compositor = NULL;
    return limef_fail(AVERROR(ENOSYS), name, "built without EGL: the only output is none");
}

int compositor_open_host(struct compositor **compositor,
                         const struct limef_presenter_host_settings *host, unsigned n_tiles,
                         struct buffer_pool *buffers, bool gles2, const char *name)
{
    (void)host;
    (void)n_tiles;
    (void)buffers;
    (void)gles2;
    *compositor = NULL;
    return limef_fail(AVERROR(ENOSYS), name, "built without OpenGL: there is nothing to draw with");
}

void compositor_begin_host(struct compositor *compositor,
                           const struct limef_presenter_host_target *target)
{
    (void)compositor;
    (void)target;
}

void compositor_end_host(struct compositor *compositor)
{
    (void)compositor;
}

void compositor_abandon(struct compositor **compositor)
{
    *compositor = NULL;
}

int compositor_close(struct compositor **compositor)
{
    *compositor = NULL;
    return 0;
}

enum limef_presenter_output compositor_output(const struct compositor *compositor)
{
    (void)compositor;
    return LIMEF_OUTPUT_NONE;
}

int compositor_set_picture(struct compositor *compositor, unsigned tile,
                           const struct limef_decoded_frame *picture)
{
    (void)compositor;
    (void)tile;
    (void)picture;
    return AVERROR(ENOSYS);
}

int64_t compositor_tend(struct compositor *compositor, int64_t now_us)
{
    (void)compositor;
    (void)now_us;
    return LIMEF_FOREVER;
}

void compositor_take_moved(struct compositor *compositor, unsigned tile,
                           struct compositor_upload *moved)
{
    (void)compositor;
    (void)tile;
    *moved = (struct compositor_upload){0};
}

const char *compositor_planes_why(const struct compositor *compositor)
{
    (void)compositor;
    return NULL;
}

struct fence_counts compositor_fences(const struct compositor *compositor)
{
    (void)compositor;
    return (struct fence_counts){0};
}

void compositor_forget(struct compositor *compositor, unsigned tile)
{
    (void)compositor;
    (void)tile;
}

void compositor_set_text(struct compositor *compositor, unsigned tile, const char *text)
{
    (void)compositor;
    (void)tile;
    (void)text;
}

void compositor_set_overlay(struct compositor *compositor, const char *text)
{
    (void)compositor;
    (void)text;
}

void compositor_set_layout(struct compositor *compositor, uint32_t solo)
{
    (void)compositor;
    (void)solo;
}

void compositor_prepare(struct compositor *compositor)
{
    (void)compositor;
}

int compositor_present(struct compositor *compositor)
{
    (void)compositor;
    return AVERROR(ENOSYS);
}

void compositor_size(const struct compositor *compositor, int *width, int *height)
{
    (void)compositor;
    *width = *height = 0;
}

int compositor_read(struct compositor *compositor, uint8_t *rgba)
{
    (void)compositor;
    (void)rgba;
    return AVERROR(ENOSYS);
}

int64_t compositor_flips(struct compositor *compositor, struct output_flip *flip)
{
    (void)compositor;
    *flip = (struct output_flip){0};
    return 0;
}

bool output_may_be_window(enum limef_presenter_output kind)
{
    (void)kind;
    return false;
}

enum output_event compositor_poll(struct compositor *compositor, int *key)
{
    (void)compositor;
    (void)key;
    return OUTPUT_EVENT_NONE;
}

bool compositor_has_events(const struct compositor *compositor)
{
    (void)compositor;
    return false;
}

int compositor_toggle_fullscreen(struct compositor *compositor)
{
    (void)compositor;
    return AVERROR(ENOSYS);
}
