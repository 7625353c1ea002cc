/* SPDX-License-Identifier: MIT */
/*
 * A libEGL.so.1 whose calls can be made to fail, and those of GL that it is asked for:
 * LIMEF_TEST_EGL_FAIL, see failing.h. It stands in front of the real one, whose path it is built
 * with; programs find it by LD_LIBRARY_PATH.
 */
#include "failing.h"

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES3/gl32.h>

#include <GLES2/gl2ext.h> /* which needs the other */

#include <dlfcn.h>
#include <stdatomic.h>

/* X(result, function, parameters, arguments, what it returns when it fails) */
#define CORE_FUNCTIONS(X)                                                                          \
    X(EGLDisplay, eglGetDisplay, (EGLNativeDisplayType native), (native), EGL_NO_DISPLAY)          \
    X(EGLBoolean, eglInitialize, (EGLDisplay display, EGLint * major, EGLint * minor),             \
      (display, major, minor), EGL_FALSE)                                                          \
    X(EGLBoolean, eglTerminate, (EGLDisplay display), (display), EGL_FALSE)                        \
    X(EGLBoolean, eglBindAPI, (EGLenum api), (api), EGL_FALSE)                                     \
    X(EGLBoolean, eglChooseConfig,                                                                 \
      (EGLDisplay display, const EGLint *wanted, EGLConfig *configs, EGLint size, EGLint *n),      \
      (display, wanted, configs, size, n), EGL_FALSE)                                              \
    X(EGLBoolean, eglGetConfigAttrib,                                                              \
      (EGLDisplay display, EGLConfig config, EGLint attribute, EGLint * value),                    \
      (display, config, attribute, value), EGL_FALSE)                                              \
    X(EGLContext, eglCreateContext,                                                                \
      (EGLDisplay display, EGLConfig config, EGLContext share, const EGLint *attributes),          \
      (display, config, share, attributes), EGL_NO_CONTEXT)                                        \
    X(EGLSurface, eglCreateWindowSurface,                                                          \
      (EGLDisplay display, EGLConfig config, EGLNativeWindowType window,                           \
       const EGLint *attributes),                                                                  \
      (display, config, window, attributes), EGL_NO_SURFACE)                                       \
    X(EGLBoolean, eglDestroySurface, (EGLDisplay display, EGLSurface surface), (display, surface), \
      EGL_FALSE)                                                                                   \
    X(EGLBoolean, eglSwapBuffers, (EGLDisplay display, EGLSurface surface), (display, surface),    \
      EGL_FALSE)                                                                                   \
    X(EGLBoolean, eglSwapInterval, (EGLDisplay display, EGLint interval), (display, interval),     \
      EGL_FALSE)                                                                                   \
    X(EGLBoolean, eglDestroyContext, (EGLDisplay display, EGLContext context), (display, context), \
      EGL_FALSE)                                                                                   \
    X(EGLBoolean, eglMakeCurrent,                                                                  \
      (EGLDisplay display, EGLSurface draw, EGLSurface read, EGLContext context),                  \
      (display, draw, read, context), EGL_FALSE)                                                   \
    X(const char *, eglQueryString, (EGLDisplay display, EGLint name), (display, name), NULL)      \
    X(EGLint, eglGetError, (void), (), EGL_BAD_ALLOC)                                              \
    X(EGLDisplay, eglGetCurrentDisplay, (void), (), EGL_NO_DISPLAY)                                \
    X(EGLContext, eglGetCurrentContext, (void), (), EGL_NO_CONTEXT)                                \
    X(EGLBoolean, eglReleaseThread, (void), (), EGL_FALSE)

/* What is asked for through eglGetProcAddress(). */
#define EXTENSION_FUNCTIONS(X)                                                                     \
    X(EGLDisplay, eglGetPlatformDisplayEXT,                                                        \
      (EGLenum platform, void *native, const EGLint *attributes), (platform, native, attributes),  \
      EGL_NO_DISPLAY)                                                                              \
    X(EGLSurface, eglCreatePlatformWindowSurfaceEXT,                                               \
      (EGLDisplay display, EGLConfig config, void *window, const EGLint *attributes),              \
      (display, config, window, attributes), EGL_NO_SURFACE)                                       \
    X(EGLImageKHR, eglCreateImageKHR,                                                              \
      (EGLDisplay display, EGLContext context, EGLenum target, EGLClientBuffer buffer,             \
       const EGLint *attributes),                                                                  \
      (display, context, target, buffer, attributes), EGL_NO_IMAGE_KHR)                            \
    X(EGLBoolean, eglDestroyImageKHR, (EGLDisplay display, EGLImageKHR image), (display, image),   \
      EGL_FALSE)                                                                                   \
    X(EGLSyncKHR, eglCreateSyncKHR, (EGLDisplay display, EGLenum type, const EGLint *attributes),  \
      (display, type, attributes), EGL_NO_SYNC_KHR)                                                \
    X(EGLBoolean, eglDestroySyncKHR, (EGLDisplay display, EGLSyncKHR sync), (display, sync),       \
      EGL_FALSE)                                                                                   \
    X(EGLint, eglClientWaitSyncKHR,                                                                \
      (EGLDisplay display, EGLSyncKHR sync, EGLint flags, EGLTimeKHR timeout),                     \
      (display, sync, flags, timeout), EGL_FALSE)                                                  \
    X(EGLint, eglWaitSyncKHR, (EGLDisplay display, EGLSyncKHR sync, EGLint flags),                 \
      (display, sync, flags), EGL_FALSE)                                                           \
    X(EGLint, eglDupNativeFenceFDANDROID, (EGLDisplay display, EGLSyncKHR sync), (display, sync),  \
      EGL_NO_NATIVE_FENCE_FD_ANDROID)                                                              \
    X(EGLBoolean, eglQueryDmaBufFormatsEXT,                                                        \
      (EGLDisplay display, EGLint size, EGLint * formats, EGLint * n),                             \
      (display, size, formats, n), EGL_FALSE)                                                      \
    X(EGLBoolean, eglQueryDmaBufModifiersEXT,                                                      \
      (EGLDisplay display, EGLint format, EGLint size, EGLuint64KHR * modifiers,                   \
       EGLBoolean * external, EGLint * n),                                                         \
      (display, format, size, modifiers, external, n), EGL_FALSE)                                  \
    X(GLsync, glFenceSync, (GLenum condition, GLbitfield flags), (condition, flags), NULL)         \
    X(GLenum, glClientWaitSync, (GLsync sync, GLbitfield flags, GLuint64 timeout),                 \
      (sync, flags, timeout), GL_WAIT_FAILED)                                                      \
    X(void *, glMapBufferRange,                                                                    \
      (GLenum target, GLintptr offset, GLsizeiptr length, GLbitfield access),                      \
      (target, offset, length, access), NULL)                                                      \
    X(const GLubyte *, glGetStringi, (GLenum name, GLuint index), (name, index), NULL)

/* X(function, parameters, arguments, arguments that are wrong): of GL, without a result. One that
 * fails is called with the wrong ones, so that glGetError() says so. */
#define GL_COMMANDS(X)                                                                             \
    X(glEGLImageTargetTexture2DOES, (GLenum target, GLeglImageOES image), (target, image),         \
      (0, image))                                                                                  \
    X(glBufferStorageEXT, (GLenum target, GLsizeiptr size, const void *data, GLbitfield flags),    \
      (target, size, data, flags), (0, size, data, flags))                                         \
    X(glCopyImageSubData,                                                                          \
      (GLuint from, GLenum from_target, GLint from_level, GLint from_x, GLint from_y,              \
       GLint from_z, GLuint to, GLenum to_target, GLint to_level, GLint to_x, GLint to_y,          \
       GLint to_z, GLsizei width, GLsizei height, GLsizei depth),                                  \
      (from, from_target, from_level, from_x, from_y, from_z, to, to_target, to_level, to_x, to_y, \
       to_z, width, height, depth),                                                                \
      (from, 0, from_level, from_x, from_y, from_z, to, to_target, to_level, to_x, to_y, to_z,     \
       width, height, depth))                                                                      \
    X(glDeleteSync, (GLsync sync), (sync), (NULL))

typedef __eglMustCastToProperFunctionPointerType function_pointer;

static void *real(const char *function)
{
    static _Atomic(void *) library;

    if (!library)
        library = dlopen(LIMEF_TEST_REAL_EGL, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "fault: %s\n", dlerror());
        abort();
    }
    return dlsym(library, function);
}

static function_pointer real_extension(const char *function)
{
    function_pointer (*get)(const char *);

    *(void **)&get = real("eglGetProcAddress");
    return get(function);
}

/* LIMEF_TEST_EGL_PITCH=N: dma-bufs whose rows are no multiples of N bytes are refused. */
static bool refuses_pitch(const EGLint *attributes)
{
    const char *asked = getenv("LIMEF_TEST_EGL_PITCH");

    for (; asked && attributes && *attributes != EGL_NONE; attributes += 2)
        if (*attributes == EGL_DMA_BUF_PLANE0_PITCH_EXT && attributes[1] % atoi(asked))
            return true;
    return false;
}

#define WRAP(result, function, wrapper, parameters, arguments, failed, find)                       \
    result wrapper parameters                                                                      \
    {                                                                                              \
        static result(*_Atomic wrapped) parameters;                                                \
        static atomic_uint n_calls;                                                                \
                                                                                                   \
        if (failing_is_asked("LIMEF_TEST_EGL_FAIL", #function, ++n_calls))                         \
            return failed;                                                                         \
        if (!wrapped)                                                                              \
            wrapped = (result(*) parameters)find(#function);                                       \
        return wrapped arguments;                                                                  \
    }
#define WRAP_CORE(result, function, parameters, arguments, failed)                                 \
    WRAP(result, function, function, parameters, arguments, failed, real)
#define WRAP_EXTENSION(result, function, parameters, arguments, failed)                            \
    static WRAP(result, function, wrapped_##function, parameters, arguments, failed, real_extension)

#define WRAP_COMMAND(function, parameters, arguments, wrong)                                       \
    static void wrapped_##function parameters                                                      \
    {                                                                                              \
        static void(*_Atomic wrapped) parameters;                                                  \
        static atomic_uint n_calls;                                                                \
                                                                                                   \
        if (!wrapped)                                                                              \
            wrapped = (void(*) parameters)real_extension(#function);                               \
        if (failing_is_asked("LIMEF_TEST_EGL_FAIL", #function, ++n_calls))                         \
            wrapped wrong;                                                                         \
        else                                                                                       \
            wrapped arguments;                                                                     \
    }

CORE_FUNCTIONS(WRAP_CORE)
EXTENSION_FUNCTIONS(WRAP_EXTENSION)

static EGLImageKHR create_image_of_pitch(EGLDisplay display, EGLContext context, EGLenum target,
                                         EGLClientBuffer buffer, const EGLint *attributes)
{
    return refuses_pitch(attributes)
               ? EGL_NO_IMAGE_KHR
               : wrapped_eglCreateImageKHR(display, context, target, buffer, attributes);
}

GL_COMMANDS(WRAP_COMMAND)

function_pointer eglGetProcAddress(const char *function)
{
    static atomic_uint n_calls;
    function_pointer found = real_extension(function);

    if (failing_is_asked("LIMEF_TEST_EGL_FAIL", "eglGetProcAddress", ++n_calls))
        return NULL;
#define FIND(name, wrapper)                                                                        \
    if (found && !strcmp(function, name))                                                          \
        return (function_pointer)wrapper;
#define FIND_CORE(result, name, parameters, arguments, failed) FIND(#name, name)
#define FIND_EXTENSION(result, name, parameters, arguments, failed) FIND(#name, wrapped_##name)
#define FIND_COMMAND(name, parameters, arguments, wrong) FIND(#name, wrapped_##name)
    FIND("eglCreateImageKHR", create_image_of_pitch)
    CORE_FUNCTIONS(FIND_CORE)
    EXTENSION_FUNCTIONS(FIND_EXTENSION)
    GL_COMMANDS(FIND_COMMAND)
    return found;
}
