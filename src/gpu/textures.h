/* SPDX-License-Identifier: MIT */
/*
 * A picture in textures, one for each plane: its own, which it is uploaded to, or those that are
 * the picture's memory.
 */
#ifndef LIMEF_SRC_GPU_TEXTURES_H
#define LIMEF_SRC_GPU_TEXTURES_H

#include "gpu/import.h"

#include <stddef.h>
#include <stdint.h>

struct AVFrame;
struct SwsContext;
struct buffer;
struct limef_hardware_frame;

/* Both chroma planes of a picture: chroma_pair.h. All-zero: not made yet. */
struct chroma_pair {
    GLuint texture, framebuffer;
    int width, height;
    bool refused; /* by this GL, for this size */
    bool filled;  /* of the picture that is shown */
};

/* All-zero is empty. */
struct textures {
    struct texture_set *shown; /* own, or one of the import's; NULL: no picture */
    struct picture_format format;
    struct picture_matrix matrix;
    float chroma_x, chroma_y; /* picture_chroma_offset() */
    int width, height;        /* in samples, as stored */
    unsigned shrunk; /* the texture of it, RGBA, is 1 / 2^shrunk as large in each direction */
    bool bottom_up;  /* and its first row is the lowest */
    struct chroma_pair pair;
    /* what is uploaded to, kept from picture to picture */
    struct texture_set own;
    int own_width, own_height, own_pix_fmt;
    unsigned own_shrunk;
    /* what is imported, and the size, format and colour of such a picture */
    struct import import;
    struct AVFrame *about;
    /* for what has to be converted or repacked first */
    struct SwsContext *sws;
    struct AVFrame *converted;
    int converted_from; /* pixel format */
    void *rows;
    size_t rows_bytes;
    /* what could not be shown last, and was said */
    int refused_width, refused_height, refused_format;
};

/* What a picture's way into textures moved, and from where. */
struct upload {
    const struct buffer *from; /* set by the caller; NULL: the picture lies in ordinary memory */
    unsigned shrinks;          /* set by the caller: how often it may be halved first */
    bool bottom_up;            /* likewise: what is halved has its lowest row first */
    uint64_t uploaded_bytes;   /* handed to the GL from ordinary memory */
    uint64_t direct_bytes; /* likewise from where the decoder wrote them, in the GL's own memory */
    uint64_t memory_bytes; /* written in memory before that */
    const char *why;       /* of memory_bytes; NULL: there are none */
    const char *uploaded_why; /* set by the caller; NULL: nothing was uploaded */
    const char *failed_why;   /* NULL: it is shown, or the log says why not */
    bool imported;            /* the textures are the picture's memory: nothing was moved */
    unsigned n_images;        /* EGLImages made for that; 0: they were there */
};

/*
 * Transfers a picture that lies in memory; makes the textures anew when size
 * or format changed. 0, or an error, logged for the first of many pictures that are alike: then
 * the textures are empty.
 */
int textures_upload(struct textures *textures, const struct gl *gl, const struct AVFrame *av,
                    struct upload *upload, const char *name);

/*
 * Takes a picture's memory for textures. images, pix_fmt, why: as import_picture(). 0;
 * AVERROR(ENOTSUP), or another error, not logged: what was shown is shown still.
 */
int textures_import(struct textures *textures, struct images *images, const struct gl *gl,
                    const struct limef_hardware_frame *hardware, int pix_fmt, struct upload *upload,
                    const char **why);

/* Lets go of the memory of pictures: what was imported is shown no more. */
void textures_forget(struct textures *textures, struct images *images, const struct gl *gl);

/*
 * Binds plane i to texture unit i. pixel_for_pixel: the picture is not scaled.
 * nearest: subsampled chroma is not interpolated either.
 */
void textures_bind(struct textures *textures, const struct gl *gl, bool pixel_for_pixel,
                   bool nearest);

/* The same with both chroma planes from their pair. */
void textures_bind_pair(struct textures *textures, const struct gl *gl, bool pixel_for_pixel);

/* Writes what takes a position in the picture to one in its chroma planes, all 0..1: two factors,
 * and what is added to x and y. nearest: of two samples that are as near the one before is meant.
 */
void textures_place_chroma(const struct textures *textures, bool nearest, GLfloat sited[4]);

/* Releases everything; textures_forget() comes first. */
void textures_clear(struct textures *textures, const struct gl *gl);

#endif
