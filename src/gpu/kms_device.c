/* SPDX-License-Identifier: MIT */
#include "gpu/kms_device.h"

#include "frame/drm_device.h"
#include "gpu/kms_display.h"
#include "gpu/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_CARDS 64

/* Why a card is not taken. NULL: it can be. */
static const char *prepare(struct kms_device *device)
{
    const struct kms_calls *calls = device->calls;
    uint64_t monotonic = 0;

    if (calls->drmSetClientCap(device->fd, DRM_CLIENT_CAP_UNIVERSAL_PLANES, 1) < 0 ||
        calls->drmSetClientCap(device->fd, DRM_CLIENT_CAP_ATOMIC, 1) < 0)
        return "it has no atomic modesetting";
    if (calls->drmGetCap(device->fd, DRM_CAP_TIMESTAMP_MONOTONIC, &monotonic) < 0 || !monotonic)
        return "its times are not those of the monotonic clock";
    if (!device->lent && !calls->drmIsMaster(device->fd) && calls->drmSetMaster(device->fd) < 0)
        return "somebody else shows something on it";
    return kms_display_choose(device);
}

/* Some drivers (amdgpu, radeon) draw on a card's node for root alone, and for whom the master of
 * the card vouches. A lease is no master of that kind. */
static void open_for_rendering(struct kms_device *device)
{
    drm_magic_t magic;
    char self[64];

    if (device->lent)
        snprintf(self, sizeof(self), "/proc/self/fd/%d", device->fd);
    device->render_fd = open(device->lent ? self : device->path, O_RDWR | O_CLOEXEC);
    if (device->render_fd >= 0 && device->calls->drmGetMagic(device->render_fd, &magic) == 0)
        device->calls->drmAuthMagic(device->fd, magic);
}

/* 0, or an error, why written. */
static int try_card(struct kms_device *device, const char *path, const char **why)
{
    snprintf(device->path, sizeof(device->path), "%s", path);
    device->fd = open(path, O_RDWR | O_CLOEXEC);
    if (device->fd < 0) {
        *why = strerror(errno);
        return -errno;
    }
    *why = prepare(device);
    if (!*why)
        return 0;
    kms_device_close(device);
    return -ENODEV;
}

/* The reason of the last card is told: one that nobody can use at all comes before, if any. */
static int try_cards(struct kms_device *device, const char **why)
{
    char path[32];
    int ret = -ENODEV;

    *why = NULL;
    for (int i = 0; i < MAX_CARDS && ret < 0; i++) {
        const char *not_this = NULL;

        snprintf(path, sizeof(path), "/dev/dri/card%d", i);
        if (access(path, F_OK) < 0)
            continue;
        ret = try_card(device, path, &not_this);
        *why = not_this;
    }
    return ret;
}

int kms_device_open(struct kms_device *device, const struct kms_calls *calls,
                    const struct output *output, const struct limef_presenter_kms *asked,
                    const struct kms_mode_wish *wish, const char *name)
{
    const char *why = NULL;
    int ret = 0;

    *device = (struct kms_device){
        .calls = calls, .output = output, .fd = -1, .render_fd = -1, .wish = *wish};
    if (asked && asked->connector)
        snprintf(device->connector_name, sizeof(device->connector_name), "%s", asked->connector);
    if (asked && asked->drm_fd > 0) {
        device->lent = true;
        device->fd = asked->drm_fd;
        why = prepare(device);
        ret = why ? -ENODEV : 0;
        if (ret < 0)
            kms_device_close(device);
    } else if (asked && asked->device) {
        ret = try_card(device, asked->device, &why);
    } else {
        ret = try_cards(device, &why);
    }
    if (ret < 0)
        return output->fail(ret, name, "no display by KMS%s%s: %s%s%s",
                            device->connector_name[0] ? " at " : "", device->connector_name,
                            device->path, device->path[0] ? ": " : "",
                            why ? why : "there is no card in /dev/dri");
    device->number = drm_device_number(device->fd);
    open_for_rendering(device);
    return 0;
}

bool kms_device_look_again(struct kms_device *device, const char **why)
{
    uint32_t connector = device->connector;
    drmModeModeInfo mode = device->mode;

    *why = kms_display_choose(device);
    if (*why)
        device->connector = device->crtc = 0;
    return device->connector != connector || memcmp(&mode, &device->mode, sizeof(mode)) != 0 ||
           kms_display_lost_link(device);
}

void kms_device_close(struct kms_device *device)
{
    if (device->fd >= 0) {
        kms_display_clear(device);
        if (!device->lent) {
            device->calls->drmDropMaster(device->fd);
            close(device->fd);
        }
    }
    if (device->render_fd >= 0)
        close(device->render_fd);
    device->fd = device->render_fd = -1;
}
