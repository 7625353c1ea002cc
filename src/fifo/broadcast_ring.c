/* SPDX-License-Identifier: MIT */
#include <limef/fifo/broadcast_ring.h>

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/error.h>
#include <string.h>

/* How often a read that was overtaken begins again. */
#define MAX_TRIES 3

int limef_broadcast_ring_init(struct limef_broadcast_ring *ring, limef_broadcast_word *words,
                              unsigned n_frames, unsigned n_channels)
{
    if (!words || n_frames < 4 || n_frames & (n_frames - 1) || n_channels < 1)
        return limef_fail(AVERROR(EINVAL), "broadcast ring", "%u frames of %u channels", n_frames,
                          n_channels);
    *ring = (struct limef_broadcast_ring){
        .words = words, .n_frames = n_frames, .n_channels = n_channels};
    return 0;
}

/* One sample of a word; the other half is the writer's own too. */
static void store_half(limef_broadcast_word *word, unsigned half, const float *sample)
{
    uint64_t value = atomic_load_explicit(word, memory_order_relaxed);

    memcpy((char *)&value + half * sizeof(float), sample, sizeof(float));
    atomic_store_explicit(word, value, memory_order_relaxed);
}

static void load_half(const limef_broadcast_word *word, unsigned half, float *sample)
{
    uint64_t value = atomic_load_explicit(word, memory_order_relaxed);

    memcpy(sample, (const char *)&value + half * sizeof(float), sizeof(float));
}

/* A stretch that does not go round the end, from the sample with the number `at`. */
static void store(limef_broadcast_word *words, size_t at, const float *samples, size_t n)
{
    limef_broadcast_word *word = words + at / 2;

    if (at & 1 && n) {
        store_half(word++, 1, samples++);
        n--;
    }
    for (; n >= 2; n -= 2, samples += 2) {
        uint64_t value;

        memcpy(&value, samples, sizeof(value));
        atomic_store_explicit(word++, value, memory_order_relaxed);
    }
    if (n)
        store_half(word, 0, samples);
}

static void load(const limef_broadcast_word *words, size_t at, float *samples, size_t n)
{
    const limef_broadcast_word *word = words + at / 2;

    if (at & 1 && n) {
        load_half(word++, 1, samples++);
        n--;
    }
    for (; n >= 2; n -= 2, samples += 2) {
        uint64_t value = atomic_load_explicit(word++, memory_order_relaxed);

        memcpy(samples, &value, sizeof(value));
    }
    if (n)
        load_half(word, 0, samples);
}

/* At most what is left to the end of the ring. */
static unsigned n_to_end(const struct limef_broadcast_ring *ring, uint64_t position,
                         unsigned n_frames)
{
    unsigned n = ring->n_frames - ((uint32_t)position & (ring->n_frames - 1));

    return n < n_frames ? n : n_frames;
}

static size_t sample_at(const struct limef_broadcast_ring *ring, uint64_t position)
{
    return (size_t)((uint32_t)position & (ring->n_frames - 1)) * ring->n_channels;
}

static void write_some(struct limef_broadcast_ring *ring, const float *samples, unsigned n_frames)
{
    uint64_t head = LIMEF_COUNTED(ring->head);
    unsigned n = n_to_end(ring, head, n_frames);

    atomic_store_explicit(&ring->reserved, head + n_frames, memory_order_relaxed);
    /* release: who sees a sample of these sees reserved; pairs with the fence of a reader */
    atomic_thread_fence(memory_order_release);
    store(ring->words, sample_at(ring, head), samples, (size_t)n * ring->n_channels);
    if (n < n_frames)
        store(ring->words, 0, samples + (size_t)n * ring->n_channels,
              (size_t)(n_frames - n) * ring->n_channels);
    /* release: the samples; pairs with the acquire of a reader */
    atomic_store_explicit(&ring->head, head + n_frames, memory_order_release);
}

void limef_broadcast_write(struct limef_broadcast_ring *ring, const float *samples,
                           unsigned n_frames)
{
    while (n_frames) {
        unsigned n = n_frames < ring->n_frames / 2 ? n_frames : ring->n_frames / 2;

        write_some(ring, samples, n);
        samples += (size_t)n * ring->n_channels;
        n_frames -= n;
    }
}

void limef_broadcast_reader_init(struct limef_broadcast_reader *reader,
                                 const struct limef_broadcast_ring *ring)
{
    *reader = (struct limef_broadcast_reader){
        .ring = ring, .position = atomic_load_explicit(&ring->head, memory_order_acquire)};
}

static void miss_until(struct limef_broadcast_reader *reader, uint64_t position)
{
    LIMEF_COUNT(reader->n_missed, position - reader->position);
    reader->position = position;
}

/* Copies n frames; returns how many of the first were overwritten meanwhile. */
static unsigned copy(const struct limef_broadcast_reader *reader, float *samples, unsigned n_frames)
{
    const struct limef_broadcast_ring *ring = reader->ring;
    unsigned n = n_to_end(ring, reader->position, n_frames);
    uint64_t intact;

    load(ring->words, sample_at(ring, reader->position), samples, (size_t)n * ring->n_channels);
    if (n < n_frames)
        load(ring->words, 0, samples + (size_t)n * ring->n_channels,
             (size_t)(n_frames - n) * ring->n_channels);
    /* acquire: if one of the samples was newer, reserved says so; pairs with the writer's fence */
    atomic_thread_fence(memory_order_acquire);
    intact = atomic_load_explicit(&ring->reserved, memory_order_relaxed);
    intact = intact > ring->n_frames ? intact - ring->n_frames : 0;
    if (intact <= reader->position)
        return 0;
    return intact - reader->position < n_frames ? (unsigned)(intact - reader->position) : n_frames;
}

unsigned limef_broadcast_read(struct limef_broadcast_reader *reader, float *samples,
                              unsigned n_frames)
{
    const struct limef_broadcast_ring *ring = reader->ring;
    size_t frame_bytes = ring->n_channels * sizeof(float);

    for (int i = 0; i < MAX_TRIES; i++) {
        /* acquire: the samples; pairs with the release of the writer */
        uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
        uint64_t n_waiting = head - reader->position;
        unsigned n, n_torn;

        if (n_waiting > ring->n_frames) { /* not the very oldest: they are overwritten next */
            miss_until(reader, head - ring->n_frames + ring->n_frames / 4);
            n_waiting = head - reader->position;
        }
        n = n_waiting < n_frames ? (unsigned)n_waiting : n_frames;
        if (!n)
            return 0;
        n_torn = copy(reader, samples, n);
        if (n_torn) {
            miss_until(reader, reader->position + n_torn);
            n -= n_torn;
            memmove(samples, samples + (size_t)n_torn * ring->n_channels, n * frame_bytes);
        }
        if (n) {
            reader->position += n;
            return n;
        }
    }
    return 0;
}

void limef_broadcast_skip(struct limef_broadcast_reader *reader, unsigned keep)
{
    /* acquire: pairs with the release of the writer */
    uint64_t head = atomic_load_explicit(&reader->ring->head, memory_order_acquire);
    uint64_t oldest = head > reader->ring->n_frames ? head - reader->ring->n_frames : 0;

    if (reader->position < oldest)
        miss_until(reader, oldest);
    if (head - reader->position > keep) {
        LIMEF_COUNT(reader->n_skipped, head - reader->position - keep);
        reader->position = head - keep;
    }
}

uint64_t limef_broadcast_waiting(const struct limef_broadcast_reader *reader)
{
    /* acquire: pairs with the release of the writer */
    return atomic_load_explicit(&reader->ring->head, memory_order_acquire) - reader->position;
}
