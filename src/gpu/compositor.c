/* SPDX-License-Identifier: MIT */
#include "gpu/compositor_private.h"

#include "base/memory_private.h"
#include "gpu/layout.h"
#include "thread/priority.h"

#include <limef/base/log.h>
#include <limef/frame/pool.h>

#include <libavutil/common.h>
#include <libavutil/frame.h>
#include <string.h>

#define DEFAULT_WIDTH 1280
#define DEFAULT_HEIGHT 720

void compositor_make_corners(struct compositor *compositor)
{
    static const GLfloat corners[] = {0, 0, 1, 0, 0, 1, 1, 1};
    const struct gl *gl = &compositor->gl;

    gl->GenBuffers(1, &compositor->corners);
    gl->BindBuffer(GL_ARRAY_BUFFER, compositor->corners);
    gl->BufferData(GL_ARRAY_BUFFER, sizeof(corners), corners, GL_STATIC_DRAW);
}

void compositor_prepare_state(struct compositor *compositor)
{
    const struct gl *gl = &compositor->gl;

    gl->BindBuffer(GL_ARRAY_BUFFER, compositor->corners);
    gl->VertexAttribPointer(PROGRAM_CORNER, 2, GL_FLOAT, GL_FALSE, 0, NULL);
    gl->EnableVertexAttribArray(PROGRAM_CORNER);
    gl->Disable(GL_DITHER);
    gl->Enable(GL_SCISSOR_TEST);
    gl->BlendFunc(GL_SRC_ALPHA, GL_ONE_MINUS_SRC_ALPHA);
    gl->ClearColor(0, 0, 0, 1);
}

int compositor_open(struct compositor **compositor, const struct limef_presenter_settings *settings,
                    unsigned n_tiles, struct buffer_pool *buffers, const char *name)
{
    const struct limef_presenter_window *window = settings->window;
    struct compositor *new_compositor =
        memory_allocate(sizeof(*new_compositor) + n_tiles * sizeof(new_compositor->surfaces[0]));
    struct output_settings output = {
        .name = name,
        .title = window && window->title ? window->title : "limef",
        .width = settings->width,
        .height = settings->height,
        .untimed = settings->untimed,
        .fullscreen = window && window->fullscreen,
        .gles2 = settings->plain & LIMEF_PRESENTER_GLES2,
        .kms = settings->kms,
    };
    int ret, width, height;

    if (!new_compositor)
        return limef_fail(AVERROR(ENOMEM), name, "output");
    new_compositor->name = name;
    new_compositor->ways.gl = &new_compositor->gl;
    new_compositor->n_surfaces = n_tiles;
    new_compositor->solo = LIMEF_PRESENTER_ALL;
    new_compositor->dirty = true;
    ret = output_open(&new_compositor->output, &new_compositor->gl, settings->output, &output);
    if (ret < 0) {
        memory_release(new_compositor);
        return ret;
    }
    gl_look(&new_compositor->gl, output.gles2);
    new_compositor->shrinks =
        new_compositor->gl.software && !(settings->plain & LIMEF_PRESENTER_WHOLE);
    new_compositor->hasty = settings->untimed && new_compositor->gl.software;
    new_compositor->lends = new_compositor->gl.software && !settings->untimed;
    compositor_make_corners(new_compositor);
    compositor_prepare_state(new_compositor);
    new_compositor->output.ops->size(&new_compositor->output, &width, &height);
    if (width == 0 && settings->width > 0 && settings->height > 0) {
        ret = new_compositor->output.ops->resize(&new_compositor->output, settings->width,
                                                 settings->height);
        if (ret < 0) {
            compositor_close(&new_compositor);
            return limef_fail(ret, name, "cannot render %dx%d", settings->width, settings->height);
        }
        new_compositor->width = settings->width;
        new_compositor->height = settings->height;
    }
    new_compositor->ways.bottom_up =
        new_compositor->output.renderbuffer && new_compositor->gl.CopyImageSubData;
    surface_ways_open(&new_compositor->ways, &new_compositor->gl,
                      output_card(&new_compositor->output), buffers, true, name);
    surface_ways_tend(&new_compositor->ways); /* what the pictures that wait did without */
    *compositor = new_compositor;
    return 0;
}

int compositor_close(struct compositor **compositor)
{
    struct compositor *old = *compositor;
    const struct gl *gl;

    if (!old)
        return 0;
    gl = &old->gl;
    for (unsigned i = 0; i < old->n_surfaces; i++) {
        compositor_drop_planes(&old->surfaces[i]);
        compositor_drop_whole(&old->surfaces[i]);
        surface_let_go(&old->surfaces[i], &old->ways);
    }
    if (surface_ways_close(&old->ways) < 0)
        return AVERROR(EBUSY);
    for (unsigned i = 0; i < old->n_surfaces; i++)
        surface_clear(&old->surfaces[i], &old->ways);
    gl->DeleteTextures(1, &old->overlay.id);
    gl->DeleteBuffers(1, &old->corners);
    programs_clear(&old->programs, gl);
    output_close(&old->output);
    label_maker_clear(&old->texts);
    limef_pool_release(old->brought);
    memory_release(old);
    *compositor = NULL;
    return 0;
}

enum limef_presenter_output compositor_output(const struct compositor *compositor)
{
    return compositor->output.ops->kind;
}

int compositor_set_picture(struct compositor *compositor, unsigned tile,
                           const struct limef_decoded_frame *picture)
{
    struct surface *surface = &compositor->surfaces[tile];
    int ret = 0;

    compositor_drop_kept(surface);
    if (!compositor_keep(compositor, surface, picture)) {
        ret = compositor_take(compositor, surface, picture);
        if (ret >= 0)
            compositor_drop_planes(surface);
        else
            compositor_show_again(surface);
    }
    surface_ways_tend(&compositor->ways);
    return ret;
}

void compositor_take_moved(struct compositor *compositor, unsigned tile,
                           struct compositor_upload *moved)
{
    *moved = compositor->surfaces[tile].moved;
    compositor->surfaces[tile].moved = (struct compositor_upload){0};
}

const char *compositor_planes_why(const struct compositor *compositor)
{
    return compositor->planes_why;
}

void compositor_forget(struct compositor *compositor, unsigned tile)
{
    surface_forget(&compositor->surfaces[tile], &compositor->ways);
    if (compositor->output.ops->forget)
        compositor->output.ops->forget(&compositor->output);
}

void compositor_set_text(struct compositor *compositor, unsigned tile, const char *text)
{
    struct label *label = &compositor->surfaces[tile].label;

    label_set(label, text);
    compositor->dirty |= !label->drawn;
}

void compositor_set_overlay(struct compositor *compositor, const char *text)
{
    label_set(&compositor->overlay, text);
    compositor->dirty |= !compositor->overlay.drawn;
}

void compositor_set_layout(struct compositor *compositor, uint32_t solo)
{
    compositor->solo = solo;
    compositor->dirty = true;
}

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

static void draw_picture(struct compositor *compositor, struct surface *surface,
                         struct layout_rect cell)
{
    const struct gl *gl = &compositor->gl;
    struct textures *textures = &surface->textures;
    const struct picture_format *format = &textures->format;
    const struct program *program;
    bool sideways = surface_is_sideways(surface);
    struct layout_rect rect = layout_fit(cell, textures->width, textures->height, surface->sar_num,
                                         surface->sar_den, sideways);
    int width = textures->width >> textures->shrunk, height = textures->height >> textures->shrunk;
    bool pixel_for_pixel =
        rect.width == (sideways ? height : width) && rect.height == (sideways ? width : height);
    GLfloat sited[4];

    if (!textures->shown || copy_picture(compositor, surface, rect))
        return;
    program = program_get(&compositor->programs, gl, program_of(format), &textures->matrix,
                          compositor->name);
    if (!program)
        return;
    gl->UseProgram(program->id);
    textures_bind(textures, gl, pixel_for_pixel, pixel_for_pixel && compositor->hasty);
    set_place(compositor, program, rect);
    set_turn(gl, program, surface);
    textures_place_chroma(textures, pixel_for_pixel && compositor->hasty, sited);
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

int compositor_prepare_size(struct compositor *compositor)
{
    struct output *output = &compositor->output;
    const struct surface *first = &compositor->surfaces[0];
    int width, height, ret;

    output->ops->size(output, &width, &height);
    if (output->lost)
        return AVERROR(ENODEV); /* its poll says so */
    if (width == 0) {
        width = DEFAULT_WIDTH;
        height = DEFAULT_HEIGHT;
        if (compositor->n_surfaces == 1 && first->has_picture) {
            const struct textures *textures = &first->textures;
            bool sideways = surface_is_sideways(first);

            width = sideways ? textures->height : textures->width;
            height = sideways ? textures->width : textures->height;
            if (first->sar_num > 0 && first->sar_den > 0) {
                int64_t sides[2] = {width, height};

                /* the side along the stored rows is stretched */
                sides[sideways] = av_rescale(sides[sideways], first->sar_num, first->sar_den);
                width = (int)av_clip64(sides[0], 1, compositor->gl.max_texture);
                height = (int)av_clip64(sides[1], 1, compositor->gl.max_texture);
            }
        }
        ret = output->ops->resize(output, width, height);
        if (ret < 0)
            return limef_fail(ret, compositor->name, "cannot render %dx%d", width, height);
    }
    if (width != compositor->width || height != compositor->height)
        compositor->dirty = true;
    compositor->width = width;
    compositor->height = height;
    compositor->gl.Viewport(output->x, output->y, width, height);
    return 0;
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

/* Whether there is something that can decide on the size of the output, or does not care. */
static bool has_contents(const struct compositor *compositor)
{
    const struct surface *first = &compositor->surfaces[0];

    return compositor->n_surfaces > 1 || compositor->width > 0 ||
           compositor->output.ops->kind == LIMEF_OUTPUT_HOST || first->has_picture ||
           first->label.text[0] || compositor->overlay.text[0];
}

/* Once something was drawn: those of llvmpipe's threads that have not run yet have no name. */
static void lend_priority(struct compositor *compositor)
{
    if (!compositor->lends)
        return;
    compositor->lends = false;
    compositor->gl.Finish();
    priority_lend("llvmpipe-");
}

int compositor_present(struct compositor *compositor)
{
    int ret;

    if (!has_contents(compositor))
        return 0;
    ret = compositor_prepare_size(compositor);
    if (ret < 0)
        return ret;
    if (compositor_scan_out(compositor))
        return COMPOSITOR_ON_PLANE;
    if (compositor_take_kept(compositor) && compositor_scan_out(compositor))
        return COMPOSITOR_ON_PLANE;
    compositor_take_whole(compositor);
    compositor_compose(compositor);
    lend_priority(compositor);
    compositor->output.ops->swap(&compositor->output);
    return COMPOSITOR_COMPOSED;
}

void compositor_prepare(struct compositor *compositor)
{
    if (!has_contents(compositor) || compositor_prepare_size(compositor) < 0)
        return;
    for (unsigned i = 0; i < compositor->n_surfaces; i++)
        if (compositor->surfaces[i].kept.frame.payload) /* a display may read it as it is */
            return;
    compositor_compose(compositor);
    compositor->gl.Finish();
    lend_priority(compositor);
    compositor->dirty = true;
}

void compositor_size(const struct compositor *compositor, int *width, int *height)
{
    *width = compositor->width;
    *height = compositor->height;
}
