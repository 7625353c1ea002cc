/* SPDX-License-Identifier: MIT */
/*
 * EGL without a display server and without a surface: a renderbuffer of the
 * wanted size is drawn into (EGL_MESA_platform_surfaceless,
 * EGL_KHR_surfaceless_context).
 */
#include "gpu/output.h"

#include <limef/base/log.h>

#include <libavutil/error.h>
#include <stdio.h>

struct offscreen {
    EGLDisplay display;
    EGLContext context;
    GLuint framebuffer, colour;
    int width, height;
};

/* A context of OpenGL ES 3, or 2 where that is all, without a surface. */
static EGLContext new_context(const struct gl *gl, EGLDisplay display, bool gles2)
{
    EGLContext context = EGL_NO_CONTEXT;

    for (int version = gles2 ? 2 : 3; version >= 2 && context == EGL_NO_CONTEXT; version--) {
        const EGLint wanted[] = {EGL_SURFACE_TYPE, 0, EGL_RENDERABLE_TYPE,
                                 version == 3 ? EGL_OPENGL_ES3_BIT : EGL_OPENGL_ES2_BIT, EGL_NONE};
        const EGLint attributes[] = {EGL_CONTEXT_CLIENT_VERSION, version, EGL_NONE};
        EGLConfig config;
        EGLint n = 0;

        if (gl->egl.ChooseConfig(display, wanted, &config, 1, &n) && n > 0)
            context = gl->egl.CreateContext(display, config, EGL_NO_CONTEXT, attributes);
    }
    return context;
}

static EGLDisplay surfaceless_display(const struct gl *gl)
{
    PFNEGLGETPLATFORMDISPLAYEXTPROC get =
        (PFNEGLGETPLATFORMDISPLAYEXTPROC)gl->egl.GetProcAddress("eglGetPlatformDisplayEXT");

    if (!get || !gl_has_word(gl->egl.QueryString(EGL_NO_DISPLAY, EGL_EXTENSIONS),
                             "EGL_MESA_platform_surfaceless"))
        return EGL_NO_DISPLAY;
    return get(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
}

static void offscreen_close(struct output *output)
{
    struct offscreen *offscreen = output->private_data;
    const struct gl *gl = output->gl;

    if (!offscreen)
        return;
    if (offscreen->context != EGL_NO_CONTEXT) {
        if (gl->egl.MakeCurrent(offscreen->display, EGL_NO_SURFACE, EGL_NO_SURFACE,
                                offscreen->context)) {
            gl->DeleteFramebuffers(1, &offscreen->framebuffer);
            gl->DeleteRenderbuffers(1, &offscreen->colour);
        }
        gl->egl.MakeCurrent(offscreen->display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
        gl->egl.DestroyContext(offscreen->display, offscreen->context);
    }
    /* The display is the process's, shared by all who ask for it: it is not terminated. */
    gl->egl.ReleaseThread();
    output->release(offscreen);
    output->private_data = NULL;
}

static int offscreen_resize(struct output *output, int width, int height)
{
    struct offscreen *offscreen = output->private_data;
    const struct gl *gl = output->gl;

    gl->BindRenderbuffer(GL_RENDERBUFFER, offscreen->colour);
    gl->RenderbufferStorage(GL_RENDERBUFFER, gl->major >= 3 ? GL_RGBA8 : GL_RGBA8_OES, width,
                            height);
    gl->BindFramebuffer(GL_FRAMEBUFFER, offscreen->framebuffer);
    gl->FramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER,
                                offscreen->colour);
    if (gl->CheckFramebufferStatus(GL_FRAMEBUFFER) != GL_FRAMEBUFFER_COMPLETE)
        return AVERROR(EINVAL);
    offscreen->width = width;
    offscreen->height = height;
    return 0;
}

static int offscreen_open(struct output *output, const struct output_settings *settings)
{
    struct gl *gl = output->gl;
    struct offscreen *offscreen = output->allocate(sizeof(*offscreen));
    const char *missing = NULL;

    if (!offscreen)
        return output->fail(AVERROR(ENOMEM), settings->name, "offscreen output");
    output->private_data = offscreen;
    offscreen->display = surfaceless_display(gl);
    if (offscreen->display == EGL_NO_DISPLAY)
        missing = "no surfaceless EGL platform";
    else if (!gl->egl.Initialize(offscreen->display, NULL, NULL))
        missing = "EGL does not start";
    else if (!gl->egl.BindAPI(EGL_OPENGL_ES_API) ||
             (offscreen->context = new_context(gl, offscreen->display, settings->gles2)) ==
                 EGL_NO_CONTEXT)
        missing = "no OpenGL ES context";
    else if (!gl->egl.MakeCurrent(offscreen->display, EGL_NO_SURFACE, EGL_NO_SURFACE,
                                  offscreen->context))
        missing = "no context without a surface";
    if (missing) {
        offscreen_close(output);
        return output->fail(AVERROR(ENODEV), settings->name, "cannot render offscreen: %s",
                            missing);
    }
    gl->GenFramebuffers(1, &offscreen->framebuffer);
    gl->GenRenderbuffers(1, &offscreen->colour);
    output->renderbuffer = offscreen->colour;
    return 0;
}

static void offscreen_size(struct output *output, int *width, int *height)
{
    const struct offscreen *offscreen = output->private_data;

    *width = offscreen->width;
    *height = offscreen->height;
}

/* Nobody paces an offscreen output: without this pictures would pile up inside the driver. */
static void offscreen_swap(struct output *output)
{
    output->gl->Finish();
}

const struct output_ops output_offscreen_ops = {
    .abi = OUTPUT_ABI,
    .kind = LIMEF_OUTPUT_OFFSCREEN,
    .open = offscreen_open,
    .close = offscreen_close,
    .size = offscreen_size,
    .resize = offscreen_resize,
    .swap = offscreen_swap,
    .keeps_contents = true,
};
