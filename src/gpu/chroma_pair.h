/* SPDX-License-Identifier: MIT */
/*
 * The two chroma planes of a picture in one texture: where the CPU renders, interpolating two
 * channels of a texture costs as much as one, which is more than to put them together.
 */
#ifndef LIMEF_SRC_GPU_CHROMA_PAIR_H
#define LIMEF_SRC_GPU_CHROMA_PAIR_H

#include "gpu/programs.h"
#include "gpu/textures.h"

/*
 * Draws planes 1 and 2 of what the textures show into their pair, unless it is in there; program is
 * PROGRAM_PAIR. The framebuffer is bound again as it was; the viewport is left at the pair's size.
 * False: this GL cannot, and is not asked again for that size.
 */
bool chroma_pair_fill(struct textures *textures, const struct gl *gl,
                      const struct program *program);

/* All-zero does nothing; leaves all-zero. */
void chroma_pair_clear(struct chroma_pair *pair, const struct gl *gl);

#endif
