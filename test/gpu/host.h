/* SPDX-License-Identifier: MIT */
/* A host's GL context and framebuffer, and a presenter that draws there. */
#ifndef LIMEF_TEST_GPU_HOST_H
#define LIMEF_TEST_GPU_HOST_H

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

static inline void *get(void *unused, const char *name)
{
    (void)unused;
    return (void *)(uintptr_t)gl.egl.GetProcAddress(name);
}

static inline void wake(void *unused)
{
    (void)unused;
    n_wakes++;
}

static inline EGLContext new_context(enum api api)
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
static inline bool open_gl(enum api api)
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

static inline void close_gl(void)
{
    gl.egl.MakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
    gl.egl.DestroyContext(display, context);
    gl.egl.ReleaseThread();
    context = EGL_NO_CONTEXT;
}

static inline void open_host(unsigned n_tiles, bool gles2)
{
    struct limef_presenter_settings settings = {.output = LIMEF_OUTPUT_HOST,
                                                .plain = gles2 ? LIMEF_PRESENTER_GLES2 : 0};
    struct limef_presenter_host_settings lent = {.get = get, .wake = wake};

    cr_assert(eq(int, limef_presenter_init(&presenter, "screen", tiles, n_tiles, &settings), 0));
    cr_assert(eq(int, limef_presenter_host_init(&host, &presenter, &lent), 0));
    n_wakes = 0;
}

static inline void close_host(void)
{
    limef_presenter_host_close(&host);
    limef_filter_clear(&presenter.filter);
    limef_presenter_host_clear(&host);
}

/* What a presenter offscreen makes of these pictures; NULL: there is none here. */
static inline uint8_t *expected(const struct AVFrame *const *pictures, unsigned n, int width,
                                int height)
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
static inline uint8_t *read_all(void)
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

static inline int off_by(const uint8_t *a, const uint8_t *b)
{
    int worst = 0;

    for (int c = 0; c < 4; c++)
        worst = abs(a[c] - b[c]) > worst ? abs(a[c] - b[c]) : worst;
    return worst;
}

/* Inside the target what was expected, outside still magenta. */
static inline void expect_target(const struct limef_presenter_host_target *target,
                                 const uint8_t *picture)
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

#endif
