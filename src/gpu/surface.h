/* SPDX-License-Identifier: MIT */
/* What a tile shows: its picture in textures, and its text. */
#ifndef LIMEF_SRC_GPU_SURFACE_H
#define LIMEF_SRC_GPU_SURFACE_H

#include "gpu/compositor.h"
#include "gpu/dmabuf_buffers.h"
#include "gpu/held.h"
#include "gpu/label.h"
#include "gpu/mapped_buffers.h"
#include "gpu/textures.h"

#include <limef/frame/decoded.h>
#include <limef/frame/hardware.h>

/* All-zero shows nothing. */
struct surface {
    struct textures textures;
    struct label label;
    struct limef_payload *payload; /* of the picture, if each draw reads its memory; else NULL */
    struct AVFrame *downloaded;    /* a picture of a decoder in hardware that is not imported */
    const char *refused;           /* why one could not be shown, said last */
    /* a picture that goes on a plane as it is, or into the textures when that is known not to be;
     * no payload: none. Its reference is ours */
    struct limef_decoded_frame kept;
    struct limef_hardware_frame kept_as;
    bool kept_is_news; /* it lies where its decoder wrote it, and was not on a plane yet */
    /* what was on a plane last, until GL draws another one; likewise. Its reference is ours */
    struct limef_decoded_frame on_plane;
    struct limef_hardware_frame on_plane_as;
    unsigned shrinks;                 /* how often the next picture may be halved */
    struct limef_decoded_frame whole; /* of what was uploaded smaller; no payload: none. Its
                                         reference is ours */
    struct compositor_upload moved;   /* since somebody asked */
    int sar_num, sar_den;
    int rotation; /* 0, 90, 180, 270 */
    bool mirrored, has_picture;
    bool dirty;
};

/* What pictures of all tiles come through. */
struct surface_ways {
    const struct gl *gl;
    const char *name;
    struct buffer_pool *pool; /* borrowed; for decoders. NULL: nobody asked */
    bool bottom_up; /* what is uploaded smaller lies as in the output, so that it can be copied */
    struct held held;
    struct images images;
    int64_t sweep_us; /* when images are looked for that are out of use */
    int64_t tend_us;  /* when to tend though no picture comes */
    /* one of them fills the pool, or none */
    struct dmabuf_buffers dmabufs;
    struct mapped_buffers mapped;
};

/* Begins to lend memory to decoders; says how, or why not, at level info. card_fd: as
 * dmabuf_buffers_open(). lends_mapped: memory of the GL as well, which has to outlive the pictures
 * in it. */
void surface_ways_open(struct surface_ways *ways, const struct gl *gl, int card_fd,
                       struct buffer_pool *pool, bool lends_mapped, const char *name);

/* Releases what the GPU has read, and makes the memory that decoders missed; gives back what is out
 * of use. Never waits. With each picture, and at ways->tend_us. */
void surface_ways_tend(struct surface_ways *ways, int64_t now_us);

/*
 * Waits for the GPU and lends no more; no surface may have a picture's memory. 0; AVERROR(EBUSY):
 * memory of the GL is in use, and the context has to live on.
 */
int surface_ways_close(struct surface_ways *ways);

/*
 * Puts a picture into the textures. Its payload is referenced if the GPU reads its memory.
 *
 * turned: written; whether what it covers may have changed.
 * 0, or an error, logged: what was shown is shown still, if it can be.
 */
int surface_take(struct surface *surface, struct surface_ways *ways,
                 const struct limef_decoded_frame *picture, struct upload *moved, bool *turned);

/* Why a picture that software decoded does not lie where the GPU reads. Lives forever. */
const char *surface_why_ordinary(const struct surface_ways *ways);

/* Drops what is kept of pictures that were shown before. */
void surface_forget(struct surface *surface, struct surface_ways *ways);

/* Drops what the picture needs of others' memory: it is shown no more. */
void surface_let_go(struct surface *surface, struct surface_ways *ways);

void surface_clear(struct surface *surface, struct surface_ways *ways);

static inline bool surface_is_sideways(const struct surface *surface)
{
    return surface->rotation == 90 || surface->rotation == 270;
}

#endif
