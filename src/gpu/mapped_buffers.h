/* SPDX-License-Identifier: MIT */
/*
 * Buffers that the GPU reads and that stay mapped, for decoders to write into:
 * the keeper of a buffer_pool. All of it belongs to the thread of the GL context.
 */
#ifndef LIMEF_SRC_GPU_MAPPED_BUFFERS_H
#define LIMEF_SRC_GPU_MAPPED_BUFFERS_H

#include "frame/buffer_keeper.h"
#include "gpu/gl.h"

/* All-zero lends nothing. */
struct mapped_buffers {
    struct buffer_keeper keeper;
    const struct gl *gl;
    void (*BufferStorageEXT)(GLenum, GLsizeiptr, const void *, GLbitfield);
    void *(*MapBufferRange)(GLenum, GLintptr, GLsizeiptr, GLbitfield);
};

/*
 * Begins to lend, if this GL can do it and it pays.
 *
 * gl, pool, name  borrowed; must outlive the buffers.
 * NULL, or why not, which lives forever.
 */
const char *mapped_buffers_open(struct mapped_buffers *buffers, const struct gl *gl,
                                struct buffer_pool *pool, const char *name);

/* Where a picture lies; NULL: in ordinary memory, or it has to be taken for that. */
const struct buffer *mapped_buffers_find(const struct mapped_buffers *buffers,
                                         const uint8_t *address);

#endif
