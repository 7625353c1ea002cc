/* SPDX-License-Identifier: MIT */
/* Pictures of a decoder in hardware, copied to where a CPU reads them. */
#ifndef LIMEF_SRC_FRAME_DOWNLOAD_H
#define LIMEF_SRC_FRAME_DOWNLOAD_H

#include <stdint.h>

struct AVFrame;

/*
 * Copies the pixels of a picture for which limef_hardware_is(), of which those that are to be shown
 * are left.
 *
 * picture  written; what it had is used again if it fits, else replaced. Properties as the
 * source's. Returns the bytes that were moved, those of each pixel once or, by VA-API's driver and
 * libavutil, twice; AVERROR(ENOTSUP): neither the driver nor the CPU can read it; AVERROR(ENOMEM).
 * Not logged.
 */
int64_t download(struct AVFrame *picture, const struct AVFrame *from);

#endif
