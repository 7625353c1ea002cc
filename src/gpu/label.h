/* SPDX-License-Identifier: MIT */
/* A text in a texture, drawn anew when it changes. */
#ifndef LIMEF_SRC_GPU_LABEL_H
#define LIMEF_SRC_GPU_LABEL_H

#include "gpu/gl.h"
#include "gpu/text.h"

#include <limef/filter/presenter.h>

/* All-zero is an empty text. */
struct label {
    char text[LIMEF_PRESENTER_OVERLAY_BYTES];
    GLuint id;
    int width, height, line_height; /* of what is in the texture */
    bool drawn;
};

/* What all labels are made with. */
struct label_maker {
    struct text_bitmap bitmap;
    struct text_font *font;
};

/* text NULL: none. */
void label_set(struct label *label, const char *text);

/* Makes the texture if text or size changed. 0, or as text_draw(). */
int label_prepare(struct label *label, const struct gl *gl, struct label_maker *maker,
                  int line_height, const char *name);

void label_maker_clear(struct label_maker *maker);

#endif
