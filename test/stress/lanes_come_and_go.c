/* SPDX-License-Identifier: MIT */
/*
 * Producers attach their lane to a running consumer and take it away again,
 * through limef_thread_call(): each loses what waited at most.
 */
#include "stress.h"

#define N_PRODUCERS 3
#define N_ROUNDS 100

static struct limef_consumer consumer;
static struct number_sink sink;
static LIMEF_ATOMIC(int64_t) n_written, n_left;

struct visitor {
    struct limef_lane lane;
    struct limef_stack_frame frames[8];
};

static int attach(void *visitor)
{
    limef_fifo_add_lane(&consumer.fifo, &((struct visitor *)visitor)->lane);
    return 0;
}

static int detach(void *visitor)
{
    limef_fifo_remove_lane(&consumer.fifo, &((struct visitor *)visitor)->lane);
    return 0;
}

static void *visit(void *seed)
{
    uint32_t random = (uint32_t)(intptr_t)seed;
    struct limef_lane_settings settings = {.block_us = TOO_LONG_US};

    for (int round = 0; round < N_ROUNDS; round++) {
        struct visitor *visitor = aligned_alloc(64, sizeof(*visitor));
        int n = (int)(next_random(&random) % 100);

        CHECK(visitor);
        memset(visitor, 0, sizeof(*visitor));
        CHECK(limef_lane_init(&visitor->lane, visitor->frames, 8, &settings) == 0);
        CHECK(limef_thread_call(&consumer.thread, attach, visitor, LIMEF_FOREVER) == 0);
        for (int i = 0; i < n; i++)
            CHECK(write_video(&visitor->lane, i) == 0);
        atomic_fetch_add(&n_written, n);
        CHECK(limef_thread_call(&consumer.thread, detach, visitor, LIMEF_FOREVER) == 0);
        CHECK(write_video(&visitor->lane, n) == AVERROR_EXIT);
        atomic_fetch_add(&n_left, limef_lane_n_waiting(&visitor->lane));
        limef_lane_clear(&visitor->lane);
        free(visitor);
    }
    return NULL;
}

int main(void)
{
    pthread_t visitors[N_PRODUCERS];

    number_sink_init(&sink);
    limef_consumer_init(&consumer, &sink.filter, NULL);
    CHECK(limef_thread_start(&consumer.thread) == 0);
    for (intptr_t i = 0; i < N_PRODUCERS; i++)
        CHECK(!pthread_create(&visitors[i], NULL, visit, (void *)(i + 5)));
    for (int i = 0; i < N_PRODUCERS; i++)
        must_join(visitors[i]);
    CHECK(limef_thread_stop(&consumer.thread, TOO_LONG_US) == 0);
    CHECK(atomic_load(&sink.n_packets) + atomic_load(&n_left) == atomic_load(&n_written));
    CHECK(atomic_load(&static_payload()->n_refs) == 1);
    limef_consumer_clear(&consumer);
    printf("%d lanes came and went: %lld frames read, %lld went with their lanes\n",
           N_PRODUCERS * N_ROUNDS, (long long)atomic_load(&sink.n_packets),
           (long long)atomic_load(&n_left));
    return 0;
}
