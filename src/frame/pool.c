/* SPDX-License-Identifier: MIT */
#include "frame/pool_private.h"

#include "base/memory_private.h"

#include <libavcodec/avcodec.h>

/* A pool grows by so many: what is in flight at once varies by a few, and the last one that it ever
 * takes would else be made minutes after the start. */
#define GROW_BY 16

struct pool_item {
    struct limef_payload payload;
    struct limef_pool *pool;
    struct pool_item *next;
    uint32_t
        age; /* of the pool, when it was handed out; before the first other reference is made */
    union {
        AVPacket *packet;
        AVFrame *picture;
        AVCodecParameters *codec;
    } holds;
};

struct limef_pool {
    enum limef_frame_class frame_class;

    /* the owner */
    struct pool_item *free;
    uint32_t age; /* pool_begin_anew() so often */

    /* written by the owner, relaxed: any may look */
    LIMEF_ATOMIC(uint32_t) n_made;

    /* any: an item's age and what a reader said of it, in the lower half; 0: nothing. Relaxed: it
     * orders nothing */
    LIMEF_ATOMIC(uint64_t) error;
    /* any: items that came home; pushed one by one, taken by the owner all at once */
    LIMEF_ALIGNED(LIMEF_CACHE_LINE_BYTES)
    LIMEF_ATOMIC(struct pool_item *) returned;
    /* any: the owner and every item that is out */
    LIMEF_ATOMIC(uint32_t) n_refs;
};

static struct pool_item *item_of(struct limef_payload *payload)
{
    return LIMEF_CONTAINER_OF(payload, struct pool_item, payload);
}

static bool item_fill(struct pool_item *item, enum limef_frame_class frame_class)
{
    switch (frame_class) {
    case LIMEF_FRAME_PACKET:
        return (item->holds.packet = memory_new_packet());
    case LIMEF_FRAME_DECODED:
        return (item->holds.picture = memory_new_av_frame());
    case LIMEF_FRAME_CODEC:
        return (item->holds.codec = memory_new_codec_parameters());
    default:
        return false;
    }
}

static void item_empty(struct pool_item *item, enum limef_frame_class frame_class)
{
    switch (frame_class) {
    case LIMEF_FRAME_PACKET:
        av_packet_unref(item->holds.packet);
        break;
    case LIMEF_FRAME_DECODED:
        av_frame_unref(item->holds.picture);
        break;
    default: /* parameters are overwritten whole by avcodec_parameters_copy() */
        break;
    }
}

static void item_free(struct pool_item *item, enum limef_frame_class frame_class)
{
    switch (frame_class) {
    case LIMEF_FRAME_PACKET:
        av_packet_free(&item->holds.packet);
        break;
    case LIMEF_FRAME_DECODED:
        av_frame_free(&item->holds.picture);
        break;
    case LIMEF_FRAME_CODEC:
        avcodec_parameters_free(&item->holds.codec);
        break;
    default:
        break;
    }
    memory_release(item);
}

static void items_free(struct pool_item *item, enum limef_frame_class frame_class)
{
    while (item) {
        struct pool_item *next = item->next;

        item_free(item, frame_class);
        item = next;
    }
}

static void pool_unref(struct limef_pool *pool)
{
    /* acq_rel: the last one sees every item that the others pushed */
    if (atomic_fetch_sub_explicit(&pool->n_refs, 1, memory_order_acq_rel) != 1)
        return;
    items_free(pool->free, pool->frame_class);
    items_free(atomic_load_explicit(&pool->returned, memory_order_relaxed), pool->frame_class);
    memory_release(pool);
}

static void item_go_home(struct limef_payload *payload)
{
    struct pool_item *item = item_of(payload);
    struct limef_pool *pool = item->pool;
    struct pool_item *first = atomic_load_explicit(&pool->returned, memory_order_relaxed);

    item_empty(item, pool->frame_class);
    do {
        item->next = first;
        /* release: pairs with the owner's acquire exchange in limef_pool_get() */
    } while (!atomic_compare_exchange_weak_explicit(&pool->returned, &first, item,
                                                    memory_order_release, memory_order_relaxed));
    pool_unref(pool);
}

struct limef_pool *limef_pool_create(enum limef_frame_class frame_class)
{
    struct limef_pool *pool = memory_allocate(sizeof(*pool));

    if (!pool)
        return NULL;
    pool->frame_class = frame_class;
    atomic_store_explicit(&pool->n_refs, 1, memory_order_relaxed);
    return pool;
}

void limef_pool_release(struct limef_pool *pool)
{
    if (pool)
        pool_unref(pool);
}

static struct pool_item *item_make(struct limef_pool *pool)
{
    struct pool_item *item = memory_allocate(sizeof(*item));

    if (!item)
        return NULL;
    if (!item_fill(item, pool->frame_class)) {
        memory_release(item);
        return NULL;
    }
    item->pool = pool;
    LIMEF_COUNT(pool->n_made, 1);
    return item;
}

/* Returns false if memory ended; what could be made is kept. */
static bool pool_grow(struct limef_pool *pool)
{
    for (unsigned i = 0; i < GROW_BY; i++) {
        struct pool_item *item = item_make(pool);

        if (!item)
            return false;
        item->next = pool->free;
        pool->free = item;
    }
    return true;
}

struct limef_payload *limef_pool_get(struct limef_pool *pool)
{
    struct pool_item *item;

    if (!pool->free)
        pool->free = atomic_exchange_explicit(&pool->returned, NULL, memory_order_acquire);
    if (!pool->free && !pool_grow(pool))
        return NULL;
    item = pool->free;
    pool->free = item->next;
    item->next = NULL;
    item->age = pool->age;
    limef_payload_init(&item->payload, item_go_home);
    atomic_fetch_add_explicit(&pool->n_refs, 1, memory_order_relaxed);
    return &item->payload;
}

unsigned limef_pool_n_made(const struct limef_pool *pool)
{
    return LIMEF_COUNTED(pool->n_made);
}

unsigned limef_pool_n_out(const struct limef_pool *pool)
{
    return atomic_load_explicit(&pool->n_refs, memory_order_relaxed) - 1;
}

void pool_note_error(struct limef_payload *payload, int error)
{
    const struct pool_item *item;
    uint64_t noted;

    if (!payload || payload->release != item_go_home)
        return;
    item = item_of(payload);
    noted = atomic_load_explicit(&item->pool->error, memory_order_relaxed);
    do {
        /* what is older than what is noted matters no more than that, if at all */
        if (noted && (int32_t)(item->age - (uint32_t)(noted >> 32)) < 0)
            return;
    } while (!atomic_compare_exchange_weak_explicit(&item->pool->error, &noted,
                                                    (uint64_t)item->age << 32 | (uint32_t)error,
                                                    memory_order_relaxed, memory_order_relaxed));
}

int pool_take_error(struct limef_pool *pool)
{
    uint64_t error = atomic_load_explicit(&pool->error, memory_order_relaxed);

    if (!error)
        return 0;
    error = atomic_exchange_explicit(&pool->error, 0, memory_order_relaxed);
    return error >> 32 == pool->age ? (int)(int32_t)(uint32_t)error : 0;
}

void pool_begin_anew(struct limef_pool *pool)
{
    pool->age++;
}

struct AVPacket *limef_payload_packet(struct limef_payload *payload)
{
    return item_of(payload)->holds.packet;
}

struct AVFrame *limef_payload_picture(struct limef_payload *payload)
{
    return item_of(payload)->holds.picture;
}

struct AVCodecParameters *limef_payload_codec(struct limef_payload *payload)
{
    return item_of(payload)->holds.codec;
}
