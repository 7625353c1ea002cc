/* SPDX-License-Identifier: MIT */
/*
 * Pictures that are still being written when they are given to the presenter: their buffers are
 * vgem's, whose fences a program signals when it likes.
 */
#include "stage.h"

#include <limef/base/clock.h>

#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>

/* Several refreshes of the display. */
#define HELD_US 80000
/* vgem signals a fence by itself after 10 s: nothing is said of a machine that stands still. */
#define STANDSTILL_US 5000000
#define TEXT "text"

/* drm/vgem_drm.h, which neither libdrm nor the kernel's headers for libc have */
struct vgem_fence_attach {
    uint32_t handle, flags, out_fence, pad;
};
struct vgem_fence_signal {
    uint32_t fence, flags;
};
#define VGEM_FENCE_WRITE 1
#define VGEM_ATTACH DRM_IOWR(DRM_COMMAND_BASE + 1, struct vgem_fence_attach)
#define VGEM_SIGNAL DRM_IOW(DRM_COMMAND_BASE + 2, struct vgem_fence_signal)

/* Who writes. */
static struct card vgem;

static struct picture *add(struct stage *stage)
{
    struct picture *picture = &stage->pictures[stage->n_pictures];

    picture_open(picture, &vgem, DRM_FORMAT_NV12, STAGE_WIDTH, STAGE_HEIGHT,
                 (int)++stage->n_pictures * 7);
    return picture;
}

static int64_t begun_us;
static bool stood_still;

static bool stands_still(void)
{
    stood_still |= limef_now_us() - begun_us > STANDSTILL_US;
    return stood_still;
}

static uint32_t begin_writing(const struct picture *picture)
{
    struct vgem_fence_attach attach = {.handle = picture->handle, .flags = VGEM_FENCE_WRITE};

    begun_us = limef_now_us();
    if (drmIoctl(vgem.fd, VGEM_ATTACH, &attach) < 0)
        die("no fence of vgem: %s", strerror(errno));
    return attach.out_fence;
}

static void end_writing(uint32_t fence)
{
    struct vgem_fence_signal signal = {.fence = fence};

    if (drmIoctl(vgem.fd, VGEM_SIGNAL, &signal) < 0 && !stands_still())
        die("a fence of vgem cannot be signalled: %s", strerror(errno));
}

static void give(struct stage *stage, struct picture *picture)
{
    struct limef_decoded_frame decoded = {.frame = {.frame_class = LIMEF_FRAME_DECODED,
                                                    .media = LIMEF_MEDIA_VIDEO,
                                                    .pts_us = LIMEF_NO_TIME,
                                                    .payload = &picture->payload},
                                          .av = picture->av};

    picture->released = false;
    if (limef_go(&stage->presenter.filter, &decoded.frame) < 0)
        die("a picture is refused");
}

static uint64_t n_planes_wanted;

static bool is_committed(const struct stage *stage)
{
    return LIMEF_COUNTED(stage->presenter.n_planes) >= n_planes_wanted;
}

static bool is_late(const struct stage *stage)
{
    return !stage->presenter.flip.waiting;
}

static uint64_t n_flips_seen;

static bool has_flipped(const struct stage *stage)
{
    return stage->presenter.flip.n_flips != n_flips_seen;
}

static bool has_failed(const struct stage *stage)
{
    return LIMEF_COUNTED(stage->tiles[0].n_failed) > 0;
}

static int64_t held_until_us;

static bool is_held_long(const struct stage *stage)
{
    (void)stage;
    return limef_now_us() > held_until_us;
}

static void expect_fences(struct stage *stage, uint64_t n_display, uint64_t n_cpu, uint64_t n_late)
{
    struct limef_presenter *presenter = &stage->presenter;
    const char *why = LIMEF_COUNTED(presenter->fences_why);

    if (stands_still())
        return;
    if (LIMEF_COUNTED(presenter->n_fences_display) != n_display ||
        LIMEF_COUNTED(presenter->n_fences_cpu) != n_cpu ||
        LIMEF_COUNTED(presenter->n_fences_late) < n_late || LIMEF_COUNTED(presenter->n_fences_gpu))
        die("fences: %d on the GPU, %d on the display, %d on a CPU (%s), %d late",
            (int)LIMEF_COUNTED(presenter->n_fences_gpu),
            (int)LIMEF_COUNTED(presenter->n_fences_display),
            (int)LIMEF_COUNTED(presenter->n_fences_cpu), why ? why : "",
            (int)LIMEF_COUNTED(presenter->n_fences_late));
}

/* On the screen is a picture. */
static void open_all(struct stage *stage)
{
    const char *path = getenv("VGEM");

    vgem = (struct card){.fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1};
    if (vgem.fd < 0)
        die("there is no vgem: %s", path ? path : "VGEM is not set");
    stage_open(stage, 1);
    stage_show(stage, 0, add(stage));
}

/* One that is being written is the second. */
static void give_second(struct stage *stage, struct picture *picture)
{
    n_planes_wanted = 2;
    give(stage, picture);
    stage_wait(stage, is_committed, "a picture is given to the display");
}

/* Both. Returns the second's fence. */
static uint32_t open_with_unwritten(struct stage *stage, struct picture **unwritten)
{
    uint32_t fence;

    open_all(stage);
    *unwritten = add(stage);
    fence = begin_writing(*unwritten);
    give_second(stage, *unwritten);
    return fence;
}

static void close_all(struct stage *stage)
{
    stage_close(stage);
    close(vgem.fd);
}

/* Shows a picture that is written when the display waits for it already. */
static void expect_held(struct stage *stage, struct picture *picture, uint32_t fence)
{
    n_flips_seen = stage->presenter.flip.n_flips;
    held_until_us = limef_now_us() + HELD_US;
    stage_wait(stage, is_held_long, "time goes by");
    if (has_flipped(stage) && !stands_still())
        die("a picture that is being written came onto the screen");
    picture_draw(picture, 40);
    end_writing(fence);
    if (!stands_still())
        stage_wait(stage, has_flipped, "the picture comes when it is written");
    stage_wait(stage, stage_is_settled, "nothing is on its way");
    stage_expect(stage, picture, 0, 0, 1);
    expect_fences(stage, 1, 0, 0);
}

/* Gives one that nobody writes, for a time. */
static void expect_late(struct stage *stage, struct picture *picture)
{
    uint32_t fence = begin_writing(picture);

    n_flips_seen = stage->presenter.flip.n_flips;
    n_planes_wanted = LIMEF_COUNTED(stage->presenter.n_planes) + 1;
    give(stage, picture);
    stage_wait(stage, is_committed, "a picture is given to the display");
    stage_wait(stage, is_late, "the display is not waited for any longer");
    if (has_flipped(stage) && !stands_still())
        die("a picture that is being written came onto the screen");
    if (picture->payload.n_refs != 4) /* ours, the compositor's two, the display's */
        die("a picture that the display may read is not kept");
    end_writing(fence);
    if (!stands_still())
        stage_wait(stage, has_flipped, "the picture comes when it is written");
}

void display_waits_for_who_writes(void)
{
    struct stage stage;
    struct picture *picture;
    uint32_t fence = open_with_unwritten(&stage, &picture);

    expect_held(&stage, picture, fence);
    end_writing(begin_writing(&stage.pictures[0]));
    stage_show(&stage, 0, &stage.pictures[0]); /* nobody has to wait */
    expect_fences(&stage, 1, 0, 0);
    expect_late(&stage, picture);
    stage_show(&stage, 0, &stage.pictures[0]);
    stage_expect(&stage, &stage.pictures[0], 0, 0, 1);
    expect_fences(&stage, 2, 0, 1);
    close_all(&stage);
}

/* A picture's chroma lies in another buffer, which is written last. */
void display_waits_for_all_who_write(void)
{
    struct stage stage;
    struct picture *picture, *chroma;
    uint32_t fences[2];

    open_all(&stage);
    picture = add(&stage);
    chroma = add(&stage);
    picture->drm.nb_objects = 2;
    picture->drm.objects[1] = chroma->drm.objects[0];
    picture->drm.layers[0].planes[1].object_index = 1;
    fences[0] = begin_writing(picture);
    fences[1] = begin_writing(chroma);
    give_second(&stage, picture);
    picture_draw(chroma, 40);
    end_writing(fences[0]);
    expect_held(&stage, picture, fences[1]);
    close_all(&stage);
}

/* Mesa's software renderer has no fences: the presenter's thread waits, and not for ever. */
void drawing_waits_for_who_writes(void)
{
    struct stage stage;
    struct picture *picture;
    uint32_t fence = open_with_unwritten(&stage, &picture);

    end_writing(fence);
    stage_wait(&stage, stage_is_settled, "the picture comes when it is written");
    limef_presenter_set_overlay(&stage.presenter, TEXT); /* from here on it is drawn */
    stage_wait(&stage, stage_is_settled, "the text comes onto the screen");
    fence = begin_writing(picture);
    give(&stage, picture);
    if (!stands_still())
        stage_wait(&stage, has_failed, "a picture that nobody writes is given up");
    end_writing(fence);
    stage_show(&stage, 0, picture);
    expect_fences(&stage, 1, 1, 1);
    if (!stands_still() &&
        !strstr(LIMEF_COUNTED(stage.presenter.fences_why), "EGL_ANDROID_native_fence_sync"))
        die("a CPU waited because %s", LIMEF_COUNTED(stage.presenter.fences_why));
    close_all(&stage);
}
