/* SPDX-License-Identifier: MIT */
#include "gpu/kms_mode.h"

#include <stdbool.h>
#include <stdlib.h>

/* Without a plausible dot clock: 60 Hz. */
#define USUAL_PERIOD_US 16667

int64_t kms_mode_period_us(const drmModeModeInfo *mode)
{
    /* kHz of the dot clock, dots of a whole frame with its blanks:
     * drm_calc_timestamping_constants()
     */
    int64_t dots = (int64_t)mode->htotal * mode->vtotal;

    if (mode->flags & DRM_MODE_FLAG_INTERLACE)
        dots /= 2;
    if (mode->flags & DRM_MODE_FLAG_DBLSCAN)
        dots *= 2;
    if (mode->vscan > 1)
        dots *= mode->vscan;
    return mode->clock > 0 && dots > 0 ? (dots * 1000 + mode->clock / 2) / mode->clock
                                       : USUAL_PERIOD_US;
}

static int64_t area(const drmModeModeInfo *mode)
{
    return (int64_t)mode->hdisplay * mode->vdisplay;
}

/* How well a mode's size fits: less is better. */
static int64_t misfit(const drmModeModeInfo *mode, const struct kms_mode_wish *wish)
{
    const int64_t too_small = INT64_C(1) << 40;

    if (wish->width <= 0 || wish->height <= 0)
        return mode->type & DRM_MODE_TYPE_PREFERRED ? -1 : too_small - area(mode);
    if (mode->hdisplay >= wish->width && mode->vdisplay >= wish->height)
        return area(mode) - (int64_t)wish->width * wish->height;
    return too_small - area(mode);
}

/* How far a mode's rate is from what is wanted, thousandths of a Hz; the fastest is 0. */
static int64_t rate_error(const drmModeModeInfo *mode, const struct kms_mode_wish *wish)
{
    int64_t mhz = INT64_C(1000000000) / kms_mode_period_us(mode);

    return wish->refresh_hz > 0 ? llabs(mhz - (int64_t)wish->refresh_hz * 1000) : -mhz;
}

static bool is_better(const drmModeModeInfo *a, const drmModeModeInfo *b,
                      const struct kms_mode_wish *wish)
{
    bool a_interlaced = a->flags & DRM_MODE_FLAG_INTERLACE,
         b_interlaced = b->flags & DRM_MODE_FLAG_INTERLACE;
    bool a_preferred = a->type & DRM_MODE_TYPE_PREFERRED,
         b_preferred = b->type & DRM_MODE_TYPE_PREFERRED;

    if (a_interlaced != b_interlaced)
        return b_interlaced;
    if (misfit(a, wish) != misfit(b, wish))
        return misfit(a, wish) < misfit(b, wish);
    if (wish->refresh_hz <= 0 && a_preferred != b_preferred)
        return a_preferred;
    return rate_error(a, wish) < rate_error(b, wish);
}

const drmModeModeInfo *kms_mode_choose(const drmModeModeInfo *modes, int n_modes,
                                       const struct kms_mode_wish *wish)
{
    const drmModeModeInfo *best = n_modes > 0 ? modes : NULL;
    struct kms_mode_wish sized = *wish;

    if (best && wish->refresh_hz > 0 && wish->width <= 0) {
        const drmModeModeInfo *usual = kms_mode_choose(modes, n_modes, &(struct kms_mode_wish){0});

        sized.width = usual->hdisplay;
        sized.height = usual->vdisplay;
        wish = &sized;
    }
    for (int i = 1; i < n_modes; i++)
        if (is_better(&modes[i], best, wish))
            best = &modes[i];
    return best;
}
