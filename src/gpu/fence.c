/* SPDX-License-Identifier: MIT */
#include "gpu/fence.h"

#include <limef/frame/hardware.h>

#include <errno.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The kernel's headers have it since Linux 6.0; linux/dma-buf.h documents it. */
struct export_sync_file {
    uint32_t flags;
    int32_t fd;
};
#define EXPORT_SYNC_FILE _IOWR(DMA_BUF_BASE, 2, struct export_sync_file)

/* What poll() returns; 0: it is not signalled in time. */
static int poll_fence(int fd, int timeout_ms, short *events)
{
    struct pollfd fence = {.fd = fd, .events = POLLIN};
    int n;

    do
        n = poll(&fence, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    *events = fence.revents;
    return n;
}

bool fence_is_signalled(int fd)
{
    short events;

    return poll_fence(fd, 0, &events) != 0;
}

static int call(int fd, unsigned long request, void *argument)
{
    int ret;

    do
        ret = ioctl(fd, request, argument);
    while (ret < 0 && (errno == EINTR || errno == EAGAIN));
    return ret;
}

/* -1: the kernel cannot do this, or fd is no dma-buf. */
static int fence_of_writers(int fd)
{
    struct export_sync_file request = {.flags = DMA_BUF_SYNC_READ, .fd = -1};

    return call(fd, EXPORT_SYNC_FILE, &request) < 0 ? -1 : request.fd;
}

/* One that is signalled when both are, which are taken. -1: there is none. */
static int merge(int one, int other)
{
    struct sync_merge_data both = {.name = "limef picture", .fd2 = other, .fence = -1};
    int ret = other < 0 ? -1 : call(one, SYNC_IOC_MERGE, &both);

    close(one);
    if (other >= 0)
        close(other);
    return ret < 0 ? -1 : both.fence;
}

/* Of a picture's buffers, the first from this plane on that somebody writes; n_planes: none. */
static unsigned find_unwritten(const struct limef_hardware_frame *picture, unsigned plane)
{
    for (; plane < picture->n_planes; plane++) {
        bool seen = false;

        for (unsigned k = 0; k < plane; k++)
            seen |= picture->planes[k].fd == picture->planes[plane].fd;
        if (!seen && !fence_is_signalled(picture->planes[plane].fd))
            break;
    }
    return plane;
}

int fence_of_picture(const struct limef_hardware_frame *picture)
{
    unsigned plane;
    int all;

    if (picture->fence_fd >= 0)
        return fence_is_signalled(picture->fence_fd) ? -1
                                                     : fcntl(picture->fence_fd, F_DUPFD_CLOEXEC, 0);
    plane = find_unwritten(picture, 0);
    all = plane < picture->n_planes ? fence_of_writers(picture->planes[plane].fd) : -1;
    while (all >= 0 && (plane = find_unwritten(picture, plane + 1)) < picture->n_planes)
        all = merge(all, fence_of_writers(picture->planes[plane].fd));
    return all;
}

/* sync_file: the driver's from now on. False: the CPU has to wait. */
static bool wait_on_gpu(const struct gl *gl, int sync_file)
{
    const EGLint attributes[] = {EGL_SYNC_NATIVE_FENCE_FD_ANDROID, sync_file, EGL_NONE};
    EGLSyncKHR sync = gl->egl.CreateSyncKHR(gl->display, EGL_SYNC_NATIVE_FENCE_ANDROID, attributes);
    EGLint waits;

    if (!sync) {
        close(sync_file);
        return false;
    }
    waits = gl->egl.WaitSyncKHR(gl->display, sync, 0);
    gl->egl.DestroySyncKHR(gl->display, sync);
    return waits;
}

/* sync_file: taken; -1: there is none for the GPU. otherwise: what a CPU can wait for instead. */
static int wait_for(const struct gl *gl, int sync_file, int otherwise, struct fence_counts *counts)
{
    const char *why = "EGL_ANDROID_native_fence_sync is missing";
    short events;

    if (sync_file < 0) {
        why = "the kernel gives no fence of a buffer";
    } else if (!gl->native_fences) {
        close(sync_file);
    } else if (wait_on_gpu(gl, sync_file)) {
        counts->n_gpu++;
        return 0;
    } else {
        why = "the driver refuses a fence";
    }
    counts->n_cpu++;
    counts->cpu_why = why;
    if (poll_fence(otherwise, FENCE_WAIT_MS, &events) == 1 && events & POLLIN)
        return 0;
    counts->n_late++;
    return AVERROR(ETIMEDOUT);
}

int fence_before_drawing(const struct gl *gl, const struct limef_hardware_frame *picture,
                         bool implicit, struct fence_counts *counts)
{
    int ret = 0;

    if (picture->fence_fd >= 0)
        return fence_is_signalled(picture->fence_fd)
                   ? 0
                   : wait_for(gl, fcntl(picture->fence_fd, F_DUPFD_CLOEXEC, 0), picture->fence_fd,
                              counts);
    for (unsigned plane = implicit ? find_unwritten(picture, 0) : picture->n_planes;
         plane < picture->n_planes && ret == 0; plane = find_unwritten(picture, plane + 1)) {
        int fd = picture->planes[plane].fd;

        ret = wait_for(gl, fence_of_writers(fd), fd, counts);
    }
    return ret;
}

EGLSyncKHR fence_begin(const struct gl *gl)
{
    return gl->native_fences
               ? gl->egl.CreateSyncKHR(gl->display, EGL_SYNC_NATIVE_FENCE_ANDROID, NULL)
               : EGL_NO_SYNC_KHR;
}

int fence_end(const struct gl *gl, EGLSyncKHR sync)
{
    int fd;

    if (!sync)
        return -1;
    fd = gl->egl.DupNativeFenceFDANDROID(gl->display, sync);
    gl->egl.DestroySyncKHR(gl->display, sync);
    return fd;
}
