/* SPDX-License-Identifier: MIT */
/* DRM-PRIME pictures whose memory is a memfd: what a software OpenGL takes for dma-bufs. */
#ifndef LIMEF_TEST_GPU_MEMFD_FRAME_H
#define LIMEF_TEST_GPU_MEMFD_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct AVFrame;
struct limef_payload;
struct limef_pool;

/* How a picture lies in its memory. All-zero: rows of whole 64 bytes, plane behind plane. */
struct memfd_layout {
    unsigned offset_bytes;    /* before the first plane */
    unsigned row_extra_bytes; /* behind each row */
    bool layers;              /* a layer for each plane, as VA-API exports them; else one for all */
    uint64_t modifier;
    unsigned crop_left, crop_top; /* of it, what is not to be shown */
    int frames_of; /* enum AVPixelFormat: it has a frames context that says so; 0 (YUV420P): none */
};

/* A picture with the pixels of another one, in memory of its own; NULL: no memfd. */
struct limef_payload *memfd_frame_make(struct limef_pool *pool, const struct AVFrame *from,
                                       struct memfd_layout layout);

/* Writes other pixels of the same format and size into it, whoever has it. */
void memfd_frame_write(struct limef_payload *payload, const struct AVFrame *from);

/* Takes the picture's descriptor away, and gives it back. */
int memfd_frame_take_fd(struct limef_payload *payload);
void memfd_frame_give_fd(struct limef_payload *payload, int fd);

/* The descriptors that this process has open. */
unsigned memfd_frame_count_descriptors(void);

#endif
