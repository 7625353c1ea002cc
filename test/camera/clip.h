/* SPDX-License-Identifier: MIT */
/* What a camera for tests sends: H.264 made on the spot, and the sums of its decoded pictures. */
#ifndef LIMEF_TEST_CAMERA_CLIP_H
#define LIMEF_TEST_CAMERA_CLIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIP_MAX_NALS 16
#define CLIP_SUM_BYTES 33

struct clip_nal {
    size_t begin, bytes; /* in the unit, without start code */
};

/* One access unit. */
struct clip_unit {
    uint8_t *data; /* owned */
    unsigned n_nals;
    struct clip_nal nals[CLIP_MAX_NALS];
};

struct clip_settings {
    int width, height, n_pictures;
    int gop;    /* a key frame every so many */
    int slices; /* of each picture */
};

/* All-zero, or made. */
struct clip {
    unsigned n_units, n_sums;
    struct clip_unit *units;
    char (*sums)[CLIP_SUM_BYTES]; /* of all pictures, sorted */
    char parameter_sets[512];     /* as sprop-parameter-sets has them */
};

/* Makes a clip whose pictures all differ, and refer to each other. Returns false if there is no
 * encoder of H.264; ends the program if something else fails. */
bool clip_make(struct clip *clip, const struct clip_settings *settings);

/* Whether one of its pictures, rightly decoded, has this sum. Thread: any */
bool clip_has(const struct clip *clip, const char *sum);

void clip_clear(struct clip *clip);

#endif
