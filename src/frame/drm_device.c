/* SPDX-License-Identifier: MIT */
#include "frame/drm_device.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Of all DRM nodes: Documentation/admin-guide/devices.txt of Linux. */
#define DRM_MAJOR 226

uint64_t drm_device_number(int fd)
{
    struct stat node, device;
    char path[48];

    if (fstat(fd, &node) < 0 || !S_ISCHR(node.st_mode) || major(node.st_rdev) != DRM_MAJOR)
        return 0;
    /* nodes of one device have one parent there */
    snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device", major(node.st_rdev),
             minor(node.st_rdev));
    return stat(path, &device) < 0 ? 0 : device.st_ino;
}
