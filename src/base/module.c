/* SPDX-License-Identifier: MIT */
#include "base/module.h"

#include <limef/base/log.h>

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Its address says where this library lies. */
static const char here_it_is;

static void *open_beside(const char *file)
{
    char path[PATH_MAX];
    Dl_info here;
    const char *slash;
    int folder;

    if (!dladdr(&here_it_is, &here) || !here.dli_fname)
        return NULL;
    slash = strrchr(here.dli_fname, '/');
    folder = slash ? (int)(slash - here.dli_fname + 1) : 0;
    if (snprintf(path, sizeof(path), "%.*slimef/%s", folder, here.dli_fname, file) >=
        (int)sizeof(path))
        return NULL;
    return dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

const void *module_load(const char *file, const char *symbol, const char *name)
{
    void *module = open_beside(file);
    char path[PATH_MAX];

    if (!module &&
        snprintf(path, sizeof(path), LIMEF_MODULE_FOLDER "/limef/%s", file) < (int)sizeof(path))
        module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (module)
        return dlsym(module, symbol);
    limef_log(LIMEF_LOG_DEBUG, name, "no module %s: %s", file, dlerror());
    return NULL;
}
