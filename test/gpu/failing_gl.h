/* SPDX-License-Identifier: MIT */
/*
 * A host's GL whose functions can be made to fail: failing_gl_get() stands for the function that
 * finds them. One that fails does nothing, returns 0, and leaves an error for glGetError().
 */
#ifndef LIMEF_TEST_GPU_FAILING_GL_H
#define LIMEF_TEST_GPU_FAILING_GL_H

#include "gpu/gl.h"

/* What limef_presenter_host_init() asks for beside GL_FUNCTIONS and GL_FENCE_FUNCTIONS. */
#define FAILING_GL_HOST(X)                                                                         \
    X(void, BlendEquationSeparate, (GLenum, GLenum))                                               \
    X(void, BlendFuncSeparate, (GLenum, GLenum, GLenum, GLenum))                                   \
    X(void, ColorMask, (GLboolean, GLboolean, GLboolean, GLboolean))                               \
    X(void, DisableVertexAttribArray, (GLuint))                                                    \
    X(void, GetBooleanv, (GLenum, GLboolean *))                                                    \
    X(void, GetFloatv, (GLenum, GLfloat *))                                                        \
    X(void, GetVertexAttribPointerv, (GLuint, GLenum, void **))                                    \
    X(void, GetVertexAttribiv, (GLuint, GLenum, GLint *))                                          \
    X(GLboolean, IsEnabled, (GLenum))                                                              \
    X(void, BindSampler, (GLuint, GLuint))                                                         \
    X(void, BindVertexArray, (GLuint))                                                             \
    X(void, DeleteVertexArrays, (GLsizei, const GLuint *))                                         \
    X(void, GenVertexArrays, (GLsizei, GLuint *))                                                  \
    X(void, PolygonMode, (GLenum, GLenum))

#define FAILING_GL_FUNCTIONS(X) GL_FUNCTIONS(X) GL_FENCE_FUNCTIONS(X) FAILING_GL_HOST(X)

enum failing_gl_mode {
    FAILING_GL_NOT,
    FAILING_GL_MISSING, /* it cannot be found */
    FAILING_GL_FROM,    /* its call number `call` and all after it fail */
    FAILING_GL_ONCE,    /* its call number `call` alone */
};

/* What fails, set by a test; n_calls counts those of that function since it was set. */
struct failing_gl {
    const char *name; /* without "gl" */
    enum failing_gl_mode mode;
    unsigned call, n_calls;
    GLenum pending; /* error */
};
extern struct failing_gl failing_gl;

extern const char *const failing_gl_names[];
extern const unsigned failing_gl_n_names;

/* As limef_presenter_host_settings.get; context: a void *(*)(const char *name). */
void *failing_gl_get(void *context, const char *name);

#endif
