/* SPDX-License-Identifier: MIT */
/*
 * Several decoders' threads borrow buffers of different sizes and hand them on
 * to be released elsewhere, while the keeper makes what was missed, and
 * exchanges what is not lent: nobody ever has what another one has. Then who
 * misses one makes it at once, in memory with a descriptor, of which there is
 * none now and then, while keepers come and go.
 */
#include "frame/buffer_keeper.h"
#include "stress.h"

#include <libavutil/buffer.h>
#include <libavutil/error.h>
#include <libavutil/frame.h>
#include <limef/base/log.h>
#include <sched.h>

#define N_BORROWERS 3
#define N_KEPT 6 /* as many as a decoder refers to */
#define MAX_BUFFERS 10
#define FAILING_CALL 5 /* each such one finds no memory */

static struct {
    uint32_t n_rounds;
    size_t step_bytes;
} way;
static struct buffer_pool *pool;
static atomic_uint n_running;
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

    for (uint32_t round = 0; round < way.n_rounds; round++) {
        unsigned i = round % N_KEPT;
        const char *why = NULL;

        if (kept[i].ref) {
            check_all(kept[i].ref, kept[i].bytes, kept[i].value);
            kept[i].ref = atomic_exchange_explicit(&passed, kept[i].ref, memory_order_acq_rel);
            av_buffer_unref(&kept[i].ref);
        }
        kept[i].bytes = way.step_bytes * (1 + next_random(&random) % 4);
        kept[i].value = me << 24 | round;
        kept[i].ref = pool->source.get(&pool->source, kept[i].bytes, &why);
        CHECK(!kept[i].ref == (why != NULL));
        if (kept[i].ref) {
            CHECK(buffer_pool_buffer_of(&(AVFrame){.buf = {kept[i].ref}})->pool == pool);
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

static void begin(pthread_t borrowers[N_BORROWERS])
{
    atomic_store_explicit(&n_running, N_BORROWERS, memory_order_relaxed);
    for (uintptr_t i = 0; i < N_BORROWERS; i++)
        CHECK(!pthread_create(&borrowers[i], NULL, borrow, (void *)(i + 1)));
}

static bool goes_on(void)
{
    return atomic_load_explicit(&n_running, memory_order_relaxed) > 0;
}

/* All that was lent is home then. Returns how many were. */
static uintptr_t end(pthread_t borrowers[N_BORROWERS])
{
    AVBufferRef *last;
    uintptr_t n_lent = 0;

    for (int i = 0; i < N_BORROWERS; i++)
        n_lent += (uintptr_t)must_join(borrowers[i]);
    last = atomic_exchange_explicit(&passed, NULL, memory_order_acquire);
    av_buffer_unref(&last);
    CHECK(buffer_pool_n_lent(pool) == 0);
    CHECK(n_lent > 0);
    return n_lent;
}

static void lend_what_is_kept(void)
{
    pthread_t borrowers[N_BORROWERS];
    unsigned n_made = 0, n_exchanged = 0;
    struct buffer *buffer;
    uintptr_t n_lent;

    way.n_rounds = 20000;
    way.step_bytes = 512;
    pool = buffer_pool_create();
    CHECK(pool);
    while (n_made < MAX_BUFFERS / 2)
        add(place_of(&n_made), 4 * way.step_bytes);
    begin(borrowers);
    while (goes_on()) {
        size_t bytes = buffer_pool_next_missed(pool);

        buffer = bytes ? place_of(&n_made) : NULL;
        if (!buffer)
            continue;
        n_exchanged++;
        add(buffer, bytes);
    }
    n_lent = end(borrowers);
    while ((buffer = buffer_pool_take_back(pool, SIZE_MAX)))
        free(buffer->data);
    buffer_pool_unref(pool);
    printf("%u requests, %llu answered from %u buffers, %u made or exchanged meanwhile\n",
           N_BORROWERS * way.n_rounds, (unsigned long long)n_lent, n_made, n_exchanged);
}

/* Written under the pool's lock. */
static struct {
    struct dmabuf_source source;
    unsigned n_calls, n_failed;
} memory;

static int make(struct buffer_keeper *keeper, struct buffer *buffer, size_t bytes)
{
    int ret;

    (void)keeper;
    if (++memory.n_calls % FAILING_CALL == 0) {
        memory.n_failed++;
        return AVERROR(ENOMEM);
    }
    ret = dmabuf_make(&memory.source, &buffer->dmabuf, bytes);
    if (ret >= 0)
        buffer->data = buffer->dmabuf.data;
    return ret;
}

static void lend(struct buffer_keeper *keeper)
{
    *keeper = (struct buffer_keeper){.make = make};
    buffer_keeper_open(keeper, pool, true, "keeper");
    buffer_pool_refuse(pool, NULL);
}

static void make_what_is_missed(void)
{
    pthread_t borrowers[N_BORROWERS];
    struct buffer_keeper keeper;
    unsigned n_keepers = 1;
    uintptr_t n_lent;

    way.n_rounds = 6000;
    way.step_bytes = 2048;
    CHECK(dmabuf_source_open(&memory.source, DMABUF_MEMFD, NULL) == 0);
    pool = buffer_pool_create();
    CHECK(pool);
    lend(&keeper);
    begin(borrowers);
    while (goes_on()) {
        for (unsigned i = 0; i < 200 && goes_on(); i++) {
            buffer_keeper_tend(&keeper, limef_now_us());
            sched_yield();
        }
        buffer_keeper_close(&keeper); /* what is lent lives on */
        lend(&keeper);
        n_keepers++;
    }
    n_lent = end(borrowers);
    buffer_keeper_close(&keeper);
    buffer_pool_unref(pool);
    dmabuf_source_close(&memory.source);
    CHECK(memory.n_calls > memory.n_failed && memory.n_failed > 0);
    printf("%u requests, %llu answered from %u buffers, made at once for %u keepers, %u of them in "
           "vain\n",
           N_BORROWERS * way.n_rounds, (unsigned long long)n_lent, memory.n_calls - memory.n_failed,
           n_keepers, memory.n_failed);
}

int main(void)
{
    limef_log_set_level(LIMEF_LOG_ERROR);
    lend_what_is_kept();
    make_what_is_missed();
    return 0;
}
