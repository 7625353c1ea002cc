/* SPDX-License-Identifier: MIT */
/*
 * Dma-bufs for decoders to write into, which the GL imports: the GPU reads a
 * picture where software decoded it. All of it belongs to the thread of the GL
 * context; buffers are made on the threads that miss them, without GL.
 */
#ifndef LIMEF_SRC_GPU_DMABUF_BUFFERS_H
#define LIMEF_SRC_GPU_DMABUF_BUFFERS_H

#include "frame/buffer_keeper.h"
#include "gpu/gl.h"

/* All-zero lends nothing. */
struct dmabuf_buffers {
    struct buffer_keeper keeper;
    struct dmabuf_source source;
    uint32_t row_align_bytes; /* the least that the GL takes */
};

/*
 * Begins to lend, if this GL imports memory that can be had here.
 *
 * card_fd  of the card whose display reads pictures, for its dumb buffers; -1: none does.
 * pool, name  borrowed; must outlive the buffers.
 * NULL, or why not, which lives forever.
 */
const char *dmabuf_buffers_open(struct dmabuf_buffers *buffers, const struct gl *gl, int card_fd,
                                struct buffer_pool *pool, const char *name);

/* Lends no more. What is in use lives on; the pool releases it. */
void dmabuf_buffers_close(struct dmabuf_buffers *buffers);

#endif
