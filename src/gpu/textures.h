/* SPDX-License-Identifier: MIT */
/* A picture in textures, one for each plane; kept from picture to picture. */
#ifndef LIMEF_SRC_GPU_TEXTURES_H
#define LIMEF_SRC_GPU_TEXTURES_H

#include "gpu/gl.h"
#include "gpu/picture_format.h"

#include <stddef.h>
#include <stdint.h>

struct AVFrame;
struct SwsContext;
struct buffer;

/* All-zero is empty. */
struct textures {
    GLuint ids[3];
    struct picture_format format;
    struct picture_matrix matrix;
    float chroma_x, chroma_y; /* picture_chroma_offset() */
    int width, height;        /* in samples, as stored */
    int pix_fmt;              /* of what is in the textures */
    GLint filters[3];
    /* for what has to be converted or repacked first */
    struct SwsContext *sws;
    struct AVFrame *converted;
    int converted_from; /* pixel format */
    void *rows;
    size_t rows_bytes;
    /* what could not be shown last, and was said */
    int refused_width, refused_height, refused_format;
};

/* What an upload moved, and from where. */
struct upload {
    const struct buffer *from; /* set by the caller; NULL: the picture lies in ordinary memory */
    uint64_t uploaded_bytes;   /* handed to the GL */
    uint64_t direct_bytes;     /* read by the GPU where the decoder wrote them */
    uint64_t copied_bytes;     /* beside that, in memory */
    const char *why;           /* NULL: nothing was copied */
};

/*
 * Transfers a picture that lies in memory; makes the textures anew when size
 * or format changed. 0, or an error, logged for the first of many pictures that are alike: then
 * the textures are empty.
 */
int textures_upload(struct textures *textures, const struct gl *gl, const struct AVFrame *av,
                    struct upload *upload, const char *name);

/*
 * Binds plane i to texture unit i. pixel_for_pixel: the picture is not scaled.
 * hasty: subsampled chroma is then not interpolated either.
 */
void textures_bind(struct textures *textures, const struct gl *gl, bool pixel_for_pixel,
                   bool hasty);

/* Releases everything; with gl NULL the textures went with their context. */
void textures_clear(struct textures *textures, const struct gl *gl);

#endif
