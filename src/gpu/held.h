/* SPDX-License-Identifier: MIT */
/*
 * Pictures that the GPU was told to read: each is referenced until a fence behind the read is
 * passed. All of it belongs to the thread of the GL context.
 */
#ifndef LIMEF_SRC_GPU_HELD_H
#define LIMEF_SRC_GPU_HELD_H

#include "gpu/gl.h"

struct limef_payload;

/* Pictures at most; one more waits for the GPU. */
#define HELD_MAX 64

/* All-zero holds nothing. */
struct held {
    struct {
        GLsync fence;
        struct limef_payload *payload;
    } pictures[HELD_MAX]; /* the oldest first */
    unsigned n;
};

/*
 * What was told to the GL so far reads this picture.
 *
 * payload  taken.
 */
void held_add(struct held *held, const struct gl *gl, struct limef_payload *payload);

/* Releases what the GPU has read. Never waits. */
void held_release(struct held *held, const struct gl *gl);

/* Waits for the GPU, and releases everything. */
void held_clear(struct held *held, const struct gl *gl);

#endif
