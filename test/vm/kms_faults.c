/* SPDX-License-Identifier: MIT */
/* Each call of libdrm and libgbm fails: from the beginning, and while something is shown. */
#include "stage.h"

#include "gpu/kms_calls.h"

#include <limef/base/clock.h>

#include <dlfcn.h>
#include <drm_fourcc.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>

static int fail_int(void)
{
    errno = EIO;
    return -1;
}

static void *fail_pointer(void)
{
    errno = EIO;
    return NULL;
}

static const struct fault {
    const char *name;
    size_t at;
    bool pointer;
} faults[] = {
#define INT(call)                                                                                  \
    {                                                                                              \
#call, offsetof(struct kms_calls, call), false                                             \
    }
#define POINTER(call)                                                                              \
    {                                                                                              \
#call, offsetof(struct kms_calls, call), true                                              \
    }
    INT(drmSetClientCap),
    INT(drmGetCap),
    INT(drmGetMagic),
    INT(drmAuthMagic),
    INT(drmIoctl),
    INT(drmHandleEvent),
    INT(drmPrimeFDToHandle),
    INT(drmCloseBufferHandle),
    INT(drmModeSetCrtc),
    INT(drmModeCreatePropertyBlob),
    INT(drmModeDestroyPropertyBlob),
    INT(drmModeAddFB2WithModifiers),
    INT(drmModeRmFB),
    INT(gbm_bo_get_fd),
    POINTER(drmModeGetResources),
    POINTER(drmModeGetConnector),
    POINTER(drmModeGetEncoder),
    POINTER(drmModeGetCrtc),
    POINTER(drmModeGetPlaneResources),
    POINTER(drmModeGetPlane),
    POINTER(drmModeObjectGetProperties),
    POINTER(drmModeGetProperty),
    POINTER(drmModeGetPropertyBlob),
    POINTER(gbm_create_device),
    POINTER(gbm_surface_create),
    POINTER(gbm_surface_create_with_modifiers),
    POINTER(gbm_surface_lock_front_buffer),
};

/* The module's table, as it is used from now on. */
static struct kms_calls calls;

static void break_call(const struct fault *fault)
{
    int (*broken_int)(void) = fail_int;
    void *(*broken_pointer)(void) = fail_pointer;

    /* who calls gives arguments that are not looked at: no C, but every calling convention of Linux
     * takes it */
    if (fault->pointer)
        *(void *(**)(void))(void *)((char *)&calls + fault->at) = broken_pointer;
    else
        *(int (**)(void))(void *)((char *)&calls + fault->at) = broken_int;
}

/* One picture for a plane and one for GL. */
static void show_both(struct stage *stage)
{
    stage_show(stage, 0, &stage->pictures[0]);
    stage_show(stage, 0, &stage->pictures[1]);
}

static void prepare(struct stage *stage)
{
    *stage = (struct stage){0};
    card_open(&stage->card, stage_path);
    stage->kms.drm_fd = stage->card.fd;
    stage_add(stage, DRM_FORMAT_XRGB8888, STAGE_WIDTH, STAGE_HEIGHT);
    stage_add(stage, DRM_FORMAT_XRGB8888, STAGE_WIDTH / 2, STAGE_HEIGHT / 2);
}

static void fail_from_the_beginning(const struct fault *fault, const struct kms_calls *sound)
{
    struct stage stage;
    int ret;

    prepare(&stage);
    break_call(fault);
    ret = stage_open_presenter(&stage, 1, STAGE_WIDTH, STAGE_HEIGHT);
    if (ret == 0)
        show_both(&stage);
    stage_close(&stage);
    calls = *sound;
    printf("  %s from the beginning: %s\n", fault->name, ret < 0 ? "does not open" : "goes on");
}

static void fail_meanwhile(const struct fault *fault, const struct kms_calls *sound)
{
    struct stage stage;
    uint64_t n_flips;

    prepare(&stage);
    if (stage_open_presenter(&stage, 1, STAGE_WIDTH, STAGE_HEIGHT) < 0)
        die("the output does not open");
    stage_show(&stage, 0, &stage.pictures[0]);
    break_call(fault);
    show_both(&stage);
    calls = *sound;
    n_flips = LIMEF_COUNTED(stage.presenter.n_flips);
    show_both(&stage);
    if (LIMEF_COUNTED(stage.presenter.n_flips) < n_flips + 2)
        die("nothing is shown any more after %s failed", fault->name);
    stage_close(&stage);
}

void each_call_may_fail(void)
{
    void *module = dlopen(LIMEF_KMS_MODULE, RTLD_NOW | RTLD_NODELETE);
    const struct kms_calls **used = module ? dlsym(module, "limef_output_kms_calls") : NULL;
    const struct kms_calls *sound;
    unsigned n_left = 0;

    if (!used)
        die("no module: %s", dlerror());
    sound = *used;
    calls = *sound;
    *used = &calls;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        fail_from_the_beginning(&faults[i], sound);
        fail_meanwhile(&faults[i], sound);
        if (i == 0)
            n_left = stage_count_descriptors();
        if (stage_count_descriptors() != n_left)
            die("%u descriptors after %s failed, %u before", stage_count_descriptors(),
                faults[i].name, n_left);
    }
    *used = sound;
}
