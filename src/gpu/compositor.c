/* SPDX-License-Identifier: MIT */
#include "gpu/compositor_private.h"

#include "base/memory_private.h"
#include "thread/priority.h"

#include <limef/base/log.h>
#include <limef/frame/pool.h>

#include <libavutil/common.h>

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
    surface_ways_tend(&new_compositor->ways,
                      limef_now_us()); /* what the pictures that wait did without */
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
    surface_ways_tend(&compositor->ways, limef_now_us());
    return ret;
}

int64_t compositor_tend(struct compositor *compositor, int64_t now_us)
{
    if (now_us >= compositor->ways.tend_us)
        surface_ways_tend(&compositor->ways, now_us);
    return compositor->ways.tend_us;
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
