/* SPDX-License-Identifier: MIT */
/* Which of a display's modes to take. Pure. */
#ifndef LIMEF_SRC_GPU_KMS_MODE_H
#define LIMEF_SRC_GPU_KMS_MODE_H

#include <stdint.h>
#include <xf86drmMode.h>

/* What somebody wants; 0: does not care. */
struct kms_mode_wish {
    int width, height;
    int refresh_hz;
};

/*
 * Without a size the display's preferred mode, else its largest. With one: that size; else the
 * smallest that it fits into; else the largest. Of several the one nearest to refresh_hz; without
 * that the preferred, then the fastest one. Interlaced modes are for those who have no other.
 * NULL: there are none.
 */
const drmModeModeInfo *kms_mode_choose(const drmModeModeInfo *modes, int n_modes,
                                       const struct kms_mode_wish *wish);

/* From one refresh to the next. */
int64_t kms_mode_period_us(const drmModeModeInfo *mode);

#endif
