/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of the library goes through here, so that it is counted and
 * can be made to fail.
 */
#ifndef LIMEF_SRC_BASE_MEMORY_PRIVATE_H
#define LIMEF_SRC_BASE_MEMORY_PRIVATE_H

#include <limef/base/memory.h>

struct AVCodecParameters;
struct AVFrame;
struct AVPacket;

/* Zeroed memory, aligned to a cache line; NULL when there is none. */
void *memory_allocate(size_t bytes);

void memory_release(void *memory);

/*
 * Called before something is allocated by a library on this one's behalf:
 * counts it, and says whether the allocator would have given it.
 */
bool memory_permits(void);

/* Likewise before a reference to a counted buffer, which libavutil allocates as it does for each of
 * its own: not counted, as those are not. */
bool memory_permits_reference(void);

/* libavutil's constructors, counted and failing as the allocator does. */
struct AVPacket *memory_new_packet(void);
struct AVFrame *memory_new_av_frame(void);
struct AVCodecParameters *memory_new_codec_parameters(void);

#endif
