/* SPDX-License-Identifier: MIT */
/*
 * What Mesa leaves behind: GBM and EGL opened and closed with the calls of the KMS output, without
 * the library. For comparison with nothing_is_left_behind().
 */
#include "stage.h"

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <gbm.h>
#include <limef/base/clock.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N_CYCLES 20
#define SETTLED_CYCLE 4
#define TOLD_CYCLES 50

#define EGL_FUNCTIONS(X)                                                                           \
    X(EGLDisplay, GetPlatformDisplay, (EGLenum, void *, const EGLAttrib *))                        \
    X(EGLBoolean, Initialize, (EGLDisplay, EGLint *, EGLint *))                                    \
    X(EGLBoolean, BindAPI, (EGLenum))                                                              \
    X(EGLBoolean, ChooseConfig, (EGLDisplay, const EGLint *, EGLConfig *, EGLint, EGLint *))       \
    X(EGLBoolean, GetConfigAttrib, (EGLDisplay, EGLConfig, EGLint, EGLint *))                      \
    X(EGLContext, CreateContext, (EGLDisplay, EGLConfig, EGLContext, const EGLint *))              \
    X(EGLSurface, CreateWindowSurface,                                                             \
      (EGLDisplay, EGLConfig, EGLNativeWindowType, const EGLint *))                                \
    X(EGLBoolean, MakeCurrent, (EGLDisplay, EGLSurface, EGLSurface, EGLContext))                   \
    X(EGLBoolean, DestroySurface, (EGLDisplay, EGLSurface))                                        \
    X(EGLBoolean, DestroyContext, (EGLDisplay, EGLContext))                                        \
    X(EGLBoolean, Terminate, (EGLDisplay))                                                         \
    X(EGLBoolean, ReleaseThread, (void))

static struct {
#define DECLARE(result, function, arguments) result(*function) arguments;
    EGL_FUNCTIONS(DECLARE)
#undef DECLARE
} egl;

static void load(void)
{
    void *library = dlopen("libEGL.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

    if (!library)
        die("no libEGL");
#define LOAD(result, function, arguments)                                                          \
    *(void **)&egl.function = dlsym(library, "egl" #function);                                     \
    if (!egl.function)                                                                             \
        die("no egl" #function);
    EGL_FUNCTIONS(LOAD)
#undef LOAD
}

static EGLConfig choose(EGLDisplay display)
{
    static const EGLint wanted[] = {EGL_SURFACE_TYPE,
                                    EGL_WINDOW_BIT,
                                    EGL_RED_SIZE,
                                    8,
                                    EGL_GREEN_SIZE,
                                    8,
                                    EGL_BLUE_SIZE,
                                    8,
                                    EGL_RENDERABLE_TYPE,
                                    EGL_OPENGL_ES2_BIT,
                                    EGL_NONE};
    static EGLConfig configs[256];
    EGLint n = 0, format;

    if (!egl.ChooseConfig(display, wanted, configs, 256, &n))
        n = 0;
    for (EGLint i = 0; i < n; i++)
        if (egl.GetConfigAttrib(display, configs[i], EGL_NATIVE_VISUAL_ID, &format) &&
            format == GBM_FORMAT_XRGB8888)
            return configs[i];
    die("no configuration for XRGB8888");
}

static void run_cycle(void)
{
    static const EGLint version[] = {EGL_CONTEXT_CLIENT_VERSION, 3, EGL_NONE};
    int fd = open(stage_path, O_RDWR | O_CLOEXEC);
    struct gbm_device *gbm = gbm_create_device(fd);
    EGLDisplay display = gbm ? egl.GetPlatformDisplay(EGL_PLATFORM_GBM_KHR, gbm, NULL) : NULL;
    struct gbm_surface *surface;
    EGLSurface egl_surface;
    EGLContext context;
    EGLConfig config;

    if (!display || !egl.Initialize(display, NULL, NULL) || !egl.BindAPI(EGL_OPENGL_ES_API))
        die("EGL does not start on GBM");
    config = choose(display);
    context = egl.CreateContext(display, config, EGL_NO_CONTEXT, version);
    surface = gbm_surface_create(gbm, STAGE_WIDTH, STAGE_HEIGHT, GBM_FORMAT_XRGB8888,
                                 GBM_BO_USE_SCANOUT | GBM_BO_USE_RENDERING);
    egl_surface =
        egl.CreateWindowSurface(display, config, (EGLNativeWindowType)(void *)surface, NULL);
    if (!context || !surface || !egl_surface ||
        !egl.MakeCurrent(display, egl_surface, egl_surface, context))
        die("no context or surface");
    egl.MakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
    egl.DestroySurface(display, egl_surface);
    gbm_surface_destroy(surface);
    egl.DestroyContext(display, context);
    egl.Terminate(display);
    egl.ReleaseThread();
    gbm_device_destroy(gbm);
    close(fd);
}

static unsigned resident_kb(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    unsigned kb = 0;

    while (file && !kb && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmRSS: %u", &kb) != 1)
            kb = 0;
    if (file)
        fclose(file);
    return kb;
}

void gbm_and_egl_alone(void)
{
    const char *asked = getenv("LIMEF_TEST_CYCLES");
    int n_cycles = asked ? atoi(asked) : N_CYCLES;
    int64_t begun_us;

    load();
    begun_us = limef_now_us();
    for (int i = 0; i < n_cycles; i++) {
        run_cycle();
        if (i == SETTLED_CYCLE || i % TOLD_CYCLES == 0 || i == n_cycles - 1) {
            struct mallinfo2 heap = mallinfo2();

            printf("  after %d: %u descriptors, %u KiB resident, %zu bytes of heap, %.1f ms each\n",
                   i + 1, stage_count_descriptors(), resident_kb(), heap.uordblks + heap.hblkhd,
                   (double)(limef_now_us() - begun_us) / 1e3 / (i + 1));
        }
    }
}
