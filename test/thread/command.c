/* SPDX-License-Identifier: MIT */
#include "support/chain.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <pthread.h>

static struct chain chain;
static struct limef_thread *const consumer = &chain.consumer.thread;
static struct limef_thread *const producer = &chain.producer.thread;

static void open_chain(void)
{
    cr_assert(zero(int, chain_init(&chain, 0, NULL)));
}

static void close_chain(void)
{
    atomic_store(&chain.sink.stuck, 0);
    chain_stop(&chain);
    chain_clear(&chain);
}

TestSuite(command, .init = open_chain, .fini = close_chain, .timeout = 60);

static int send(struct limef_thread *thread)
{
    struct limef_signal_frame signal_frame;

    limef_signal_frame_set(&signal_frame, LIMEF_SIGNAL_USER, 0, NULL);
    return limef_thread_send(thread, &signal_frame);
}

/* Keeps the consumer in its chain until sink.stuck is 0. */
static void make_it_stuck(void)
{
    atomic_store(&chain.sink.stuck, 1);
    cr_assert(zero(int, limef_thread_start(consumer)));
    cr_assert(zero(int, write_video(&chain.input.lane, 0)));
    ASSERT_COMES(atomic_load(&chain.sink.in_go));
}

Test(command, signal_reaches_a_source_at_its_end_of_file)
{
    cr_assert(zero(int, chain_start(&chain)));
    ASSERT_COMES(atomic_load(&chain.sink.last_signal) == LIMEF_SIGNAL_END);
    for (int i = 1; i <= 100; i++) {
        cr_assert(zero(int, send(producer)));
        ASSERT_COMES(atomic_load(&chain.source.n_signals) == i);
    }
}

Test(command, signal_overtakes_media)
{
    make_it_stuck();
    cr_assert(zero(int, write_video(&chain.input.lane, 1)));
    cr_assert(zero(int, send(consumer)));
    atomic_store(&chain.sink.stuck, 0);
    ASSERT_COMES(atomic_load(&chain.sink.n_packets) == 2);
    cr_assert(eq(i64, atomic_load(&chain.sink.n_signals), 1));
}

Test(command, signal_to_a_thread_that_does_not_run_is_refused)
{
    cr_assert(eq(int, send(consumer), AVERROR_EXIT));
}

Test(command, too_many_are_refused)
{
    make_it_stuck();
    for (int i = 0; i < LIMEF_THREAD_MAX_COMMANDS; i++)
        cr_assert(zero(int, send(consumer)));
    cr_assert(eq(int, send(consumer), AVERROR(EAGAIN)));
    atomic_store(&chain.sink.stuck, 0);
    ASSERT_COMES(atomic_load(&chain.sink.n_signals) == LIMEF_THREAD_MAX_COMMANDS);
}

static int where(void *thread)
{
    *(struct limef_thread **)thread = limef_thread_current();
    return 42;
}

Test(command, call_runs_on_the_thread_and_gives_its_result)
{
    struct limef_thread *current = NULL;

    cr_assert(zero(int, chain_start(&chain)));
    cr_assert(eq(int, limef_thread_call(consumer, where, &current, TOO_LONG_US), 42));
    cr_assert(eq(ptr, current, consumer));
    cr_assert(eq(int, limef_thread_call(producer, where, &current, TOO_LONG_US), 42));
    cr_assert(eq(ptr, current, producer));
}

Test(command, call_of_a_thread_that_does_not_run_runs_here)
{
    struct limef_thread *current = consumer;

    cr_assert(eq(int, limef_thread_call(consumer, where, &current, 0), 42));
    cr_assert(zero(ptr, current));
}

static int call_nested(void *thread)
{
    return limef_thread_call(consumer, where, thread, LIMEF_FOREVER);
}

Test(command, call_from_the_thread_itself_runs_at_once)
{
    struct limef_thread *current = NULL;

    cr_assert(zero(int, limef_thread_start(consumer)));
    cr_assert(eq(int, limef_thread_call(consumer, call_nested, &current, TOO_LONG_US), 42));
    cr_assert(eq(ptr, current, consumer));
}

Test(command, call_is_withdrawn_after_its_timeout)
{
    struct limef_thread *current = NULL;

    make_it_stuck();
    cr_assert(eq(int, limef_thread_call(consumer, where, &current, 5000), AVERROR(ETIMEDOUT)));
    cr_assert(eq(int, limef_thread_call(consumer, where, &current, 0), AVERROR(ETIMEDOUT)));
    atomic_store(&chain.sink.stuck, 0);
    cr_assert(zero(int, limef_thread_stop(consumer, TOO_LONG_US)));
    cr_assert(zero(ptr, current));
}

static LIMEF_ATOMIC(int) n_posted;

static int note_post(void *thread)
{
    if (limef_thread_current() == thread)
        atomic_fetch_add(&n_posted, 1);
    return AVERROR(EIO); /* no frame was lost by it */
}

Test(command, post_runs_on_the_thread_and_is_not_waited_for)
{
    make_it_stuck();
    for (int i = 0; i < LIMEF_THREAD_MAX_COMMANDS; i++)
        cr_assert(zero(int, limef_thread_post(consumer, note_post, consumer)));
    cr_assert(eq(int, limef_thread_post(consumer, note_post, consumer), AVERROR(EAGAIN)));
    cr_assert(zero(int, atomic_load(&n_posted)));
    atomic_store(&chain.sink.stuck, 0);
    ASSERT_COMES(atomic_load(&n_posted) == LIMEF_THREAD_MAX_COMMANDS);
    cr_assert(zero(u64, LIMEF_COUNTED(consumer->n_errors)));
}

Test(command, post_before_a_stop_is_done)
{
    make_it_stuck();
    cr_assert(zero(int, limef_thread_post(consumer, note_post, consumer)));
    limef_thread_ask_stop(consumer);
    atomic_store(&chain.sink.stuck, 0);
    cr_assert(zero(int, limef_thread_stop(consumer, TOO_LONG_US)));
    cr_assert(eq(int, atomic_load(&n_posted), 1));
}

Test(command, post_to_a_thread_that_does_not_run_is_refused)
{
    cr_assert(eq(int, limef_thread_post(consumer, note_post, consumer), AVERROR_EXIT));
    cr_assert(zero(int, atomic_load(&n_posted)));
}

static LIMEF_ATOMIC(int) call_began, call_may_end;

static int take_long(void *context)
{
    (void)context;
    atomic_store(&call_began, 1);
    while (!atomic_load(&call_may_end))
        sched_yield();
    return 7;
}

static void *call_with_a_short_timeout(void *ret)
{
    *(int *)ret = limef_thread_call(consumer, take_long, NULL, 1000000);
    return NULL;
}

Test(command, call_that_has_begun_is_waited_for)
{
    pthread_t caller;
    int64_t until_us;
    int ret = 0;

    cr_assert(zero(int, limef_thread_start(consumer)));
    pthread_create(&caller, NULL, call_with_a_short_timeout, &ret);
    ASSERT_COMES(atomic_load(&call_began));
    until_us = limef_now_us() + 1100000;
    while (limef_now_us() < until_us)
        sched_yield();
    atomic_store(&call_may_end, 1);
    pthread_join(caller, NULL);
    cr_assert(eq(int, ret, 7));
}

static struct limef_thread *waiting_call_ran_on;

static void *call_and_wait(void *ret)
{
    *(int *)ret = limef_thread_call(consumer, where, &waiting_call_ran_on, TOO_LONG_US);
    return NULL;
}

Test(command, call_and_signal_that_wait_when_the_thread_is_stopped_are_still_done)
{
    pthread_t caller;
    int ret = 0;

    make_it_stuck();
    cr_assert(zero(int, send(consumer)));
    pthread_create(&caller, NULL, call_and_wait, &ret);
    ASSERT_COMES(atomic_load(&consumer->n_commands) == 2);
    limef_thread_ask_stop(consumer);
    atomic_store(&chain.sink.stuck, 0);
    cr_assert(zero(int, limef_thread_stop(consumer, TOO_LONG_US)));
    pthread_join(caller, NULL);
    cr_assert(eq(int, ret, 42));
    cr_assert(eq(ptr, waiting_call_ran_on, consumer));
    cr_assert(eq(i64, atomic_load(&chain.sink.n_signals), 1));
}
