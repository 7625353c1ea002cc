/* SPDX-License-Identifier: MIT */
/*
 * What the benchmark programs share: clocks, pinning, percentiles. C and C++.
 */
#ifndef LIMEF_TEST_BENCH_H
#define LIMEF_TEST_BENCH_H

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000LL

static inline int64_t bench_clock_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static inline int64_t bench_now_ns(void)
{
    return bench_clock_ns(CLOCK_MONOTONIC);
}

/* CPU time of all threads of the process. */
static inline int64_t bench_cpu_ns(void)
{
    return bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static inline void bench_sleep_until_ns(int64_t due_ns)
{
    struct timespec t;

    t.tv_sec = (time_t)(due_ns / NS_PER_S);
    t.tv_nsec = (long)(due_ns % NS_PER_S);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* Context switches of the process so far, wanted and unwanted ones. */
static inline int64_t bench_n_switches(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw + usage.ru_nivcsw;
}

/*
 * Keeps the calling thread on the nth CPU that the process might use before its first call, if
 * there are that many. The first call comes before there are threads.
 */
static inline void bench_pin(int nth)
{
    static cpu_set_t allowed;
    cpu_set_t one;

    if (!CPU_COUNT(&allowed) && sched_getaffinity(0, sizeof(allowed), &allowed))
        return;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && nth-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
            return;
        }
}

/* As an audio thread runs, where that is permitted. */
static inline void bench_real_time(void)
{
    struct sched_param param = {.sched_priority = 20};

    pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
}

static inline int bench_compare_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Sorts values, and picks the one that `share` of them do not exceed. */
static inline int64_t bench_percentile(int64_t *values, size_t n_values, double share)
{
    size_t at = (size_t)(share * (double)n_values);

    if (!n_values)
        return 0;
    qsort(values, n_values, sizeof(*values), bench_compare_i64);
    return values[at < n_values ? at : n_values - 1];
}

#endif
