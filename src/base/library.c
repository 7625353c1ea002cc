/* SPDX-License-Identifier: MIT */
#include "base/library.h"

#include <dlfcn.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>

int library_load(const char *soname, const char *const *names, void *functions, size_t n,
                 char why[LIBRARY_WHY_BYTES])
{
    void *library = dlopen(soname, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);

    if (!library) {
        snprintf(why, LIBRARY_WHY_BYTES, "%s", dlerror());
        return AVERROR(ENOSYS);
    }
    for (size_t i = 0; i < n; i++) {
        void *function = dlsym(library, names[i]);

        if (!function) {
            snprintf(why, LIBRARY_WHY_BYTES, "%s has no %s", soname, names[i]);
            return AVERROR(ENOSYS);
        }
        /* POSIX makes the two kinds of pointers the same; C has no cast for it */
        memcpy((char *)functions + i * sizeof(function), &function, sizeof(function));
    }
    return 0;
}
