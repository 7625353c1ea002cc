/* SPDX-License-Identifier: MIT */
#include "gpu/gl.h"

#include <limef/base/log.h>

#include <dlfcn.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool gl_has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    while (list && (list = strstr(list, word))) {
        if (list[length] == ' ' || list[length] == '\0')
            return true;
        list += length;
    }
    return false;
}

/* The libraries stay loaded: drivers do not survive being unloaded. */
static void *library(const char *soname, const char *name)
{
    void *handle = dlopen(soname, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

    if (!handle)
        limef_fail(AVERROR(ENODEV), name, "%s is not there: %s", soname, dlerror());
    return handle;
}

int gl_load(struct gl *gl, const char *name)
{
    void *egl = library("libEGL.so.1", name);
    void *gles = egl ? library("libGLESv2.so.2", name) : NULL;
    const char *missing = NULL;

    if (!gles)
        return AVERROR(ENODEV);
/* POSIX makes the conversion from an object pointer work; C has no cast for it */
#define GL_LOAD_EGL(result, function, arguments)                                                   \
    *(void **)&gl->egl.function = dlsym(egl, "egl" #function);                                     \
    if (!gl->egl.function)                                                                         \
        missing = "egl" #function;
    GL_EGL_FUNCTIONS(GL_LOAD_EGL)
#define GL_LOAD(result, function, arguments)                                                       \
    *(void **)&gl->function = dlsym(gles, "gl" #function);                                         \
    if (!gl->function)                                                                             \
        missing = "gl" #function;
    GL_FUNCTIONS(GL_LOAD)
    if (missing)
        return limef_fail(AVERROR(ENODEV), name, "the GL library has no %s", missing);
    return 0;
}

/* EGL's functions, if the process has them and the current context is one of EGL's. */
static void load_current_egl(struct gl *gl)
{
    void *egl = dlopen("libEGL.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_NOLOAD);
    EGLContext (*current)(void) = NULL;

    memset(&gl->egl, 0, sizeof(gl->egl));
    if (!egl)
        return;
    *(void **)&current = dlsym(egl, "eglGetCurrentContext");
    if (current && current() != EGL_NO_CONTEXT) {
#define GL_LOAD_CURRENT(result, function, arguments)                                               \
    *(void **)&gl->egl.function = dlsym(egl, "egl" #function);
        GL_EGL_FUNCTIONS(GL_LOAD_CURRENT)
    }
    dlclose(egl);
}

int gl_load_from(struct gl *gl, void *(*get)(void *context, const char *name), void *context,
                 const char *name)
{
    const char *missing = NULL;

#define GL_LOAD_FROM(result, function, arguments)                                                  \
    *(void **)&gl->function = get(context, "gl" #function);                                        \
    if (!gl->function)                                                                             \
        missing = "gl" #function;
    GL_FUNCTIONS(GL_LOAD_FROM)
    if (missing)
        return limef_fail(AVERROR(ENODEV), name, "the GL has no %s", missing);
    GL_FENCE_FUNCTIONS(GL_LOAD_FROM) /* may be missing */
    load_current_egl(gl);
    return 0;
}

/* "4.5 (Core Profile) Mesa ..."; OpenGL ES begins with its name. */
static void look_desktop(struct gl *gl, const char *version)
{
    int major = 0, minor = 0;

    sscanf(version, "%9d.%9d", &major, &minor);
    gl->core_shaders = major > 3 || (major == 3 && minor >= 3);
    gl->major = 3;
    gl->row_length = gl->red_green = gl->storage16 = true;
}

/* llvmpipe makes a copy of memory of it, where drawing computes each pixel. */
static void load_copy(struct gl *gl, const char *version)
{
    int major = 0, minor = 0;

    gl->CopyImageSubData = NULL;
    if (gl->software && !gl->desktop && version && gl->egl.GetProcAddress &&
        sscanf(version, "OpenGL ES %9d.%9d", &major, &minor) == 2 &&
        (major > 3 || (major == 3 && minor >= 2)))
        *(void **)&gl->CopyImageSubData =
            (void *)(uintptr_t)gl->egl.GetProcAddress("glCopyImageSubData");
}

/* OpenGL names its extensions one by one; the one that importing needs, or none. */
static const char *desktop_extensions(const struct gl *gl)
{
    const GLubyte *(*get_string)(GLenum, GLuint) = NULL;
    GLint n = 0;

    if (gl->egl.GetProcAddress)
        *(void **)&get_string = (void *)(uintptr_t)gl->egl.GetProcAddress("glGetStringi");
    gl->GetIntegerv(GL_NUM_EXTENSIONS, &n);
    for (GLint i = 0; get_string && i < n; i++)
        if (gl_has_word((const char *)get_string(GL_EXTENSIONS, (GLuint)i), "GL_OES_EGL_image"))
            return "GL_OES_EGL_image";
    return "";
}

/* glvnd answers for every name: what the driver does not say it has is not to be asked for. */
static void load_import(struct gl *gl, const char *gl_extensions)
{
    const char *egl_extensions =
        gl->display ? gl->egl.QueryString(gl->display, EGL_EXTENSIONS) : NULL;

    gl->cannot_import = NULL;
    if (!gl->display)
        gl->cannot_import = "the context is not EGL's";
    else if (!gl_has_word(egl_extensions, "EGL_EXT_image_dma_buf_import"))
        gl->cannot_import = "EGL_EXT_image_dma_buf_import is missing";
    else if (!gl_has_word(egl_extensions, "EGL_KHR_image_base"))
        gl->cannot_import = "EGL_KHR_image_base is missing";
    else if (!gl_has_word(gl_extensions, "GL_OES_EGL_image"))
        gl->cannot_import = "GL_OES_EGL_image is missing";
    if (gl->cannot_import)
        return;
#define GL_LOAD_EXTENSION(result, function, arguments)                                             \
    gl->egl.function = (result(*) arguments)gl->egl.GetProcAddress("egl" #function);
    GL_EGL_EXTENSIONS(GL_LOAD_EXTENSION)
    gl->EGLImageTargetTexture2DOES =
        (void (*)(GLenum, GLeglImageOES))gl->egl.GetProcAddress("glEGLImageTargetTexture2DOES");
    if (!gl->egl.CreateImageKHR || !gl->egl.DestroyImageKHR || !gl->EGLImageTargetTexture2DOES)
        gl->cannot_import = "the functions for EGLImages are missing";
    gl->import_modifiers = gl->egl.QueryDmaBufFormatsEXT && gl->egl.QueryDmaBufModifiersEXT &&
                           gl_has_word(egl_extensions, "EGL_EXT_image_dma_buf_import_modifiers");
    gl->external_images = gl_has_word(gl_extensions, "GL_OES_EGL_image_external");
}

static void load_fences(struct gl *gl)
{
    const char *extensions = gl->display ? gl->egl.QueryString(gl->display, EGL_EXTENSIONS) : NULL;

    gl->native_fences = false;
    if (!gl_has_word(extensions, "EGL_ANDROID_native_fence_sync") ||
        !gl_has_word(extensions, "EGL_KHR_wait_sync"))
        return;
    GL_EGL_FENCES(GL_LOAD_EXTENSION)
    gl->native_fences = gl->egl.CreateSyncKHR && gl->egl.DestroySyncKHR && gl->egl.WaitSyncKHR &&
                        gl->egl.DupNativeFenceFDANDROID;
}

void gl_look(struct gl *gl, bool strict_2)
{
    const char *version = (const char *)gl->GetString(GL_VERSION);
    const char *extensions;
    GLint max_texture = 0;

    gl->desktop = version && strncmp(version, "OpenGL ES", 9) != 0;
    gl->core_shaders = false;
    extensions = gl->desktop ? desktop_extensions(gl) : (const char *)gl->GetString(GL_EXTENSIONS);
    /* "OpenGL ES 3.2 Mesa ..." */
    gl->major = !strict_2 && version && strlen(version) > 10 && atoi(version + 10) >= 3 ? 3 : 2;
    gl->software = gl_is_software(gl);
    gl->GetIntegerv(GL_MAX_TEXTURE_SIZE, &max_texture);
    gl->max_texture = max_texture;
    gl->display = gl->egl.GetCurrentDisplay ? gl->egl.GetCurrentDisplay() : EGL_NO_DISPLAY;
    if (strict_2)
        gl->cannot_import = "plain OpenGL ES 2 was asked for";
    else
        load_import(gl, extensions);
    if (strict_2)
        extensions = "";
    else
        load_fences(gl);
    if (gl->major >= 3 && gl->egl.GetProcAddress) {
#define GL_LOAD_FENCE(result, function, arguments)                                                 \
    gl->function = (result(*) arguments)gl->egl.GetProcAddress("gl" #function);
        GL_FENCE_FUNCTIONS(GL_LOAD_FENCE)
    }
    load_copy(gl, strict_2 ? NULL : version);
    gl->row_length = gl->major >= 3 || gl_has_word(extensions, "GL_EXT_unpack_subimage");
    gl->red_green = gl->major >= 3 || gl_has_word(extensions, "GL_EXT_texture_rg");
    gl->storage16 = gl->major >= 3 && gl_has_word(extensions, "GL_EXT_texture_norm16");
    if (gl->desktop)
        look_desktop(gl, version);
}
