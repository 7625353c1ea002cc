/* SPDX-License-Identifier: MIT */
/* What is kept and set here is listed in doc/embedding.md. */
#include "gpu/output_host.h"

#include "gpu/programs.h"

#include <limef/base/log.h>

#include <libavutil/error.h>
#include <stdlib.h>

#define N_UNITS 3

/* of OpenGL, not of OpenGL ES */
#define HOST_COLOR_LOGIC_OP 0x0BF2
#define HOST_POLYGON_MODE 0x0B40
#define HOST_FILL 0x1B02
#define HOST_FRAMEBUFFER_SRGB 0x8DB9
#define HOST_SAMPLE_MASK 0x8E51
#define HOST_CLIP_DISTANCE 0x3000
#define N_CLIP_DISTANCES 8
#define HOST_UNPACK_SWAP_BYTES 0x0CF0
#define HOST_UNPACK_LSB_FIRST 0x0CF1

/* What the host's state alone needs of the GL, beside gl.h. */
#define HOST_FUNCTIONS(X)                                                                          \
    X(void, BlendEquationSeparate, (GLenum, GLenum))                                               \
    X(void, BlendFuncSeparate, (GLenum, GLenum, GLenum, GLenum))                                   \
    X(void, ColorMask, (GLboolean, GLboolean, GLboolean, GLboolean))                               \
    X(void, DisableVertexAttribArray, (GLuint))                                                    \
    X(void, GetBooleanv, (GLenum, GLboolean *))                                                    \
    X(void, GetFloatv, (GLenum, GLfloat *))                                                        \
    X(void, GetVertexAttribPointerv, (GLuint, GLenum, void **))                                    \
    X(void, GetVertexAttribiv, (GLuint, GLenum, GLint *))                                          \
    X(GLboolean, IsEnabled, (GLenum))

/* The same, where there is OpenGL ES 3 or OpenGL. */
#define HOST_FUNCTIONS_3(X)                                                                        \
    X(void, BindSampler, (GLuint, GLuint))                                                         \
    X(void, BindVertexArray, (GLuint))                                                             \
    X(void, DeleteVertexArrays, (GLsizei, const GLuint *))                                         \
    X(void, GenVertexArrays, (GLsizei, GLuint *))

/* Where something exists; each has what those before have. ROWS: rows can be stepped over. */
enum level { ANY, ROWS, FROM_3, DESKTOP };

/* What may be enabled, and is not while pictures are drawn. */
static const struct {
    GLenum capability;
    enum level level;
} capabilities[] = {
    {GL_BLEND, ANY},
    {GL_CULL_FACE, ANY},
    {GL_DEPTH_TEST, ANY},
    {GL_DITHER, ANY},
    {GL_SAMPLE_ALPHA_TO_COVERAGE, ANY},
    {GL_SAMPLE_COVERAGE, ANY},
    {GL_SCISSOR_TEST, ANY},
    {GL_STENCIL_TEST, ANY},
    {GL_RASTERIZER_DISCARD, FROM_3},
    {HOST_COLOR_LOGIC_OP, DESKTOP},
    {HOST_FRAMEBUFFER_SRGB, DESKTOP},
    {HOST_SAMPLE_MASK, DESKTOP},
};
#define N_CAPABILITIES (sizeof(capabilities) / sizeof(capabilities[0]))

/* How rows of pixels are read for textures, and what is set here. */
static const struct {
    GLenum name;
    GLint value;
    enum level level;
} unpacking[] = {
    {GL_UNPACK_ALIGNMENT, 4, ANY},        {GL_UNPACK_ROW_LENGTH, 0, ROWS},
    {GL_UNPACK_SKIP_ROWS, 0, ROWS},       {GL_UNPACK_SKIP_PIXELS, 0, ROWS},
    {GL_UNPACK_IMAGE_HEIGHT, 0, FROM_3},  {GL_UNPACK_SKIP_IMAGES, 0, FROM_3},
    {HOST_UNPACK_SWAP_BYTES, 0, DESKTOP}, {HOST_UNPACK_LSB_FIRST, 0, DESKTOP},
};
#define N_UNPACKING (sizeof(unpacking) / sizeof(unpacking[0]))

/* The vertex attribute that is used here, where there are no vertex array objects. */
struct attribute {
    GLint enabled, size, type, normalized, stride, buffer;
    void *pointer;
};

struct saved {
    bool enabled[N_CAPABILITIES], clips[N_CLIP_DISTANCES];
    GLint unpacking[N_UNPACKING];
    GLint program, active_texture, array_buffer, unpack_buffer, vertex_array, framebuffer;
    GLint textures[N_UNITS], external[N_UNITS], samplers[N_UNITS];
    GLint viewport[4], scissor[4], blend[4], equations[2], polygon_mode[2];
    GLboolean color_mask[4];
    GLfloat clear_color[4];
    struct attribute attribute;
};

struct host {
    enum level level;
    GLuint vertex_array;
    struct limef_presenter_host_target target;
    struct saved saved;
#define HOST_MEMBER(result, name, arguments) result(*name) arguments;
    HOST_FUNCTIONS(HOST_MEMBER)
    HOST_FUNCTIONS_3(HOST_MEMBER)
    void (*PolygonMode)(GLenum, GLenum);
};

static GLint get(const struct gl *gl, GLenum name)
{
    GLint value = 0;

    gl->GetIntegerv(name, &value);
    return value;
}

static void save_attribute(const struct host *host, struct attribute *attribute)
{
    host->GetVertexAttribiv(PROGRAM_CORNER, GL_VERTEX_ATTRIB_ARRAY_ENABLED, &attribute->enabled);
    host->GetVertexAttribiv(PROGRAM_CORNER, GL_VERTEX_ATTRIB_ARRAY_SIZE, &attribute->size);
    host->GetVertexAttribiv(PROGRAM_CORNER, GL_VERTEX_ATTRIB_ARRAY_TYPE, &attribute->type);
    host->GetVertexAttribiv(PROGRAM_CORNER, GL_VERTEX_ATTRIB_ARRAY_NORMALIZED,
                            &attribute->normalized);
    host->GetVertexAttribiv(PROGRAM_CORNER, GL_VERTEX_ATTRIB_ARRAY_STRIDE, &attribute->stride);
    host->GetVertexAttribiv(PROGRAM_CORNER, GL_VERTEX_ATTRIB_ARRAY_BUFFER_BINDING,
                            &attribute->buffer);
    host->GetVertexAttribPointerv(PROGRAM_CORNER, GL_VERTEX_ATTRIB_ARRAY_POINTER,
                                  &attribute->pointer);
}

static void restore_attribute(const struct gl *gl, const struct host *host,
                              const struct attribute *attribute)
{
    gl->BindBuffer(GL_ARRAY_BUFFER, (GLuint)attribute->buffer);
    gl->VertexAttribPointer(PROGRAM_CORNER, attribute->size, (GLenum)attribute->type,
                            (GLboolean)attribute->normalized, attribute->stride,
                            attribute->pointer);
    if (attribute->enabled)
        gl->EnableVertexAttribArray(PROGRAM_CORNER);
    else
        host->DisableVertexAttribArray(PROGRAM_CORNER);
}

static void save_textures(const struct gl *gl, const struct host *host, struct saved *saved)
{
    saved->active_texture = get(gl, GL_ACTIVE_TEXTURE);
    for (unsigned i = 0; i < N_UNITS; i++) {
        gl->ActiveTexture(GL_TEXTURE0 + i);
        saved->textures[i] = get(gl, GL_TEXTURE_BINDING_2D);
        if (gl->external_images)
            saved->external[i] = get(gl, GL_TEXTURE_BINDING_EXTERNAL_OES);
        if (host->level < FROM_3)
            continue;
        saved->samplers[i] = get(gl, GL_SAMPLER_BINDING);
        host->BindSampler(i, 0); /* else it would be asked how to filter, not the texture */
    }
    for (unsigned i = 0; i < N_UNPACKING; i++) {
        if (unpacking[i].level > host->level)
            continue;
        saved->unpacking[i] = get(gl, unpacking[i].name);
        gl->PixelStorei(unpacking[i].name, unpacking[i].value);
    }
    if (host->level >= FROM_3) {
        saved->unpack_buffer = get(gl, GL_PIXEL_UNPACK_BUFFER_BINDING);
        gl->BindBuffer(GL_PIXEL_UNPACK_BUFFER, 0);
    }
}

static void restore_textures(const struct gl *gl, const struct host *host,
                             const struct saved *saved)
{
    for (unsigned i = 0; i < N_UNITS; i++) {
        gl->ActiveTexture(GL_TEXTURE0 + i);
        gl->BindTexture(GL_TEXTURE_2D, (GLuint)saved->textures[i]);
        if (gl->external_images)
            gl->BindTexture(GL_TEXTURE_EXTERNAL_OES, (GLuint)saved->external[i]);
        if (host->level >= FROM_3)
            host->BindSampler(i, (GLuint)saved->samplers[i]);
    }
    gl->ActiveTexture((GLenum)saved->active_texture);
    for (unsigned i = 0; i < N_UNPACKING; i++)
        if (unpacking[i].level <= host->level)
            gl->PixelStorei(unpacking[i].name, saved->unpacking[i]);
    if (host->level >= FROM_3)
        gl->BindBuffer(GL_PIXEL_UNPACK_BUFFER, (GLuint)saved->unpack_buffer);
}

static void save_capabilities(const struct gl *gl, const struct host *host, struct saved *saved)
{
    for (unsigned i = 0; i < N_CAPABILITIES; i++) {
        if (capabilities[i].level > host->level)
            continue;
        saved->enabled[i] = host->IsEnabled(capabilities[i].capability);
        gl->Disable(capabilities[i].capability);
    }
    for (unsigned i = 0; host->level == DESKTOP && i < N_CLIP_DISTANCES; i++) {
        saved->clips[i] = host->IsEnabled(HOST_CLIP_DISTANCE + i);
        gl->Disable(HOST_CLIP_DISTANCE + i);
    }
}

static void set_capability(const struct gl *gl, GLenum capability, bool enabled)
{
    if (enabled)
        gl->Enable(capability);
    else
        gl->Disable(capability);
}

static void restore_capabilities(const struct gl *gl, const struct host *host,
                                 const struct saved *saved)
{
    for (unsigned i = 0; i < N_CAPABILITIES; i++)
        if (capabilities[i].level <= host->level)
            set_capability(gl, capabilities[i].capability, saved->enabled[i]);
    for (unsigned i = 0; host->level == DESKTOP && i < N_CLIP_DISTANCES; i++)
        set_capability(gl, HOST_CLIP_DISTANCE + i, saved->clips[i]);
}

static void save_drawing(const struct gl *gl, const struct host *host, struct saved *saved)
{
    saved->program = get(gl, GL_CURRENT_PROGRAM);
    /* of OpenGL ES 3 and OpenGL that is GL_DRAW_FRAMEBUFFER_BINDING */
    saved->framebuffer = get(gl, GL_FRAMEBUFFER_BINDING);
    gl->GetIntegerv(GL_VIEWPORT, saved->viewport);
    gl->GetIntegerv(GL_SCISSOR_BOX, saved->scissor);
    saved->blend[0] = get(gl, GL_BLEND_SRC_RGB);
    saved->blend[1] = get(gl, GL_BLEND_DST_RGB);
    saved->blend[2] = get(gl, GL_BLEND_SRC_ALPHA);
    saved->blend[3] = get(gl, GL_BLEND_DST_ALPHA);
    saved->equations[0] = get(gl, GL_BLEND_EQUATION_RGB);
    saved->equations[1] = get(gl, GL_BLEND_EQUATION_ALPHA);
    host->GetBooleanv(GL_COLOR_WRITEMASK, saved->color_mask);
    host->GetFloatv(GL_COLOR_CLEAR_VALUE, saved->clear_color);
    host->BlendEquationSeparate(GL_FUNC_ADD, GL_FUNC_ADD);
    host->ColorMask(GL_TRUE, GL_TRUE, GL_TRUE, GL_TRUE);
    if (host->level == DESKTOP) {
        gl->GetIntegerv(HOST_POLYGON_MODE, saved->polygon_mode);
        host->PolygonMode(GL_FRONT_AND_BACK, HOST_FILL);
    }
}

static void restore_drawing(const struct gl *gl, const struct host *host, const struct saved *saved)
{
    gl->UseProgram((GLuint)saved->program);
    gl->BindFramebuffer(host->level >= FROM_3 ? GL_DRAW_FRAMEBUFFER : GL_FRAMEBUFFER,
                        (GLuint)saved->framebuffer);
    gl->Viewport(saved->viewport[0], saved->viewport[1], saved->viewport[2], saved->viewport[3]);
    gl->Scissor(saved->scissor[0], saved->scissor[1], saved->scissor[2], saved->scissor[3]);
    host->BlendFuncSeparate((GLenum)saved->blend[0], (GLenum)saved->blend[1],
                            (GLenum)saved->blend[2], (GLenum)saved->blend[3]);
    host->BlendEquationSeparate((GLenum)saved->equations[0], (GLenum)saved->equations[1]);
    host->ColorMask(saved->color_mask[0], saved->color_mask[1], saved->color_mask[2],
                    saved->color_mask[3]);
    gl->ClearColor(saved->clear_color[0], saved->clear_color[1], saved->clear_color[2],
                   saved->clear_color[3]);
    if (host->level == DESKTOP)
        host->PolygonMode(GL_FRONT_AND_BACK, (GLenum)saved->polygon_mode[0]);
}

void output_host_begin(struct output *output, const struct limef_presenter_host_target *target)
{
    struct host *host = output->private_data;
    const struct gl *gl = output->gl;
    struct saved *saved = &host->saved;

    gl_forget_errors(gl);
    host->target = *target;
    output->x = target->x;
    output->y = target->y;
    output->flip = target->flip;
    save_drawing(gl, host, saved);
    save_capabilities(gl, host, saved);
    save_textures(gl, host, saved);
    saved->array_buffer = get(gl, GL_ARRAY_BUFFER_BINDING);
    if (host->level >= FROM_3) {
        saved->vertex_array = get(gl, GL_VERTEX_ARRAY_BINDING);
        if (!host->vertex_array)
            host->GenVertexArrays(1, &host->vertex_array);
        host->BindVertexArray(host->vertex_array);
    } else {
        save_attribute(host, &saved->attribute);
    }
    gl->BindFramebuffer(host->level >= FROM_3 ? GL_DRAW_FRAMEBUFFER : GL_FRAMEBUFFER,
                        target->framebuffer);
}

void output_host_end(struct output *output)
{
    struct host *host = output->private_data;
    const struct gl *gl = output->gl;
    const struct saved *saved = &host->saved;

    if (host->level >= FROM_3)
        host->BindVertexArray((GLuint)saved->vertex_array);
    else
        restore_attribute(gl, host, &saved->attribute);
    gl->BindBuffer(GL_ARRAY_BUFFER, (GLuint)saved->array_buffer);
    restore_textures(gl, host, saved);
    restore_capabilities(gl, host, saved);
    restore_drawing(gl, host, saved);
}

/* After begin; is the end. */
static void host_close(struct output *output)
{
    struct host *host = output->private_data;

    output_host_end(output);
    if (host->vertex_array)
        host->DeleteVertexArrays(1, &host->vertex_array);
    output->release(host);
    output->private_data = NULL;
}

static void host_size(struct output *output, int *width, int *height)
{
    const struct host *host = output->private_data;

    *width = host->target.width;
    *height = host->target.height;
}

static int host_resize(struct output *output, int width, int height)
{
    (void)output;
    (void)width;
    (void)height;
    return AVERROR(EINVAL);
}

/* The host shows it. */
static void host_swap(struct output *output)
{
    (void)output;
}

static const struct output_ops host_ops = {
    .abi = OUTPUT_ABI,
    .kind = LIMEF_OUTPUT_HOST,
    .close = host_close,
    .size = host_size,
    .resize = host_resize,
    .swap = host_swap,
};

static enum level level_of(const struct gl *gl)
{
    if (gl->desktop)
        return DESKTOP;
    return gl->major >= 3 ? FROM_3 : gl->row_length ? ROWS : ANY;
}

/* Returns the name of a function that is missing; NULL: none is. */
static const char *load(struct host *host, const struct limef_presenter_host_settings *from)
{
    const char *missing = NULL;

#define HOST_LOAD(result, name, arguments)                                                         \
    *(void **)&host->name = from->get(from->context, "gl" #name);                                  \
    if (!host->name)                                                                               \
        missing = "gl" #name;
    HOST_FUNCTIONS(HOST_LOAD)
    if (host->level >= FROM_3) {
        HOST_FUNCTIONS_3(HOST_LOAD)
    }
    if (host->level == DESKTOP) {
        HOST_LOAD(void, PolygonMode, (GLenum, GLenum))
    }
    return missing;
}

int output_host_open(struct output *output, struct gl *gl,
                     const struct limef_presenter_host_settings *host, bool strict_2,
                     const char *name)
{
    struct host *made;
    const char *missing;
    int ret = gl_load_from(gl, host->get, host->context, name);

    if (ret < 0)
        return ret;
    gl_look(gl, strict_2);
    if (gl->desktop && !gl->core_shaders)
        return limef_fail(AVERROR(ENOSYS), name, "%s: OpenGL 3.3 is the oldest that will do",
                          (const char *)gl->GetString(GL_VERSION));
    made = output->allocate(sizeof(*made));
    if (!made)
        return limef_fail(AVERROR(ENOMEM), name, "host output");
    made->level = level_of(gl);
    missing = load(made, host);
    if (missing) {
        output->release(made);
        return limef_fail(AVERROR(ENODEV), name, "the GL has no %s", missing);
    }
    output->gl = gl;
    output->private_data = made;
    output->ops = &host_ops;
    return 0;
}
