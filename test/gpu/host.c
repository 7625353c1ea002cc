/* SPDX-License-Identifier: MIT */
/*
 * The presenter in a host's GL context: the same pixels as offscreen, in OpenGL ES 2 and 3 and in
 * OpenGL 3.3 core, and the host's state as it was.
 */
#include "rendering.h"

#include "gpu/gl.h"

#include <limef/filter/presenter_host.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/frame.h>
#include <libavutil/pixfmt.h>
#include <limef/base/log.h>
#include <stdlib.h>

#define WIDTH 320
#define HEIGHT 240

enum api { ES_2, ES_3, GL_3_3, N_APIS };

static const char *const api_names[] = {"ES 2", "ES 3", "GL 3.3"};

/* The host's GL. */
static struct gl gl;
static EGLDisplay display;
static EGLContext context;
static GLuint framebuffer, texture;

static struct limef_presenter presenter;
static struct limef_tile tiles[4];
static struct limef_presenter_host host;
static unsigned n_wakes;

static void *get(void *unused, const char *name)
{
    (void)unused;
    return (void *)(uintptr_t)gl.egl.GetProcAddress(name);
}

static void wake(void *unused)
{
    (void)unused;
    n_wakes++;
}

static EGLContext new_context(enum api api)
{
    static const EGLint bits[] = {EGL_OPENGL_ES2_BIT, EGL_OPENGL_ES3_BIT, EGL_OPENGL_BIT};
    const EGLint wanted[] = {EGL_SURFACE_TYPE, 0, EGL_RENDERABLE_TYPE, bits[api], EGL_NONE};
    const EGLint es[] = {EGL_CONTEXT_CLIENT_VERSION, api == ES_2 ? 2 : 3, EGL_NONE};
    const EGLint core[] = {EGL_CONTEXT_MAJOR_VERSION,
                           3,
                           EGL_CONTEXT_MINOR_VERSION,
                           3,
                           EGL_CONTEXT_OPENGL_PROFILE_MASK,
                           EGL_CONTEXT_OPENGL_CORE_PROFILE_BIT,
                           EGL_NONE};
    EGLConfig config;
    EGLint n = 0;

    if (!gl.egl.BindAPI(api == GL_3_3 ? EGL_OPENGL_API : EGL_OPENGL_ES_API) ||
        !gl.egl.ChooseConfig(display, wanted, &config, 1, &n) || n < 1)
        return EGL_NO_CONTEXT;
    return gl.egl.CreateContext(display, config, EGL_NO_CONTEXT, api == GL_3_3 ? core : es);
}

/* Makes the host's context current, with a framebuffer that is all magenta. False: not here. */
static bool open_gl(enum api api)
{
    PFNEGLGETPLATFORMDISPLAYEXTPROC get_display;
    void (*attach)(GLenum, GLenum, GLenum, GLuint, GLint);

    if (gl_load(&gl, "test") < 0)
        return false;
    get_display =
        (PFNEGLGETPLATFORMDISPLAYEXTPROC)gl.egl.GetProcAddress("eglGetPlatformDisplayEXT");
    display = get_display ? get_display(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL)
                          : EGL_NO_DISPLAY;
    if (display == EGL_NO_DISPLAY || !gl.egl.Initialize(display, NULL, NULL))
        return false;
    context = new_context(api);
    if (context == EGL_NO_CONTEXT ||
        !gl.egl.MakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context))
        return false;
    if (gl_load_from(&gl, get, NULL, "test") < 0)
        return false;
    gl.GenTextures(1, &texture);
    gl.BindTexture(GL_TEXTURE_2D, texture);
    gl.TexImage2D(GL_TEXTURE_2D, 0, GL_RGBA, WIDTH, HEIGHT, 0, GL_RGBA, GL_UNSIGNED_BYTE, NULL);
    gl.GenFramebuffers(1, &framebuffer);
    gl.BindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    *(void **)&attach = get(NULL, "glFramebufferTexture2D");
    attach(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, texture, 0);
    cr_assert(eq(int, (int)gl.CheckFramebufferStatus(GL_FRAMEBUFFER), GL_FRAMEBUFFER_COMPLETE));
    gl.ClearColor(1, 0, 1, 1);
    gl.Clear(GL_COLOR_BUFFER_BIT);
    return true;
}

static void close_gl(void)
{
    gl.egl.MakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
    gl.egl.DestroyContext(display, context);
    gl.egl.ReleaseThread();
    context = EGL_NO_CONTEXT;
}

static void open_host(unsigned n_tiles, bool gles2)
{
    struct limef_presenter_settings settings = {.output = LIMEF_OUTPUT_HOST, .gles2 = gles2};
    struct limef_presenter_host_settings lent = {.get = get, .wake = wake};

    cr_assert(eq(int, limef_presenter_init(&presenter, "screen", tiles, n_tiles, &settings), 0));
    cr_assert(eq(int, limef_presenter_host_init(&host, &presenter, &lent), 0));
    n_wakes = 0;
}

static void close_host(void)
{
    limef_presenter_host_close(&host);
    limef_filter_clear(&presenter.filter);
    limef_presenter_host_clear(&host);
}

/* What a presenter offscreen makes of these pictures; NULL: there is none here. */
static uint8_t *expected(const struct AVFrame *const *pictures, unsigned n, int width, int height)
{
    static struct limef_tile own_tiles[4];
    struct limef_presenter own = {0};
    uint8_t *rgba = NULL;

    memset(own_tiles, 0, sizeof(own_tiles));
    if (rendering_open(&own, own_tiles, n,
                       (struct limef_presenter_settings){.width = width, .height = height})) {
        for (unsigned i = 0; i < n; i++)
            rendering_show(&own, i, pictures[i], 0, false);
        rgba = rendering_read(&own, &width, &height);
    }
    limef_filter_clear(&own.filter);
    return rgba;
}

/* The whole framebuffer, rows from the bottom. */
static uint8_t *read_all(void)
{
    uint8_t *rgba = malloc(4 * WIDTH * HEIGHT);

    gl.BindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    gl.PixelStorei(GL_PACK_ALIGNMENT, 4);
    gl.ReadPixels(0, 0, WIDTH, HEIGHT, GL_RGBA, GL_UNSIGNED_BYTE, rgba);
    return rgba;
}

/* The GL may round texture coordinates another way where the target does not begin at 0, 0, or in
 * another shading language. */
#define TOLERANCE 1

static int off_by(const uint8_t *a, const uint8_t *b)
{
    int worst = 0;

    for (int c = 0; c < 4; c++)
        worst = abs(a[c] - b[c]) > worst ? abs(a[c] - b[c]) : worst;
    return worst;
}

/* Inside the target what was expected, outside still magenta. */
static void expect_target(const struct limef_presenter_host_target *target, const uint8_t *picture)
{
    static const uint8_t magenta[4] = {255, 0, 255, 255};
    uint8_t *all = read_all();

    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int at_x = x - target->x, at_y = y - target->y;
            bool inside = at_x >= 0 && at_y >= 0 && at_x < target->width && at_y < target->height;
            int row = target->flip ? at_y : target->height - 1 - at_y;
            const uint8_t *right = inside ? picture + 4 * (row * target->width + at_x) : magenta;

            int off = off_by(all + 4 * (y * WIDTH + x), right);

            cr_assert(off <= (inside ? TOLERANCE : 0), "at %d, %d: %s, off by %d", x, y,
                      inside ? "another picture" : "outside was drawn into", off);
        }
    free(all);
}

TestSuite(host, .timeout = 60);

static void same_pixels(enum api api, bool flip)
{
    static const int formats[] = {AV_PIX_FMT_YUV420P, AV_PIX_FMT_NV12, AV_PIX_FMT_YUV444P10LE,
                                  AV_PIX_FMT_RGB24};
    struct limef_presenter_host_target target = {
        .x = 40, .y = 30, .width = 200, .height = 150, .flip = flip};
    struct AVFrame *pictures[4];
    uint8_t *right;

    for (unsigned i = 0; i < 4; i++)
        pictures[i] = rendering_waves(formats[api == ES_2 && i == 2 ? 0 : i], 96, 64);
    right = expected((const struct AVFrame *const *)pictures, 4, target.width, target.height);
    if (!right || !open_gl(api))
        cr_skip("no %s here", api_names[api]);
    open_host(4, api == ES_2);
    target.framebuffer = framebuffer;
    for (unsigned i = 0; i < 4; i++)
        rendering_show(&presenter, i, pictures[i], 0, false);
    cr_assert(limef_presenter_host_has_new(&host));
    cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
    cr_assert(not(limef_presenter_host_has_new(&host)));
    expect_target(&target, right);
    /* again, with nothing new */
    cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
    expect_target(&target, right);
    cr_assert(eq(int, (int)gl.GetError(), GL_NO_ERROR));
    close_host();
    close_gl();
    free(right);
    for (unsigned i = 0; i < 4; i++)
        av_frame_free(&pictures[i]);
}

Test(host, the_same_pixels_as_offscreen_in_es_2)
{
    same_pixels(ES_2, false);
}

Test(host, the_same_pixels_as_offscreen_in_es_3)
{
    same_pixels(ES_3, false);
}

Test(host, the_same_pixels_as_offscreen_in_gl_3_3_core)
{
    same_pixels(GL_3_3, false);
}

Test(host, upside_down_for_framebuffers_that_begin_at_the_top)
{
    same_pixels(GL_3_3, true);
}

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

Test(host, leaves_the_state_of_es_2_as_it_was)
{
    state_survives(ES_2);
}

Test(host, leaves_the_state_of_es_3_as_it_was)
{
    state_survives(ES_3);
}

Test(host, leaves_the_state_of_gl_3_3_core_as_it_was)
{
    state_survives(GL_3_3);
}

Test(host, wakes_once_until_it_is_drawn_and_counts_what_was_never_drawn)
{
    struct limef_presenter_host_target target = {.width = WIDTH, .height = HEIGHT};
    struct limef_presenter_host_counters counters;
    struct limef_presenter_slot_counters slot;
    struct AVFrame *picture = rendering_waves(AV_PIX_FMT_YUV420P, 64, 48);

    if (!open_gl(ES_3))
        cr_skip("no ES 3 here");
    open_host(1, false);
    presenter.settings.untimed = true;
    target.framebuffer = framebuffer;
    for (int i = 0; i < 5; i++)
        rendering_show(&presenter, 0, picture, 0, false);
    cr_assert(eq(uint, n_wakes, 1));
    cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
    rendering_show(&presenter, 0, picture, 0, false);
    cr_assert(eq(uint, n_wakes, 2));
    limef_presenter_host_get_counters(&host, &counters);
    cr_assert(eq(u64, counters.n_drawn, 1));
    cr_assert(eq(u64, counters.n_pictures, 1));
    cr_assert(eq(u64, counters.n_skipped, 4));
    limef_presenter_get_counters(&presenter, 0, &slot);
    cr_assert(eq(u64, slot.n_shown, 6));
    cr_assert(eq(u64, slot.uploaded_bytes, 64 * 48 * 3 / 2));
    close_host();
    close_gl();
    av_frame_free(&picture);
}

Test(host, shows_the_same_picture_in_another_context)
{
    struct limef_presenter_host_target target = {.width = WIDTH, .height = HEIGHT};
    struct AVFrame *picture = rendering_waves(AV_PIX_FMT_YUV420P, WIDTH, HEIGHT);
    uint8_t *right =
        expected((const struct AVFrame *const[]){picture}, 1, target.width, target.height);

    if (!right || !open_gl(ES_3))
        cr_skip("no ES 3 here");
    open_host(1, false);
    rendering_show(&presenter, 0, picture, 0, false);
    target.framebuffer = framebuffer;
    cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
    limef_presenter_host_close(&host);
    close_gl();
    cr_assert(open_gl(GL_3_3));
    target.framebuffer = framebuffer;
    cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
    expect_target(&target, right);
    close_gl(); /* without a word before */
    limef_presenter_host_abandon(&host);
    cr_assert(open_gl(ES_3));
    target.framebuffer = framebuffer;
    cr_assert(eq(int, limef_presenter_host_draw(&host, &target), 0));
    expect_target(&target, right);
    close_host();
    close_gl();
    free(right);
    av_frame_free(&picture);
}

static void *get_nothing(void *unused, const char *name)
{
    (void)unused;
    (void)name;
    return NULL;
}

static unsigned n_errors;

static void note_log(void *unused, enum limef_log_level level, const char *name, const char *line)
{
    (void)unused;
    (void)name;
    (void)line;
    n_errors += level == LIMEF_LOG_ERROR;
}

Test(host, says_once_what_is_missing)
{
    struct limef_presenter_settings settings = {.output = LIMEF_OUTPUT_HOST};
    struct limef_presenter_host_settings lent = {.get = get_nothing};
    struct limef_presenter_host_target target = {.width = 16, .height = 16};

    limef_log_set_sink(note_log, NULL);
    limef_presenter_init(&presenter, "screen", tiles, 1, &settings);
    cr_assert(lt(int, limef_presenter_open(&presenter), 0)); /* nobody is there who draws */
    cr_assert(eq(int, limef_presenter_host_init(&host, &presenter, &lent), 0));
    cr_assert(lt(int, limef_presenter_host_draw(&host, &target), 0));
    cr_assert(lt(int, limef_presenter_host_draw(&host, &target), 0));
    cr_assert(eq(uint, n_errors, 2));
    target.width = 0;
    limef_presenter_host_close(&host);
    cr_assert(lt(int, limef_presenter_host_draw(&host, &target), 0));
    limef_filter_clear(&presenter.filter);
    limef_presenter_host_clear(&host);
}
