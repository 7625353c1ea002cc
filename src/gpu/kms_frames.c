/* SPDX-License-Identifier: MIT */
/*
 * The kernel's framebuffers of pictures that lie in its buffers: one for each
 * buffer of a decoder's pool, not one for each picture.
 */
#include "gpu/kms.h"

#include "frame/dmabuf.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool same_kind(const struct limef_hardware_frame *a, const struct limef_hardware_frame *b)
{
    return a->fourcc == b->fourcc && a->modifier == b->modifier && a->width == b->width &&
           a->height == b->height && a->n_planes == b->n_planes;
}

static bool same_place(const struct limef_hardware_frame *a, const struct limef_hardware_frame *b)
{
    for (unsigned i = 0; i < a->n_planes; i++)
        if (a->planes[i].inode != b->planes[i].inode ||
            a->planes[i].offset_bytes != b->planes[i].offset_bytes ||
            a->planes[i].pitch_bytes != b->planes[i].pitch_bytes)
            return false;
    return true;
}

/* Asked while no flip is pending. */
static bool is_on_screen(const struct kms *kms, const struct kms_frame *frame)
{
    return frame->framebuffer == kms->scene.primary.framebuffer ||
           frame->framebuffer == kms->scene.overlay.framebuffer;
}

static void drop(struct kms *kms, struct kms_frame *frame)
{
    if (!frame->framebuffer)
        return;
    kms->calls->drmModeRmFB(kms->device.fd, frame->framebuffer);
    close(frame->fd);
    *frame = (struct kms_frame){0};
}

/* A driver without modifiers has linear buffers. */
static int add(struct kms *kms, const struct limef_hardware_frame *picture,
               const uint32_t handles[4], uint32_t *framebuffer)
{
    uint32_t pitches[4] = {0}, offsets[4] = {0};
    uint64_t modifiers[4] = {0};
    bool implicit = picture->modifier == DRM_FORMAT_MOD_INVALID;
    int ret = -1;

    for (unsigned i = 0; i < picture->n_planes; i++) {
        pitches[i] = picture->planes[i].pitch_bytes;
        offsets[i] = picture->planes[i].offset_bytes;
        modifiers[i] = implicit ? 0 : picture->modifier;
    }
    if (!implicit)
        ret = kms->calls->drmModeAddFB2WithModifiers(
            kms->device.fd, (uint32_t)picture->width, (uint32_t)picture->height, picture->fourcc,
            handles, pitches, offsets, modifiers, framebuffer, DRM_MODE_FB_MODIFIERS);
    if (ret < 0 && (implicit || picture->modifier == DRM_FORMAT_MOD_LINEAR))
        ret = kms->calls->drmModeAddFB2WithModifiers(
            kms->device.fd, (uint32_t)picture->width, (uint32_t)picture->height, picture->fourcc,
            handles, pitches, offsets, (const uint64_t[4]){0}, framebuffer, 0);
    return ret < 0 ? -errno : 0;
}

int kms_frames_add(struct kms *kms, const struct limef_hardware_frame *picture,
                   uint32_t *framebuffer)
{
    int fd = kms->device.fd, ret = 0;
    uint32_t handles[4] = {0};
    unsigned n = 0;

    for (; n < picture->n_planes && ret == 0; n++)
        if (kms->calls->drmPrimeFDToHandle(fd, picture->planes[n].fd, &handles[n]) < 0) {
            ret = -errno;
            handles[n] = 0;
        }
    if (ret == 0)
        ret = add(kms, picture, handles, framebuffer);
    /* The framebuffer has its own reference now. Nobody else uses handles of this descriptor, GBM
     * has one of its own: none is closed under anybody. */
    for (unsigned i = 0; i < n && kms->device.render_fd >= 0; i++) {
        bool again = !handles[i]; /* planes in one buffer have one handle */

        for (unsigned k = 0; k < i; k++)
            again |= handles[k] == handles[i];
        if (!again)
            kms->calls->drmCloseBufferHandle(fd, handles[i]);
    }
    return ret;
}

/* A free place, or that of the picture that has not been shown for longest. */
static struct kms_frame *place(struct kms *kms)
{
    struct kms_frame *oldest = NULL;

    for (unsigned i = 0; i < KMS_MAX_FRAMES; i++) {
        struct kms_frame *frame = &kms->frames[i];

        if (!frame->framebuffer)
            return frame;
        if (!is_on_screen(kms, frame) && (!oldest || frame->used < oldest->used))
            oldest = frame;
    }
    drop(kms, oldest);
    return oldest;
}

void kms_frames_drop_unused(struct kms *kms, uint64_t n_commits)
{
    for (unsigned i = 0; i < KMS_MAX_FRAMES; i++) {
        struct kms_frame *frame = &kms->frames[i];

        if (frame->framebuffer && !is_on_screen(kms, frame) &&
            frame->used + n_commits <= kms->n_commits + 1)
            drop(kms, frame);
    }
}

uint32_t kms_frames_find(struct kms *kms, const struct limef_hardware_frame *picture,
                         const char **why)
{
    struct kms_frame *frame;
    int ret;

    if (!picture->planes[0].inode) {
        *why = DMABUF_WITHOUT_INODE;
        return 0;
    }
    kms_frames_drop_unused(kms, KMS_MAX_UNUSED);
    for (unsigned i = 0; i < KMS_MAX_FRAMES; i++) {
        frame = &kms->frames[i];
        if (frame->framebuffer && same_kind(&frame->picture, picture) &&
            same_place(&frame->picture, picture)) {
            frame->used = kms->n_commits + 1;
            return frame->framebuffer;
        }
    }
    frame = place(kms);
    frame->fd = fcntl(picture->planes[0].fd, F_DUPFD_CLOEXEC, 0);
    if (frame->fd < 0) {
        *why = "out of descriptors";
        return 0;
    }
    ret = kms_frames_add(kms, picture, &frame->framebuffer);
    if (ret < 0) {
        close(frame->fd);
        *frame = (struct kms_frame){0};
        *why = ret == -EINVAL ? "the card takes no such framebuffer"
                              : "the card cannot read the buffer";
        kms->n_refusals++;
        return 0;
    }
    kms->n_refusals = 0;
    frame->picture = *picture;
    frame->used = kms->n_commits + 1;
    return frame->framebuffer;
}

void kms_frames_clear(struct kms *kms, const struct limef_hardware_frame *but)
{
    for (unsigned i = 0; i < KMS_MAX_FRAMES; i++) {
        struct kms_frame *frame = &kms->frames[i];

        if (!but || (!same_kind(&frame->picture, but) && !is_on_screen(kms, frame)))
            drop(kms, frame);
    }
}
