/* SPDX-License-Identifier: MIT */
#include "frame/buffer_pool.h"

#include "base/memory_private.h"
#include "frame/buffer_keeper.h"

#include <libavutil/buffer.h>
#include <libavutil/frame.h>

/* Pools at most whose buffers are known by a picture alone. */
#define MAX_KNOWN 64

/* The pools that exist: a picture in a buffer of one has a pointer into it, and keeps it alive. */
static LIMEF_ATOMIC(struct buffer_pool *) known[MAX_KNOWN];

static void make_known(struct buffer_pool *pool)
{
    for (unsigned i = 0; i < MAX_KNOWN; i++) {
        struct buffer_pool *none = NULL;

        if (atomic_compare_exchange_strong_explicit(&known[i], &none, pool, memory_order_relaxed,
                                                    memory_order_relaxed))
            return;
    }
}

static void make_unknown(struct buffer_pool *pool)
{
    for (unsigned i = 0; i < MAX_KNOWN; i++) {
        struct buffer_pool *self = pool;

        if (atomic_compare_exchange_strong_explicit(&known[i], &self, NULL, memory_order_relaxed,
                                                    memory_order_relaxed))
            return;
    }
}

const struct buffer *buffer_pool_buffer_of(const struct AVFrame *picture)
{
    void *opaque = picture->buf[0] ? av_buffer_get_opaque(picture->buf[0]) : NULL;

    for (unsigned i = 0; opaque && i < MAX_KNOWN; i++) {
        /* relaxed: who has the picture has seen its pool made, and keeps it */
        const struct buffer_pool *pool = atomic_load_explicit(&known[i], memory_order_relaxed);

        if (pool && (uintptr_t)opaque >= (uintptr_t)pool->buffers &&
            (uintptr_t)opaque < (uintptr_t)(pool->buffers + BUFFER_POOL_MAX))
            return opaque;
    }
    return NULL;
}

static struct buffer_pool *pool_of(struct limef_buffer_source *source)
{
    return LIMEF_CONTAINER_OF(source, struct buffer_pool, source);
}

static unsigned n_used(const struct buffer_pool *pool)
{
    /* acquire: pairs with the release in buffer_pool_vacant() */
    return atomic_load_explicit(&pool->n_used, memory_order_acquire);
}

static void pool_release(struct limef_payload *users)
{
    struct buffer_pool *pool = LIMEF_CONTAINER_OF(users, struct buffer_pool, source.users);

    make_unknown(pool);
    for (unsigned i = 0; i < n_used(pool); i++)
        dmabuf_clear(&pool->buffers[i].dmabuf);
    pthread_mutex_destroy(&pool->lock);
    memory_release(pool);
}

static bool change(struct buffer *buffer, enum buffer_state from, enum buffer_state to)
{
    uint32_t expected = from;

    /* acquire: pairs with the release in put_back(); what the last one did with the memory is over
     */
    return atomic_compare_exchange_strong_explicit(&buffer->state, &expected, to,
                                                   memory_order_acquire, memory_order_relaxed);
}

/* Lets others have a buffer that nobody has used. */
static void put_back(struct buffer *buffer)
{
    atomic_store_explicit(&buffer->state, BUFFER_FREE, memory_order_release);
}

/* Lets others have a buffer. */
static void give(struct buffer *buffer)
{
    atomic_store_explicit(&buffer->free_since,
                          atomic_load_explicit(&buffer->pool->age, memory_order_relaxed),
                          memory_order_relaxed);
    put_back(buffer);
}

/* The last reference to a lent buffer is gone. */
static void come_home(void *opaque, uint8_t *data)
{
    struct buffer *buffer = opaque;
    struct buffer_pool *pool = buffer->pool;

    (void)data;
    give(buffer);
    buffer_pool_unref(pool);
}

/* The smallest that is large enough. */
static struct buffer *find_free(struct buffer_pool *pool, size_t bytes)
{
    struct buffer *best = NULL;
    size_t best_bytes = SIZE_MAX;

    for (unsigned i = 0, n = n_used(pool); i < n; i++) {
        struct buffer *buffer = &pool->buffers[i];
        size_t has_bytes = atomic_load_explicit(&buffer->bytes, memory_order_relaxed);

        if (has_bytes >= bytes && has_bytes < best_bytes &&
            atomic_load_explicit(&buffer->state, memory_order_relaxed) == BUFFER_FREE) {
            best = buffer;
            best_bytes = has_bytes;
        }
    }
    return best;
}

static struct buffer *take(struct buffer_pool *pool, size_t bytes)
{
    struct buffer *buffer;

    while ((buffer = find_free(pool, bytes))) {
        if (!change(buffer, BUFFER_FREE, BUFFER_LENT))
            continue;
        /* the keeper may have exchanged its memory in between */
        if (atomic_load_explicit(&buffer->bytes, memory_order_relaxed) >= bytes)
            return buffer;
        put_back(buffer);
    }
    return NULL;
}

/* Has another buffer made for who misses one. False: none was. */
static bool make_at_once(struct buffer_pool *pool, size_t bytes)
{
    bool made;

    pthread_mutex_lock(&pool->lock);
    made = pool->maker && buffer_keeper_make(pool->maker, bytes);
    pthread_mutex_unlock(&pool->lock);
    return made;
}

static void note_missed(struct buffer_pool *pool, size_t bytes)
{
    uint32_t n = atomic_fetch_add_explicit(&pool->n_missed, 1, memory_order_relaxed);

    atomic_store_explicit(&pool->missed[n % BUFFER_POOL_MISSED], bytes, memory_order_relaxed);
}

static void note_no_access(struct buffer_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    if (pool->maker)
        buffer_keeper_note_no_access(pool->maker);
    pthread_mutex_unlock(&pool->lock);
}

static struct buffer *take_or_make(struct buffer_pool *pool, size_t bytes)
{
    struct buffer *buffer;

    do /* somebody else may be quicker to take it */
        buffer = take(pool, bytes);
    while (!buffer && make_at_once(pool, bytes));
    return buffer;
}

static bool may_write(struct buffer *buffer)
{
    bool may = dmabuf_begin_cpu(&buffer->dmabuf) >= 0;

    if (!may)
        note_no_access(buffer->pool);
    return may;
}

/* Takes one that the CPU may write; NULL: none, and why. What the kernel refuses is held until
 * another one was tried, and goes back as old as it was: so it goes out of use. */
static struct buffer *take_to_write(struct buffer_pool *pool, size_t bytes, const char **why)
{
    struct buffer *first = take_or_make(pool, bytes), *other;

    if (!first)
        *why = buffer_pool_why_none(pool);
    if (!first || may_write(first))
        return first;
    other = take_or_make(pool, bytes);
    put_back(first);
    if (other && may_write(other))
        return other;
    if (other)
        put_back(other);
    *why = "decoded while the kernel gave the CPU no access to a buffer of the GPU";
    return NULL;
}

static struct AVBufferRef *pool_get(struct limef_buffer_source *source, size_t bytes,
                                    const char **why)
{
    struct buffer_pool *pool = pool_of(source);
    struct AVBufferRef *ref;
    struct buffer *buffer;

    *why = atomic_load_explicit(&pool->refused, memory_order_relaxed);
    if (*why)
        return NULL;
    buffer = take_to_write(pool, bytes, why);
    if (!buffer) {
        note_missed(pool, bytes);
        atomic_store_explicit(&pool->missed_why, *why, memory_order_relaxed);
        return NULL;
    }
    limef_payload_ref(&source->users);
    ref = memory_permits()
              ? av_buffer_create(buffer->data,
                                 atomic_load_explicit(&buffer->bytes, memory_order_relaxed),
                                 come_home, buffer, 0)
              : NULL;
    if (!ref) {
        come_home(buffer, NULL);
        *why = "no memory";
    }
    return ref;
}

struct buffer_pool *buffer_pool_create(void)
{
    struct buffer_pool *pool = memory_allocate(sizeof(*pool));

    if (!pool)
        return NULL;
    pthread_mutex_init(&pool->lock, NULL);
    limef_payload_init(&pool->source.users, pool_release);
    pool->source.get = pool_get;
    make_known(pool);
    return pool;
}

void buffer_pool_unref(struct buffer_pool *pool)
{
    if (pool)
        limef_payload_unref(&pool->source.users);
}

void buffer_pool_refuse(struct buffer_pool *pool, const char *why)
{
    atomic_store_explicit(&pool->refused, why, memory_order_relaxed);
}

size_t buffer_pool_next_missed(struct buffer_pool *pool)
{
    for (unsigned i = 0; i < BUFFER_POOL_MISSED; i++) {
        size_t bytes = 0;

        if (atomic_load_explicit(&pool->missed[i], memory_order_relaxed))
            bytes = atomic_exchange_explicit(&pool->missed[i], 0, memory_order_relaxed);
        if (bytes)
            return bytes;
    }
    return 0;
}

void buffer_pool_note_failure(struct buffer_pool *pool, const char *why)
{
    LIMEF_COUNT(pool->n_failed, 1);
    atomic_store_explicit(&pool->short_why, why, memory_order_relaxed);
}

const char *buffer_pool_why_none(const struct buffer_pool *pool)
{
    const char *refused = atomic_load_explicit(&pool->refused, memory_order_relaxed);
    const char *short_why = atomic_load_explicit(&pool->short_why, memory_order_relaxed);

    if (refused)
        return refused;
    if (!atomic_load_explicit(&pool->is_kept, memory_order_relaxed))
        return "decoded before the output was open";
    return short_why ? short_why : "decoded while no buffer of the GPU was free";
}

const char *buffer_pool_why_ordinary(const struct buffer_pool *pool)
{
    const char *refused = atomic_load_explicit(&pool->refused, memory_order_relaxed);
    const char *missed_why = atomic_load_explicit(&pool->missed_why, memory_order_relaxed);

    if (refused)
        return refused;
    return missed_why ? missed_why : "its decoder asks for no memory that the GPU reads";
}

struct buffer *buffer_pool_vacant(struct buffer_pool *pool)
{
    unsigned n = n_used(pool);

    for (unsigned i = 0; i < n; i++)
        if (atomic_load_explicit(&pool->buffers[i].state, memory_order_relaxed) == BUFFER_NONE)
            return &pool->buffers[i];
    if (n == BUFFER_POOL_MAX)
        return NULL;
    pool->buffers[n].pool = pool;
    /* release: whoever counts it finds it initialised */
    atomic_store_explicit(&pool->n_used, n + 1, memory_order_release);
    return &pool->buffers[n];
}

void buffer_pool_add(struct buffer *buffer, uint8_t *data, size_t bytes, uint32_t id)
{
    buffer->data = data;
    buffer->id = id;
    atomic_store_explicit(&buffer->pool->short_why, NULL, memory_order_relaxed);
    atomic_store_explicit(&buffer->bytes, bytes, memory_order_relaxed);
    give(buffer);
}

struct buffer *buffer_pool_take_back(struct buffer_pool *pool, size_t fewer_than)
{
    for (unsigned i = 0, n = n_used(pool); i < n; i++) {
        struct buffer *buffer = &pool->buffers[i];

        if (atomic_load_explicit(&buffer->bytes, memory_order_relaxed) < fewer_than &&
            change(buffer, BUFFER_FREE, BUFFER_NONE))
            return buffer;
    }
    return NULL;
}

struct buffer *buffer_pool_take_unused(struct buffer_pool *pool, uint32_t max_age)
{
    uint32_t age = atomic_load_explicit(&pool->age, memory_order_relaxed);

    for (unsigned i = 0, n = n_used(pool); i < n; i++) {
        struct buffer *buffer = &pool->buffers[i];

        if (age - atomic_load_explicit(&buffer->free_since, memory_order_relaxed) > max_age &&
            change(buffer, BUFFER_FREE, BUFFER_NONE))
            return buffer;
    }
    return NULL;
}

const struct buffer *buffer_pool_find(const struct buffer_pool *pool, const uint8_t *address)
{
    for (unsigned i = 0, n = n_used(pool); i < n; i++) {
        const struct buffer *buffer = &pool->buffers[i];

        if (atomic_load_explicit(&buffer->state, memory_order_relaxed) == BUFFER_LENT &&
            (uintptr_t)address >= (uintptr_t)buffer->data &&
            (uintptr_t)address - (uintptr_t)buffer->data <
                atomic_load_explicit(&buffer->bytes, memory_order_relaxed))
            return buffer;
    }
    return NULL;
}

unsigned buffer_pool_n_lent(const struct buffer_pool *pool)
{
    unsigned n_lent = 0;

    for (unsigned i = 0, n = n_used(pool); i < n; i++)
        n_lent +=
            atomic_load_explicit(&pool->buffers[i].state, memory_order_acquire) == BUFFER_LENT;
    return n_lent;
}
