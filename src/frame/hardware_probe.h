/* SPDX-License-Identifier: MIT */
#ifndef LIMEF_SRC_FRAME_HARDWARE_PROBE_H
#define LIMEF_SRC_FRAME_HARDWARE_PROBE_H

struct AVBufferRef;

/*
 * Has a device decode a small picture, and compares every pixel with what libavcodec makes of it.
 * Returns 0: it is right, or the device does not know H.264; AVERROR(EIO): it is not;
 * AVERROR(ENOMEM).
 */
int hardware_probe(struct AVBufferRef *device);

#endif
