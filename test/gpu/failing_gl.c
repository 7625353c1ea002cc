/* SPDX-License-Identifier: MIT */
#include "failing_gl.h"

#include "wrapped.h"

struct failing_gl failing_gl;

static bool fails(const char *name)
{
    if (!failing_gl.name || strcmp(failing_gl.name, name) != 0)
        return false;
    failing_gl.n_calls++;
    if (failing_gl.mode == FAILING_GL_FROM ? failing_gl.n_calls < failing_gl.call
                                           : failing_gl.n_calls != failing_gl.call)
        return false;
    failing_gl.pending = GL_OUT_OF_MEMORY;
    return true;
}

#define WRAP(result, name, arguments)                                                              \
    static result(*real_##name) arguments;                                                         \
    static result wrapped_##name(WRAPPED_PARAMETERS arguments)                                     \
    {                                                                                              \
        if (fails(#name))                                                                          \
            return (result)0;                                                                      \
        return real_##name(WRAPPED_VALUES arguments);                                              \
    }
FAILING_GL_FUNCTIONS(WRAP)

/* An error that was not asked for yet comes first, as the GL has it. */
static GLenum get_error(void)
{
    GLenum error = failing_gl.pending;

    failing_gl.pending = GL_NO_ERROR;
    return error != GL_NO_ERROR ? error : wrapped_GetError();
}

#define NAME(result, name, arguments) #name,
const char *const failing_gl_names[] = {FAILING_GL_FUNCTIONS(NAME)};
const unsigned failing_gl_n_names = sizeof(failing_gl_names) / sizeof(failing_gl_names[0]);

void *failing_gl_get(void *context, const char *name)
{
    void *(*find)(const char *) = NULL;
    void *found;

    *(void **)&find = context;
    found = find(name);
    if (failing_gl.mode == FAILING_GL_MISSING && failing_gl.name &&
        !strcmp(name + 2, failing_gl.name))
        return NULL;
    if (!strcmp(name, "glGetError")) {
        *(void **)&real_GetError = found;
        return (void *)(uintptr_t)get_error;
    }
#define FIND(result, function, arguments)                                                          \
    if (!strcmp(name, "gl" #function)) {                                                           \
        *(void **)&real_##function = found;                                                        \
        return found ? (void *)(uintptr_t)wrapped_##function : NULL;                               \
    }
    FAILING_GL_FUNCTIONS(FIND)
    return found;
}
