/* SPDX-License-Identifier: MIT */
#include "gpu/compositor_private.h"

#include "gpu/chroma_pair.h"
#include "gpu/layout.h"

#include <libavutil/common.h>
#include <string.h>

/* From a corner of what is shown to where that lies in the stored picture, both 0..1 and y down. */
static void set_turn(const struct gl *gl, const struct program *program,
                     const struct surface *surface)
{
    /* stored = (a x + c y + e, b x + d y + f), columns {a, b}, {c, d} */
    static const GLfloat turns[4][6] = {
        {1, 0, 0, 1, 0, 0}, {0, -1, 1, 0, 0, 1}, {-1, 0, 0, -1, 1, 1}, {0, 1, -1, 0, 1, 0}};
    GLfloat turn[6];

    memcpy(turn, turns[surface->rotation / 90 % 4], sizeof(turn));
    if (surface->textures.bottom_up) {
        turn[1] = -turn[1];
        turn[3] = -turn[3];
        turn[5] = 1 - turn[5];
    }
    if (surface->mirrored) {
        turn[4] += turn[0];
        turn[5] += turn[1];
        turn[0] = -turn[0];
        turn[1] = -turn[1];
    }
    gl->UniformMatrix2fv(program->turn, 1, GL_FALSE, turn);
    gl->Uniform2f(program->turn_at, turn[4], turn[5]);
}

static void set_place(const struct compositor *compositor, const struct program *program,
                      struct layout_rect rect)
{
    float width = (float)compositor->width, height = (float)compositor->height;
    float up = compositor->output.flip ? -1 : 1;

    compositor->gl.Uniform4f(program->place, 2 * (float)rect.x / width - 1,
                             up * (1 - 2 * (float)rect.y / height), 2 * (float)rect.width / width,
                             up * (-2 * (float)rect.height / height));
}

static void set_scissor(const struct compositor *compositor, struct layout_rect rect)
{
    const struct output *output = &compositor->output;
    int y = output->flip ? rect.y : compositor->height - rect.y - rect.height;

    compositor->gl.Scissor(output->x + rect.x, output->y + y, rect.width, rect.height);
}

/* Copies a picture that is in its texture just as it is shown. False: it has to be drawn. */
static bool copy_picture(const struct compositor *compositor, const struct surface *surface,
                         struct layout_rect rect)
{
    const struct textures *textures = &surface->textures;

    if (!textures->bottom_up || surface->rotation || surface->mirrored ||
        rect.width != textures->width >> textures->shrunk ||
        rect.height != textures->height >> textures->shrunk)
        return false;
    compositor->gl.CopyImageSubData(textures->own.ids[0], GL_TEXTURE_2D, 0, 0, 0, 0,
                                    compositor->output.renderbuffer, GL_RENDERBUFFER, 0, rect.x,
                                    compositor->height - rect.y - rect.height, 0, rect.width,
                                    rect.height, 1);
    return true;
}

/* The program that a picture is drawn with. */
static unsigned program_of(const struct picture_format *format)
{
    return format->kind == PICTURE_RGB && format->scale <= 1 ? PROGRAM_COPY : format->kind;
}

/* Whether to interpolate chroma of a picture that is shown in rect in both planes at once: the CPU
 * renders, and there is more to show than to put together. The framebuffer is our own. What the GL
 * reads where the decoder wrote it is not moved for that. */
static bool pairs_chroma(const struct compositor *compositor, const struct textures *textures,
                         struct layout_rect rect)
{
    const struct picture_format *format = &textures->format;
    int width, height;

    if (!compositor->gl.software || compositor->gl.major < 3 || format->kind != PICTURE_YUV ||
        format->channel_bytes != 1 || textures->shown != &textures->own ||
        compositor->output.ops->kind == LIMEF_OUTPUT_HOST)
        return false;
    picture_plane_size(format, 1, textures->width, textures->height, &width, &height);
    return (int64_t)rect.width * rect.height >= 2 * (int64_t)width * height;
}

/* Puts chroma of a picture into its pair. False: it is drawn from its planes. */
static bool pair_chroma(struct compositor *compositor, struct textures *textures,
                        struct layout_rect rect)
{
    const struct gl *gl = &compositor->gl;
    const struct output *output = &compositor->output;
    const struct program *program;

    if (!pairs_chroma(compositor, textures, rect))
        return false;
    program = program_get(&compositor->programs, gl, PROGRAM_PAIR, NULL, compositor->name);
    if (!program || !chroma_pair_fill(textures, gl, program))
        return false;
    gl->Viewport(output->x, output->y, compositor->width, compositor->height);
    return true;
}

static void draw_picture(struct compositor *compositor, struct surface *surface,
                         struct layout_rect cell)
{
    const struct gl *gl = &compositor->gl;
    struct textures *textures = &surface->textures;
    const struct program *program;
    bool sideways = surface_is_sideways(surface);
    struct layout_rect rect = layout_fit(cell, textures->width, textures->height, surface->sar_num,
                                         surface->sar_den, sideways);
    int width = textures->width >> textures->shrunk, height = textures->height >> textures->shrunk;
    bool pixel_for_pixel =
        rect.width == (sideways ? height : width) && rect.height == (sideways ? width : height);
    bool nearest = pixel_for_pixel && compositor->hasty, paired;
    GLfloat sited[4];

    if (!textures->shown || copy_picture(compositor, surface, rect))
        return;
    paired = !nearest && pair_chroma(compositor, textures, rect);
    program =
        program_get(&compositor->programs, gl, paired ? PICTURE_UV : program_of(&textures->format),
                    &textures->matrix, compositor->name);
    if (!program)
        return;
    gl->UseProgram(program->id);
    if (paired)
        textures_bind_pair(textures, gl, pixel_for_pixel);
    else
        textures_bind(textures, gl, pixel_for_pixel, nearest);
    set_place(compositor, program, rect);
    set_turn(gl, program, surface);
    textures_place_chroma(textures, nearest, sited);
    gl->Uniform4fv(program->sited, 1, sited);
    gl->Uniform4fv(program->luma, 1, textures->matrix.luma);
    gl->Uniform4fv(program->chroma, 1, textures->matrix.chroma);
    set_scissor(compositor, rect);
    gl->DrawArrays(GL_TRIANGLE_STRIP, 0, 4);
}

enum label_place {
    AT_TOP_LEFT,
    IN_THE_MIDDLE,
    AT_THE_FOOT,
};

/* Readable, but no wider than the cell: a character takes about half its height. */
static int label_height(const struct label *label, struct layout_rect cell, enum label_place place)
{
    static const int lines_per_cell[] = {36, 12, 16};
    int height = av_clip(cell.height / lines_per_cell[place], 12, 48);
    int n_characters = (int)strlen(label->text) + 2;

    if (place != AT_TOP_LEFT && height * n_characters / 2 > cell.width)
        height = FFMAX(cell.width * 2 / n_characters, 8);
    return height;
}

static void draw_label(struct compositor *compositor, struct label *label, struct layout_rect cell,
                       enum label_place place)
{
    static const struct surface upright;
    const struct gl *gl = &compositor->gl;
    int line_height = label_height(label, cell, place);
    struct layout_rect rect = {cell.x, cell.y, 0, 0};
    const struct program *program;

    if (!label->text[0] ||
        label_prepare(label, gl, &compositor->texts, line_height, compositor->name) < 0 ||
        !label->width)
        return;
    program = program_get(&compositor->programs, gl, PROGRAM_TEXT, NULL, compositor->name);
    if (!program)
        return;
    rect.width = label->width;
    rect.height = label->height;
    if (place != AT_TOP_LEFT)
        rect.x += (cell.width - rect.width) / 2;
    if (place == IN_THE_MIDDLE)
        rect.y += (cell.height - rect.height) / 2;
    else if (place == AT_THE_FOOT)
        rect.y += cell.height - rect.height;
    gl->UseProgram(program->id);
    gl->ActiveTexture(GL_TEXTURE0);
    gl->BindTexture(GL_TEXTURE_2D, label->id);
    set_place(compositor, program, rect);
    set_turn(gl, program, &upright);
    set_scissor(compositor, cell);
    gl->Enable(GL_BLEND);
    gl->DrawArrays(GL_TRIANGLE_STRIP, 0, 4);
    gl->Disable(GL_BLEND);
}

static struct layout_rect whole(const struct compositor *compositor)
{
    return (struct layout_rect){0, 0, compositor->width, compositor->height};
}

/* Whether one picture alone fills the output, so that nothing has to be blackened. */
static bool is_covered(const struct compositor *compositor)
{
    unsigned shown = compositor->solo == LIMEF_PRESENTER_ALL ? 0 : compositor->solo;
    const struct surface *surface = &compositor->surfaces[shown];
    struct layout_rect rect;

    if (!surface->has_picture ||
        (compositor->n_surfaces > 1 && compositor->solo == LIMEF_PRESENTER_ALL))
        return false;
    rect = layout_fit(whole(compositor), surface->textures.width, surface->textures.height,
                      surface->sar_num, surface->sar_den, surface_is_sideways(surface));
    return rect.width == compositor->width && rect.height == compositor->height;
}

void compositor_compose(struct compositor *compositor)
{
    const struct gl *gl = &compositor->gl;
    bool all =
        compositor->dirty || !compositor->output.ops->keeps_contents || compositor->overlay.text[0];

    if (all && !is_covered(compositor)) {
        set_scissor(compositor, whole(compositor));
        gl->Clear(GL_COLOR_BUFFER_BIT);
    }
    for (unsigned i = 0; i < compositor->n_surfaces; i++) {
        struct surface *surface = &compositor->surfaces[i];
        struct layout_rect cell = whole(compositor);

        if (compositor->solo == LIMEF_PRESENTER_ALL)
            cell = layout_cell(i, compositor->n_surfaces, compositor->width, compositor->height);
        else if (compositor->solo != i)
            continue;
        if (!all && !surface->dirty)
            continue;
        if (surface->has_picture)
            draw_picture(compositor, surface, cell);
        draw_label(compositor, &surface->label, cell,
                   surface->has_picture ? AT_THE_FOOT : IN_THE_MIDDLE);
        surface->dirty = false;
    }
    draw_label(compositor, &compositor->overlay, whole(compositor), AT_TOP_LEFT);
    compositor->dirty = false;
}
