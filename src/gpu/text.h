/* SPDX-License-Identifier: MIT */
/* Lines of text as a picture of coverage. The font is looked for when the first text is drawn. */
#ifndef LIMEF_SRC_GPU_TEXT_H
#define LIMEF_SRC_GPU_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text_font;

/* All-zero is empty; its memory is kept from text to text. */
struct text_bitmap {
    uint8_t *pixels; /* 0..255, rows of width */
    size_t bytes;
    int width, height;
};

/*
 * Draws UTF-8 lines, with a margin around them.
 *
 * font    in and out: NULL at first; owned by the caller until text_font_close().
 * height  of a line in pixels.
 * 0; AVERROR(ENOSYS): no font or no FreeType, logged once for a font; AVERROR(ENOMEM).
 */
int text_draw(struct text_font **font, struct text_bitmap *bitmap, const char *text, int height,
              const char *name);

void text_bitmap_clear(struct text_bitmap *bitmap);
void text_font_close(struct text_font **font);

#endif
