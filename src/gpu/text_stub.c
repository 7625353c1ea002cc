/* SPDX-License-Identifier: MIT */
/* For builds without FreeType and fontconfig: tiles stay without text. */
#include "gpu/text.h"

#include <libavutil/error.h>

int text_draw(struct text_font **font, struct text_bitmap *bitmap, const char *text, int height,
              const char *name)
{
    (void)font;
    (void)bitmap;
    (void)text;
    (void)height;
    (void)name;
    return AVERROR(ENOSYS);
}

void text_bitmap_clear(struct text_bitmap *bitmap)
{
    *bitmap = (struct text_bitmap){0};
}

void text_font_close(struct text_font **font)
{
    *font = NULL;
}
