/* SPDX-License-Identifier: MIT */
/* The shaders: one program for each kind of picture, and one for text. */
#ifndef LIMEF_SRC_GPU_PROGRAMS_H
#define LIMEF_SRC_GPU_PROGRAMS_H

#include "gpu/gl.h"
#include "gpu/picture_format.h"

#define PROGRAM_TEXT PICTURE_N_KINDS
#define PROGRAM_COPY (PICTURE_N_KINDS + 1) /* PICTURE_RGB whose scale is 1 */
#define PROGRAM_PAIR (PICTURE_N_KINDS + 2) /* two planes as they are, into two channels */
#define N_PROGRAMS (PICTURE_N_KINDS + 3)

/* The one vertex attribute: a corner of the quad, 0..1, y down. */
#define PROGRAM_CORNER 0

struct program {
    GLuint id;
    GLint place;        /* vec4: left, top, width, height in clip space */
    GLint turn;         /* mat2: from shown to stored, 0..1 */
    GLint turn_at;      /* vec2 */
    GLint sited;        /* vec4: from luma to chroma coordinates, factor and offset */
    GLint luma, chroma; /* vec4: struct picture_matrix; -1: they are in the shader's text */
    unsigned kind;
    bool refused;                 /* by the driver, with its colours */
    struct picture_matrix matrix; /* in the text */
};

/* Kinds of pictures in their colours that have programs of their own; further ones are told their
 * colours. */
#define PROGRAMS_MAX_COLOURED 16

/* All-zero: none is compiled yet. */
struct programs {
    struct program plain[N_PROGRAMS];
    struct program coloured[PROGRAMS_MAX_COLOURED];
    unsigned n_coloured;
};

/* Compiles what is not compiled yet; what the driver refuses with its colours is told them. matrix:
 * of the picture that is drawn; NULL: kind is no picture's. NULL: the driver refuses; logged. */
const struct program *program_get(struct programs *programs, const struct gl *gl, unsigned kind,
                                  const struct picture_matrix *matrix, const char *name);

void programs_clear(struct programs *programs, const struct gl *gl);

#endif
