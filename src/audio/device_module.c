/* SPDX-License-Identifier: MIT */
#include "audio/device_module.h"

#include "audio/device.h"

#include <limef/base/log.h>

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Built or installed beside this library; beside the program if the library is static. */
const struct audio_device_ops *device_module_load(const char *file, const char *name)
{
    const struct audio_device_ops *ops = NULL;
    char path[PATH_MAX];
    void *module = NULL;
    Dl_info here;

    if (dladdr((void *)&audio_device_null, &here) && here.dli_fname) {
        const char *slash = strrchr(here.dli_fname, '/');
        int folder = slash ? (int)(slash - here.dli_fname + 1) : 0;

        if (snprintf(path, sizeof(path), "%.*slimef/%s", folder, here.dli_fname, file) <
            (int)sizeof(path))
            module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    }
    if (!module &&
        snprintf(path, sizeof(path), LIMEF_MODULE_FOLDER "/limef/%s", file) < (int)sizeof(path))
        module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (module)
        ops = dlsym(module, AUDIO_MODULE_SYMBOL);
    else
        limef_log(LIMEF_LOG_DEBUG, name, "no module %s: %s", file, dlerror());
    return ops && ops->abi == AUDIO_ABI ? ops : NULL;
}
