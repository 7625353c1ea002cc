/* SPDX-License-Identifier: MIT */
/*
 * Textures that are the memory of a picture: EGLImages of dma-bufs
 * (EGL_EXT_image_dma_buf_import, _modifiers), made once for each buffer and
 * kept as long as the stream uses it. All of it belongs to the thread of the GL
 * context.
 */
#ifndef LIMEF_SRC_GPU_IMPORT_H
#define LIMEF_SRC_GPU_IMPORT_H

#include "gpu/gl.h"
#include "gpu/picture_format.h"

#include <stdint.h>

struct limef_hardware_frame;

/* Buffers of one stream at most whose images are kept: a decoder's pictures, and those under way.
 */
#define IMPORT_MAX_IMAGES 64
/* An image that so many pictures did without is dropped: its buffer has gone out of use. */
#define IMPORT_MAX_UNUSED 256

/* The textures of one picture. */
struct texture_set {
    GLuint ids[3];
    GLint filters[3];
    GLenum target;
};

/* The images of one stream. */
struct import;

/* What a picture was imported as. */
struct imported {
    struct texture_set *set; /* valid until the next import of the stream */
    struct picture_format format;
    unsigned n_made; /* images made for it; 0: they were there */
};

/*
 * Makes the textures of a picture, or finds them. Waits for the picture's fence, on the GPU if it
 * can.
 *
 * import   NULL in it: nothing yet.
 * pix_fmt  enum AVPixelFormat of its pixels where it lies in rows; AV_PIX_FMT_NONE: fourcc says it.
 * 0; AVERROR(ENOTSUP): why has the reason, which lives forever; AVERROR(ETIMEDOUT): nobody has
 * written the picture in time; AVERROR(ENOMEM). Not logged.
 */
int import_picture(struct import **import, const struct gl *gl,
                   const struct limef_hardware_frame *hardware, int pix_fmt,
                   struct imported *imported, const char **why);

/* Whether a set is one of the import's still; NULL in both: it is not. */
bool import_has(const struct import *import, const struct texture_set *set);

/* Drops all images but the set that is shown, NULL: none is. */
void import_forget(struct import *import, const struct gl *gl, const struct texture_set *shown);

/* Releases everything; with gl NULL the images went with their context. */
void import_clear(struct import **import, const struct gl *gl);

#endif
