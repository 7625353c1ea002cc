/* SPDX-License-Identifier: MIT */
#include "thread/team_private.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <libavutil/error.h>
#include <limef/base/clock.h>
#include <sched.h>
#include <string.h>

#define TOO_LONG_US 10000000
#define MAX_PARTS 1000

static struct limef_team team;
static struct limef_team_worker workers[3];

TestSuite(team, .timeout = 60);

/* Counts how often each part was done, and by how many threads. */
struct tally {
    LIMEF_ATOMIC(unsigned) n_done[MAX_PARTS];
    LIMEF_ATOMIC(unsigned) n_others;
    pthread_t caller;
    LIMEF_ATOMIC(int) waits_for_other; /* the caller's first part lasts until another one ran */
};

static void count_part(void *context, unsigned part)
{
    struct tally *tally = context;

    atomic_fetch_add(&tally->n_done[part], 1);
    if (!pthread_equal(pthread_self(), tally->caller))
        atomic_fetch_add(&tally->n_others, 1);
    else if (atomic_exchange(&tally->waits_for_other, 0))
        while (!atomic_load(&tally->n_others))
            sched_yield();
}

static void assert_each_once(const struct tally *tally, unsigned n_parts)
{
    for (unsigned i = 0; i < MAX_PARTS; i++)
        cr_assert(eq(uint, tally->n_done[i], i < n_parts ? 1 : 0), "part %u", i);
}

Test(team, each_part_is_done_once)
{
    static const unsigned n_parts[] = {0, 1, 2, 3, 4, 5, 8, 97, MAX_PARTS};

    cr_assert(eq(int, team_start(&team, workers, 3, NULL), 0));
    team_fix_dispatch(&team, 0);
    for (unsigned i = 0; i < sizeof(n_parts) / sizeof(n_parts[0]); i++)
        for (unsigned repeat = 0; repeat < 20; repeat++) {
            struct tally tally = {.caller = pthread_self()};

            limef_team_run(&team, n_parts[i], count_part, &tally);
            assert_each_once(&tally, n_parts[i]);
        }
    cr_assert(eq(int, limef_team_stop(&team, TOO_LONG_US), 0));
}

Test(team, helpers_help)
{
    struct tally tally = {.caller = pthread_self(), .waits_for_other = 1};

    cr_assert(eq(int, team_start(&team, workers, 1, NULL), 0));
    team_fix_dispatch(&team, 0);
    limef_team_run(&team, 8, count_part, &tally);
    assert_each_once(&tally, 8);
    cr_assert(gt(uint, tally.n_others, 0));
    cr_assert(eq(u64, LIMEF_COUNTED(team.n_shared), 1));
    cr_assert(eq(int, limef_team_stop(&team, TOO_LONG_US), 0));
}

static LIMEF_ATOMIC(unsigned) n_beside;

static void count_beside(void *context, unsigned part)
{
    struct tally *tally = context;

    if (!pthread_equal(pthread_self(), tally->caller) && sched_getcpu() == team.cpu)
        atomic_fetch_add(&n_beside, 1);
    count_part(context, part);
}

/* Until the helper sleeps, as it does before it is woken somewhere. */
static void wait_until_asleep(void)
{
    int64_t deadline_us = limef_deadline_us(TOO_LONG_US);

    while (!LIMEF_COUNTED(team.n_sleeping) && limef_now_us() < deadline_us)
        sched_yield();
    cr_assert(eq(u32, LIMEF_COUNTED(team.n_sleeping), 1));
}

/* The helper has slept, and the caller stays where it is. Where others want processors, too, the system
 * may put a helper there in the middle of a part: not in one run after the other. */
Test(team, helpers_leave_the_callers_processor_to_it)
{
    cpu_set_t all, one;
    unsigned n_runs_beside = 0;

    cr_assert(eq(int, sched_getaffinity(0, sizeof(all), &all), 0));
    if (CPU_COUNT(&all) < 2)
        cr_skip("one processor");
    cr_assert(eq(int, team_start(&team, workers, 1, NULL), 0));
    team_fix_dispatch(&team, 0);
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    cr_assert(eq(int, sched_setaffinity(0, sizeof(one), &one), 0));
    for (int round = 0; round < 20; round++) {
        struct tally tally = {.caller = pthread_self(), .waits_for_other = 1};

        wait_until_asleep();
        atomic_store(&n_beside, 0);
        limef_team_run(&team, 8, count_beside, &tally);
        assert_each_once(&tally, 8);
        n_runs_beside += atomic_load(&n_beside) > 0;
    }
    cr_assert(le(uint, n_runs_beside, 3));
    cr_assert(eq(int, limef_team_stop(&team, TOO_LONG_US), 0));
    sched_setaffinity(0, sizeof(all), &all);
}

Test(team, without_helpers_the_caller_does_all)
{
    struct tally tally = {.caller = pthread_self()}, other = {.caller = pthread_self()};

    limef_team_run(&team, 8, count_part, &tally);
    assert_each_once(&tally, 8);
    cr_assert(eq(uint, tally.n_others, 0));
    limef_team_run(NULL, 8, count_part, &other);
    assert_each_once(&other, 8);
    cr_assert(eq(uint, limef_team_n_threads(&team), 1));
    cr_assert(eq(uint, limef_team_n_threads(NULL), 1));
    cr_assert(eq(int, limef_team_stop(&team, 0), 0));
}

Test(team, no_more_helpers_than_cores)
{
    cr_assert(eq(int, limef_team_start(&team, workers, 3, NULL), 0));
    cr_assert(le(uint, limef_team_n_threads(&team), 4));
    cr_assert(eq(int, limef_team_stop(&team, TOO_LONG_US), 0));
}

Test(team, what_is_too_little_is_not_shared)
{
    struct tally tally = {.caller = pthread_self()};

    cr_assert(eq(int, team_start(&team, workers, 1, NULL), 0));
    team_fix_dispatch(&team, INT64_MAX / 4);
    for (int i = 0; i < 10; i++)
        limef_team_run(&team, 8, count_part, &tally);
    cr_assert(eq(uint, tally.n_others, 0));
    cr_assert(eq(u64, LIMEF_COUNTED(team.n_sequential), 10));
    cr_assert(eq(u64, LIMEF_COUNTED(team.n_shared), 0));
    cr_assert(eq(int, limef_team_stop(&team, TOO_LONG_US), 0));
}

static void take_a_millisecond(void *context, unsigned part)
{
    int64_t end_us = limef_now_us() + 1000;

    (void)context, (void)part;
    while (limef_now_us() < end_us)
        sched_yield();
}

Test(team, what_is_much_is_shared_once_that_is_known)
{
    cr_assert(eq(int, team_start(&team, workers, 1, NULL), 0));
    team_fix_dispatch(&team, 1000);
    for (int i = 0; i < 5; i++)
        limef_team_run(&team, 4, take_a_millisecond, NULL);
    cr_assert(eq(u64, LIMEF_COUNTED(team.n_sequential), 1));
    cr_assert(eq(u64, LIMEF_COUNTED(team.n_shared), 4));
    cr_assert(eq(int, limef_team_stop(&team, TOO_LONG_US), 0));
}

/* A part that runs something with the same team. */
static void run_within(void *context, unsigned part)
{
    (void)part;
    limef_team_run(&team, 4, count_part, context);
}

Test(team, a_team_at_work_is_not_waited_for)
{
    struct tally tally = {.caller = pthread_self()};

    cr_assert(eq(int, team_start(&team, workers, 1, NULL), 0));
    team_fix_dispatch(&team, 0);
    limef_team_run(&team, 2, run_within, &tally);
    for (unsigned i = 0; i < 4; i++)
        cr_assert(eq(uint, tally.n_done[i], 2));
    cr_assert(eq(u64, LIMEF_COUNTED(team.n_busy), 2));
    cr_assert(eq(int, limef_team_stop(&team, TOO_LONG_US), 0));
}

static LIMEF_ATOMIC(int) stuck;

static void be_stuck(void *context, unsigned part)
{
    (void)context, (void)part;
    while (atomic_load(&stuck))
        sched_yield();
}

static void *run_stuck(void *argument)
{
    (void)argument;
    limef_team_run(&team, 2, be_stuck, NULL);
    return NULL;
}

Test(team, a_worker_that_does_not_come_back_is_a_timeout)
{
    pthread_t thread;

    stuck = 1;
    cr_assert(eq(int, team_start(&team, workers, 1, NULL), 0));
    team_fix_dispatch(&team, 0);
    cr_assert(eq(int, pthread_create(&thread, NULL, run_stuck, NULL), 0));
    while ((LIMEF_COUNTED(workers[0].block) & 0xffff) < 2) /* its part is taken */
        sched_yield();
    cr_assert(eq(int, limef_team_stop(&team, 1000), AVERROR(ETIMEDOUT)));
    stuck = 0;
    pthread_join(thread, NULL);
    cr_assert(eq(int, limef_team_stop(&team, TOO_LONG_US), 0));
    cr_assert(eq(ptr, (void *)team.workers, NULL));
}

Test(team, can_be_started_again)
{
    for (int i = 0; i < 20; i++) {
        struct tally tally = {.caller = pthread_self()};

        cr_assert(eq(int, team_start(&team, workers, 2, NULL), 0));
        team_fix_dispatch(&team, 0);
        limef_team_run(&team, 9, count_part, &tally);
        assert_each_once(&tally, 9);
        cr_assert(eq(int, limef_team_stop(&team, TOO_LONG_US), 0));
    }
}
