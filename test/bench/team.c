/* SPDX-License-Identifier: MIT */
/*
 * What sharing 8 batches of work costs beyond the work: a team, threads that are spawned each time,
 * and a loop.
 *
 *   team [RUNS]     prints one JSON object for each size of the work, microseconds a run
 *
 * The batches spin for a given time, so the best that two threads can do is known: half the work.
 * "busy": runs come back to back. "idle": after 10 ms of nothing, when all threads sleep.
 */
#include "bench.h"

#include <limef/thread/team.h>

#include <stdio.h>

#define N_BATCHES 8
#define N_SPAWNED 2
#define IDLE_NS 10000000

static struct limef_team team;
static struct limef_team_worker workers[1];
static int64_t batch_ns;

static void spin(void *context, unsigned part)
{
    int64_t end_ns = bench_now_ns() + batch_ns;

    (void)context, (void)part;
    while (bench_now_ns() < end_ns)
        ;
}

static void run_loop(void)
{
    for (unsigned i = 0; i < N_BATCHES; i++)
        spin(NULL, i);
}

static void run_team(void)
{
    limef_team_run(&team, N_BATCHES, spin, NULL);
}

static void *spin_half(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < N_BATCHES / N_SPAWNED; i++)
        spin(NULL, i);
    return NULL;
}

static void run_spawned(void)
{
    pthread_t threads[N_SPAWNED - 1];

    for (unsigned i = 0; i < N_SPAWNED - 1; i++)
        if (pthread_create(&threads[i], NULL, spin_half, NULL))
            abort();
    spin_half(NULL);
    for (unsigned i = 0; i < N_SPAWNED - 1; i++)
        pthread_join(threads[i], NULL);
}

/* Median duration in microseconds. */
static double median_us(void (*run)(void), unsigned n_runs, bool idle)
{
    int64_t *ns = calloc(n_runs, sizeof(*ns));
    double us;

    if (!ns)
        abort();
    run();
    run();
    for (unsigned i = 0; i < n_runs; i++) {
        int64_t began_ns;

        if (idle)
            bench_sleep_until_ns(bench_now_ns() + IDLE_NS);
        began_ns = bench_now_ns();
        run();
        ns[i] = bench_now_ns() - began_ns;
    }
    us = (double)bench_percentile(ns, n_runs, 0.5) / 1000;
    free(ns);
    return us;
}

int main(int n_arguments, char **arguments)
{
    static const int64_t sizes_ns[] = {200, 1000, 5000, 25000, 125000, 1000000};
    unsigned n_runs = n_arguments > 1 ? (unsigned)atoi(arguments[1]) : 300;

    if (limef_team_start(&team, workers, 1, NULL) < 0)
        return 1;
    for (unsigned i = 0; i < sizeof(sizes_ns) / sizeof(sizes_ns[0]); i++) {
        double work_us = (double)(sizes_ns[i] * N_BATCHES) / 1000;

        batch_ns = sizes_ns[i];
        printf("{\"work_us\": %.1f, \"threads\": %u, \"loop\": %.1f, \"team_busy\": %.1f, "
               "\"spawn_busy\": %.1f, \"team_idle\": %.1f, \"spawn_idle\": %.1f, "
               "\"shared\": %llu, \"sequential\": %llu}\n",
               work_us, limef_team_n_threads(&team), median_us(run_loop, n_runs, false),
               median_us(run_team, n_runs, false), median_us(run_spawned, n_runs, false),
               median_us(run_team, n_runs / 4, true), median_us(run_spawned, n_runs / 4, true),
               (unsigned long long)LIMEF_COUNTED(team.n_shared),
               (unsigned long long)LIMEF_COUNTED(team.n_sequential));
    }
    return limef_team_stop(&team, 1000000) < 0;
}
