/* SPDX-License-Identifier: MIT */
/*
 * What the compositor's files share: all of it (compositor.c), and what is different in a host's
 * context (compositor_host.c).
 */
#ifndef LIMEF_SRC_GPU_COMPOSITOR_PRIVATE_H
#define LIMEF_SRC_GPU_COMPOSITOR_PRIVATE_H

#include "gpu/compositor.h"
#include "gpu/programs.h"
#include "gpu/surface.h"

struct compositor {
    struct gl gl;
    struct output output;
    const char *name;
    struct program programs[N_PROGRAMS];
    GLuint corners;
    struct surface_ways ways;
    int width, height;
    uint32_t solo;
    bool hasty; /* speed is asked for, and the CPU renders */
    bool dirty; /* all of it */
    struct label overlay;
    struct label_maker texts;
    unsigned n_surfaces;
    struct surface surfaces[];
};

/* The quad that everything is drawn with. */
void compositor_make_corners(struct compositor *compositor);

/* The state of the GL that drawing needs. */
void compositor_prepare_state(struct compositor *compositor);

#endif
