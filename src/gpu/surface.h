/* SPDX-License-Identifier: MIT */
/* What a tile shows: its picture in textures, and its text. */
#ifndef LIMEF_SRC_GPU_SURFACE_H
#define LIMEF_SRC_GPU_SURFACE_H

#include "gpu/held.h"
#include "gpu/label.h"
#include "gpu/mapped_buffers.h"
#include "gpu/textures.h"

struct limef_decoded_frame;

/* All-zero shows nothing. */
struct surface {
    struct textures textures;
    struct label label;
    struct limef_payload *payload; /* of the picture, if each draw reads its memory; else NULL */
    struct AVFrame *downloaded;    /* a picture of a decoder in hardware that is not imported */
    int sar_num, sar_den;
    int rotation; /* 0, 90, 180, 270 */
    bool mirrored, has_picture;
    bool dirty;
};

/* What pictures of all tiles come through. */
struct surface_ways {
    const struct gl *gl;
    const char *name;
    struct held held;
    struct mapped_buffers mapped;
};

/*
 * Puts a picture into the textures. Its payload is referenced if the GPU reads its memory.
 *
 * turned: written; whether what it covers may have changed.
 * 0, or an error, logged: what was shown is shown still, if it can be.
 */
int surface_take(struct surface *surface, struct surface_ways *ways,
                 const struct limef_decoded_frame *picture, struct upload *moved, bool *turned);

/* Drops what the picture needs of others' memory: it is shown no more. */
void surface_let_go(struct surface *surface, struct surface_ways *ways);

void surface_clear(struct surface *surface, struct surface_ways *ways);

static inline bool surface_is_sideways(const struct surface *surface)
{
    return surface->rotation == 90 || surface->rotation == 270;
}

#endif
