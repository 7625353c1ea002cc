/* SPDX-License-Identifier: MIT */
#include "frame/dmabuf.h"

#include <drm.h>
#include <drm_mode.h>
#include <errno.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <libavutil/macros.h>
#include <limef/base/clock.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define MAX_CARDS 16
#define N_READS 8
/* Memory that is not cached is read some fifty times as slowly as what a cache has. */
#define SLOW 8

const char *dmabuf_kind_name(enum dmabuf_kind kind)
{
    static const char *const names[] = {
        [DMABUF_UDMABUF] = "udmabuf",
        [DMABUF_HEAP] = "dma-heap",
        [DMABUF_DUMB] = "dumb",
        [DMABUF_MEMFD] = "memfd",
    };

    return names[kind];
}

static int call(int fd, unsigned long request, void *argument)
{
    int ret;

    do
        ret = ioctl(fd, request, argument);
    while (ret < 0 && (errno == EINTR || errno == EAGAIN));
    return ret < 0 ? AVERROR(errno) : ret;
}

/* Rows of a page: what is drawn there is not meant to be looked at as it is. */
static int make_dumb(int card_fd, size_t bytes)
{
    struct drm_mode_create_dumb dumb = {
        .width = PAGE_BYTES, .height = (uint32_t)(bytes / PAGE_BYTES), .bpp = 8};
    struct drm_prime_handle prime = {.flags = DRM_CLOEXEC | DRM_RDWR};
    struct drm_mode_destroy_dumb destroy;
    int ret = call(card_fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb);

    if (ret < 0)
        return ret;
    prime.handle = destroy.handle = dumb.handle;
    ret =
        dumb.size >= bytes ? call(card_fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime) : AVERROR(ENOTSUP);
    call(card_fd, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy); /* the descriptor keeps it */
    return ret < 0 ? ret : prime.fd;
}

/* It cannot be made smaller: udmabuf insists, and whoever gets the descriptor of an export could
 * end this process with SIGBUS. */
static int make_memfd(size_t bytes)
{
    int fd = memfd_create("limef picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return AVERROR(errno);
    if (ftruncate(fd, (off_t)bytes) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0) {
        int ret = AVERROR(errno);

        close(fd);
        return ret;
    }
    return fd;
}

static int make_udmabuf(int device_fd, size_t bytes)
{
    int fd, memfd = make_memfd(bytes);
    struct udmabuf_create create = {.flags = UDMABUF_FLAGS_CLOEXEC, .size = bytes};

    if (memfd < 0)
        return memfd;
    create.memfd = (uint32_t)memfd;
    fd = call(device_fd, UDMABUF_CREATE, &create);
    close(memfd); /* the dma-buf keeps its pages */
    return fd;
}

static int make_of_heap(int device_fd, size_t bytes)
{
    struct dma_heap_allocation_data allocation = {.len = bytes, .fd_flags = O_RDWR | O_CLOEXEC};
    int ret = call(device_fd, DMA_HEAP_IOCTL_ALLOC, &allocation);

    return ret < 0 ? ret : (int)allocation.fd;
}

static int make_fd(const struct dmabuf_source *source, size_t bytes)
{
    switch (source->kind) {
    case DMABUF_UDMABUF:
        return make_udmabuf(source->device_fd, bytes);
    case DMABUF_HEAP:
        return make_of_heap(source->device_fd, bytes);
    case DMABUF_DUMB:
        return make_dumb(source->device_fd, bytes);
    default:
        return make_memfd(bytes);
    }
}

/* The first display that has dumb buffers. */
static int open_card(void)
{
    for (int i = 0; i < MAX_CARDS; i++) {
        struct drm_get_cap has = {.capability = DRM_CAP_DUMB_BUFFER};
        char path[32];
        int fd;

        snprintf(path, sizeof(path), "/dev/dri/card%d", i);
        fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd >= 0 && call(fd, DRM_IOCTL_GET_CAP, &has) >= 0 && has.value)
            return fd;
        if (fd >= 0)
            close(fd);
    }
    return -1;
}

int dmabuf_source_open(struct dmabuf_source *source, enum dmabuf_kind kind, const char *path)
{
    static const char *const usual[] = {"/dev/udmabuf", "/dev/dma_heap/system"};

    *source = (struct dmabuf_source){.kind = kind, .device_fd = -1, .opened = true};
    if (kind == DMABUF_MEMFD)
        return 0;
    if (kind == DMABUF_DUMB && !path)
        source->device_fd = open_card();
    else
        source->device_fd = open(path ? path : usual[kind], O_RDWR | O_CLOEXEC);
    if (source->device_fd >= 0)
        return 0;
    *source = (struct dmabuf_source){0};
    return AVERROR(ENODEV);
}

int dmabuf_source_open_card(struct dmabuf_source *source, int card_fd)
{
    int fd = fcntl(card_fd, F_DUPFD_CLOEXEC, 0);

    if (fd < 0)
        return AVERROR(ENODEV);
    *source = (struct dmabuf_source){.kind = DMABUF_DUMB, .device_fd = fd, .opened = true};
    return 0;
}

void dmabuf_source_close(struct dmabuf_source *source)
{
    if (source->opened && source->device_fd >= 0)
        close(source->device_fd);
    *source = (struct dmabuf_source){0};
}

/* The file system of what has no inode of its own, as an eventfd; 0: not known. */
static uint64_t anonymous_device(void)
{
    /* relaxed: whoever finds it out finds the same */
    static LIMEF_ATOMIC(uint64_t) known;
    uint64_t device = atomic_load_explicit(&known, memory_order_relaxed);
    struct stat about;
    int fd;

    if (device)
        return device;
    fd = eventfd(0, EFD_CLOEXEC);
    if (fd >= 0 && fstat(fd, &about) == 0)
        device = about.st_dev;
    if (fd >= 0)
        close(fd);
    atomic_store_explicit(&known, device, memory_order_relaxed);
    return device;
}

int dmabuf_inode(int fd, uint64_t *inode)
{
    struct stat about;

    if (fstat(fd, &about) < 0)
        return AVERROR(errno);
    *inode = about.st_dev == anonymous_device() ? 0 : about.st_ino;
    return 0;
}

/* A GL that renders by the CPU maps the memfd to write, so that this cannot be sealed. Whoever has
 * the other descriptor, and is not its owner, cannot open it anew to write either. */
static int open_to_read(int memfd)
{
    char path[32];
    int fd;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
    fd = fchmod(memfd, S_IRUSR) < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? AVERROR(errno) : fd;
}

int dmabuf_make(const struct dmabuf_source *source, struct dmabuf *dmabuf, size_t bytes)
{
    struct dmabuf made = {.bytes = FFALIGN(bytes, PAGE_BYTES),
                          .wants_sync = source->kind != DMABUF_MEMFD};
    int ret;

    made.fd = made.reading_fd = make_fd(source, made.bytes);
    if (made.fd < 0)
        return made.fd;
    made.data = mmap(NULL, made.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, made.fd, 0);
    if (made.data == MAP_FAILED) {
        ret = AVERROR(errno);
        close(made.fd);
        return ret;
    }
    ret = dmabuf_inode(made.fd, &made.inode);
    if (ret >= 0 && source->kind == DMABUF_MEMFD) {
        ret = open_to_read(made.fd);
        made.reading_fd = ret < 0 ? made.fd : ret;
    }
    if (ret < 0)
        dmabuf_clear(&made);
    *dmabuf = made;
    return FFMIN(ret, 0);
}

void dmabuf_clear(struct dmabuf *dmabuf)
{
    if (dmabuf->bytes) {
        munmap(dmabuf->data, dmabuf->bytes);
        if (dmabuf->reading_fd != dmabuf->fd)
            close(dmabuf->reading_fd);
        close(dmabuf->fd);
    }
    *dmabuf = (struct dmabuf){0};
}

/* The shortest of several times: the others are the scheduler's. */
static int64_t reading_us(const void *from)
{
    const volatile uint64_t *words = from; /* each is read, though nobody wants it */
    int64_t shortest_us = INT64_MAX;

    for (int i = 0; i < N_READS; i++) {
        int64_t begun_us = limef_now_us();

        for (size_t k = 0; k < DMABUF_TRIAL_BYTES / sizeof(words[0]); k++)
            (void)words[k];
        shortest_us = FFMIN(shortest_us, limef_now_us() - begun_us);
    }
    return shortest_us;
}

bool dmabuf_is_slow_to_read(const struct dmabuf *dmabuf)
{
    static const uint64_t ordinary[DMABUF_TRIAL_BYTES / sizeof(uint64_t)];

    return reading_us(dmabuf->data) > SLOW * FFMAX(reading_us(ordinary), 1);
}

static int sync_cpu(int fd, uint64_t flags)
{
    struct dma_buf_sync sync = {.flags = flags};

    return call(fd, DMA_BUF_IOCTL_SYNC, &sync);
}

int dmabuf_begin_cpu(const struct dmabuf *dmabuf)
{
    return dmabuf->wants_sync ? sync_cpu(dmabuf->fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW) : 0;
}

int dmabuf_end_cpu(const struct dmabuf *dmabuf)
{
    return dmabuf->wants_sync ? sync_cpu(dmabuf->fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW) : 0;
}

/* Not every descriptor is a dma-buf's: a memfd has no such words, and needs none. */
static int sync_reading(int fd, uint64_t flags)
{
    int ret = sync_cpu(fd, flags | DMA_BUF_SYNC_READ);

    return ret == AVERROR(ENOTTY) ? 0 : ret;
}

int dmabuf_begin_reading(int fd)
{
    return sync_reading(fd, DMA_BUF_SYNC_START);
}

int dmabuf_end_reading(int fd)
{
    return sync_reading(fd, DMA_BUF_SYNC_END);
}
