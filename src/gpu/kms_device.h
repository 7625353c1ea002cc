/* SPDX-License-Identifier: MIT */
/* A card, one of its displays, and what that display needs: a CRTC, planes, a mode. */
#ifndef LIMEF_SRC_GPU_KMS_DEVICE_H
#define LIMEF_SRC_GPU_KMS_DEVICE_H

#include "gpu/kms_mode.h"
#include "gpu/kms_plane.h"

#define KMS_MAX_OVERLAYS 8
#define KMS_MAX_STRANGERS 24

struct kms_device {
    const struct kms_calls *calls;
    const struct output *output;
    int fd;          /* modes are set through it; -1: none */
    int render_fd;   /* the card once more, with buffer handles of its own: GBM's. -1: the same one,
                        which is somebody else's and cannot be opened anew */
    bool lent;       /* fd is the embedder's: not closed, and it is his to be master */
    uint64_t number; /* drm_device_number() */
    char path[64];   /* "": lent */
    struct kms_mode_wish wish;
    char connector_name[32]; /* the one that was asked for; "": any */

    uint32_t connector, crtc;                        /* 0: no display is connected */
    uint32_t connector_crtc, crtc_mode, crtc_active; /* properties */
    uint32_t connector_link;                         /* likewise; 0: there is none */
    drmModeModeInfo mode;
    uint32_t mode_blob;
    int64_t period_us;
    struct kms_plane primary;
    struct kms_plane overlays[KMS_MAX_OVERLAYS];
    unsigned n_overlays;
    /* other planes that somebody left on the CRTC, and their two properties */
    struct {
        uint32_t id, framebuffer, crtc;
    } strangers[KMS_MAX_STRANGERS];
    unsigned n_strangers;
    drmModeCrtcPtr former; /* what the CRTC showed before */
};

struct limef_presenter_kms;

/*
 * Opens the card that is asked for, or the first one that has a display and that nobody else shows
 * something on, and chooses display and mode.
 * 0; AVERROR(ENODEV): there is none; AVERROR(EBUSY): somebody else shows something on it. Logged
 * through output->fail, one line.
 */
int kms_device_open(struct kms_device *device, const struct kms_calls *calls,
                    const struct output *output, const struct limef_presenter_kms *asked,
                    const struct kms_mode_wish *wish, const char *name);

/* Chooses display and mode anew. True: something is not what it was. why: written, NULL or why
 * there is no display. */
bool kms_device_look_again(struct kms_device *device, const char **why);

/* Lets go of the card. All-zero but for the descriptors, which are -1, does nothing. */
void kms_device_close(struct kms_device *device);

#endif
