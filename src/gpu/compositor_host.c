/* SPDX-License-Identifier: MIT */
#include "gpu/compositor_private.h"

#include "base/memory_private.h"
#include "gpu/output_host.h"

#include <limef/base/log.h>

#include <libavutil/error.h>

int compositor_open_host(struct compositor **compositor,
                         const struct limef_presenter_host_settings *host, unsigned n_tiles,
                         struct buffer_pool *buffers, bool gles2, const char *name)
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
    made->ways.gl = &made->gl;
    made->ways.pool = buffers;
    *compositor = made;
    return 0;
}

void compositor_begin_host(struct compositor *compositor,
                           const struct limef_presenter_host_target *target)
{
    output_host_begin(&compositor->output, target);
    if (!compositor->corners) {
        compositor_make_corners(compositor);
        /* which tries what can be imported, and so is not to be seen in the host's state */
        surface_ways_open(&compositor->ways, &compositor->gl, -1, compositor->ways.pool, false,
                          compositor->name);
    }
    compositor_prepare_state(compositor);
}

void compositor_end_host(struct compositor *compositor)
{
    output_host_end(&compositor->output);
}

/* What is left of a GL whose context has gone: its objects went with it. */
static void delete_names(GLsizei n, const GLuint *names)
{
    (void)n;
    (void)names;
}

static void delete_program(GLuint program)
{
    (void)program;
}

static void delete_sync(GLsync sync)
{
    (void)sync;
}

static void finish(void)
{
}

void compositor_abandon(struct compositor **compositor)
{
    struct compositor *old = *compositor;

    if (!old)
        return;
    old->gl.DeleteBuffers = old->gl.DeleteTextures = delete_names;
    old->gl.DeleteProgram = delete_program;
    old->gl.DeleteSync = delete_sync;
    old->gl.FenceSync = NULL;
    old->gl.Finish = finish;
    memory_release(old->output.private_data);
    old->output = (struct output){0};
    compositor_close(compositor);
}
