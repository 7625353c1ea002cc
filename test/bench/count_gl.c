/* SPDX-License-Identifier: MIT */
/*
 * Counts what any program hands to OpenGL, preloaded before its libraries: bytes of pixels and of
 * buffers, and pictures that it shows.
 *
 *   LIMEF_COUNT_GL=FILE LD_PRELOAD=libcount_gl.so PROGRAM ...
 *
 * At its end the program adds a line to FILE: "textures B buffers B mapped B shown N". Of buffers
 * that are mapped for writing the whole range counts, each time that it is mapped.
 */
#include <EGL/egl.h>
#include <GLES3/gl3.h>

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*function_pointer)(void);

/* Of GLX, whose header wants X's: a display, and a number of its window. */
void glXSwapBuffers(void *display, unsigned long drawable);
function_pointer glXGetProcAddress(const unsigned char *name);
function_pointer glXGetProcAddressARB(const unsigned char *name);

static atomic_ullong texture_bytes, buffer_bytes, mapped_bytes, n_shown;

static void *real_dlsym(void *handle, const char *name)
{
    static void *(*_Atomic next)(void *, const char *);

    if (!next) {
        void *found = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");

        if (!found)
            found = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.2.5");
        next = (void *(*)(void *, const char *))(uintptr_t)found;
    }
    return next(handle, name);
}

/* What is counted, and who finds functions: where the real ones are, once somebody has asked. */
enum { N_NAMES = 10 };
static const char *const names[N_NAMES] = {
    "glTexSubImage2D",   "glTexImage2D",         "glBufferData",   "glBufferSubData",
    "glMapBufferRange",  "eglSwapBuffers",       "glXSwapBuffers", "eglGetProcAddress",
    "glXGetProcAddress", "glXGetProcAddressARB",
};
static void *_Atomic found_as[N_NAMES];

static int number_of(const char *name)
{
    for (int i = 0; i < N_NAMES; i++)
        if (!strcmp(name, names[i]))
            return i;
    return -1;
}

/* The library may have been loaded for its user alone: then it is where that one found it. */
static void *real(const char *name)
{
    void *found = found_as[number_of(name)], *library;

    if (!found)
        found = real_dlsym(RTLD_NEXT, name);
    if (!found) { /* linked by a plugin */
        library = dlopen(!strncmp(name, "egl", 3) ? "libEGL.so.1" : "libGL.so.1", RTLD_NOW);
        found = library ? real_dlsym(library, name) : NULL;
    }
    return found;
}

static size_t pixel_bytes(GLenum format, GLenum type)
{
    size_t n = format == GL_RED || format == GL_LUMINANCE || format == GL_ALPHA ? 1
               : format == GL_RG || format == GL_LUMINANCE_ALPHA                ? 2
               : format == GL_RGB                                               ? 3
                                                                                : 4;

    if (type == GL_UNSIGNED_SHORT || type == GL_HALF_FLOAT)
        return 2 * n;
    if (type == GL_FLOAT)
        return 4 * n;
    return type == GL_UNSIGNED_SHORT_5_6_5 ? 2 : n;
}

void glTexSubImage2D(GLenum target, GLint level, GLint x, GLint y, GLsizei width, GLsizei height,
                     GLenum format, GLenum type, const void *pixels)
{
    static void (*_Atomic next)(GLenum, GLint, GLint, GLint, GLsizei, GLsizei, GLenum, GLenum,
                                const void *);

    if (!next)
        next = real("glTexSubImage2D");
    texture_bytes += (size_t)width * (size_t)height * pixel_bytes(format, type);
    next(target, level, x, y, width, height, format, type, pixels);
}

void glTexImage2D(GLenum target, GLint level, GLint internal, GLsizei width, GLsizei height,
                  GLint border, GLenum format, GLenum type, const void *pixels)
{
    static void (*_Atomic next)(GLenum, GLint, GLint, GLsizei, GLsizei, GLint, GLenum, GLenum,
                                const void *);

    if (!next)
        next = real("glTexImage2D");
    if (pixels)
        texture_bytes += (size_t)width * (size_t)height * pixel_bytes(format, type);
    next(target, level, internal, width, height, border, format, type, pixels);
}

void glBufferData(GLenum target, GLsizeiptr bytes, const void *data, GLenum usage)
{
    static void (*_Atomic next)(GLenum, GLsizeiptr, const void *, GLenum);

    if (!next)
        next = real("glBufferData");
    if (data)
        buffer_bytes += (size_t)bytes;
    next(target, bytes, data, usage);
}

void glBufferSubData(GLenum target, GLintptr at, GLsizeiptr bytes, const void *data)
{
    static void (*_Atomic next)(GLenum, GLintptr, GLsizeiptr, const void *);

    if (!next)
        next = real("glBufferSubData");
    buffer_bytes += (size_t)bytes;
    next(target, at, bytes, data);
}

void *glMapBufferRange(GLenum target, GLintptr at, GLsizeiptr bytes, GLbitfield access)
{
    static void *(*_Atomic next)(GLenum, GLintptr, GLsizeiptr, GLbitfield);

    if (!next)
        next = (void *(*)(GLenum, GLintptr, GLsizeiptr, GLbitfield))real("glMapBufferRange");
    if (access & GL_MAP_WRITE_BIT)
        mapped_bytes += (size_t)bytes;
    return next(target, at, bytes, access);
}

EGLBoolean eglSwapBuffers(EGLDisplay display, EGLSurface surface)
{
    static EGLBoolean (*_Atomic next)(EGLDisplay, EGLSurface);

    if (!next)
        next = (EGLBoolean(*)(EGLDisplay, EGLSurface))real("eglSwapBuffers");
    n_shown++;
    return next(display, surface);
}

void glXSwapBuffers(void *display, unsigned long drawable)
{
    static void (*_Atomic next)(void *, unsigned long);

    if (!next)
        next = real("glXSwapBuffers");
    n_shown++;
    next(display, drawable);
}

static void *ours(const char *name, void *found);

static function_pointer get(const char *by, const char *name)
{
    function_pointer (*next)(const char *) = NULL;

    *(void **)&next = real(by);
    return (function_pointer)(uintptr_t)ours(name, (void *)(uintptr_t)next(name));
}

__eglMustCastToProperFunctionPointerType eglGetProcAddress(const char *name)
{
    return get("eglGetProcAddress", name);
}

function_pointer glXGetProcAddress(const unsigned char *name)
{
    return get("glXGetProcAddress", (const char *)name);
}

function_pointer glXGetProcAddressARB(const unsigned char *name)
{
    return get("glXGetProcAddressARB", (const char *)name);
}

/* What a program gets for a name that was found. */
static void *ours(const char *name, void *found)
{
    function_pointer all[N_NAMES] = {
        (function_pointer)glTexSubImage2D,   (function_pointer)glTexImage2D,
        (function_pointer)glBufferData,      (function_pointer)glBufferSubData,
        (function_pointer)glMapBufferRange,  (function_pointer)eglSwapBuffers,
        (function_pointer)glXSwapBuffers,    (function_pointer)eglGetProcAddress,
        (function_pointer)glXGetProcAddress, (function_pointer)glXGetProcAddressARB,
    };
    int i = found ? number_of(name) : -1;

    if (i < 0 || found == (void *)(uintptr_t)all[i])
        return found;
    found_as[i] = found;
    return (void *)(uintptr_t)all[i];
}

void *dlsym(void *handle, const char *name)
{
    return ours(name, real_dlsym(handle, name));
}

__attribute__((destructor)) static void say(void)
{
    const char *path = getenv("LIMEF_COUNT_GL");
    FILE *file = path && (texture_bytes || n_shown) ? fopen(path, "a") : NULL;

    if (!file)
        return;
    fprintf(file, "textures %llu buffers %llu mapped %llu shown %llu\n", texture_bytes,
            buffer_bytes, mapped_bytes, n_shown);
    fclose(file);
}
