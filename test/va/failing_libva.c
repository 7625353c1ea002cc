/* SPDX-License-Identifier: MIT */
#include "failing_libva.h"

#include <dlfcn.h>
#include <string.h>

__attribute__((visibility("default"))) struct failing_libva failing_libva;

static bool fails(const char *name)
{
    if (!failing_libva.name || strcmp(failing_libva.name, name) != 0)
        return false;
    failing_libva.n_calls++;
    if (failing_libva.onward ? failing_libva.n_calls < failing_libva.first
                             : failing_libva.n_calls != failing_libva.first)
        return false;
    failing_libva.n_failed++;
    return true;
}

#define WRAP(result, function, parameters, arguments, failed)                                      \
    __attribute__((visibility("default"))) result function parameters                              \
    {                                                                                              \
        result(*real) parameters;                                                                  \
                                                                                                   \
        if (fails(#function))                                                                      \
            return failed;                                                                         \
        *(void **)&real = dlsym(RTLD_NEXT, #function);                                             \
        return real arguments;                                                                     \
    }
FAILING_LIBVA_FUNCTIONS(WRAP)
