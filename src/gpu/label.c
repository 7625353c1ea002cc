/* SPDX-License-Identifier: MIT */
#include "gpu/label.h"

#include <limef/base/log.h>

#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>

void label_set(struct label *label, const char *text)
{
    if (!text)
        text = "";
    if (strcmp(label->text, text) == 0)
        return;
    snprintf(label->text, sizeof(label->text), "%s", text);
    label->drawn = false;
}

int label_prepare(struct label *label, const struct gl *gl, struct label_maker *maker,
                  int line_height, const char *name)
{
    struct text_bitmap *bitmap = &maker->bitmap;
    GLenum format = gl->red_green ? GL_RED : GL_LUMINANCE;
    int ret;

    if (label->drawn && label->line_height == line_height)
        return 0;
    label->drawn = true;
    label->line_height = line_height;
    label->width = 0;
    ret = text_draw(&maker->font, bitmap, label->text, line_height, name);
    if (ret < 0)
        return ret;
    if (!label->id)
        gl->GenTextures(1, &label->id);
    gl->ActiveTexture(GL_TEXTURE0);
    gl->BindTexture(GL_TEXTURE_2D, label->id);
    gl->PixelStorei(GL_UNPACK_ALIGNMENT, 1);
    if (gl->row_length)
        gl->PixelStorei(GL_UNPACK_ROW_LENGTH, 0);
    gl->TexImage2D(GL_TEXTURE_2D, 0, gl->major >= 3 ? GL_R8 : (GLint)format, bitmap->width,
                   bitmap->height, 0, format, GL_UNSIGNED_BYTE, bitmap->pixels);
    gl->TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    gl->TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    gl->TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    gl->TexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    if (gl->GetError() != GL_NO_ERROR)
        return limef_fail(AVERROR(ENOMEM), name, "the GL has no memory for a line of text");
    label->width = bitmap->width;
    label->height = bitmap->height;
    return 0;
}

void label_maker_clear(struct label_maker *maker)
{
    text_bitmap_clear(&maker->bitmap);
    text_font_close(&maker->font);
}
