/* SPDX-License-Identifier: MIT */
/*
 * Lets libva open a display on any character device, /dev/null for one, where
 * there is no DRM node: libva asks libdrm for a node's kind. To be preloaded, or
 * linked into a test program.
 */
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <xf86drm.h>

#define DRM_MAJOR 226
#define NODES_PER_KIND 64

__attribute__((visibility("default"))) int drmGetNodeTypeFromFd(int fd)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return -1;
    if (!S_ISCHR(status.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    /* the kernel gives each kind of node 64 numbers: primary, control, render */
    if (major(status.st_rdev) == DRM_MAJOR)
        return (int)(minor(status.st_rdev) / NODES_PER_KIND);
    return DRM_NODE_RENDER;
}
