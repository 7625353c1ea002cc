/* SPDX-License-Identifier: MIT */
#include "audio_peers.h"

#include <limef/fifo/sample_ring.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void *make_limef(void)
{
    struct limef_sample_ring *ring = aligned_alloc(LIMEF_CACHE_LINE_BYTES, sizeof(*ring));
    float *samples = calloc(AUDIO_RING_BLOCKS, AUDIO_BLOCK_BYTES);

    if (limef_sample_ring_init(ring, samples, AUDIO_RING_BLOCKS * AUDIO_BLOCK_FRAMES, 2) < 0)
        abort();
    return ring;
}

static void write_limef(void *ring, const float *block)
{
    limef_sample_ring_write(ring, block, AUDIO_BLOCK_FRAMES);
}

static bool read_limef(void *ring, float *block)
{
    return limef_sample_ring_read(ring, block, AUDIO_BLOCK_FRAMES) == AUDIO_BLOCK_FRAMES;
}

/* Its functions of the library, as who has no compiler for the header calls them. */
static unsigned (*volatile write_in_library)(struct limef_sample_ring *, const float *,
                                             unsigned) = limef_sample_ring_write;
static unsigned (*volatile read_in_library)(struct limef_sample_ring *, float *,
                                            unsigned) = limef_sample_ring_read;

static void write_called(void *ring, const float *block)
{
    write_in_library(ring, block, AUDIO_BLOCK_FRAMES);
}

static bool read_called(void *ring, float *block)
{
    return read_in_library(ring, block, AUDIO_BLOCK_FRAMES) == AUDIO_BLOCK_FRAMES;
}

/* No ring: what any would take to copy a block that another thread wrote, each side knowing where
 * it is by itself. Where they do not take turns a block may be torn, which nobody looks at. */
struct copy {
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES) unsigned n_written;
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES) unsigned n_read;
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES) float blocks[AUDIO_RING_BLOCKS][AUDIO_BLOCK_FLOATS];
};

static void *make_copy(void)
{
    struct copy *copy = aligned_alloc(LIMEF_CACHE_LINE_BYTES, sizeof(*copy));

    memset(copy, 0, sizeof(*copy));
    return copy;
}

static void write_copy(void *ring, const float *block)
{
    struct copy *copy = ring;

    memcpy(copy->blocks[copy->n_written++ % AUDIO_RING_BLOCKS], block, AUDIO_BLOCK_BYTES);
}

static bool read_copy(void *ring, float *block)
{
    struct copy *copy = ring;

    memcpy(block, copy->blocks[copy->n_read++ % AUDIO_RING_BLOCKS], AUDIO_BLOCK_BYTES);
    return true;
}

/* Nothing: what the clock itself takes. */
static void write_nothing(void *ring, const float *block)
{
    (void)ring;
    (void)block;
}

static bool read_nothing(void *ring, float *block)
{
    (void)ring;
    (void)block;
    return true;
}

/* As a std::deque behind a std::mutex: a block is allocated and freed for each. */
struct deque {
    pthread_mutex_t lock;
    struct deque_block {
        struct deque_block *next;
        float samples[AUDIO_BLOCK_FLOATS];
    } * first, **end;
};

static void *make_deque(void)
{
    struct deque *deque = calloc(1, sizeof(*deque));

    pthread_mutex_init(&deque->lock, NULL);
    deque->end = &deque->first;
    return deque;
}

static void write_deque(void *ring, const float *samples)
{
    struct deque *deque = ring;
    struct deque_block *block;

    pthread_mutex_lock(&deque->lock);
    block = malloc(sizeof(*block));
    memcpy(block->samples, samples, AUDIO_BLOCK_BYTES);
    block->next = NULL;
    *deque->end = block;
    deque->end = &block->next;
    pthread_mutex_unlock(&deque->lock);
}

static bool read_deque(void *ring, float *samples)
{
    struct deque *deque = ring;
    struct deque_block *block;

    pthread_mutex_lock(&deque->lock);
    block = deque->first;
    if (block) {
        memcpy(samples, block->samples, AUDIO_BLOCK_BYTES);
        deque->first = block->next;
        if (!deque->first)
            deque->end = &deque->first;
        free(block);
    }
    pthread_mutex_unlock(&deque->lock);
    return block != NULL;
}

#if BENCH_HAS_JACK
#include <jack/ringbuffer.h>

static void *make_jack(void)
{
    return jack_ringbuffer_create(AUDIO_RING_BLOCKS * AUDIO_BLOCK_BYTES);
}

static void write_jack(void *ring, const float *block)
{
    jack_ringbuffer_write(ring, (const char *)block, AUDIO_BLOCK_BYTES);
}

static bool read_jack(void *ring, float *block)
{
    return jack_ringbuffer_read(ring, (char *)block, AUDIO_BLOCK_BYTES) == AUDIO_BLOCK_BYTES;
}
#endif

#if BENCH_HAS_PORTAUDIO
#include <pa_ringbuffer.h>

static void *make_portaudio(void)
{
    PaUtilRingBuffer *ring = calloc(1, sizeof(*ring));

    if (PaUtil_InitializeRingBuffer(ring, 2 * sizeof(float), AUDIO_RING_BLOCKS * AUDIO_BLOCK_FRAMES,
                                    calloc(AUDIO_RING_BLOCKS, AUDIO_BLOCK_BYTES)))
        abort();
    return ring;
}

static void write_portaudio(void *ring, const float *block)
{
    PaUtil_WriteRingBuffer(ring, block, AUDIO_BLOCK_FRAMES);
}

static bool read_portaudio(void *ring, float *block)
{
    return PaUtil_ReadRingBuffer(ring, block, AUDIO_BLOCK_FRAMES) == AUDIO_BLOCK_FRAMES;
}
#endif

#if BENCH_HAS_CK
#include <ck_ring.h>

struct ck_block {
    float samples[AUDIO_BLOCK_FLOATS];
};

CK_RING_PROTOTYPE(block, ck_block)

struct ck {
    ck_ring_t ring;
    struct ck_block blocks[AUDIO_RING_BLOCKS];
};

static void *make_ck(void)
{
    struct ck *ck = aligned_alloc(64, (sizeof(*ck) + 63) & ~(size_t)63);

    memset(ck, 0, sizeof(*ck));
    ck_ring_init(&ck->ring, AUDIO_RING_BLOCKS);
    return ck;
}

static void write_ck(void *ring, const float *samples)
{
    struct ck *ck = ring;

    CK_RING_ENQUEUE_SPSC(block, &ck->ring, ck->blocks, (struct ck_block *)(uintptr_t)samples);
}

static bool read_ck(void *ring, float *samples)
{
    struct ck *ck = ring;

    return CK_RING_DEQUEUE_SPSC(block, &ck->ring, ck->blocks, (struct ck_block *)(void *)samples);
}
#endif

static const struct audio_peer peers[] = {
    {"limef", make_limef, write_limef, read_limef},
    {"deque", make_deque, write_deque, read_deque},
    {"copy", make_copy, write_copy, read_copy},
    {"nothing", make_copy, write_nothing, read_nothing},
    {"limef-called", make_limef, write_called, read_called},
#if BENCH_HAS_JACK
    {"jack", make_jack, write_jack, read_jack},
#endif
#if BENCH_HAS_PORTAUDIO
    {"portaudio", make_portaudio, write_portaudio, read_portaudio},
#endif
#if BENCH_HAS_CK
    {"ck", make_ck, write_ck, read_ck},
#endif
};

const struct audio_peer *audio_peer_find(const char *name)
{
    for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
        if (!strcmp(peers[i].name, name))
            return &peers[i];
    return NULL;
}
