/* SPDX-License-Identifier: MIT */
/* A driver that the test plays: GL and EGL as far as pictures are imported. */
#ifndef LIMEF_TEST_GPU_PLAYED_DRIVER_H
#define LIMEF_TEST_GPU_PLAYED_DRIVER_H

#include "gpu/gl.h"

#include <limef/frame/hardware.h>

#include <stdbool.h>
#include <stdint.h>

/* The driver's answers, and what it was asked. */
extern struct played_driver {
    struct {
        uint32_t fourcc;
        uint64_t modifier;
        bool external;
    } listed[8];
    unsigned n_listed;
    unsigned fails_image; /* which eglCreateImage from now on fails; 0: none */
    bool refuses_fence;
    bool gives_no_fence;
    int n_images, n_textures, n_syncs, n_waits; /* alive, or so far */
    EGLint attributes[64];                      /* of the last image */
} driver;

/* A GL of the driver, with all extensions but native fences. */
struct gl driver_gl(void);

/* Lists a format of dma-bufs. */
void driver_list(uint32_t fourcc, uint64_t modifier, bool external);

/* A picture of 640x360 in a buffer without fences. */
struct limef_hardware_frame driver_frame(uint32_t fourcc, unsigned n_planes, uint64_t modifier);

#endif
