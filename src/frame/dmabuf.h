/* SPDX-License-Identifier: MIT */
/*
 * Memory that the CPU writes and others read through a descriptor: the GPU as
 * a texture, a display as a plane, another process.
 */
#ifndef LIMEF_SRC_FRAME_DMABUF_H
#define LIMEF_SRC_FRAME_DMABUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct AVFrame;
struct limef_hardware_frame;

/* Where it comes from. */
enum dmabuf_kind {
    DMABUF_UDMABUF, /* pages of a memfd: /dev/udmabuf */
    DMABUF_HEAP,    /* /dev/dma_heap/system */
    DMABUF_DUMB,    /* a dumb buffer of a display, /dev/dri/card...; reading it may be slow */
    DMABUF_MEMFD,   /* no dma-buf: for an OpenGL that renders by the CPU and maps it */
    DMABUF_N_KINDS,
};

/* All-zero makes nothing. */
struct dmabuf_source {
    enum dmabuf_kind kind;
    int device_fd;
    bool opened;
};

/* bytes 0: none. */
struct dmabuf {
    int fd;
    int reading_fd; /* for other processes; of a memfd one that cannot write, else fd */
    uint8_t *data;  /* mapped for the CPU, on a page boundary */
    size_t bytes;
    uint64_t inode; /* dmabuf_inode() of fd */
    bool wants_sync;
};

/* What people call it. */
const char *dmabuf_kind_name(enum dmabuf_kind kind);

/*
 * path  of the device; NULL: the usual one.
 * 0, or AVERROR(ENODEV): it is not here. Not logged.
 */
int dmabuf_source_open(struct dmabuf_source *source, enum dmabuf_kind kind, const char *path);
/* Likewise dumb buffers of a card that somebody has open: borrowed, and kept by a descriptor of its
 * own. */
int dmabuf_source_open_card(struct dmabuf_source *source, int card_fd);
void dmabuf_source_close(struct dmabuf_source *source);

/* Makes one of whole pages. 0, or a negative AVERROR code, not logged. */
int dmabuf_make(const struct dmabuf_source *source, struct dmabuf *dmabuf, size_t bytes);

/* All-zero does nothing; leaves all-zero. Who else has the memory keeps it. */
void dmabuf_clear(struct dmabuf *dmabuf);

/* So much has to be there. */
#define DMABUF_TRIAL_BYTES 65536
/*
 * Whether the CPU reads it much more slowly than ordinary memory: that of a card often is not
 * cached. Decoders read what they wrote, for the pictures that refer to it. Found out by reading.
 */
bool dmabuf_is_slow_to_read(const struct dmabuf *dmabuf);

/*
 * Around what the CPU does with it (DMA_BUF_IOCTL_SYNC); does nothing where caches need no care.
 * 0, or a negative AVERROR code, not logged: what one of the two has written the other may not see.
 */
int dmabuf_begin_cpu(const struct dmabuf *dmabuf);
int dmabuf_end_cpu(const struct dmabuf *dmabuf);

/* Likewise around what the CPU reads of a descriptor from anywhere; does nothing for a memfd. */
int dmabuf_begin_reading(int fd);
int dmabuf_end_reading(int fd);

/* Why nothing can be remembered of a buffer. */
#define DMABUF_WITHOUT_INODE "the kernel does not tell buffers apart: from Linux 5.3 on it does"

/*
 * Finds the number that names the buffer behind a descriptor as long as anybody has it; 0: before
 * Linux 5.3 all dma-bufs have one and the same. 0, or a negative AVERROR code, not logged. Any
 * thread.
 */
int dmabuf_inode(int fd, uint64_t *inode);

/*
 * Describes a picture that was decoded by software into a dma-buf or memfd of a presenter. What
 * the CPU did with it is over then. fourcc is 0 if the kernel has no name for its format.
 *
 * 0; AVERROR(ENOSYS): it lies in other memory; another negative AVERROR code: who reads the buffer
 * may not see what the CPU wrote, which is there for the CPU. Not logged. Valid as long as the
 * picture is referenced. Any thread.
 */
int dmabuf_frame_map(struct limef_hardware_frame *hardware, const struct AVFrame *picture);

/* Likewise for other processes: a memfd's descriptors cannot write. A GL that renders by the CPU
 * wants to. */
int dmabuf_frame_map_to_read(struct limef_hardware_frame *hardware, const struct AVFrame *picture);

#endif
