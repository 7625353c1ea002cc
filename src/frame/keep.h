/* SPDX-License-Identifier: MIT */
/* Keeping a picture whose frame nobody counts. */
#ifndef LIMEF_SRC_FRAME_KEEP_H
#define LIMEF_SRC_FRAME_KEEP_H

#include <stdint.h>

struct AVFrame;

/*
 * Keeps a picture: a surface of hardware by reference, for it counts those by itself, anything else
 * by a copy of its pixels and of what they mean. Memory of the right size is used again.
 *
 * kept          written; owned by the caller; NULL in it at first.
 * copied_bytes  written.
 * Returns 0, or an error: what is in kept then is not to be used, but may be given again.
 */
int keep_picture(struct AVFrame **kept, const struct AVFrame *picture, uint64_t *copied_bytes);

#endif
