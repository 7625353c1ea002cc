/* SPDX-License-Identifier: MIT */
#include "gpu/output.h"

#include "base/memory_private.h"
#include "base/module.h"
#include "gpu/display_answers.h"

#include <limef/base/log.h>
#include <limef/frame/payload.h>

#include <libavutil/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which they are asked. */
static const char *const window_modules[] = {"limef-window-sdl.so", "limef-window-wayland.so"};
static const char kms_module[] = "limef-output-kms.so";
#define N_WINDOW_MODULES (sizeof(window_modules) / sizeof(window_modules[0]))

/* A server that starts anew or is busy swapping still makes it; a person waits for as long. */
#define ANSWER_US 3000000

static const struct output_ops *load_module(const char *file, const char *name)
{
    const struct output_ops *ops = module_load(file, OUTPUT_MODULE_SYMBOL, name);

    return ops && ops->abi == OUTPUT_ABI ? ops : NULL;
}

static bool has_display(void)
{
    const char *x11 = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");

    return (x11 && *x11) || (wayland && *wayland);
}

/* What the next output may still do is no failure. */
static int say_why_not(int code, const char *name, const char *format, ...)
{
    char why[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    limef_log(LIMEF_LOG_INFO, name, "%s", why);
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

/* Whether a display server answers; settings hear of those that are silent. A socket that somebody
 * has opened for us is libwayland's alone. */
static bool ask_displays(struct output_settings *settings)
{
    enum display_answer x11 = display_x11_answers(getenv("DISPLAY"), ANSWER_US);
    enum display_answer wayland =
        getenv("WAYLAND_SOCKET") ? DISPLAY_ANSWERS
                                 : display_wayland_answers(getenv("XDG_RUNTIME_DIR"),
                                                           getenv("WAYLAND_DISPLAY"), ANSWER_US);

    settings->x11_silent = x11 == DISPLAY_SILENT;
    settings->wayland_silent = wayland == DISPLAY_SILENT;
    return x11 == DISPLAY_ANSWERS || wayland == DISPLAY_ANSWERS;
}

/* why: written if it cannot be opened. */
static int open_window(struct output *output, const struct output_settings *wanted,
                       const char **why)
{
    struct output_settings settings = *wanted;
    bool answers = ask_displays(&settings);
    int ret = AVERROR(ENOSYS);

    *why = settings.x11_silent || settings.wayland_silent ? "the display server does not answer"
                                                          : "no display server answers";
    if (!answers)
        return AVERROR(ENODEV);
    output->fail = say_why_not;
    for (unsigned i = 0; i < N_WINDOW_MODULES && ret < 0; i++) {
        const struct output_ops *ops = load_module(window_modules[i], settings.name);

        if (ops)
            ret = open_as(output, ops, &settings);
    }
    output->fail = limef_fail;
    if (ret == AVERROR(ENOSYS))
        *why = "no window module is installed";
    return ret;
}

static int open_kms(struct output *output, const struct output_settings *settings)
{
    const struct output_ops *ops = load_module(kms_module, settings->name);

    return ops ? open_as(output, ops, settings)
               : output->fail(AVERROR(ENOSYS), settings->name,
                              "no display by KMS: its module is not installed");
}

bool output_may_be_window(enum limef_presenter_output kind)
{
    return kind == LIMEF_OUTPUT_WINDOW || (kind == LIMEF_OUTPUT_AUTO && has_display());
}

static const char *name_of(enum limef_presenter_output kind)
{
    return kind == LIMEF_OUTPUT_WINDOW ? "window" : kind == LIMEF_OUTPUT_KMS ? "KMS" : "offscreen";
}

static int say_output(const struct output *output, const struct output_settings *settings)
{
    const struct gl *gl = output->gl;

    limef_log(LIMEF_LOG_INFO, settings->name, "output: %s, %s, %s", name_of(output->ops->kind),
              (const char *)gl->GetString(GL_VERSION), (const char *)gl->GetString(GL_RENDERER));
    return 0;
}

int output_open(struct output *output, struct gl *gl, enum limef_presenter_output kind,
                const struct output_settings *settings)
{
    bool wants_window = output_may_be_window(kind);
    const char *why = NULL;
    int ret = gl_load(gl, settings->name);

    if (ret < 0)
        return ret;
    *output = (struct output){.gl = gl,
                              .fail = limef_fail,
                              .allocate = memory_allocate,
                              .release = memory_release,
                              .payload_ref = limef_payload_ref,
                              .payload_unref = limef_payload_unref};
    if (kind == LIMEF_OUTPUT_KMS) {
        ret = open_kms(output, settings);
        return ret < 0 ? ret : say_output(output, settings);
    }
    ret = wants_window ? open_window(output, settings, &why) : AVERROR(ENODEV);
    if (kind == LIMEF_OUTPUT_WINDOW && ret < 0)
        return limef_fail(ret, settings->name, "cannot open a window: %s", why);
    if (ret < 0 && wants_window)
        limef_log(LIMEF_LOG_WARNING, settings->name,
                  "no window can be opened, %s: rendering offscreen", why);
    if (ret < 0 && !wants_window && kind == LIMEF_OUTPUT_AUTO) {
        output->fail = say_why_not;
        ret = open_kms(output, settings);
        output->fail = limef_fail;
    }
    if (ret < 0)
        ret = open_as(output, &output_offscreen_ops, settings);
    return ret < 0 ? ret : say_output(output, settings);
}

void output_close(struct output *output)
{
    if (output->ops)
        output->ops->close(output);
    *output = (struct output){0};
}
