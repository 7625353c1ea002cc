/* SPDX-License-Identifier: MIT */
/* How pictures of a stream become textures, by what the driver says it takes. */
#ifndef LIMEF_SRC_GPU_IMPORT_CHOICE_H
#define LIMEF_SRC_GPU_IMPORT_CHOICE_H

#include "gpu/gl.h"
#include "gpu/picture_format.h"

#include <stdint.h>

struct limef_hardware_frame;

enum import_form {
    IMPORT_PLANES,   /* each plane a texture of one or two channels; converted by limef's shader */
    IMPORT_WHOLE,    /* RGB, one texture */
    IMPORT_EXTERNAL, /* one texture that the driver converts: samplerExternalOES */
};

/* One image. */
struct import_part {
    uint32_t fourcc;
    int width, height; /* texels */
    unsigned first_plane, n_planes;
};

struct import_choice {
    enum import_form form;
    bool with_modifier; /* to be told to the driver */
    struct picture_format format;
    unsigned n_parts;
    struct import_part parts[3]; /* as the shader has its planes */
};

/*
 * Chooses; asks the driver. external_only: not plane by plane.
 * NULL, or why it cannot be imported, which lives forever.
 */
const char *import_choose(struct import_choice *choice, const struct gl *gl,
                          const struct limef_hardware_frame *hardware, int pix_fmt,
                          bool external_only);

#endif
