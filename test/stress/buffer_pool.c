/* SPDX-License-Identifier: MIT */
/*
 * Several decoders' threads borrow buffers of different sizes and hand them on
 * to be released elsewhere, while the keeper makes what was missed, and
 * exchanges what is not lent: nobody ever has what another one has.
 */
#include "frame/buffer_pool.h"
#include "stress.h"

#include <libavutil/buffer.h>

#define N_BORROWERS 3
#define N_ROUNDS 20000
#define N_KEPT 6 /* as many as a decoder refers to */
#define MAX_BUFFERS 10
#define STEP_BYTES 512

static struct buffer_pool *pool;
static atomic_uint n_running = N_BORROWERS;
/* passed from thread to thread: released by another one than the borrower */
static _Atomic(AVBufferRef *) passed;

static void write_all(AVBufferRef *ref, size_t bytes, uint32_t value)
{
    for (size_t i = 0; i < bytes / sizeof(value); i++)
        ((uint32_t *)(void *)ref->data)[i] = value;
}

static void check_all(const AVBufferRef *ref, size_t bytes, uint32_t value)
{
    for (size_t i = 0; i < bytes / sizeof(value); i++)
        CHECK(((const uint32_t *)(const void *)ref->data)[i] == value);
}

static void *borrow(void *context)
{
    uint32_t me = (uint32_t)(uintptr_t)context, random = me * 77 + 1;
    struct {
        AVBufferRef *ref;
        size_t bytes;
        uint32_t value;
    } kept[N_KEPT] = {{0}};
    uintptr_t n_lent = 0;

    for (uint32_t round = 0; round < N_ROUNDS; round++) {
        unsigned i = round % N_KEPT;
        const char *why = NULL;

        if (kept[i].ref) {
            check_all(kept[i].ref, kept[i].bytes, kept[i].value);
            kept[i].ref = atomic_exchange_explicit(&passed, kept[i].ref, memory_order_acq_rel);
            av_buffer_unref(&kept[i].ref);
        }
        kept[i].bytes = STEP_BYTES * (1 + next_random(&random) % 4);
        kept[i].value = me << 24 | round;
        kept[i].ref = pool->source.get(&pool->source, kept[i].bytes, &why);
        CHECK(!kept[i].ref == (why != NULL));
        if (kept[i].ref) {
            write_all(kept[i].ref, kept[i].bytes, kept[i].value);
            n_lent++;
        }
    }
    for (unsigned i = 0; i < N_KEPT; i++)
        av_buffer_unref(&kept[i].ref);
    atomic_fetch_sub_explicit(&n_running, 1, memory_order_relaxed);
    return (void *)n_lent;
}

static struct buffer *place_of(unsigned *n_made)
{
    struct buffer *place;

    if (*n_made < MAX_BUFFERS) {
        ++*n_made;
        return buffer_pool_vacant(pool);
    }
    place = buffer_pool_take_back(pool, SIZE_MAX);
    if (place)
        free(place->data);
    return place;
}

static void add(struct buffer *place, size_t bytes)
{
    uint8_t *data = aligned_alloc(LIMEF_BUFFER_ALIGN_BYTES, bytes);

    CHECK(data);
    buffer_pool_add(place, data, bytes, 0);
}

int main(void)
{
    pthread_t borrowers[N_BORROWERS];
    unsigned n_made = 0, n_exchanged = 0;
    uintptr_t n_lent = 0;
    struct buffer *buffer;
    AVBufferRef *last;

    pool = buffer_pool_create();
    CHECK(pool);
    while (n_made < MAX_BUFFERS / 2)
        add(place_of(&n_made), 4 * STEP_BYTES);
    for (uintptr_t i = 0; i < N_BORROWERS; i++)
        CHECK(!pthread_create(&borrowers[i], NULL, borrow, (void *)(i + 1)));
    while (atomic_load_explicit(&n_running, memory_order_relaxed)) {
        size_t bytes = buffer_pool_next_missed(pool);

        buffer = bytes ? place_of(&n_made) : NULL;
        if (!buffer)
            continue;
        n_exchanged++;
        add(buffer, bytes);
    }
    for (int i = 0; i < N_BORROWERS; i++)
        n_lent += (uintptr_t)must_join(borrowers[i]);
    last = atomic_load_explicit(&passed, memory_order_acquire);
    av_buffer_unref(&last);
    CHECK(buffer_pool_n_lent(pool) == 0);
    while ((buffer = buffer_pool_take_back(pool, SIZE_MAX)))
        free(buffer->data);
    buffer_pool_unref(pool);
    CHECK(n_lent > 0);
    printf("%d requests, %llu answered from %u buffers, %u made or exchanged meanwhile\n",
           N_BORROWERS * N_ROUNDS, (unsigned long long)n_lent, n_made, n_exchanged);
    return 0;
}
