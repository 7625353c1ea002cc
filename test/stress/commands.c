/* SPDX-License-Identifier: MIT */
/*
 * Several threads call and send to a consumer that is busy with media: each
 * call runs once or not at all, as its result says, on that thread.
 */
#include "stress.h"

#define N_CALLERS 4
#define N_COMMANDS 4000

static struct chain chain;
static int64_t n_run; /* only the consumer's thread touches it: the sanitizer sees if not */
static LIMEF_ATOMIC(int64_t) n_called, n_sent, n_withdrawn;

static int count_call(void *context)
{
    (void)context;
    CHECK(limef_thread_current() == &chain.consumer.thread);
    n_run++;
    return 0;
}

static void *command(void *seed)
{
    uint32_t random = (uint32_t)(intptr_t)seed;
    struct limef_signal_frame signal_frame;

    limef_signal_frame_set(&signal_frame, LIMEF_SIGNAL_USER, 0, NULL);
    for (int i = 0; i < N_COMMANDS; i++) {
        uint32_t dice = next_random(&random);
        int ret;

        if (dice % 4 == 0) {
            ret = limef_thread_send(&chain.consumer.thread, &signal_frame);
            CHECK(ret == 0 || ret == AVERROR(EAGAIN));
            atomic_fetch_add(&n_sent, ret == 0);
            continue;
        }
        ret = limef_thread_call(&chain.consumer.thread, count_call, NULL,
                                dice % 4 == 1 ? (int64_t)(dice >> 8) % 50 : TOO_LONG_US);
        CHECK(ret == 0 || ret == AVERROR(EAGAIN) || (ret == AVERROR(ETIMEDOUT) && dice % 4 == 1));
        atomic_fetch_add(&n_called, ret == 0);
        atomic_fetch_add(&n_withdrawn, ret == AVERROR(ETIMEDOUT));
    }
    return NULL;
}

int main(void)
{
    pthread_t callers[N_CALLERS];

    CHECK(chain_init(&chain, INT64_MAX, NULL) == 0);
    CHECK(chain_start(&chain) == 0);
    for (intptr_t i = 0; i < N_CALLERS; i++)
        CHECK(!pthread_create(&callers[i], NULL, command, (void *)(i + 5)));
    for (int i = 0; i < N_CALLERS; i++)
        must_join(callers[i]);
    CHECK(chain_stop(&chain) == 0);
    CHECK(n_run == atomic_load(&n_called));
    CHECK(atomic_load(&chain.sink.n_signals) == atomic_load(&n_sent));
    CHECK(atomic_load(&chain.sink.n_out_of_order) == 0);
    chain_clear(&chain);
    printf("%lld calls and %lld signals done, %lld calls withdrawn, between %lld frames in order\n",
           (long long)atomic_load(&n_called), (long long)atomic_load(&n_sent),
           (long long)atomic_load(&n_withdrawn), (long long)atomic_load(&chain.sink.n_packets));
    return 0;
}
