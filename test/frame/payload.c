/* SPDX-License-Identifier: MIT */
#include <limef/frame/payload.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>

#define N_THREADS 4
#define N_REFS 10000

static _Atomic(int) n_released;
static pthread_t released_by;

static void release(struct limef_payload *payload)
{
    (void)payload;
    n_released++;
    released_by = pthread_self();
}

static void *drop(void *payload)
{
    limef_payload_unref(payload);
    return NULL;
}

static void *ref_and_drop(void *payload)
{
    for (int i = 0; i < N_REFS; i++)
        limef_payload_unref(limef_payload_ref(payload));
    limef_payload_unref(payload);
    return NULL;
}

Test(payload, is_released_once_when_the_last_reference_is_gone)
{
    struct limef_payload payload;

    limef_payload_init(&payload, release);
    cr_assert(eq(ptr, limef_payload_ref(&payload), &payload));
    limef_payload_unref(&payload);
    cr_assert(eq(int, n_released, 0));
    limef_payload_unref(&payload);
    cr_assert(eq(int, n_released, 1));
}

Test(payload, none_is_nothing_to_count)
{
    cr_assert(eq(ptr, limef_payload_ref(NULL), NULL));
    limef_payload_unref(NULL);
}

Test(payload, is_released_on_the_thread_that_drops_the_last_reference, .timeout = 20)
{
    struct limef_payload payload;
    pthread_t thread;

    limef_payload_init(&payload, release);
    cr_assert(eq(int, pthread_create(&thread, NULL, drop, &payload), 0));
    pthread_join(thread, NULL);
    cr_assert(eq(int, n_released, 1));
    cr_assert(not(pthread_equal(released_by, pthread_self())));
}

Test(payload, counts_right_when_many_threads_share_it, .timeout = 20)
{
    struct limef_payload payload;
    pthread_t threads[N_THREADS];

    limef_payload_init(&payload, release);
    for (int i = 0; i < N_THREADS; i++) {
        limef_payload_ref(&payload);
        cr_assert(eq(int, pthread_create(&threads[i], NULL, ref_and_drop, &payload), 0));
    }
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    cr_assert(eq(int, n_released, 0));
    limef_payload_unref(&payload);
    cr_assert(eq(int, n_released, 1));
}
