/* SPDX-License-Identifier: MIT */
/*
 * Whether the classes of threads hold their bounds on a machine that works at 80 %.
 *
 *   classes [SECONDS [LOAD]]
 *
 * Processing threads load every core to LOAD (0.8) together with the three that are measured: audio
 * is due every 5 ms and works 0.3 ms, display every 16.7 ms and 2 ms, processing every 33.3 ms and
 * 4 ms, of processor time. What counts is from when it was due until its work was done. On each CPU
 * a bare thread of the same priority as audio wakes every 5 ms as well, and works nothing: how late
 * it is, is the machine's. Prints one JSON object: late is how long after it was due it began, done
 * when it was through; of what was missed, excused is how often a bare thread was late by at least
 * half as much at the same time.
 */
#include "bare_timer.h"
#include "bench.h"

#include <limef/base/log.h>
#include <limef/thread/consumer.h>
#include <limef/thread/machine.h>

#include <stdio.h>
#include <stdlib.h>

#define MAX_TIMES 200000
#define MAX_LOADS 64
#define LOAD_PERIOD_US 40000

/* A thread with a periodic piece of work. */
struct periodic {
    struct limef_consumer consumer;
    const char *name;
    enum limef_priority priority;
    int64_t period_us, work_us, due_us;
    size_t n, n_missed;
    int64_t began_us[MAX_TIMES], late_us[MAX_TIMES], done_us[MAX_TIMES];
    bool is_measured;
};

static struct periodic measured[] = {
    {.name = "audio", .priority = LIMEF_PRIORITY_AUDIO, .period_us = 5000, .work_us = 300},
    {.name = "display", .priority = LIMEF_PRIORITY_DISPLAY, .period_us = 16667, .work_us = 2000},
    {.name = "processing",
     .priority = LIMEF_PRIORITY_PROCESSING,
     .period_us = 33333,
     .work_us = 4000},
};
#define N_MEASURED (sizeof(measured) / sizeof(*measured))

static struct periodic loads[MAX_LOADS];

static void work(int64_t us)
{
    int64_t until_ns = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID) + us * 1000;

    while (bench_clock_ns(CLOCK_THREAD_CPUTIME_ID) < until_ns)
        ;
}

static int64_t do_it(void *context, int64_t now_us)
{
    struct periodic *periodic = context;
    int64_t done_us;

    if (!periodic->due_us)
        periodic->due_us = now_us;
    if (now_us < periodic->due_us)
        return periodic->due_us;
    work(periodic->work_us);
    done_us = limef_now_us() - periodic->due_us;
    if (periodic->is_measured && periodic->n < MAX_TIMES) {
        periodic->n_missed += done_us > periodic->period_us;
        periodic->began_us[periodic->n] = now_us;
        periodic->late_us[periodic->n] = now_us - periodic->due_us;
        periodic->done_us[periodic->n++] = done_us;
    }
    periodic->due_us += periodic->period_us;
    return periodic->due_us;
}

static void start(struct periodic *periodic)
{
    limef_consumer_init(
        &periodic->consumer, NULL,
        &(struct limef_thread_settings){.name = periodic->name, .priority = periodic->priority});
    limef_thread_set_task(&periodic->consumer.thread, do_it, periodic);
    if (limef_thread_start(&periodic->consumer.thread) < 0)
        exit(1);
}

static void stop(struct periodic *periodic)
{
    if (limef_thread_stop(&periodic->consumer.thread, 3000000) < 0)
        exit(1);
    limef_consumer_clear(&periodic->consumer);
}

/* Of what was missed; before the times are sorted. */
static size_t count_excused(const struct periodic *periodic)
{
    size_t n = 0;

    for (size_t i = 0; i < periodic->n; i++) {
        int64_t due_us = periodic->began_us[i] - periodic->late_us[i];

        n += periodic->done_us[i] > periodic->period_us &&
             bare_timers_were_late(due_us, due_us + periodic->done_us[i],
                                   (periodic->done_us[i] - periodic->work_us) / 2);
    }
    return n;
}

static void print_control(void)
{
    struct bare_timer_result bare;

    bare_timers_read(&bare);
    printf("\"bare_n\": %zu, \"bare_missed\": %zu, \"bare_late_p99_ms\": %.3f, "
           "\"bare_late_max_ms\": %.3f, ",
           bare.n, bare.n_late, (double)bare.p99_us / 1e3, (double)bare.max_us / 1e3);
}

static void print(struct periodic *periodic)
{
    const char *name = periodic->name;
    double n = (double)(periodic->n ? periodic->n : 1);

    printf("\"%s_n\": %zu, \"%s_missed\": %zu, \"%s_missed_share\": %.6f, ", name, periodic->n,
           name, periodic->n_missed, name, (double)periodic->n_missed / n);
    printf("\"%s_excused\": %zu, ", name, count_excused(periodic));
    printf("\"%s_late_p99_ms\": %.3f, \"%s_late_max_ms\": %.3f, ", name,
           (double)bench_percentile(periodic->late_us, periodic->n, 0.99) / 1e3, name,
           (double)bench_percentile(periodic->late_us, periodic->n, 1) / 1e3);
    printf("\"%s_done_p99_ms\": %.3f, \"%s_done_max_ms\": %.3f, ", name,
           (double)bench_percentile(periodic->done_us, periodic->n, 0.99) / 1e3, name,
           (double)bench_percentile(periodic->done_us, periodic->n, 1) / 1e3);
}

int main(int n_arguments, char **arguments)
{
    double seconds = n_arguments > 1 ? atof(arguments[1]) : 10;
    double load = n_arguments > 2 ? atof(arguments[2]) : 0.8, rest;
    unsigned n_loads = (unsigned)(3 * limef_machine_n_cpus());
    int64_t cpu_ns, began_ns;

    n_loads = n_loads < MAX_LOADS ? n_loads : MAX_LOADS;
    rest = load * limef_machine_n_cpus();
    for (size_t i = 0; i < N_MEASURED; i++)
        rest -= (double)measured[i].work_us / (double)measured[i].period_us;
    if (rest < 0 || seconds <= 0 || !n_loads)
        return 1;
    for (unsigned i = 0; i < n_loads; i++) {
        loads[i] = (struct periodic){.name = "load",
                                     .priority = LIMEF_PRIORITY_PROCESSING,
                                     .period_us = LOAD_PERIOD_US + 500 * i};
        loads[i].work_us = (int64_t)(rest / n_loads * (double)loads[i].period_us);
        start(&loads[i]);
    }
    for (size_t i = 0; i < N_MEASURED; i++) {
        measured[i].is_measured = true;
        start(&measured[i]);
    }
    if (!bare_timers_start(measured[0].period_us))
        return 1;
    began_ns = bench_now_ns();
    cpu_ns = bench_cpu_ns();
    bench_sleep_until_ns(began_ns + (int64_t)(seconds * 1e9));
    cpu_ns = bench_cpu_ns() - cpu_ns;
    began_ns = bench_now_ns() - began_ns;
    bare_timers_stop();
    printf("{\"load\": %.3f, ", (double)cpu_ns / (double)began_ns / limef_machine_n_cpus());
    for (size_t i = 0; i < N_MEASURED; i++) {
        int as =
            atomic_load_explicit(&measured[i].consumer.thread.scheduled_as, memory_order_relaxed);

        stop(&measured[i]);
        printf("\"%s_scheduled_as\": %d, ", measured[i].name, as);
        print(&measured[i]);
    }
    for (unsigned i = 0; i < n_loads; i++)
        stop(&loads[i]);
    print_control();
    printf("\"seconds\": %g}\n", seconds);
    return 0;
}
