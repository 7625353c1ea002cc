/* SPDX-License-Identifier: MIT */
/* What is on the screen, what will be at the next flip, and when that was. */
#include "gpu/kms.h"

#include <limef/base/clock.h>

#include <drm_fourcc.h>
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

/* A flip that does not come within this is not waited for any longer. */
#define LOST_FLIP_US 1000000
/* How long closing waits for the last flip. */
#define SETTLE_MS 200
/* A module links against nothing of the library: limef_now_us() */
static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int kms_make_black(struct kms *kms)
{
    struct drm_mode_create_dumb dumb = {
        .width = kms->device.mode.hdisplay, .height = kms->device.mode.vdisplay, .bpp = 32};
    int ret;

    /* the kernel gives it zeroed */
    if (kms->calls->drmIoctl(kms->device.fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb) < 0)
        return -errno;
    kms->black_handle = dumb.handle;
    ret = kms->calls->drmModeAddFB2WithModifiers(
        kms->device.fd, dumb.width, dumb.height, DRM_FORMAT_XRGB8888,
        (const uint32_t[4]){dumb.handle}, (const uint32_t[4]){dumb.pitch}, (const uint32_t[4]){0},
        (const uint64_t[4]){0}, &kms->black, 0);
    return ret < 0 ? -errno : 0;
}

void kms_free_black(struct kms *kms)
{
    struct drm_mode_destroy_dumb dumb = {.handle = kms->black_handle};

    if (kms->black)
        kms->calls->drmModeRmFB(kms->device.fd, kms->black);
    if (kms->black_handle)
        kms->calls->drmIoctl(kms->device.fd, DRM_IOCTL_MODE_DESTROY_DUMB, &dumb);
    kms->black = kms->black_handle = 0;
}

struct kms_scene kms_scene_of(const struct kms *kms, uint32_t framebuffer)
{
    int width = kms->device.mode.hdisplay, height = kms->device.mode.vdisplay;

    return (struct kms_scene){.primary = {.framebuffer = framebuffer,
                                          .source_width = width,
                                          .source_height = height,
                                          .rect = {0, 0, width, height},
                                          .encoding = -1,
                                          .range = -1,
                                          .fence_fd = -1}};
}

void kms_shown_release(struct kms *kms, struct kms_shown *shown)
{
    /* a surface that was made anew has taken its buffers along */
    if (shown->drawn && shown->surface == kms->surface.surface)
        kms->calls->gbm_surface_release_buffer(shown->surface, shown->drawn);
    kms->output->payload_unref(shown->payload);
    if (shown->fence_fd > 0)
        close(shown->fence_fd);
    *shown = (struct kms_shown){0};
}

static void take_flip(struct kms *kms, int64_t at_us)
{
    if (!kms->waiting)
        return;
    kms->redraw |= kms->late; /* what came in between was shown to nobody */
    kms->waiting = kms->late = false;
    kms_shown_release(kms, &kms->shown);
    kms->shown = kms->pending;
    kms->pending = (struct kms_shown){0};
    kms->flip.at_us = at_us;
    kms->flip.n_flips++;
}

/* Whose events this thread reads: they carry the number of a commit, and nothing else is ours. One
 * that was given up comes late, and those of an embedder's card may be his. */
static _Thread_local struct kms *reading;

static void note_flip(int fd, unsigned sequence, unsigned seconds, unsigned us, unsigned crtc,
                      void *number)
{
    (void)fd;
    (void)sequence;
    (void)crtc;
    if ((uintptr_t)number == (uintptr_t)reading->n_commits)
        take_flip(reading, (int64_t)seconds * 1000000 + us);
}

void kms_read_flips(struct kms *kms)
{
    drmEventContext events = {.version = 3, .page_flip_handler2 = note_flip};
    struct pollfd ready = {.fd = kms->device.fd, .events = POLLIN};
    int64_t now = now_us();

    if (!kms->waiting)
        return;
    reading = kms;
    if (poll(&ready, 1, 0) > 0)
        kms->calls->drmHandleEvent(kms->device.fd, &events);
    if (kms->waiting && kms_fence_holds(kms, now))
        kms->committed_us = now; /* as if it were given to the display then */
    if (kms->waiting && now > kms->committed_us + LOST_FLIP_US)
        take_flip(kms, now);
}

bool kms_settle(struct kms *kms)
{
    struct pollfd ready = {.fd = kms->device.fd, .events = POLLIN};

    if (kms->waiting && poll(&ready, 1, SETTLE_MS) > 0)
        kms_read_flips(kms);
    if (!kms->waiting)
        return true;
    if (kms_fence_holds(kms, kms->late_us + 1))
        return false;
    take_flip(kms, now_us());
    return true;
}

int kms_show(struct kms *kms, const struct kms_scene *scene, struct kms_shown *shown)
{
    uint32_t flags = DRM_MODE_PAGE_FLIP_EVENT |
                     (kms->needs_mode ? DRM_MODE_ATOMIC_ALLOW_MODESET : DRM_MODE_ATOMIC_NONBLOCK);
    int ret = kms->waiting ? -EBUSY : kms_commit(kms, scene, flags);

    if (ret < 0)
        return ret;
    kms->output->fences.n_display += shown->fence_fd > 0;
    kms->waiting = true;
    kms->needs_mode = false;
    kms->pending = *shown;
    *shown = (struct kms_shown){0};
    kms->scene = *scene;
    kms->committed_us = now_us();
    kms->late_us = kms->committed_us + LOST_FLIP_US;
    kms->n_commits++;
    return 0;
}
