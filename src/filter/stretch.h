/* SPDX-License-Identifier: MIT */
/*
 * What makes sound last longer or shorter: in a module in the folder "limef" beside this library,
 * since few processes need its library.
 */
#ifndef LIMEF_SRC_FILTER_STRETCH_H
#define LIMEF_SRC_FILTER_STRETCH_H

#include <stdint.h>

struct AVFrame;
struct stretch;

#define STRETCH_FILE "limef-tempo.so"
#define STRETCH_SYMBOL "limef_stretch"
#define STRETCH_ABI 2

struct stretch_ops {
    int abi;
    /* For blocks of the format, rate and layout of `like`; rate in thousandths, 500..2000. */
    int (*open)(struct stretch **stretch, const struct AVFrame *like, int32_t rate);
    /* Borrows a block; NULL: nothing follows. */
    int (*write)(struct stretch *stretch, const struct AVFrame *block);
    /* Moves what is ready into an empty frame. AVERROR(EAGAIN): write more; AVERROR_EOF.
     * position: written: of what was written so far, the frame that its first one is made of;
     * negative: not known. */
    int (*read)(struct stretch *stretch, struct AVFrame *block, double *position);
    void (*close)(struct stretch *stretch);
};

#endif
