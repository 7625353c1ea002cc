/* SPDX-License-Identifier: MIT */
#include "gpu/gl.h"

#include <limef/base/log.h>

#include <dlfcn.h>
#include <libavutil/error.h>
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

void gl_look(struct gl *gl, bool strict_2)
{
    const char *version = (const char *)gl->GetString(GL_VERSION);
    const char *extensions = (const char *)gl->GetString(GL_EXTENSIONS);
    GLint max_texture = 0;

    /* "OpenGL ES 3.2 Mesa ..." */
    gl->major = !strict_2 && version && strlen(version) > 10 && atoi(version + 10) >= 3 ? 3 : 2;
    gl->software = gl_is_software(gl);
    gl->GetIntegerv(GL_MAX_TEXTURE_SIZE, &max_texture);
    gl->max_texture = max_texture;
    if (strict_2)
        extensions = "";
    gl->row_length = gl->major >= 3 || gl_has_word(extensions, "GL_EXT_unpack_subimage");
    gl->red_green = gl->major >= 3 || gl_has_word(extensions, "GL_EXT_texture_rg");
    gl->storage16 = gl->major >= 3 && gl_has_word(extensions, "GL_EXT_texture_norm16");
}
