/* SPDX-License-Identifier: MIT */
#include "support/chain.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct chain chain;
static struct limef_thread *const thread = &chain.producer.thread;

static void open_chain(void)
{
    cr_assert(zero(int, chain_init(&chain, 100, NULL)));
}

static void close_chain(void)
{
    chain_stop(&chain);
    chain_clear(&chain);
}

TestSuite(producer, .init = open_chain, .fini = close_chain, .timeout = 60);

Test(producer, all_zero_clears_to_all_zero)
{
    struct limef_producer zero = {0}, producer = {0};

    limef_producer_clear(&producer);
    limef_producer_init(&producer, &chain.source.source, NULL);
    limef_producer_clear(&producer);
    cr_assert(zero(int, memcmp(&producer, &zero, sizeof(zero))));
}

Test(producer, drives_its_source_to_the_end)
{
    cr_assert(zero(int, chain_start(&chain)));
    ASSERT_COMES(atomic_load(&chain.sink.last_signal) == LIMEF_SIGNAL_END);
    cr_assert(eq(i64, atomic_load(&chain.sink.n_packets), 100));
    cr_assert(limef_thread_running(thread));
}

Test(producer, goes_on_when_what_is_behind_is_started_again)
{
    chain.source.n_frames = INT64_MAX;
    cr_assert(zero(int, chain_start(&chain)));
    cr_assert(zero(int, limef_thread_stop(&chain.consumer.thread, TOO_LONG_US)));
    ASSERT_COMES(LIMEF_COUNTED(thread->n_errors) > 0);
    cr_assert(zero(int, limef_thread_start(&chain.consumer.thread)));
    cr_assert(limef_thread_running(thread));
    {
        int64_t n_before = atomic_load(&chain.sink.n_packets);

        ASSERT_COMES(atomic_load(&chain.sink.n_packets) > n_before);
    }
}

static LIMEF_ATOMIC(int) n_steps;

static int step_when_due(struct limef_source *source, int64_t *due_us)
{
    (void)source;
    *due_us = limef_now_us() + 2000;
    atomic_fetch_add(&n_steps, 1);
    return AVERROR(EAGAIN);
}

Test(producer, calls_a_source_again_when_it_is_due)
{
    int64_t began_us = limef_now_us();

    chain.source.source.step = step_when_due;
    cr_assert(zero(int, limef_thread_start(thread)));
    ASSERT_COMES(atomic_load(&n_steps) >= 5);
    cr_assert(ge(i64, limef_now_us() - began_us, 4 * 2000));
    cr_assert(zero(u64, LIMEF_COUNTED(thread->n_errors)));
}

static int step_with_error(struct limef_source *source, int64_t *due_us)
{
    (void)source;
    (void)due_us;
    return atomic_fetch_add(&n_steps, 1) < 5 ? AVERROR(EIO) : AVERROR_EOF;
}

Test(producer, counts_errors_and_goes_on)
{
    chain.source.source.step = step_with_error;
    cr_assert(zero(int, limef_thread_start(thread)));
    ASSERT_COMES(LIMEF_COUNTED(thread->n_errors) == 5);
    ASSERT_COMES(atomic_load(&n_steps) == 6);
}
