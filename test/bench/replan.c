/* SPDX-License-Identifier: MIT */
/*
 * What planning a small graph costs, which is tried in the planner's model: from nothing, and while
 * it runs, as the judge does in each window. Random graphs of the simulator.
 *
 *   replan [GRAPHS [FIRST_SEED]]  prints one JSON object, microseconds of processor time
 */
#include "bench.h"

#include "sim/scenarios.h"

#include <stdio.h>
#include <time.h>

#define MAX_FILTERS 24

static double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double plan_us(struct sim_problem *it, const struct limef_plan *previous)
{
    double began_us = now_us();

    it->problem.previous = previous;
    if (limef_plan_make(&it->plan, &it->problem, it->scratch) < 0)
        exit(1);
    return now_us() - began_us;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print(const char *what, double *us, unsigned n)
{
    double sum = 0;

    qsort(us, n, sizeof(*us), compare);
    for (unsigned i = 0; i < n; i++)
        sum += us[i];
    printf("\"%s_mean_us\": %.1f, \"%s_p50_us\": %.1f, \"%s_p99_us\": %.1f, \"%s_max_us\": %.1f",
           what, sum / n, what, us[n / 2], what, us[n * 99 / 100], what, us[n - 1]);
}

int main(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)atol(argv[1]) : 1000;
    uint64_t first = argc > 2 ? (uint64_t)atoll(argv[2]) : 1;
    double *fresh_us = calloc(n + 1, sizeof(double)), *live_us = calloc(n + 1, sizeof(double));

    if (!n || !fresh_us || !live_us)
        return 1;
    bench_pin(0);
    for (unsigned i = 0; i < n; i++) {
        struct sim_graph graph = {0};
        struct sim_machine machine;
        struct sim_problem unmeasured, fresh, live;

        scenario_random(&graph, &machine, first + i, MAX_FILTERS);
        sim_open_problem(&unmeasured, &graph, &machine);
        sim_open_problem(&fresh, &graph, &machine);
        sim_open_problem(&live, &graph, &machine);
        sim_tell_costs(&fresh, &graph);
        sim_tell_costs(&live, &graph);
        plan_us(&unmeasured, NULL);
        fresh_us[i] = plan_us(&fresh, NULL);
        live_us[i] = plan_us(&live, &unmeasured.plan);
        sim_clear_problem(&unmeasured);
        sim_clear_problem(&fresh);
        sim_clear_problem(&live);
        sim_clear_graph(&graph);
    }
    printf("{");
    print("fresh", fresh_us, n);
    printf(", ");
    print("live", live_us, n);
    printf("}\n");
    free(fresh_us);
    free(live_us);
    return 0;
}
