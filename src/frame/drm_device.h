/* SPDX-License-Identifier: MIT */
/* Which device a node in /dev/dri is of. */
#ifndef LIMEF_SRC_FRAME_DRM_DEVICE_H
#define LIMEF_SRC_FRAME_DRM_DEVICE_H

#include <stdint.h>

/*
 * A number of the device that a descriptor of a DRM node belongs to: the same for its card and its
 * render node, and for leases. 0: it is no such node. Any thread.
 */
uint64_t drm_device_number(int fd);

#endif
