/* SPDX-License-Identifier: MIT */
#include "support/chain.h"
#include "support/silence.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <pthread.h>
#include <sched.h>

static struct chain chain;
static struct limef_thread *const consumer = &chain.consumer.thread;
static struct limef_thread *const producer = &chain.producer.thread;

static void open_chain(void)
{
    cr_assert(zero(int, chain_init(&chain, INT64_MAX, NULL)));
}

static void close_chain(void)
{
    atomic_store(&chain.sink.stuck, 0);
    chain_stop(&chain);
    chain_clear(&chain);
}

TestSuite(thread, .init = open_chain, .fini = close_chain, .timeout = 60);

Test(thread, all_zero_may_be_stopped_and_cleared)
{
    struct limef_thread zero = {0};

    limef_thread_ask_stop(&zero);
    cr_assert(zero(int, limef_thread_stop(&zero, 0)));
    limef_thread_clear(&zero);
    cr_assert(not(limef_thread_running(&zero)));
    cr_assert(not(limef_thread_stopping(NULL)));
    cr_assert(zero(ptr, limef_thread_current()));
}

Test(thread, starts_and_stops_in_any_order_and_again)
{
    struct limef_thread *threads[2] = {producer, consumer};

    for (int round = 0; round < 32; round++) {
        int64_t n_before = atomic_load(&chain.sink.n_packets);

        cr_assert(zero(int, limef_thread_start(threads[round & 1])));
        cr_assert(zero(int, limef_thread_start(threads[~round & 1])));
        ASSERT_COMES(atomic_load(&chain.sink.n_packets) > n_before);
        if (round & 4)
            limef_thread_ask_stop(threads[round >> 3 & 1]);
        cr_assert(zero(int, limef_thread_stop(threads[round >> 1 & 1], TOO_LONG_US)));
        cr_assert(zero(int, limef_thread_stop(threads[~round >> 1 & 1], TOO_LONG_US)));
        cr_assert(not(limef_thread_running(consumer)));
        cr_assert(zero(int, limef_thread_stop(consumer, 0)));
    }
}

Test(thread, is_started_only_once)
{
    limef_log_set_sink(log_to_nobody, NULL);
    cr_assert(zero(int, limef_thread_start(consumer)));
    cr_assert(eq(int, limef_thread_start(consumer), AVERROR(EBUSY)));
    cr_assert(zero(int, limef_thread_stop(consumer, TOO_LONG_US)));
    cr_assert(zero(int, limef_thread_start(consumer)));
}

Test(thread, stops_in_a_blocked_write)
{
    cr_assert(zero(int, limef_thread_start(producer))); /* nobody reads */
    ASSERT_COMES(atomic_load(&chain.input.lane.writer_sleeps) == 1);
    cr_assert(zero(int, limef_thread_stop(producer, TOO_LONG_US)));
    cr_assert(eq(int, atomic_load(&chain.source.last_ret), AVERROR_EXIT));
    cr_assert(eq(i64, atomic_load(&chain.source.n_passed), 12));
}

Test(thread, stops_a_consumer_in_a_blocked_write)
{
    static struct limef_stack_frame frames[4];
    struct limef_input_filter nobody = {0};
    struct limef_fifo fifo = {0};

    limef_fifo_init(&fifo, "nobody reads");
    cr_assert(zero(int, limef_input_filter_init(&nobody, "in", &fifo, frames, 4, NULL)));
    limef_connect(&chain.sink.filter, &nobody.filter);
    cr_assert(zero(int, chain_start(&chain)));
    ASSERT_COMES(atomic_load(&nobody.lane.writer_sleeps) == 1);
    cr_assert(zero(int, limef_thread_stop(consumer, TOO_LONG_US)));
    cr_assert(zero(int, limef_thread_stop(producer, TOO_LONG_US)));
    limef_filter_clear(&nobody.filter);
    limef_fifo_clear(&fifo);
}

static void *stop_it(void *thread)
{
    return (void *)(intptr_t)limef_thread_stop(thread, TOO_LONG_US);
}

Test(thread, stops_from_another_thread)
{
    pthread_t other;
    void *ret;

    cr_assert(zero(int, chain_start(&chain)));
    pthread_create(&other, NULL, stop_it, producer);
    pthread_join(other, &ret);
    cr_assert(zero(ptr, ret));
    pthread_create(&other, NULL, stop_it, consumer);
    pthread_join(other, &ret);
    cr_assert(zero(ptr, ret));
}

static int stop_self(void *ret)
{
    *(int *)ret = limef_thread_stop(limef_thread_current(), TOO_LONG_US);
    return 0;
}

Test(thread, stopping_itself_only_asks)
{
    int ret = 0;

    cr_assert(zero(int, limef_thread_start(consumer)));
    cr_assert(zero(int, limef_thread_call(consumer, stop_self, &ret, TOO_LONG_US)));
    cr_assert(eq(int, ret, AVERROR(EDEADLK)));
    ASSERT_COMES(!limef_thread_running(consumer));
    cr_assert(zero(int, limef_thread_stop(consumer, 0)));
}

Test(thread, stop_of_a_stuck_thread_gives_up_and_succeeds_later)
{
    limef_log_set_sink(log_to_nobody, NULL);
    atomic_store(&chain.sink.stuck, 1);
    cr_assert(zero(int, chain_start(&chain)));
    ASSERT_COMES(atomic_load(&chain.sink.in_go));
    cr_assert(eq(int, limef_thread_stop(consumer, 10000), AVERROR(ETIMEDOUT)));
    cr_assert(eq(int, limef_thread_start(consumer), AVERROR(EBUSY)));
    cr_assert(eq(int, limef_thread_stop(consumer, 0), AVERROR(ETIMEDOUT)));
    cr_assert(zero(int, limef_thread_stop(producer, TOO_LONG_US)));
    atomic_store(&chain.sink.stuck, 0);
    cr_assert(zero(int, limef_thread_stop(consumer, TOO_LONG_US)));
    cr_assert(zero(int, limef_thread_start(consumer)));
}

static LIMEF_ATOMIC(int) n_tasks;

static int64_t task_three_times(void *context, int64_t now_us)
{
    cr_assert(eq(ptr, context, &chain));
    return atomic_fetch_add(&n_tasks, 1) < 2 ? now_us + 1000 : LIMEF_FOREVER;
}

Test(thread, periodic_task_is_called_when_its_time_has_come)
{
    limef_thread_set_task(consumer, task_three_times, &chain);
    cr_assert(zero(int, limef_thread_start(consumer)));
    ASSERT_COMES(atomic_load(&n_tasks) == 3);
    cr_assert(zero(int, limef_thread_stop(consumer, TOO_LONG_US)));
    cr_assert(eq(int, atomic_load(&n_tasks), 3));
    cr_assert(zero(int, limef_thread_start(consumer)));
    ASSERT_COMES(atomic_load(&n_tasks) == 4);
}

Test(thread, periodic_task_of_a_producer_is_called_at_its_end_of_file)
{
    chain.source.n_frames = 0;
    limef_thread_set_task(producer, task_three_times, &chain);
    cr_assert(zero(int, chain_start(&chain)));
    ASSERT_COMES(atomic_load(&n_tasks) == 3);
}

static char seen_name[32];
static cpu_set_t seen_cpus;

static int look_around(void *thread)
{
    cr_assert(eq(ptr, limef_thread_current(), thread));
    pthread_getname_np(pthread_self(), seen_name, sizeof(seen_name));
    return sched_getaffinity(0, sizeof(seen_cpus), &seen_cpus);
}

Test(thread, has_its_name_and_its_cpus)
{
    struct limef_thread_settings settings = {.name = "a name longer than fifteen", .cpu_mask = 1};
    struct limef_consumer named = {0};
    cpu_set_t all;

    sched_getaffinity(0, sizeof(all), &all);
    if (!CPU_ISSET(0, &all))
        cr_skip_test("may not run on CPU 0");
    limef_consumer_init(&named, &chain.sink.filter, &settings);
    cr_assert(zero(int, limef_thread_start(&named.thread)));
    cr_assert(zero(int, limef_thread_call(&named.thread, look_around, &named.thread, TOO_LONG_US)));
    cr_assert(eq(str, seen_name, (char *)"a name longer t"));
    cr_assert(eq(int, CPU_COUNT(&seen_cpus), 1));
    cr_assert(eq(int, !!CPU_ISSET(0, &seen_cpus), 1));
    cr_assert(ne(int, atomic_load(&named.thread.tid), 0));
    cr_assert(zero(int, limef_thread_stop(&named.thread, TOO_LONG_US)));
    cr_assert(zero(int, atomic_load(&named.thread.tid)));
    limef_consumer_clear(&named);
}

static LIMEF_ATOMIC(int) n_other_tasks;

static int64_t other_task(void *context, int64_t now_us)
{
    (void)context;
    (void)now_us;
    atomic_fetch_add(&n_other_tasks, 1);
    return LIMEF_FOREVER;
}

static int64_t replace_itself(void *context, int64_t now_us)
{
    (void)context;
    (void)now_us;
    limef_thread_set_task(limef_thread_current(), other_task, NULL);
    return LIMEF_FOREVER;
}

Test(thread, periodic_task_may_be_replaced_from_within)
{
    limef_thread_set_task(consumer, replace_itself, NULL);
    cr_assert(zero(int, limef_thread_start(consumer)));
    ASSERT_COMES(atomic_load(&n_other_tasks) == 1);
}

static int64_t remove_itself(void *context, int64_t now_us)
{
    (void)context;
    limef_thread_set_task(limef_thread_current(), NULL, NULL);
    atomic_fetch_add(&n_tasks, 1);
    return now_us;
}

static int due_is_forever(void *thread)
{
    return ((struct limef_thread *)thread)->task_due_us == LIMEF_FOREVER;
}

/* Else the thread would look for a task that is due all the time. */
Test(thread, periodic_task_may_be_removed_from_within)
{
    limef_thread_set_task(consumer, remove_itself, NULL);
    cr_assert(zero(int, limef_thread_start(consumer)));
    ASSERT_COMES(atomic_load(&n_tasks) == 1);
    cr_assert(eq(int, limef_thread_call(consumer, due_is_forever, consumer, TOO_LONG_US), 1));
}
