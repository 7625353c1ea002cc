/* SPDX-License-Identifier: MIT */
#include "frame/pool_private.h"

#include "support/failing.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <libavcodec/avcodec.h>
#include <pthread.h>
#include <semaphore.h>

ParameterizedTestParameters(pool, every_allocation_may_fail_and_nothing_leaks)
{
    static enum limef_frame_class classes[] = {LIMEF_FRAME_PACKET, LIMEF_FRAME_DECODED,
                                               LIMEF_FRAME_CODEC};

    return cr_make_param_array(enum limef_frame_class, classes, 3);
}

ParameterizedTest(enum limef_frame_class *frame_class, pool,
                  every_allocation_may_fail_and_nothing_leaks)
{
    unsigned n = 0;

    do {
        struct limef_pool *pool;
        struct limef_payload *payload = NULL;

        failing_install(++n);
        pool = limef_pool_create(*frame_class);
        if (pool)
            payload = limef_pool_get(pool);
        cr_assert(eq(int, payload == NULL, failing_failed()));
        limef_payload_unref(payload);
        limef_pool_release(pool);
        cr_assert(eq(int, failing_n_out(), 0));
    } while (failing_failed());
    cr_assert(eq(u64, n, 2 + 2 * 16)); /* the pool, 16 items and what they hold, none */
    failing_remove();
}

Test(pool, holds_what_it_was_asked_for)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_PACKET);
    struct limef_payload *payload = limef_pool_get(pool);

    cr_assert(eq(int, av_new_packet(limef_payload_packet(payload), 10), 0));
    limef_payload_unref(payload);
    limef_pool_release(pool);
    pool = limef_pool_create(LIMEF_FRAME_CODEC);
    payload = limef_pool_get(pool);
    cr_assert(eq(int, limef_payload_codec(payload)->codec_type, AVMEDIA_TYPE_UNKNOWN));
    limef_payload_unref(payload);
    limef_pool_release(pool);
}

Test(pool, has_no_payloads_of_a_class_without_one)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_SIGNAL);

    cr_assert(eq(ptr, limef_pool_get(pool), NULL));
    limef_pool_release(pool);
}

Test(pool, hands_a_payload_that_came_home_out_again_emptied)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_PACKET);
    struct limef_payload *first = limef_pool_get(pool), *second;
    unsigned n_made = limef_pool_n_made(pool);

    cr_assert(eq(int, av_new_packet(limef_payload_packet(first), 10), 0));
    limef_payload_unref(first);
    for (unsigned i = 1; i < n_made; i++)
        limef_payload_unref(limef_pool_get(pool));
    second = limef_pool_get(pool);
    cr_assert(eq(int, limef_payload_packet(second)->size, 0));
    cr_assert(eq(u64, limef_pool_n_made(pool), n_made));
    limef_payload_unref(second);
    limef_pool_release(pool);
}

Test(pool, in_steady_state_allocates_nothing)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_DECODED);
    struct limef_payload *out[4];
    uint64_t before = 0;

    for (int round = 0; round < 1001; round++) {
        for (int i = 0; i < 4; i++)
            out[i] = limef_pool_get(pool);
        for (int i = 0; i < 4; i++)
            limef_payload_unref(out[i]);
        if (round == 0)
            before = limef_memory_n_allocations();
    }
    cr_assert(eq(u64, limef_memory_n_allocations(), before));
    cr_assert(le(u64, limef_pool_n_made(pool), 16));
    limef_pool_release(pool);
}

Test(pool, a_payload_survives_its_pool)
{
    struct limef_pool *pool;
    struct limef_payload *payload, *other;

    failing_install(0);
    pool = limef_pool_create(LIMEF_FRAME_PACKET);
    payload = limef_pool_get(pool);
    other = limef_pool_get(pool);
    cr_assert(eq(int, av_new_packet(limef_payload_packet(payload), 10), 0));
    limef_payload_unref(other);
    limef_pool_release(pool);
    limef_payload_packet(payload)->data[9] = 1;
    cr_assert(gt(int, failing_n_out(), 0));
    limef_payload_unref(payload);
    cr_assert(eq(int, failing_n_out(), 0));
    failing_remove();
}

Test(pool, none_can_be_released)
{
    limef_pool_release(NULL);
}

/* Hands payloads from the owner to a thread that drops them. */
struct handover {
    struct limef_payload *payload;
    sem_t given, taken;
};

static void *drop_what_is_given(void *context)
{
    struct handover *handover = context;

    for (;;) {
        struct limef_payload *payload;

        sem_wait(&handover->given);
        payload = handover->payload;
        sem_post(&handover->taken);
        if (!payload)
            return NULL;
        limef_payload_unref(payload);
    }
}

static void give(struct handover *handover, struct limef_payload *payload)
{
    handover->payload = payload;
    sem_post(&handover->given);
    sem_wait(&handover->taken);
}

Test(pool, payloads_come_home_from_another_thread, .timeout = 20)
{
    struct limef_pool *pool;
    struct handover handover = {0};
    pthread_t thread;

    failing_install(0);
    pool = limef_pool_create(LIMEF_FRAME_PACKET);
    sem_init(&handover.given, 0, 0);
    sem_init(&handover.taken, 0, 0);
    cr_assert(eq(int, pthread_create(&thread, NULL, drop_what_is_given, &handover), 0));
    for (int i = 0; i < 1000; i++)
        give(&handover, limef_pool_get(pool));
    cr_assert(le(u64, limef_pool_n_made(pool), 16));
    limef_pool_release(pool); /* the last payload may still be out */
    give(&handover, NULL);
    pthread_join(thread, NULL);
    cr_assert(eq(int, failing_n_out(), 0));
    failing_remove();
}

static void forget_payload(struct limef_payload *payload)
{
    (void)payload;
}

Test(pool, hears_what_readers_say_of_payloads_that_matter_still)
{
    struct limef_pool *pool = limef_pool_create(LIMEF_FRAME_DECODED);
    struct limef_payload *before = limef_pool_get(pool), *after, foreign;

    pool_note_error(before, AVERROR(ENOTSUP));
    cr_assert(eq(int, pool_take_error(pool), AVERROR(ENOTSUP)));
    cr_assert(eq(int, pool_take_error(pool), 0));
    pool_begin_anew(pool);
    after = limef_pool_get(pool);
    pool_note_error(before, AVERROR(EIO));
    cr_assert(eq(int, pool_take_error(pool), 0));
    pool_note_error(after, AVERROR(EIO));
    pool_note_error(before, AVERROR(ENOTSUP)); /* somebody who is behind */
    cr_assert(eq(int, pool_take_error(pool), AVERROR(EIO)));
    limef_payload_init(&foreign, forget_payload);
    pool_note_error(&foreign, AVERROR(EIO));
    pool_note_error(NULL, AVERROR(EIO));
    cr_assert(eq(int, pool_take_error(pool), 0));
    limef_payload_unref(before);
    limef_pool_release(pool);
    pool_note_error(after, AVERROR(EIO)); /* its maker has gone */
    limef_payload_unref(after);
}
