/* SPDX-License-Identifier: MIT */
#include <limef/fifo/sample_ring.h>

#include "fifo/futex.h"

#include <limef/base/log.h>

#include <errno.h>
#include <libavutil/error.h>
#include <string.h>

#define READING LIMEF_SAMPLE_RING_READING
/* Looks at tail before a writer takes the ring for full. A reader needs less than a microsecond for
 * what it has in hand; all looks together take some, and a reader that is kept from its processor
 * meanwhile takes longer than anybody can wait. */
#define MAX_LOOKS 64
#define LOOK_PAUSES 2

/* what is inline in the header, for who has no compiler for it */
extern inline unsigned limef_sample_ring_write(struct limef_sample_ring *ring, const float *samples,
                                               unsigned n_frames);
extern inline unsigned limef_sample_ring_read(struct limef_sample_ring *ring, float *samples,
                                              unsigned n_frames);

int limef_sample_ring_init(struct limef_sample_ring *ring, float *samples, unsigned n_frames,
                           unsigned n_channels)
{
    if (!samples || n_frames < 2 || n_frames & (n_frames - 1) || n_channels < 1 ||
        n_channels > LIMEF_SAMPLE_RING_MAX_CHANNELS)
        return limef_fail(AVERROR(EINVAL), "sample ring", "%u frames of %u channels", n_frames,
                          n_channels);
    *ring = (struct limef_sample_ring){
        .samples = samples, .n_frames = n_frames, .n_channels = n_channels};
    ring->to = ring->from = (struct limef_sample_memory){samples, n_frames, n_channels};
    return 0;
}

static void slice(const struct limef_sample_ring *ring, uint64_t position, unsigned n_frames,
                  struct limef_sample_slices *slices)
{
    uint32_t at = (uint32_t)position & (ring->n_frames - 1);
    uint32_t n_to_end = ring->n_frames - at;

    slices->first = ring->samples + (size_t)at * ring->n_channels;
    slices->n_first = n_frames < n_to_end ? n_frames : n_to_end;
    slices->second = ring->samples;
    slices->n_second = n_frames - slices->n_first;
}

static size_t frame_bytes(const struct limef_sample_ring *ring)
{
    return ring->n_channels * sizeof(float);
}

static unsigned n_used(const struct limef_sample_ring *ring)
{
    return (unsigned)(LIMEF_COUNTED(ring->head) - ring->tail_cache);
}

/* Makes room by dropping what is oldest. Returns how many frames there is room for. */
static unsigned make_room(struct limef_sample_ring *ring, unsigned n_frames)
{
    uint64_t tail;

    if (n_used(ring) + n_frames <= ring->n_frames)
        return n_frames;
    /* acquire: the reader is done with what is before tail; pairs with the release in end_read() */
    tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    for (int i = 0; i < MAX_LOOKS; i++) {
        unsigned missing;

        ring->tail_cache = tail >> 1;
        if (n_used(ring) + n_frames <= ring->n_frames)
            return n_frames;
        if (tail & READING) {
            cpu_relax_for(LOOK_PAUSES);
            tail = atomic_load_explicit(&ring->tail, memory_order_acquire); /* as above */
            continue;
        }
        missing = n_used(ring) + n_frames - ring->n_frames;
        /* release: head, which the new tail is not beyond; pairs with begin_read(). It fails if the
         * reader began, or came and went. */
        if (atomic_compare_exchange_strong_explicit(&ring->tail, &tail,
                                                    tail + 2 * (uint64_t)missing,
                                                    memory_order_acq_rel, memory_order_acquire)) {
            ring->tail_cache += missing;
            LIMEF_COUNT(ring->n_dropped, missing);
            return n_frames;
        }
    }
    return ring->n_frames - n_used(ring);
}

/* make_room(), and counts what is lost for it, old and new. */
static unsigned make_room_and_count(struct limef_sample_ring *ring, unsigned n_frames,
                                    unsigned *n_lost)
{
    uint64_t n_before = LIMEF_COUNTED(ring->n_dropped);
    unsigned n = make_room(ring, n_frames < ring->n_frames ? n_frames : ring->n_frames);

    *n_lost = (unsigned)(LIMEF_COUNTED(ring->n_dropped) - n_before) + n_frames - n;
    LIMEF_COUNT(ring->n_refused, n_frames - n);
    LIMEF_COUNT(ring->n_overflows, *n_lost > 0);
    return n;
}

unsigned limef_sample_ring_write_begin(struct limef_sample_ring *ring, unsigned n_frames,
                                       struct limef_sample_slices *slices)
{
    unsigned n_lost, n = make_room_and_count(ring, n_frames, &n_lost);

    slice(ring, LIMEF_COUNTED(ring->head), n, slices);
    return n;
}

void limef_sample_ring_write_end(struct limef_sample_ring *ring, unsigned n_frames)
{
    /* release: the samples; pairs with the acquire in begin_read() */
    atomic_store_explicit(&ring->head, LIMEF_COUNTED(ring->head) + n_frames, memory_order_release);
}

/* Into the ring. */
static void put_pieces(struct limef_sample_ring *ring, uint64_t position, const float *samples,
                       unsigned n_frames)
{
    struct limef_sample_slices slices;

    slice(ring, position, n_frames, &slices);
    memcpy(slices.first, samples, slices.n_first * frame_bytes(ring));
    memcpy(slices.second, samples + (size_t)slices.n_first * ring->n_channels,
           slices.n_second * frame_bytes(ring));
}

/* Out of it. */
static void get_pieces(const struct limef_sample_ring *ring, uint64_t position, float *samples,
                       unsigned n_frames)
{
    struct limef_sample_slices slices;

    slice(ring, position, n_frames, &slices);
    memcpy(samples, slices.first, slices.n_first * frame_bytes(ring));
    memcpy(samples + (size_t)slices.n_first * ring->n_channels, slices.second,
           slices.n_second * frame_bytes(ring));
}

unsigned limef_sample_ring_write_pieces(struct limef_sample_ring *ring, const float *samples,
                                        unsigned n_frames)
{
    unsigned n_most = n_frames < ring->n_frames ? n_frames : ring->n_frames;
    unsigned n_lost, n = make_room_and_count(ring, n_frames, &n_lost);

    put_pieces(ring, LIMEF_COUNTED(ring->head),
               samples + (size_t)(n_frames - n_most) * ring->n_channels, n);
    limef_sample_ring_write_end(ring, n);
    return n_lost;
}

unsigned limef_sample_ring_room(struct limef_sample_ring *ring)
{
    /* acquire: pairs with the release in end_read() */
    ring->tail_cache = atomic_load_explicit(&ring->tail, memory_order_acquire) >> 1;
    return ring->n_frames - n_used(ring);
}

/* From here on nothing is dropped until end_read(). Returns the reader's position. */
static inline uint64_t begin_read(struct limef_sample_ring *ring)
{
    /* acquire: head behind it is not before what the writer dropped up to; pairs with its
     * compare-and-swap */
    return atomic_fetch_add_explicit(&ring->tail, READING, memory_order_acquire) >> 1;
}

/* Behind begin_read(): how many frames there are. */
static inline uint64_t n_waiting(const struct limef_sample_ring *ring, uint64_t tail)
{
    /* acquire: the samples; pairs with the release of a write */
    return atomic_load_explicit(&ring->head, memory_order_acquire) - tail;
}

static inline void end_read(struct limef_sample_ring *ring, uint64_t position)
{
    /* release: whatever was done with the samples; pairs with make_room() */
    atomic_store_explicit(&ring->tail, 2 * position, memory_order_release);
}

unsigned limef_sample_ring_read_begin(struct limef_sample_ring *ring, unsigned n_frames,
                                      struct limef_sample_slices *slices)
{
    uint64_t tail = begin_read(ring), n_there = n_waiting(ring, tail);
    unsigned n = n_there < n_frames ? (unsigned)n_there : n_frames;

    slice(ring, tail, n, slices);
    return n;
}

void limef_sample_ring_read_end(struct limef_sample_ring *ring, unsigned n_frames)
{
    end_read(ring, limef_sample_ring_tail(ring) + n_frames);
}

void limef_sample_ring_count_silence(struct limef_sample_ring *ring, unsigned n_frames)
{
    LIMEF_COUNT(ring->n_silent, n_frames);
    LIMEF_COUNT(ring->n_underruns, 1);
}

/* There are only n frames. */
static void add_silence(struct limef_sample_ring *ring, float *samples, unsigned n,
                        unsigned n_frames)
{
    memset(samples + (size_t)n * ring->n_channels, 0, (n_frames - n) * frame_bytes(ring));
    limef_sample_ring_count_silence(ring, n_frames - n);
}

unsigned limef_sample_ring_read_pieces(struct limef_sample_ring *ring, float *samples,
                                       unsigned n_frames)
{
    uint64_t tail = limef_sample_ring_tail(ring), n_there = n_waiting(ring, tail);
    unsigned n = n_there < n_frames ? (unsigned)n_there : n_frames;

    get_pieces(ring, tail, samples, n);
    end_read(ring, tail + n);
    if (n < n_frames)
        add_silence(ring, samples, n, n_frames);
    return n;
}

unsigned limef_sample_ring_skip(struct limef_sample_ring *ring, unsigned keep)
{
    struct limef_sample_slices slices;
    unsigned n = limef_sample_ring_read_begin(ring, ring->n_frames, &slices);

    n = n > keep ? n - keep : 0;
    limef_sample_ring_read_end(ring, n);
    LIMEF_COUNT(ring->n_skipped, n);
    return n;
}

unsigned limef_sample_ring_skip_to(struct limef_sample_ring *ring, uint64_t position)
{
    struct limef_sample_slices slices;
    unsigned n = limef_sample_ring_read_begin(ring, ring->n_frames, &slices);
    uint64_t tail = limef_sample_ring_tail(ring);

    if (position < tail + n)
        n = position > tail ? (unsigned)(position - tail) : 0;
    limef_sample_ring_read_end(ring, n);
    LIMEF_COUNT(ring->n_skipped, n);
    return n;
}

unsigned limef_sample_ring_fill(const struct limef_sample_ring *ring)
{
    uint64_t tail = limef_sample_ring_tail(ring), head = limef_sample_ring_head(ring);
    uint64_t fill = head > tail ? head - tail : 0;

    /* the two were looked at one after the other */
    return (unsigned)(fill < ring->n_frames ? fill : ring->n_frames);
}

void limef_sample_ring_get_counters(const struct limef_sample_ring *ring,
                                    struct limef_sample_ring_counters *counters)
{
    *counters = (struct limef_sample_ring_counters){
        .n_written = LIMEF_COUNTED(ring->head),
        .n_dropped = LIMEF_COUNTED(ring->n_dropped),
        .n_refused = LIMEF_COUNTED(ring->n_refused),
        .n_overflows = LIMEF_COUNTED(ring->n_overflows),
        .n_skipped = LIMEF_COUNTED(ring->n_skipped),
        .n_silent = LIMEF_COUNTED(ring->n_silent),
        .n_underruns = LIMEF_COUNTED(ring->n_underruns),
    };
}
