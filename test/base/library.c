/* SPDX-License-Identifier: MIT */
#include "base/library.h"

#include "base/libavformat.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

TestSuite(library, .timeout = 10);

static struct {
    __typeof__(cos) *cos;
    __typeof__(sqrt) *sqrt;
} functions;

static int load(const char *soname, const char *second)
{
    const char *const names[] = {"cos", second};
    char why[LIBRARY_WHY_BYTES] = "";
    int ret = library_load(soname, names, &functions, 2, why);

    cr_assert(eq(int, *why != '\0', ret < 0));
    return ret;
}

Test(library, gives_the_functions_that_were_asked_for)
{
    cr_assert(zero(int, load("libm.so.6", "sqrt")));
    cr_assert(eq(dbl, functions.cos(0), 1));
    cr_assert(eq(dbl, functions.sqrt(9), 3));
}

Test(library, says_what_is_not_there)
{
    cr_assert(eq(int, load("libm.so.6", "no_such_function"), AVERROR(ENOSYS)));
    cr_assert(eq(int, load("no_such_library.so.1", "sqrt"), AVERROR(ENOSYS)));
}

Test(library, libavformat_is_that_of_the_headers)
{
    cr_assert(zero(int, libavformat_load("test")));
    cr_assert(ne(ptr, (void *)libavformat.av_guess_format("matroska", NULL, NULL), NULL));
}
