/* SPDX-License-Identifier: MIT */
/*
 * Where surfaces lie. LIMEF_TEST_VA_MEMORY chooses:
 *
 *     dumb         a dumb buffer of the display's own DRM node, as a dma-buf
 *     dumb:NODE    of another card node (vgem, vkms, virtio-gpu), "/dev/dri/card1"
 *     heap[:NAME]  a dma-heap, "system" if not named
 *     udmabuf      a dma-buf over a memfd
 *     memfd        a memfd: no dma-buf, but Mesa's software drivers take it for one
 *
 * Unset: the first of dumb, udmabuf and memfd that works.
 */
#ifndef LIMEF_TEST_VA_MEMORY_H
#define LIMEF_TEST_VA_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* /proc/self/fd says "/memfd:" or "/dmabuf:" and this of each descriptor of such memory. */
#define MEMORY_NAME "limef_va_surface"

struct memory {
    int fd;
    uint8_t *bytes;
    size_t size;
    unsigned pitch_bytes;
    bool is_dma_buf;
    uint32_t dumb_handle; /* 0: no dumb buffer */
    int card_fd;          /* of the dumb buffer */
    bool owns_card;
};

/* pitch_bytes: at least, a multiple of 4. card_fd: of the display; -1: none.
 * @return false: nothing that is allowed works */
bool memory_init(struct memory *memory, int card_fd, unsigned pitch_bytes, unsigned n_rows);

void memory_clear(struct memory *memory);

/* Around each access by the CPU. */
void memory_begin(const struct memory *memory, bool is_write);
void memory_end(const struct memory *memory, bool is_write);

#endif
