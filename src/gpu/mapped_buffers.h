/* SPDX-License-Identifier: MIT */
/*
 * Buffers that the GPU reads and that stay mapped, for decoders to write into:
 * the keeper of a buffer_pool. All of it belongs to the thread of the GL context.
 */
#ifndef LIMEF_SRC_GPU_MAPPED_BUFFERS_H
#define LIMEF_SRC_GPU_MAPPED_BUFFERS_H

#include "frame/buffer_pool.h"
#include "gpu/gl.h"

/* All-zero lends nothing. */
struct mapped_buffers {
    struct buffer_pool *pool; /* borrowed; NULL: nobody asked for buffers, or they cannot be had */
    size_t bytes;             /* of all buffers */
    bool full;                /* the GL has refused to make one more */
    void (*BufferStorageEXT)(GLenum, GLsizeiptr, const void *, GLbitfield);
    void *(*MapBufferRange)(GLenum, GLintptr, GLsizeiptr, GLbitfield);
};

/*
 * Begins to lend, if this GL can do it and it pays; says why not at level info.
 *
 * pool  borrowed; must outlive the buffers. NULL: nobody asked.
 */
void mapped_buffers_open(struct mapped_buffers *buffers, const struct gl *gl,
                         struct buffer_pool *pool, const char *name);

/*
 * Deletes what nobody has; the GPU reads none of it any more. 0: that was all; all-zero then. AVERROR(EBUSY): the rest is still in
 * use; nothing more is lent, and the GL context has to live on.
 */
int mapped_buffers_close(struct mapped_buffers *buffers, const struct gl *gl);

/* Makes the buffers that were missed. Never waits. */
void mapped_buffers_tend(struct mapped_buffers *buffers, const struct gl *gl, const char *name);

/* Where a picture lies; NULL: in ordinary memory, or it has to be taken for that. */
const struct buffer *mapped_buffers_find(const struct mapped_buffers *buffers,
                                         const uint8_t *address);

#endif
