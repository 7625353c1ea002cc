/* SPDX-License-Identifier: MIT */
#include "support/played_ioctl.h"

#include <dirent.h>
#include <drm.h>
#include <drm_mode.h>
#include <errno.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/sync_file.h>
#include <linux/udmabuf.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct played_ioctl played_ioctl;

const char *const played_requests[] = {"UDMABUF_CREATE",
                                       "DMA_HEAP_IOCTL_ALLOC",
                                       "DRM_IOCTL_GET_CAP",
                                       "DRM_IOCTL_MODE_CREATE_DUMB",
                                       "DRM_IOCTL_PRIME_HANDLE_TO_FD",
                                       "DRM_IOCTL_MODE_DESTROY_DUMB",
                                       "DMA_BUF_IOCTL_SYNC",
                                       "EXPORT_SYNC_FILE",
                                       "SYNC_IOC_MERGE",
                                       NULL};

/* DMA_BUF_IOCTL_EXPORT_SYNC_FILE, which headers have since Linux 6.0 */
struct export_sync_file {
    uint32_t flags;
    int32_t fd;
};
#define EXPORT_SYNC_FILE _IOWR(DMA_BUF_BASE, 2, struct export_sync_file)

static const char *name_of(unsigned long request)
{
    static const unsigned long requests[] = {UDMABUF_CREATE,
                                             DMA_HEAP_IOCTL_ALLOC,
                                             DRM_IOCTL_GET_CAP,
                                             DRM_IOCTL_MODE_CREATE_DUMB,
                                             DRM_IOCTL_PRIME_HANDLE_TO_FD,
                                             DRM_IOCTL_MODE_DESTROY_DUMB,
                                             DMA_BUF_IOCTL_SYNC,
                                             EXPORT_SYNC_FILE,
                                             SYNC_IOC_MERGE};

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        if (requests[i] == request)
            return played_requests[i];
    return NULL;
}

static int make_memory(size_t bytes)
{
    int fd = memfd_create("played", MFD_CLOEXEC);

    if (fd >= 0 && ftruncate(fd, (off_t)bytes) == 0)
        return fd;
    close(fd);
    errno = ENOMEM;
    return -1;
}

static int answer(int fd, unsigned long request, void *argument)
{
    if (request == UDMABUF_CREATE)
        return dup((int)((struct udmabuf_create *)argument)->memfd);
    if (request == DMA_HEAP_IOCTL_ALLOC) {
        struct dma_heap_allocation_data *allocation = argument;

        fd = make_memory(allocation->len);
        allocation->fd = (uint32_t)fd;
        return fd < 0 ? -1 : 0;
    }
    if (request == DRM_IOCTL_MODE_CREATE_DUMB) {
        struct drm_mode_create_dumb *dumb = argument;

        dumb->handle = (uint32_t)++played_ioctl.n_handles;
        dumb->size = played_ioctl.dumb_bytes = (size_t)dumb->width * dumb->height;
    } else if (request == DRM_IOCTL_PRIME_HANDLE_TO_FD) {
        return ((struct drm_prime_handle *)argument)->fd = make_memory(played_ioctl.dumb_bytes);
    } else if (request == DRM_IOCTL_MODE_DESTROY_DUMB) {
        played_ioctl.n_handles--;
    } else if (request == DRM_IOCTL_GET_CAP) {
        ((struct drm_get_cap *)argument)->value = 1;
    } else if (request == EXPORT_SYNC_FILE) {
        ((struct export_sync_file *)argument)->fd = dup(fd);
    } else if (request == SYNC_IOC_MERGE) {
        ((struct sync_merge_data *)argument)->fence = dup(fd);
    }
    return 0;
}

static bool fails(const char *name)
{
    struct played_ioctl *played = &played_ioctl;

    if (played->n_interrupted) {
        errno = played->n_interrupted-- % 2 ? EINTR : EAGAIN;
        return true;
    }
    if (!played->failing || strcmp(played->failing, name) != 0)
        return false;
    played->n_calls++;
    if (played->onward ? played->n_calls < played->first : played->n_calls != played->first)
        return false;
    played->n_failed++;
    errno = played->error;
    return true;
}

int ioctl(int fd, unsigned long request, ...)
{
    const char *name = played_ioctl.on ? name_of(request) : NULL;
    void *argument;
    va_list arguments;

    va_start(arguments, request);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    if (!name)
        return (int)syscall(SYS_ioctl, fd, request, argument);
    return fails(name) ? -1 : answer(fd, request, argument);
}

unsigned played_n_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned n = 0;

    while (folder && readdir(folder))
        n++;
    if (folder)
        closedir(folder);
    return n;
}
