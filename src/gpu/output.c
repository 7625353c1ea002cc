/* SPDX-License-Identifier: MIT */
#include "gpu/output.h"

#include "base/memory_private.h"

#include <limef/base/log.h>

#include <dlfcn.h>
#include <libavutil/error.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_MODULE "limef/limef-window-sdl.so"

/*
 * The window's module lies in the folder "limef" beside this library, built or
 * installed; beside the program if the library is static. Linking it would
 * make every process pay for a window library at its start.
 */
static const struct output_ops *window_ops(const char *name)
{
    char path[PATH_MAX];
    const struct output_ops *ops = NULL;
    void *module = NULL;
    Dl_info here;

    if (dladdr((void *)&output_offscreen_ops, &here) && here.dli_fname) {
        const char *slash = strrchr(here.dli_fname, '/');
        int folder = slash ? (int)(slash - here.dli_fname + 1) : 0;

        if (snprintf(path, sizeof(path), "%.*s" WINDOW_MODULE, folder, here.dli_fname) <
            (int)sizeof(path))
            module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    }
    if (!module)
        module =
            dlopen(LIMEF_MODULE_FOLDER "/" WINDOW_MODULE, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (module)
        ops = dlsym(module, OUTPUT_MODULE_SYMBOL);
    else
        limef_log(LIMEF_LOG_DEBUG, name, "no window module: %s", dlerror());
    return ops && ops->abi == OUTPUT_ABI ? ops : NULL;
}

static bool has_display(void)
{
    const char *x11 = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");

    return (x11 && *x11) || (wayland && *wayland);
}

/* What AUTO does not get is no failure. */
static int say_why_not(int code, const char *name, const char *format, ...)
{
    char why[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    limef_log(LIMEF_LOG_WARNING, name, "%s: rendering offscreen", why);
    return code;
}

static int open_as(struct output *output, const struct output_ops *ops,
                   const struct output_settings *settings)
{
    int ret;

    output->ops = ops;
    ret = ops->open(output, settings);
    if (ret < 0)
        output->ops = NULL;
    return ret;
}

int output_open(struct output *output, struct gl *gl, enum limef_presenter_output kind,
                const struct output_settings *settings)
{
    const struct output_ops *window = NULL;
    int ret = gl_load(gl, settings->name);

    if (ret < 0)
        return ret;
    *output = (struct output){
        .gl = gl, .fail = limef_fail, .allocate = memory_allocate, .release = memory_release};
    if (kind == LIMEF_OUTPUT_WINDOW || (kind == LIMEF_OUTPUT_AUTO && has_display()))
        window = window_ops(settings->name);
    if (kind == LIMEF_OUTPUT_WINDOW && !window)
        return limef_fail(AVERROR(ENOSYS), settings->name,
                          "cannot open a window: " WINDOW_MODULE " is not installed");
    ret = AVERROR(ENODEV);
    if (kind == LIMEF_OUTPUT_AUTO)
        output->fail = say_why_not;
    if (window)
        ret = open_as(output, window, settings);
    output->fail = limef_fail;
    if (ret < 0 && kind != LIMEF_OUTPUT_WINDOW)
        ret = open_as(output, &output_offscreen_ops, settings);
    if (ret < 0)
        return ret;
    limef_log(LIMEF_LOG_INFO, settings->name, "output: %s, %s, %s",
              output->ops->kind == LIMEF_OUTPUT_WINDOW ? "window" : "offscreen",
              (const char *)gl->GetString(GL_VERSION), (const char *)gl->GetString(GL_RENDERER));
    return 0;
}

void output_close(struct output *output)
{
    if (output->ops)
        output->ops->close(output);
    *output = (struct output){0};
}
