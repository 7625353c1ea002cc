/* SPDX-License-Identifier: MIT */
/*
 * EGLImages of dma-bufs and the textures that are their memory, kept for each
 * buffer: decoders use few of them again and again, and those of several
 * streams may come from one pool. All of it belongs to the thread of the GL
 * context.
 */
#ifndef LIMEF_SRC_GPU_IMAGES_H
#define LIMEF_SRC_GPU_IMAGES_H

#include "gpu/fence.h"
#include "gpu/import_choice.h"

#include <limef/frame/hardware.h>

#include <stdint.h>

/* Buffers at most whose images are kept. */
#define IMAGES_MAX 1024
/* An image that so many pictures of each stream did without is dropped: its buffer has gone out of
 * use, and would be kept alive by it. */
#define IMAGES_MAX_UNUSED 256

/* Likewise one that so many sweeps did without. */
#define IMAGES_MAX_AGE 10

/* The textures of one picture. */
struct texture_set {
    GLuint ids[3];
    GLint filters[3];
    GLenum target;
};

/* What all images of a stream have in common. Without padding: it is compared as bytes. */
struct image_stream {
    uint64_t modifier;
    uint32_t fourcc;
    int pix_fmt, width, height;
    unsigned n_planes;
    int color_space, color_range, chroma_location;
    uint32_t form; /* enum import_form */
    uint32_t zero;
};

/* What an image is known by; likewise. */
struct image_key {
    struct image_stream stream;
    struct {
        uint64_t inode;
        uint32_t offset_bytes, pitch_bytes;
    } planes[LIMEF_HARDWARE_MAX_PLANES];
};

struct image {
    struct image_key key;
    EGLImageKHR parts[3];
    struct texture_set set;
    unsigned n_users; /* that show it */
    const void *user; /* who showed it last: not to be looked into */
    uint64_t used;    /* by which picture, last */
    unsigned age;     /* at which sweep, last */
};

/* All-zero has none. */
struct images {
    unsigned n_streams; /* that are imported */
    struct fence_counts fences;
    uint64_t n_pictures;
    unsigned n_sweeps;
    unsigned n_used;             /* of the tables' places, from the first */
    uint64_t hashes[IMAGES_MAX]; /* of the keys; 0: the place is free */
    struct image images[IMAGES_MAX];
};

/* Finds the images of a buffer; NULL: they have to be made. */
struct image *images_find(struct images *images, const struct image_key *key);

/*
 * Makes them; an image that nobody shows gives way if there is no room. NULL: the driver refuses.
 */
struct image *images_make(struct images *images, const struct gl *gl, const struct image_key *key,
                          const struct import_choice *choice,
                          const struct limef_hardware_frame *hardware);

/* Drops what has gone out of use: its buffers would be kept alive. Once a second. */
void images_sweep(struct images *images, const struct gl *gl);

/* Drops one, unless it is shown. */
void images_drop_one(struct images *images, const struct gl *gl, struct image *image);

/* Drops the images that this user was the last to show, but for what is shown. */
void images_drop(struct images *images, const struct gl *gl, const void *user);

#endif
