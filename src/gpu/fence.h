/* SPDX-License-Identifier: MIT */
/*
 * When a picture is written, and when it was drawn, as sync_files of the kernel: they are given to
 * the GPU or to the display, which wait for them where that is needed, and a CPU waits where
 * neither can. Needs nothing of the library: the KMS module has it as well.
 */
#ifndef LIMEF_SRC_GPU_FENCE_H
#define LIMEF_SRC_GPU_FENCE_H

#include "gpu/gl.h"

#include <stdint.h>

struct limef_hardware_frame;

/* How long a CPU waits for a picture that a driver has announced. */
#define FENCE_WAIT_MS 200

/* Who waited for fences that were not signalled yet. All-zero: nobody. */
struct fence_counts {
    uint64_t n_gpu, n_display, n_cpu;
    uint64_t n_late;     /* that were not signalled in time */
    const char *cpu_why; /* why a CPU waited last; lives forever. NULL: none did */
};

/* Whether who writes has done so: of a sync_file, or of a dma-buf itself. Memory without fences is
 * written. Never waits. */
bool fence_is_signalled(int fd);

/*
 * The fence that who reads a picture has to wait for, a sync_file, the caller's to close: the
 * picture's own, else of all who write into its buffers (DMA_BUF_IOCTL_EXPORT_SYNC_FILE, Linux 6.0;
 * SYNC_IOC_MERGE). -1: it is written; or the kernel cannot tell of each, and the buffers have to be
 * waited for.
 */
int fence_of_picture(const struct limef_hardware_frame *picture);

/*
 * What GL is told from now on is done when a picture is written.
 *
 * implicit  the picture's buffers may have fences.
 * 0; AVERROR(ETIMEDOUT): nobody has written it in time. Not logged.
 */
int fence_before_drawing(const struct gl *gl, const struct limef_hardware_frame *picture,
                         bool implicit, struct fence_counts *counts);

/*
 * When what GL was told is drawn. Begin before the commands are flushed, end behind it.
 *
 * end returns a sync_file, the caller's to close; -1: the driver has none.
 */
EGLSyncKHR fence_begin(const struct gl *gl);
int fence_end(const struct gl *gl, EGLSyncKHR sync);

#endif
