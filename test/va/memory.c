/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>

#define PAGE_BYTES 4096

static int retried_ioctl(int fd, unsigned long request, void *argument)
{
    int status;

    do
        status = ioctl(fd, request, argument);
    while (status < 0 && (errno == EINTR || errno == EAGAIN));
    return status;
}

static bool make_dumb(struct memory *memory, const char *node, unsigned n_rows)
{
    /* 32 bits a pixel: virtio-gpu takes no other */
    struct drm_mode_create_dumb dumb = {
        .width = memory->pitch_bytes / 4, .height = n_rows, .bpp = 32};

    if (node) {
        memory->card_fd = open(node, O_RDWR | O_CLOEXEC);
        memory->owns_card = true;
    }
    if (memory->card_fd < 0 || drmIoctl(memory->card_fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb) < 0)
        return false;
    memory->dumb_handle = dumb.handle;
    memory->pitch_bytes = dumb.pitch;
    memory->size = dumb.size;
    memory->is_dma_buf = true;
    return drmPrimeHandleToFD(memory->card_fd, dumb.handle, DRM_CLOEXEC | DRM_RDWR, &memory->fd) ==
           0;
}

static bool make_heap(struct memory *memory, const char *name)
{
    struct dma_heap_allocation_data allocation = {.len = memory->size,
                                                  .fd_flags = O_RDWR | O_CLOEXEC};
    char path[64];
    int heap, status;

    snprintf(path, sizeof(path), "/dev/dma_heap/%s", name ? name : "system");
    heap = open(path, O_RDWR | O_CLOEXEC);
    if (heap < 0)
        return false;
    status = retried_ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &allocation);
    close(heap);
    if (status < 0)
        return false;
    memory->fd = (int)allocation.fd;
    memory->is_dma_buf = true;
    return true;
}

static bool make_memfd(struct memory *memory, unsigned flags)
{
    memory->fd = memfd_create(MEMORY_NAME, MFD_CLOEXEC | flags);
    return memory->fd >= 0 && ftruncate(memory->fd, (off_t)memory->size) == 0;
}

static bool make_udmabuf(struct memory *memory)
{
    struct udmabuf_create create = {.flags = UDMABUF_FLAGS_CLOEXEC, .size = memory->size};
    int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
    int fd = -1;

    if (device < 0)
        return false;
    /* the kernel wants memory that cannot shrink */
    if (make_memfd(memory, MFD_ALLOW_SEALING) &&
        fcntl(memory->fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0) {
        create.memfd = (uint32_t)memory->fd;
        fd = retried_ioctl(device, UDMABUF_CREATE, &create);
    }
    if (memory->fd >= 0)
        close(memory->fd);
    close(device);
    memory->fd = fd;
    memory->is_dma_buf = true;
    return fd >= 0;
}

static bool make(struct memory *memory, const char *how, unsigned n_rows)
{
    const char *colon = strchr(how, ':');
    const char *rest = colon ? colon + 1 : NULL;

    if (!strcmp(how, "dumb") || !strncmp(how, "dumb:", 5))
        return make_dumb(memory, rest, n_rows);
    if (!strcmp(how, "heap") || !strncmp(how, "heap:", 5))
        return make_heap(memory, rest);
    if (!strcmp(how, "udmabuf"))
        return make_udmabuf(memory);
    if (!strcmp(how, "memfd"))
        return make_memfd(memory, 0);
    fprintf(stderr, "limef_drv_video: no such memory: %s\n", how);
    return false;
}

static bool open_as(struct memory *memory, const char *how, const struct memory *wanted,
                    unsigned n_rows)
{
    void *bytes;

    *memory = *wanted;
    if (make(memory, how, n_rows)) {
        bytes = mmap(NULL, memory->size, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
        if (bytes != MAP_FAILED) {
            memory->bytes = bytes;
            /* kernels without names for dma-bufs are as good */
            if (memory->is_dma_buf)
                ioctl(memory->fd, DMA_BUF_SET_NAME, MEMORY_NAME);
            return true;
        }
    }
    memory_clear(memory);
    return false;
}

bool memory_init(struct memory *memory, int card_fd, unsigned pitch_bytes, unsigned n_rows)
{
    static const char *const automatic[] = {"dumb", "udmabuf", "memfd"};
    const char *how = getenv("LIMEF_TEST_VA_MEMORY");
    size_t size = (size_t)pitch_bytes * n_rows;
    struct memory wanted = {.fd = -1,
                            .card_fd = card_fd,
                            .pitch_bytes = pitch_bytes,
                            .size = (size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES};

    if (how)
        return open_as(memory, how, &wanted, n_rows);
    for (unsigned i = 0; i < sizeof(automatic) / sizeof(*automatic); i++) {
        if (open_as(memory, automatic[i], &wanted, n_rows))
            return true;
    }
    return false;
}

void memory_clear(struct memory *memory)
{
    if (memory->bytes)
        munmap(memory->bytes, memory->size);
    if (memory->fd >= 0)
        close(memory->fd);
    if (memory->dumb_handle) {
        struct drm_mode_destroy_dumb destroy = {.handle = memory->dumb_handle};

        drmIoctl(memory->card_fd, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy);
    }
    if (memory->owns_card && memory->card_fd >= 0)
        close(memory->card_fd);
    *memory = (struct memory){.fd = -1, .card_fd = -1};
}

static void sync_access(const struct memory *memory, uint64_t flags)
{
    struct dma_buf_sync sync = {.flags = flags};

    if (memory->is_dma_buf)
        retried_ioctl(memory->fd, DMA_BUF_IOCTL_SYNC, &sync);
}

void memory_begin(const struct memory *memory, bool is_write)
{
    sync_access(memory, DMA_BUF_SYNC_START | (is_write ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ));
}

void memory_end(const struct memory *memory, bool is_write)
{
    sync_access(memory, DMA_BUF_SYNC_END | (is_write ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ));
}
