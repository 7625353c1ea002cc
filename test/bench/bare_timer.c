/* SPDX-License-Identifier: MIT */
#include "bare_timer.h"

#include "bench.h"

#include <stdatomic.h>

#define MAX_CPUS 64
#define MAX_TIMES 200000

struct timer {
    pthread_t thread;
    int cpu;
    size_t n;
    int64_t due_us[MAX_TIMES], late_us[MAX_TIMES];
};

static struct timer *timers;
static int n_timers;
static int64_t period_us;
static atomic_bool over;

static void *wake_again_and_again(void *context)
{
    struct timer *timer = context;
    cpu_set_t one;
    int64_t due_us;

    CPU_ZERO(&one);
    CPU_SET(timer->cpu, &one);
    pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
    bench_real_time();
    due_us = bench_now_ns() / 1000;
    while (!atomic_load(&over) && timer->n < MAX_TIMES) {
        due_us += period_us;
        bench_sleep_until_ns(due_us * 1000);
        timer->due_us[timer->n] = due_us;
        timer->late_us[timer->n] = bench_now_ns() / 1000 - due_us;
        if (timer->late_us[timer->n++] > period_us)
            due_us = bench_now_ns() / 1000;
    }
    return NULL;
}

bool bare_timers_start(int64_t period)
{
    cpu_set_t allowed;

    period_us = period;
    if (sched_getaffinity(0, sizeof(allowed), &allowed))
        return false;
    timers = calloc(MAX_CPUS, sizeof(*timers));
    for (int cpu = 0; timers && cpu < CPU_SETSIZE && n_timers < MAX_CPUS; cpu++) {
        if (!CPU_ISSET(cpu, &allowed))
            continue;
        timers[n_timers].cpu = cpu;
        if (pthread_create(&timers[n_timers].thread, NULL, wake_again_and_again, &timers[n_timers]))
            break;
        n_timers++;
    }
    return n_timers > 0;
}

void bare_timers_stop(void)
{
    atomic_store(&over, true);
    for (int i = 0; i < n_timers; i++)
        pthread_join(timers[i].thread, NULL);
}

bool bare_timers_were_late(int64_t from_us, int64_t to_us, int64_t late_us)
{
    for (int i = 0; i < n_timers; i++)
        for (size_t k = 0; k < timers[i].n; k++)
            if (timers[i].late_us[k] > late_us && timers[i].due_us[k] < to_us &&
                timers[i].due_us[k] + timers[i].late_us[k] > from_us)
                return true;
    return false;
}

void bare_timers_read(struct bare_timer_result *result)
{
    *result = (struct bare_timer_result){0};
    for (int i = 0; i < n_timers; i++) {
        int64_t *sorted = malloc(timers[i].n * sizeof(*sorted) + 1), p99_us;

        result->n += timers[i].n;
        for (size_t k = 0; k < timers[i].n; k++) {
            result->n_late += timers[i].late_us[k] > period_us;
            sorted[k] = timers[i].late_us[k];
        }
        p99_us = bench_percentile(sorted, timers[i].n, 0.99);
        result->p99_us = p99_us > result->p99_us ? p99_us : result->p99_us;
        p99_us = bench_percentile(sorted, timers[i].n, 1);
        result->max_us = p99_us > result->max_us ? p99_us : result->max_us;
        free(sorted);
    }
}
