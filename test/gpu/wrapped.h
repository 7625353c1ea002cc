/* SPDX-License-Identifier: MIT */
/*
 * Wrappers of functions that a table of X(result, name, (type, ...)) lists:
 *
 *     result wrapped_name(WRAPPED_PARAMETERS arguments)
 *     {
 *         return real_name(WRAPPED_VALUES arguments);
 *     }
 *
 * (GLenum, GLuint) becomes (GLenum a1, GLuint a2), and for a call (a1, a2); (void) stays so.
 */
#ifndef LIMEF_TEST_GPU_WRAPPED_H
#define LIMEF_TEST_GPU_WRAPPED_H

#define WRAPPED_SECOND(first, second, ...) second
#define WRAPPED_PASTE_(a, b) a##b
#define WRAPPED_PASTE(a, b) WRAPPED_PASTE_(a, b)
#define WRAPPED_NTH(a, b, c, d, e, f, g, h, i, j, n, ...) n
#define WRAPPED_COUNT(...) WRAPPED_NTH(__VA_ARGS__, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
/* an array's type, and a function's, have the name in their middle */
#define WRAPPED_NAMED(type, name) __typeof__(type) name
#define WRAPPED_NOTHING_void ~, void
#define WRAPPED_NO_VALUE_void ~,
#define WRAPPED_ONE(...) WRAPPED_SECOND(__VA_ARGS__, )
#define WRAPPED_NAMED1(a) WRAPPED_ONE(WRAPPED_NOTHING_##a, WRAPPED_NAMED(a, a1))
#define WRAPPED_NAMED2(a, b) WRAPPED_NAMED(a, a1), WRAPPED_NAMED(b, a2)
#define WRAPPED_NAMED3(a, b, c) WRAPPED_NAMED2(a, b), WRAPPED_NAMED(c, a3)
#define WRAPPED_NAMED4(a, b, c, d) WRAPPED_NAMED3(a, b, c), WRAPPED_NAMED(d, a4)
#define WRAPPED_NAMED5(a, b, c, d, e) WRAPPED_NAMED4(a, b, c, d), WRAPPED_NAMED(e, a5)
#define WRAPPED_NAMED6(a, b, c, d, e, f) WRAPPED_NAMED5(a, b, c, d, e), WRAPPED_NAMED(f, a6)
#define WRAPPED_NAMED7(a, b, c, d, e, f, g) WRAPPED_NAMED6(a, b, c, d, e, f), WRAPPED_NAMED(g, a7)
#define WRAPPED_NAMED8(a, b, c, d, e, f, g, h)                                                     \
    WRAPPED_NAMED7(a, b, c, d, e, f, g), WRAPPED_NAMED(h, a8)
#define WRAPPED_NAMED9(a, b, c, d, e, f, g, h, i)                                                  \
    WRAPPED_NAMED8(a, b, c, d, e, f, g, h), WRAPPED_NAMED(i, a9)
#define WRAPPED_NAMED10(a, b, c, d, e, f, g, h, i, j)                                              \
    WRAPPED_NAMED9(a, b, c, d, e, f, g, h, i), WRAPPED_NAMED(j, a10)
#define WRAPPED_VALUES1(a) WRAPPED_ONE(WRAPPED_NO_VALUE_##a, a1)
#define WRAPPED_VALUES2(...) a1, a2
#define WRAPPED_VALUES3(...) a1, a2, a3
#define WRAPPED_VALUES4(...) a1, a2, a3, a4
#define WRAPPED_VALUES5(...) a1, a2, a3, a4, a5
#define WRAPPED_VALUES6(...) a1, a2, a3, a4, a5, a6
#define WRAPPED_VALUES7(...) a1, a2, a3, a4, a5, a6, a7
#define WRAPPED_VALUES8(...) a1, a2, a3, a4, a5, a6, a7, a8
#define WRAPPED_VALUES9(...) a1, a2, a3, a4, a5, a6, a7, a8, a9
#define WRAPPED_VALUES10(...) a1, a2, a3, a4, a5, a6, a7, a8, a9, a10
#define WRAPPED_PARAMETERS(...)                                                                    \
    WRAPPED_PASTE(WRAPPED_NAMED, WRAPPED_COUNT(__VA_ARGS__))(__VA_ARGS__)
#define WRAPPED_VALUES(...) WRAPPED_PASTE(WRAPPED_VALUES, WRAPPED_COUNT(__VA_ARGS__))(__VA_ARGS__)

#endif
