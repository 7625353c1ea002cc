/* SPDX-License-Identifier: MIT */
#include "failing_gl.h"

struct failing_gl failing_gl;

/* (GLenum, GLuint) becomes (GLenum a1, GLuint a2), and for a call (a1, a2); (void) stays so. */
#define SECOND(first, second, ...) second
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define NTH(a, b, c, d, e, f, g, h, i, n, ...) n
#define COUNT(...) NTH(__VA_ARGS__, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define NOTHING_void ~, void
#define NO_VALUE_void ~,
#define NAMED_ONE(...) SECOND(__VA_ARGS__, )
#define NAMED1(a) NAMED_ONE(NOTHING_##a, a a1)
#define NAMED2(a, b) a a1, b a2
#define NAMED3(a, b, c) NAMED2(a, b), c a3
#define NAMED4(a, b, c, d) NAMED3(a, b, c), d a4
#define NAMED5(a, b, c, d, e) NAMED4(a, b, c, d), e a5
#define NAMED6(a, b, c, d, e, f) NAMED5(a, b, c, d, e), f a6
#define NAMED7(a, b, c, d, e, f, g) NAMED6(a, b, c, d, e, f), g a7
#define NAMED8(a, b, c, d, e, f, g, h) NAMED7(a, b, c, d, e, f, g), h a8
#define NAMED9(a, b, c, d, e, f, g, h, i) NAMED8(a, b, c, d, e, f, g, h), i a9
#define VALUES1(a) NAMED_ONE(NO_VALUE_##a, a1)
#define VALUES2(...) a1, a2
#define VALUES3(...) a1, a2, a3
#define VALUES4(...) a1, a2, a3, a4
#define VALUES5(...) a1, a2, a3, a4, a5
#define VALUES6(...) a1, a2, a3, a4, a5, a6
#define VALUES7(...) a1, a2, a3, a4, a5, a6, a7
#define VALUES8(...) a1, a2, a3, a4, a5, a6, a7, a8
#define VALUES9(...) a1, a2, a3, a4, a5, a6, a7, a8, a9
#define PARAMETERS(...) PASTE(NAMED, COUNT(__VA_ARGS__))(__VA_ARGS__)
#define VALUES(...) PASTE(VALUES, COUNT(__VA_ARGS__))(__VA_ARGS__)

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
    static result wrapped_##name(PARAMETERS arguments)                                             \
    {                                                                                              \
        if (fails(#name))                                                                          \
            return (result)0;                                                                      \
        return real_##name(VALUES arguments);                                                      \
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
