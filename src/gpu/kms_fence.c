/* SPDX-License-Identifier: MIT */
/*
 * Fences that the display waits for (IN_FENCE_FD). The kernel waits for them without a limit, and
 * shows nothing else in between; so it is noticed here when one takes too long.
 */
#include "gpu/kms.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool kms_fence_give(const struct kms_plane *plane, struct kms_layer *layer, struct kms_shown *shown,
                    int fence_fd)
{
    layer->fence_fd = -1;
    if (fence_fd == 0) { /* 0 is none in shown */
        fence_fd = fcntl(fence_fd, F_DUPFD_CLOEXEC, 1);
        close(0);
    }
    if (fence_fd < 0)
        return true;
    if (!plane->properties.in_fence) {
        close(fence_fd);
        return false;
    }
    layer->fence_fd = shown->fence_fd = fence_fd;
    return true;
}

bool kms_fence_holds(struct kms *kms, int64_t now_us)
{
    if (kms->pending.fence_fd <= 0 || fence_is_signalled(kms->pending.fence_fd))
        return false;
    if (!kms->late && now_us > kms->late_us) {
        kms->late = true;
        kms->output->fences.n_late++;
        kms->output->fail(-ETIMEDOUT, kms->name,
                          "the display waits for a picture that nobody has written in time");
    }
    return true;
}
