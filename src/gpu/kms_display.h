/* SPDX-License-Identifier: MIT */
/* One display of a card: connector, CRTC, planes, mode. */
#ifndef LIMEF_SRC_GPU_KMS_DISPLAY_H
#define LIMEF_SRC_GPU_KMS_DISPLAY_H

#include "gpu/kms_device.h"

/*
 * Chooses what the device's wishes ask for, of what is connected at present; keeps the display that
 * there is, if it is still connected. NULL, or why there is none.
 */
const char *kms_display_choose(struct kms_device *device);

/* Whether the link to the display failed after its mode was set: the mode is to be set anew. */
bool kms_display_lost_link(const struct kms_device *device);

/* Puts back what the CRTC showed before. False: that was nothing, or it is gone. */
bool kms_display_restore(struct kms_device *device);

/* Forgets the display. */
void kms_display_clear(struct kms_device *device);

#endif
