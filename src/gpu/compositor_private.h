/* SPDX-License-Identifier: MIT */
/*
 * What the compositor's files share: itself (compositor.c), drawing (compositor_draw.c), reading it
 * back (compositor_read.c), what is uploaded of a picture (compositor_take.c), planes
 * (compositor_scan_out.c), what the output says (compositor_events.c), and what is different in a
 * host's context (compositor_host.c).
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
    struct programs programs;
    GLuint corners;
    struct surface_ways ways;
    int width, height;
    uint32_t solo;
    bool shrinks; /* what is shown small is uploaded small: the CPU renders */
    bool hasty;   /* speed is asked for, and the CPU renders */
    bool lends;   /* to the threads that draw, once there is something */
    bool dirty;   /* all of it */
    struct label overlay;
    struct label_maker texts;
    const char
        *planes_why; /* why a picture that could be on a plane was composed; NULL: none was */
    struct limef_pool *brought; /* of pictures that the CPU wrote into buffers of the kernel */
    unsigned n_surfaces;
    struct surface surfaces[];
};

/* The quad that everything is drawn with. */
void compositor_make_corners(struct compositor *compositor);

/* The state of the GL that drawing needs. */
void compositor_prepare_state(struct compositor *compositor);

/* Finds the size of what is drawn into; chooses it if nobody did. 0, or an error, logged. */
int compositor_prepare_size(struct compositor *compositor);

/* Draws what changed. */
void compositor_compose(struct compositor *compositor);

/*
 * Keeps a picture as it is if it may go on a plane, instead of taking it for textures. False: that
 * cannot be.
 */
bool compositor_keep(struct compositor *compositor, struct surface *surface,
                     const struct limef_decoded_frame *picture);

/*
 * Writes a picture that lies in ordinary memory into a buffer of the kernel, and counts that as an
 * upload. brought: written; its reference is the caller's. False: that cannot be.
 */
bool compositor_bring(struct compositor *compositor, struct surface *surface,
                      const struct limef_decoded_frame *picture,
                      struct limef_decoded_frame *brought);

/* Forgets what was kept; and what was on a plane. */
void compositor_drop_kept(struct surface *surface);
void compositor_drop_planes(struct surface *surface);

/* Shows the one picture that covers the output on a plane. False: it has to be composed. */
bool compositor_scan_out(struct compositor *compositor);

/* Takes what was kept for textures, after all; what cannot be is counted as failed. True: what was
 * on the plane before is kept again in its place. */
bool compositor_take_kept(struct compositor *compositor);

/* Keeps what was on a plane last, since what came behind it cannot be shown. False: nothing was, or
 * GL has drawn since. */
bool compositor_show_again(struct surface *surface);

/* Likewise for once: it is kept still, for the plane that shows it. 0, or an error. */
int compositor_look_at_kept(struct compositor *compositor);

/* Takes a picture for a surface's textures, and adds up what that moved. */
int compositor_take(struct compositor *compositor, struct surface *surface,
                    const struct limef_decoded_frame *picture);

/* Forgets the picture that was uploaded smaller. */
void compositor_drop_whole(struct surface *surface);

/* Takes pictures anew that are shown larger now. */
void compositor_take_whole(struct compositor *compositor);

#endif
