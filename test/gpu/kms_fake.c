/* SPDX-License-Identifier: MIT */
#include "kms_fake.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fake_card fake_card;

static struct kms_format primary_formats[] = {{DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR},
                                              {DRM_FORMAT_NV12, DRM_FORMAT_MOD_LINEAR}};
static struct kms_format overlay_formats[] = {{DRM_FORMAT_NV12, DRM_FORMAT_MOD_LINEAR}};

static int fail(int error)
{
    errno = error;
    return -1;
}

static int import(int fd, int buffer_fd, uint32_t *handle)
{
    (void)fd;
    if (fake_card.import_error)
        return fail(fake_card.import_error);
    fake_card.n_imports++;
    *handle = (uint32_t)buffer_fd;
    return 0;
}

static int close_handle(int fd, uint32_t handle)
{
    (void)fd;
    (void)handle;
    fake_card.n_closed++;
    return 0;
}

static int add(int fd, uint32_t width, uint32_t height, uint32_t fourcc, const uint32_t handles[4],
               const uint32_t pitches[4], const uint32_t offsets[4], const uint64_t modifiers[4],
               uint32_t *framebuffer, uint32_t flags)
{
    (void)fd, (void)width, (void)height, (void)fourcc;
    (void)handles, (void)pitches, (void)offsets;
    fake_card.added_flags = flags;
    fake_card.added_modifier = modifiers[0];
    if (fake_card.add_error || (flags & DRM_MODE_FB_MODIFIERS && !fake_card.modifiers))
        return fail(fake_card.add_error ? fake_card.add_error : EINVAL);
    *framebuffer = 100 + fake_card.n_added++;
    return 0;
}

static int remove_framebuffer(int fd, uint32_t framebuffer)
{
    (void)fd;
    (void)framebuffer;
    fake_card.n_removed++;
    return 0;
}

/* The planes of a request; their property 1 is the framebuffer, object 50 the CRTC. */
static void read_planes(const struct drm_mode_atomic *atomic, uint32_t shown[16],
                        uint64_t fences[16])
{
    const uint32_t *objects = (const uint32_t *)(uintptr_t)atomic->objs_ptr;
    const uint32_t *counts = (const uint32_t *)(uintptr_t)atomic->count_props_ptr;
    const uint32_t *properties = (const uint32_t *)(uintptr_t)atomic->props_ptr;
    const uint64_t *values = (const uint64_t *)(uintptr_t)atomic->prop_values_ptr;

    for (uint32_t i = 0; i < atomic->count_objs; i++)
        for (uint32_t k = 0; k < counts[i]; k++, properties++, values++)
            if (objects[i] < 16 && *properties == 1)
                shown[objects[i]] = (uint32_t)*values;
            else if (objects[i] < 16 && *properties == FAKE_IN_FENCE)
                fences[objects[i]] = *values;
}

static int control(int fd, unsigned long request, void *argument)
{
    const struct drm_mode_atomic *atomic = argument;
    uint32_t shown[16] = {0};
    uint64_t fences[16] = {0};

    (void)fd;
    if (request != DRM_IOCTL_MODE_ATOMIC)
        return 0;
    read_planes(atomic, shown, fences);
    fake_card.last_flags = atomic->flags;
    if (atomic->flags & DRM_MODE_ATOMIC_TEST_ONLY) {
        fake_card.n_tests++;
        /* a picture's framebuffer is 100 or more, black is 9 */
        return fake_card.takes_plane && shown[fake_card.takes_plane] < 100 ? fail(ERANGE) : 0;
    }
    if (fake_card.commit_error)
        return fail(fake_card.commit_error);
    fake_card.n_commits++;
    fake_card.last_number = atomic->user_data;
    for (int i = 0; i < 16; i++) {
        fake_card.shown[i] = shown[i];
        fake_card.fences[i] = fences[i];
    }
    return 0;
}

static int handle_event(int fd, drmEventContextPtr events)
{
    events->page_flip_handler2(fd, 1, 12, 500, 50, (void *)(uintptr_t)fake_card.flips);
    return 0;
}

const struct kms_calls fake_calls = {
    .drmPrimeFDToHandle = import,
    .drmCloseBufferHandle = close_handle,
    .drmModeAddFB2WithModifiers = add,
    .drmModeRmFB = remove_framebuffer,
    .drmIoctl = control,
    .drmHandleEvent = handle_event,
};

static void fill_plane(struct kms_plane *plane, uint32_t id, struct kms_format *formats, unsigned n)
{
    *plane = (struct kms_plane){
        .id = id,
        .zpos = -1,
        .properties = {.framebuffer = 1, .crtc = 2, .encoding = 3, .range = 4},
        .encodings = {[KMS_BT601] = 0, [KMS_BT709] = 1, [KMS_BT2020] = -1},
        .ranges = {[KMS_LIMITED] = 0, [KMS_FULL] = 1},
        .formats = formats,
        .n_formats = n,
    };
}

void fake_open(struct kms *kms, struct output *output)
{
    fake_card = (struct fake_card){.modifiers = true};
    *kms = (struct kms){.calls = &fake_calls, .output = output, .black = 9, .uevents_fd = -1};
    kms->device = (struct kms_device){.calls = &fake_calls,
                                      .output = output,
                                      .fd = -1,
                                      .render_fd = 0,
                                      .connector = 60,
                                      .crtc = 50,
                                      .mode = {.hdisplay = 640, .vdisplay = 480},
                                      .period_us = 16667,
                                      .n_overlays = 1};
    fill_plane(&kms->device.primary, 1, primary_formats, 2);
    fill_plane(&kms->device.overlays[0], 2, overlay_formats, 1);
    output->private_data = kms;
    output->payload_ref = limef_payload_ref;
    output->payload_unref = limef_payload_unref;
}
