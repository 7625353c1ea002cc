/* SPDX-License-Identifier: MIT */
/*
 * A graph of two producers and three consumers, started and stopped in random
 * order from several controlling threads, one at a time, while others ask
 * for stops, send signals and call at any time; then stopped by several at once.
 */
#include "stress.h"

#define N_ROUNDS 300
#define N_CONTROLLERS 3
#define N_THREADS 5
#define N_STOPS_AT_ONCE 20

/* numbers -> pass -> end, and numbers -> end */
static struct number_source sources[2];
static struct limef_producer producers[2];
static struct limef_consumer consumers[3];
static struct limef_input_filter inputs[3];
static struct limef_stack_frame frames[3][8];
static struct number_sink sinks[3];
static struct limef_thread *threads[N_THREADS];
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static LIMEF_ATOMIC(int) done;
static LIMEF_ATOMIC(int) n_rounds, n_starts, n_calls, n_sent;

static void build(void)
{
    for (int i = 0; i < 3; i++) {
        number_sink_init(&sinks[i]);
        limef_consumer_init(&consumers[i], &sinks[i].filter, NULL);
        threads[i] = &consumers[i].thread;
    }
    for (int i = 0; i < 2; i++) {
        number_source_init(&sources[i], INT64_MAX);
        limef_producer_init(&producers[i], &sources[i].source, NULL);
        threads[3 + i] = &producers[i].thread;
    }
    CHECK(!limef_input_filter_init(&inputs[0], "a", &consumers[0].fifo, frames[0], 8, NULL));
    CHECK(!limef_input_filter_init(&inputs[1], "b", &consumers[1].fifo, frames[1], 8, NULL));
    CHECK(!limef_input_filter_init(&inputs[2], "c", &consumers[2].fifo, frames[2], 8, NULL));
    limef_connect(&sources[0].source.filter, &inputs[0].filter);
    limef_connect(&sinks[0].filter, &inputs[1].filter);
    limef_connect(&sources[1].source.filter, &inputs[2].filter);
}

static void start_or_stop(struct limef_thread *thread, uint32_t dice)
{
    if (dice & 1) {
        int ret = limef_thread_start(thread);

        CHECK(ret == 0 || ret == AVERROR(EBUSY));
        atomic_fetch_add(&n_starts, !ret);
    } else if (dice & 2) {
        limef_thread_ask_stop(thread);
    } else {
        CHECK(limef_thread_stop(thread, TOO_LONG_US) == 0);
        CHECK(!limef_thread_running(thread));
    }
}

static void *control(void *seed)
{
    uint32_t random = (uint32_t)(intptr_t)seed;

    while (atomic_fetch_add(&n_rounds, 1) < N_ROUNDS) {
        pthread_mutex_lock(&turn);
        for (int i = 0; i < 4; i++)
            start_or_stop(threads[next_random(&random) % N_THREADS], next_random(&random) >> 8);
        pthread_mutex_unlock(&turn);
        for (uint32_t pause = next_random(&random) % 50; pause; pause--)
            sched_yield();
    }
    return NULL;
}

static int note_call(void *n)
{
    atomic_fetch_add((LIMEF_ATOMIC(int) *)n, 1);
    return 0;
}

/* At any time, whatever the controlling threads do. */
static void *disturb(void *seed)
{
    uint32_t random = (uint32_t)(intptr_t)seed;
    struct limef_signal_frame signal_frame;

    limef_signal_frame_set(&signal_frame, LIMEF_SIGNAL_USER, 0, NULL);
    while (!atomic_load(&done)) {
        struct limef_thread *thread = threads[next_random(&random) % N_THREADS];

        atomic_fetch_add(&n_sent, limef_thread_send(thread, &signal_frame) == 0);
        if (next_random(&random) % 64 == 0)
            limef_thread_ask_stop(thread);
        sched_yield();
    }
    return NULL;
}

static void *call(void *seed)
{
    uint32_t random = (uint32_t)(intptr_t)seed;
    int n_expected = 0;

    while (!atomic_load(&done)) {
        int ret = limef_thread_call(threads[next_random(&random) % N_THREADS], note_call, &n_calls,
                                    20000);

        CHECK(ret == 0 || ret == AVERROR(ETIMEDOUT) || ret == AVERROR(EAGAIN));
        n_expected += ret == 0;
        CHECK(atomic_load(&n_calls) == n_expected); /* a withdrawn call does not run */
        sched_yield();
    }
    return NULL;
}

static void *stop_all(void *seed)
{
    uint32_t random = (uint32_t)(intptr_t)seed;

    for (uint32_t i = 0, first = next_random(&random); i < N_THREADS; i++)
        CHECK(limef_thread_stop(threads[(first + i) % N_THREADS], TOO_LONG_US) == 0);
    return NULL;
}

static void stop_at_once(void)
{
    pthread_t stoppers[N_CONTROLLERS];

    for (intptr_t round = 0; round < N_STOPS_AT_ONCE; round++) {
        for (int i = 0; i < N_THREADS; i++)
            CHECK(limef_thread_start(threads[i]) == 0);
        for (intptr_t i = 0; i < N_CONTROLLERS; i++)
            CHECK(!pthread_create(&stoppers[i], NULL, stop_all,
                                  (void *)(round * N_CONTROLLERS + i + 1)));
        for (int i = 0; i < N_CONTROLLERS; i++)
            must_join(stoppers[i]);
        for (int i = 0; i < N_THREADS; i++)
            CHECK(!limef_thread_running(threads[i]));
    }
}

int main(void)
{
    pthread_t controllers[N_CONTROLLERS], others[2];

    limef_log_set_level((enum limef_log_level) - 1); /* refused starts are meant to be */
    build();
    CHECK(!pthread_create(&others[0], NULL, disturb, (void *)99));
    CHECK(!pthread_create(&others[1], NULL, call, (void *)98));
    for (intptr_t i = 0; i < N_CONTROLLERS; i++)
        CHECK(!pthread_create(&controllers[i], NULL, control, (void *)(i + 1)));
    for (int i = 0; i < N_CONTROLLERS; i++)
        must_join(controllers[i]);
    atomic_store(&done, 1);
    must_join(others[0]);
    must_join(others[1]);
    for (int i = N_THREADS - 1; i >= 0; i--)
        CHECK(limef_thread_stop(threads[i], TOO_LONG_US) == 0);

    stop_at_once();

    /* and once more all of it works */
    for (int i = 0; i < N_THREADS; i++)
        CHECK(limef_thread_start(threads[i]) == 0);
    for (int i = 0; i < 3; i++) {
        int64_t n_before = atomic_load(&sinks[i].n_packets);

        CHECK(WAIT_FOR(atomic_load(&sinks[i].n_packets) > n_before + 10));
    }
    for (int i = 0; i < N_THREADS; i++)
        limef_thread_ask_stop(threads[i]);
    for (int i = 0; i < N_THREADS; i++)
        CHECK(limef_thread_stop(threads[i], TOO_LONG_US) == 0);
    for (int i = 0; i < 3; i++)
        limef_filter_clear(&inputs[i].filter);
    for (int i = 0; i < 3; i++)
        limef_consumer_clear(&consumers[i]);
    for (int i = 0; i < 2; i++)
        limef_producer_clear(&producers[i]);
    CHECK(atomic_load(&static_payload()->n_refs) == 1);
    printf("%d starts in any order, %d signals sent and %d calls made meanwhile: all came back\n",
           atomic_load(&n_starts), atomic_load(&n_sent), atomic_load(&n_calls));
    return 0;
}
