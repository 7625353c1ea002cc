/* SPDX-License-Identifier: MIT */
/*
 * Textures that are the memory of a picture (EGL_EXT_image_dma_buf_import,
 * _modifiers): how a stream's pictures are imported. All of it belongs to the
 * thread of the GL context.
 */
#ifndef LIMEF_SRC_GPU_IMPORT_H
#define LIMEF_SRC_GPU_IMPORT_H

#include "gpu/images.h"

/* One stream's. All-zero: nothing yet. */
struct import {
    bool begun;
    struct image_stream stream;
    struct import_choice choice;
    const char *refused; /* why none of the stream is imported; NULL: it is */
    unsigned n_refusals; /* in a row */
    bool any;            /* of the stream could be imported */
    struct image *shown; /* NULL: none */
};

/*
 * Makes the textures of a picture, or finds them: import->shown. Waits for the picture's fence, on
 * the GPU if it can.
 *
 * pix_fmt  enum AVPixelFormat of its pixels where it lies in rows; AV_PIX_FMT_NONE: fourcc says it.
 * n_made   written: images made for it; 0: they were there.
 * 0; AVERROR(ENOTSUP): why has the reason, which lives forever; AVERROR(ETIMEDOUT): nobody has
 * written the picture in time. Not logged; what was shown is shown still then.
 */
int import_picture(struct import *import, struct images *images, const struct gl *gl,
                   const struct limef_hardware_frame *hardware, int pix_fmt, unsigned *n_made,
                   const char **why);

/* Shows nothing; the images are kept. */
void import_hide(struct import *import);

/* Shows nothing, and drops the stream's images. Leaves all-zero. */
void import_clear(struct import *import, struct images *images, const struct gl *gl);

#endif
