/* SPDX-License-Identifier: MIT */
/* Drawing in a host's GL context leaves the host's state as it was. */
#include "host.h"

TestSuite(host_state, .timeout = 60);

/* Integers of the GL's state, and the most that one of them has. */
static const struct {
    GLenum name;
    enum api from;
} states[] = {
    {GL_CURRENT_PROGRAM, ES_2},
    {GL_ACTIVE_TEXTURE, ES_2},
    {GL_ARRAY_BUFFER_BINDING, ES_2},
    {GL_FRAMEBUFFER_BINDING, ES_2},
    {GL_VIEWPORT, ES_2},
    {GL_SCISSOR_BOX, ES_2},
    {GL_BLEND_SRC_RGB, ES_2},
    {GL_BLEND_DST_RGB, ES_2},
    {GL_BLEND_SRC_ALPHA, ES_2},
    {GL_BLEND_DST_ALPHA, ES_2},
    {GL_BLEND_EQUATION_RGB, ES_2},
    {GL_BLEND_EQUATION_ALPHA, ES_2},
    {GL_COLOR_WRITEMASK, ES_2},
    {GL_COLOR_CLEAR_VALUE, ES_2},
    {GL_UNPACK_ALIGNMENT, ES_2},
    {GL_BLEND, ES_2},
    {GL_CULL_FACE, ES_2},
    {GL_DEPTH_TEST, ES_2},
    {GL_DITHER, ES_2},
    {GL_SCISSOR_TEST, ES_2},
    {GL_STENCIL_TEST, ES_2},
    {GL_SAMPLE_COVERAGE, ES_2},
    {GL_PACK_ALIGNMENT, ES_2},
    {GL_UNPACK_ROW_LENGTH, ES_3},
    {GL_UNPACK_SKIP_ROWS, ES_3},
    {GL_UNPACK_SKIP_PIXELS, ES_3},
    {GL_UNPACK_IMAGE_HEIGHT, ES_3},
    {GL_UNPACK_SKIP_IMAGES, ES_3},
    {GL_VERTEX_ARRAY_BINDING, ES_3},
    {GL_PIXEL_UNPACK_BUFFER_BINDING, ES_3},
    {GL_READ_FRAMEBUFFER_BINDING, ES_3},
    {GL_RASTERIZER_DISCARD, ES_3},
    {0x0B40 /* GL_POLYGON_MODE */, GL_3_3},
    {0x8DB9 /* GL_FRAMEBUFFER_SRGB */, GL_3_3},
    {0x0BF2 /* GL_COLOR_LOGIC_OP */, GL_3_3},
};
#define N_STATES (sizeof(states) / sizeof(states[0]))
#define N_UNITS 4

struct state {
    GLint of[N_STATES][4], textures[N_UNITS], samplers[N_UNITS];
    GLint attribute_enabled, attribute_size, attribute_buffer;
};

static void look(enum api api, struct state *state)
{
    void (*get_attribute)(GLuint, GLenum, GLint *);
    GLint active;

    memset(state, 0, sizeof(*state));
    *(void **)&get_attribute = get(NULL, "glGetVertexAttribiv");
    for (unsigned i = 0; i < N_STATES; i++)
        if (states[i].from <= api)
            gl.GetIntegerv(states[i].name, state->of[i]);
    gl.GetIntegerv(GL_ACTIVE_TEXTURE, &active);
    for (unsigned i = 0; i < N_UNITS; i++) {
        gl.ActiveTexture(GL_TEXTURE0 + i);
        gl.GetIntegerv(GL_TEXTURE_BINDING_2D, &state->textures[i]);
        if (api >= ES_3)
            gl.GetIntegerv(GL_SAMPLER_BINDING, &state->samplers[i]);
    }
    gl.ActiveTexture((GLenum)active);
    get_attribute(0, GL_VERTEX_ATTRIB_ARRAY_ENABLED, &state->attribute_enabled);
    get_attribute(0, GL_VERTEX_ATTRIB_ARRAY_SIZE, &state->attribute_size);
    get_attribute(0, GL_VERTEX_ATTRIB_ARRAY_BUFFER_BINDING, &state->attribute_buffer);
}

/* Everything other than the GL begins with, and than what drawing pictures needs. */
static void make_unusual(enum api api)
{
    static const GLenum enabled[] = {GL_BLEND,        GL_CULL_FACE,    GL_DEPTH_TEST,
                                     GL_SCISSOR_TEST, GL_STENCIL_TEST, GL_SAMPLE_COVERAGE};
    GLuint names[8];

    for (unsigned i = 0; i < sizeof(enabled) / sizeof(enabled[0]); i++)
        gl.Enable(enabled[i]);
    gl.Disable(GL_DITHER);
    gl.Viewport(3, 4, 5, 6);
    gl.Scissor(1, 1, 2, 2);
    gl.ClearColor(0.25f, 0.5f, 0.75f, 1);
    gl.PixelStorei(GL_UNPACK_ALIGNMENT, 1);
    gl.BlendFunc(GL_ONE, GL_DST_COLOR);
    ((void (*)(GLenum, GLenum))get(NULL, "glBlendEquationSeparate"))(GL_FUNC_SUBTRACT,
                                                                     GL_FUNC_REVERSE_SUBTRACT);
    ((void (*)(GLboolean, GLboolean, GLboolean, GLboolean))get(NULL, "glColorMask"))(
        GL_FALSE, GL_TRUE, GL_FALSE, GL_TRUE);
    gl.GenTextures(4, names);
    for (unsigned i = 0; i < N_UNITS; i++) {
        gl.ActiveTexture(GL_TEXTURE0 + i);
        gl.BindTexture(GL_TEXTURE_2D, names[i]);
    }
    gl.ActiveTexture(GL_TEXTURE2);
    if (api >= ES_3) {
        void (*gen)(GLsizei, GLuint *), (*bind_sampler)(GLuint, GLuint), (*bind)(GLuint);

        *(void **)&gen = get(NULL, "glGenSamplers");
        *(void **)&bind_sampler = get(NULL, "glBindSampler");
        gen(4, names);
        for (unsigned i = 0; i < N_UNITS; i++)
            bind_sampler(i, names[i]);
        *(void **)&gen = get(NULL, "glGenVertexArrays");
        *(void **)&bind = get(NULL, "glBindVertexArray");
        gen(1, names);
        bind(names[0]);
        gl.PixelStorei(GL_UNPACK_ROW_LENGTH, 77);
        gl.PixelStorei(GL_UNPACK_SKIP_ROWS, 7);
        gl.PixelStorei(GL_UNPACK_SKIP_PIXELS, 5);
        gl.Enable(GL_RASTERIZER_DISCARD);
        gl.GenBuffers(1, names);
        gl.BindBuffer(GL_PIXEL_UNPACK_BUFFER, names[0]);
    }
    gl.GenBuffers(1, names);
    gl.BindBuffer(GL_ARRAY_BUFFER, names[0]);
    gl.VertexAttribPointer(0, 3, GL_FLOAT, GL_FALSE, 0, NULL);
    gl.EnableVertexAttribArray(0);
    gl.GenBuffers(1, names);
    gl.BindBuffer(GL_ARRAY_BUFFER, names[0]);
    if (api == GL_3_3) {
        ((void (*)(GLenum, GLenum))get(NULL, "glPolygonMode"))(GL_FRONT_AND_BACK, 0x1B01);
        gl.Enable(0x8DB9);
        gl.Enable(0x0BF2);
    }
    gl.BindFramebuffer(GL_FRAMEBUFFER, 0);
}

static void state_survives(enum api api)
{
    struct limef_presenter_host_target target = {.width = WIDTH, .height = HEIGHT};
    struct AVFrame *picture = rendering_waves(AV_PIX_FMT_YUV420P, WIDTH, HEIGHT);
    uint8_t *right =
        expected((const struct AVFrame *const[]){picture}, 1, target.width, target.height);
    struct state before, after;

    if (!right || !open_gl(api))
        cr_skip("no %s here", api_names[api]);
    open_host(1, api == ES_2);
    target.framebuffer = framebuffer;
    make_unusual(api);
    look(api, &before);
    rendering_show(&presenter, 0, picture, 0, false);
    limef_presenter_set_overlay(&presenter, NULL);
    cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
    look(api, &after);
    for (unsigned i = 0; i < N_STATES; i++)
        cr_assert(memcmp(before.of[i], after.of[i], sizeof(before.of[i])) == 0,
                  "%s: state 0x%x was %d and is %d", api_names[api], states[i].name,
                  before.of[i][0], after.of[i][0]);
    cr_assert(memcmp(&before, &after, sizeof(before)) == 0, "%s", api_names[api]);
    expect_target(&target, right);
    make_unusual(api);
    look(api, &before);
    close_host();
    look(api, &after);
    cr_assert(memcmp(&before, &after, sizeof(before)) == 0, "%s: closing", api_names[api]);
    cr_assert(eq(int, (int)gl.GetError(), GL_NO_ERROR));
    close_gl();
    free(right);
    av_frame_free(&picture);
}

Test(host_state, leaves_the_state_of_es_2_as_it_was)
{
    state_survives(ES_2);
}

Test(host_state, leaves_the_state_of_es_3_as_it_was)
{
    state_survives(ES_3);
}

Test(host_state, leaves_the_state_of_gl_3_3_core_as_it_was)
{
    state_survives(GL_3_3);
}
