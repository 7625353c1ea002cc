/* SPDX-License-Identifier: MIT */
#include "gpu/text.h"

#include "base/memory_private.h"

#include <limef/base/log.h>

#include <fontconfig/fontconfig.h>
#include <ft2build.h>
#include <libavutil/common.h>
#include <libavutil/error.h>
#include <string.h>
#include FT_FREETYPE_H

struct text_font {
    FT_Library library;
    FT_Face face; /* NULL: there is none, and that was said */
    int height;
};

/* Where text begins, and how large it gets. */
struct pen {
    int x, baseline, width, line_height, n_lines;
};

static FT_Face find_face(FT_Library library)
{
    FcConfig *config = FcInitLoadConfigAndFonts();
    FcPattern *wanted = FcNameParse((const FcChar8 *)"sans"), *found = NULL;
    FcResult result;
    FcChar8 *file = NULL;
    FT_Face face = NULL;
    int index = 0;

    if (config && wanted) {
        FcConfigSubstitute(config, wanted, FcMatchPattern);
        FcDefaultSubstitute(wanted);
        found = FcFontMatch(config, wanted, &result);
    }
    if (found && FcPatternGetString(found, FC_FILE, 0, &file) == FcResultMatch) {
        FcPatternGetInteger(found, FC_INDEX, 0, &index);
        if (FT_New_Face(library, (const char *)file, index, &face) != 0)
            face = NULL;
    }
    if (found)
        FcPatternDestroy(found);
    if (wanted)
        FcPatternDestroy(wanted);
    if (config)
        FcConfigDestroy(config);
    return face;
}

static int open_font(struct text_font **font, const char *name)
{
    struct text_font *new_font = memory_allocate(sizeof(*new_font));

    if (!new_font)
        return AVERROR(ENOMEM);
    *font = new_font;
    if (!memory_permits() || FT_Init_FreeType(&new_font->library) != 0) {
        text_font_close(font);
        return AVERROR(ENOMEM);
    }
    new_font->face = find_face(new_font->library);
    if (!new_font->face)
        limef_log(LIMEF_LOG_WARNING, name, "no font was found: tiles stay without text");
    return 0;
}

/* The next character of UTF-8; what is not UTF-8 becomes a question mark. */
static uint32_t next_character(const char **text)
{
    uint32_t character = '?';

    GET_UTF8(character, (uint8_t) * (*text)++, character = '?'; goto out;)
out:
    return character;
}

static void blend_glyph(struct text_bitmap *bitmap, const FT_GlyphSlot glyph, int x, int y)
{
    for (int row = 0; row < (int)glyph->bitmap.rows; row++) {
        const uint8_t *from = glyph->bitmap.buffer + (ptrdiff_t)row * glyph->bitmap.pitch;
        int to_y = y + row;

        if (to_y < 0 || to_y >= bitmap->height)
            continue;
        for (int column = 0; column < (int)glyph->bitmap.width; column++) {
            int to_x = x + column;
            uint8_t *to = bitmap->pixels + (size_t)to_y * (size_t)bitmap->width + to_x;

            if (to_x >= 0 && to_x < bitmap->width && *to < from[column])
                *to = from[column];
        }
    }
}

/* Measures the text, and draws it if the bitmap has pixels. */
static struct pen set_text(FT_Face face, const char *text, int margin, struct text_bitmap *bitmap)
{
    struct pen pen = {
        .x = margin, .line_height = (int)(face->size->metrics.height >> 6), .n_lines = 1};

    pen.baseline = margin + (int)(face->size->metrics.ascender >> 6);
    while (*text) {
        uint32_t character = next_character(&text);

        if (character == '\n' && !*text)
            break; /* it ends the last line, and begins no other */
        if (character == '\n') {
            pen.x = margin;
            pen.baseline += pen.line_height;
            pen.n_lines++;
            continue;
        }
        if (FT_Load_Char(face, character, bitmap ? FT_LOAD_RENDER : FT_LOAD_DEFAULT) != 0)
            continue;
        if (bitmap)
            blend_glyph(bitmap, face->glyph, pen.x + face->glyph->bitmap_left,
                        pen.baseline - face->glyph->bitmap_top);
        pen.x += (int)(face->glyph->advance.x >> 6);
        pen.width = pen.x > pen.width ? pen.x : pen.width;
    }
    return pen;
}

int text_draw(struct text_font **font, struct text_bitmap *bitmap, const char *text, int height,
              const char *name)
{
    int margin = height / 3, ret = 0;
    struct pen size;
    size_t bytes;

    if (!*font)
        ret = open_font(font, name);
    if (ret < 0)
        return ret;
    if (!(*font)->face)
        return AVERROR(ENOSYS);
    if ((*font)->height != height) {
        FT_Set_Pixel_Sizes((*font)->face, 0, (FT_UInt)height);
        (*font)->height = height;
    }
    size = set_text((*font)->face, text, margin, NULL);
    bitmap->width = FFALIGN(size.width + margin, 4);
    bitmap->height = size.n_lines * size.line_height + 2 * margin;
    bytes = (size_t)bitmap->width * (size_t)bitmap->height;
    if (bytes > bitmap->bytes) {
        memory_release(bitmap->pixels);
        bitmap->pixels = memory_allocate(bytes);
        bitmap->bytes = bitmap->pixels ? bytes : 0;
        if (!bitmap->pixels)
            return AVERROR(ENOMEM);
    }
    memset(bitmap->pixels, 0, bytes);
    set_text((*font)->face, text, margin, bitmap);
    return 0;
}

void text_bitmap_clear(struct text_bitmap *bitmap)
{
    memory_release(bitmap->pixels);
    *bitmap = (struct text_bitmap){0};
}

void text_font_close(struct text_font **font)
{
    if (!*font)
        return;
    if ((*font)->face)
        FT_Done_Face((*font)->face);
    if ((*font)->library)
        FT_Done_FreeType((*font)->library);
    memory_release(*font);
    *font = NULL;
}
