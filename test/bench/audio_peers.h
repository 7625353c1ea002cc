/* SPDX-License-Identifier: MIT */
/* Rings that carry blocks of sound, behind the same three calls. */
#ifndef LIMEF_TEST_BENCH_AUDIO_PEERS_H
#define LIMEF_TEST_BENCH_AUDIO_PEERS_H

#include <stdbool.h>

#define AUDIO_BLOCK_FRAMES 64
#define AUDIO_BLOCK_FLOATS (2 * AUDIO_BLOCK_FRAMES)
#define AUDIO_BLOCK_BYTES (AUDIO_BLOCK_FLOATS * sizeof(float))
#define AUDIO_RING_BLOCKS 64

struct audio_peer {
    const char *name;
    void *(*make)(void);
    void (*write)(void *ring, const float *block);
    bool (*read)(void *ring, float *block);
};

/* "limef", "limef-called", "jack", "portaudio", "ck", "deque", "copy", "nothing"; NULL: not in
 * this build. */
const struct audio_peer *audio_peer_find(const char *name);

#endif
