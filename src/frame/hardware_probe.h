/* SPDX-License-Identifier: MIT */
#ifndef LIMEF_SRC_FRAME_HARDWARE_PROBE_H
#define LIMEF_SRC_FRAME_HARDWARE_PROBE_H

struct AVBufferRef;
struct AVCodec;

/*
 * Has a device decode a small picture, and compares every pixel with what libavcodec makes of it.
 * Returns 0: it is right, or the device does not know H.264; AVERROR(EIO): it is not;
 * AVERROR(ENOMEM).
 */
int hardware_probe(struct AVBufferRef *device);

/* Likewise a decoder of H.264 that needs no device. Returns 0, or a negative AVERROR code. */
int hardware_probe_decoder(const struct AVCodec *decoder);

#endif
