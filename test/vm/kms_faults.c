/* SPDX-License-Identifier: MIT */
/* Each call of libdrm and libgbm fails: from the beginning, and while something is shown. */
#include "stage.h"

#include "gpu/failing_kms.h"

#include <limef/base/clock.h>

#include <dlfcn.h>
#include <drm_fourcc.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How the output comes to its card: it is lent, named, or looked for. */
enum way { LENT, NAMED, LOOKED_FOR, N_WAYS };

/* One picture for a plane and one for GL. */
static void show_both(struct stage *stage)
{
    stage_show(stage, 0, &stage->pictures[0]);
    stage_show(stage, 0, &stage->pictures[1]);
}

static int open_stage(struct stage *stage, enum way way)
{
    int ret;

    *stage = (struct stage){0};
    if (way == LENT) {
        card_open(&stage->card, stage_path);
        stage->kms.drm_fd = stage->card.fd;
    } else if (way == NAMED) {
        stage->kms.device = stage_path;
    }
    ret = stage_open_presenter(stage, 1, STAGE_WIDTH, STAGE_HEIGHT);
    if (way != LENT) /* who opens a card first is its master */
        card_open(&stage->card, stage_path);
    stage_add(stage, DRM_FORMAT_XRGB8888, STAGE_WIDTH, STAGE_HEIGHT);
    stage_add(stage, DRM_FORMAT_XRGB8888, STAGE_WIDTH / 2, STAGE_HEIGHT / 2);
    return ret;
}

static void fail_from_the_beginning(const char *name, enum way way)
{
    struct stage stage;
    int ret;

    failing_kms = (struct failing_kms){name, 1, true, EIO};
    ret = open_stage(&stage, way);
    if (ret == 0)
        show_both(&stage);
    stage_close(&stage);
    printf("  %s from the beginning, way %d: %s\n", name, (int)way,
           ret < 0 ? "does not open" : "goes on");
}

static void fail_meanwhile(const char *name)
{
    struct stage stage;
    uint64_t n_flips;

    failing_kms = (struct failing_kms){0};
    if (open_stage(&stage, LENT) < 0)
        die("the output does not open");
    stage_show(&stage, 0, &stage.pictures[0]);
    failing_kms = (struct failing_kms){name, 1, true, EIO};
    show_both(&stage);
    failing_kms = (struct failing_kms){0};
    n_flips = LIMEF_COUNTED(stage.presenter.n_flips);
    show_both(&stage);
    if (LIMEF_COUNTED(stage.presenter.n_flips) < n_flips + 2)
        die("nothing is shown any more after %s failed", name);
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
    *used = failing_kms_wrap(sound);
    for (unsigned i = 0; i < failing_kms_n_list; i++) {
        const struct failing_kms_call *call = &failing_kms_list[i];

        if (!call->returns || strncmp(call->name, "egl", 3) == 0)
            continue;
        fail_from_the_beginning(call->name, (enum way)(i % N_WAYS));
        fail_meanwhile(call->name);
        if (!n_left)
            n_left = stage_count_descriptors();
        if (stage_count_descriptors() != n_left)
            die("%u descriptors after %s failed, %u before", stage_count_descriptors(), call->name,
                n_left);
    }
    *used = sound;
}
