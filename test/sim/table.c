/* SPDX-License-Identifier: MIT */
/*
 * The plan beside the naive mappings, on what people run, simulated: a table.
 *
 * table [--check[=CHAINS]]: with it the exit status says whether the plan is nowhere more than 3 %
 * worse than the best of them, and somewhere better than each of them; and that p99 latency is
 * nowhere 3 % and 33 ms above that of one that loses no more; of graphs of at most so many chains,
 * if that is said.
 */
#include "sim/scenarios.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_MODES = LIMEF_PLAN_WHITELIST + 1 };

static const char *const modes[N_MODES] = {
    [LIMEF_PLAN_AUTO] = "auto",
    [LIMEF_PLAN_FUSED] = "fused",
    [LIMEF_PLAN_PER_FILTER] = "per filter",
    [LIMEF_PLAN_PER_STREAM] = "per stream",
    [LIMEF_PLAN_WHITELIST] = "whitelist",
};

/* Shares: what is noise, and what may be worse. */
static const double missed_noise = 0.005, may_be_worse = 0.03;

/* Of a p99 latency: what the planner too takes for nothing. Threads that are shared cost some of
 * it. */
static const double nobody_notices_us = 33000;

struct row {
    double missed, cpu, p99_us, switches, megabytes;
    unsigned n_threads;
};

static void measure(struct row *row, const struct scenario *scenario, enum limef_plan_mode mode)
{
    struct sim_machine machine = {.n_cpus = scenario->n_cpus};
    struct sim_settings settings = {.seconds = scenario->seconds, .seed = 1};
    struct sim_graph graph = {0};
    struct sim_problem it;
    struct sim_result result;

    scenario->build(&graph, scenario->n);
    sim_open_problem(&it, &graph, &machine);
    sim_tell_costs(&it, &graph);
    it.problem.mode = mode;
    if (limef_plan_make(&it.plan, &it.problem, it.scratch) < 0)
        exit(1);
    sim_run(&result, &graph, &it.plan, &machine, &settings);
    *row = (struct row){.missed = sim_missed_share(&result),
                        .cpu = sim_cpu_per_1000(&result),
                        .p99_us = result.p99_us,
                        .switches = (double)result.n_switches / (double)result.n_frames,
                        .megabytes = result.max_waiting_bytes / 1e6,
                        .n_threads = result.n_threads};
    sim_clear_result(&result);
    sim_clear_problem(&it);
    sim_clear_graph(&graph);
}

static bool is_better(const struct row *a, const struct row *b)
{
    if (fabs(a->missed - b->missed) > missed_noise)
        return a->missed < b->missed;
    return a->cpu < b->cpu;
}

/* Whether the first is worse than may be. */
static bool is_too_bad(const struct row *it, const struct row *best)
{
    if (it->missed > best->missed * (1 + may_be_worse) + missed_noise)
        return true;
    return it->missed >= best->missed - missed_noise && it->cpu > best->cpu * (1 + may_be_worse);
}

/* Whether frames are later than under a mapping that loses no more of them. */
static bool is_too_late(const struct row *it, const struct row *other)
{
    return other->missed <= it->missed + missed_noise &&
           it->p99_us > other->p99_us * (1 + may_be_worse) + nobody_notices_us;
}

static void print(const char *name, const struct row *row, const char *mode)
{
    printf("| %-34s | %-10s | %6.2f | %9.1f | %8.1f | %5u | %6.2f | %7.1f |\n", name, mode,
           100 * (1 - row->missed), row->cpu, row->p99_us / 1000, row->n_threads, row->switches,
           row->megabytes);
}

int main(int n_arguments, char **arguments)
{
    bool is_check = n_arguments > 1 && !strncmp(arguments[1], "--check", 7), failed = false;
    unsigned beats[N_MODES] = {0}, most = UINT_MAX;

    if (is_check)
        sscanf(arguments[1], "--check=%u", &most);
    printf("| %-34s | %-10s | %6s | %9s | %8s | %5s | %6s | %7s |\n", "scenario", "mapping", "% on",
           "CPU ms", "p99", "thr.", "sw.", "MB");
    printf("| %-34s | %-10s | %6s | %9s | %8s | %5s | %6s | %7s |\n", "", "", "time", "/ 1000",
           "ms", "", "/frame", "waiting");
    for (const struct scenario *it = scenarios; it->name; it++) {
        struct row rows[N_MODES];
        enum limef_plan_mode best = LIMEF_PLAN_FUSED;

        if (it->n > most)
            continue;
        for (int mode = 0; mode < N_MODES; mode++) {
            measure(&rows[mode], it, (enum limef_plan_mode)mode);
            print(mode ? "" : it->name, &rows[mode], modes[mode]);
            if (mode && is_better(&rows[mode], &rows[best]))
                best = (enum limef_plan_mode)mode;
            beats[mode] += mode && is_too_bad(&rows[mode], &rows[LIMEF_PLAN_AUTO]);
        }
        if (is_too_bad(&rows[LIMEF_PLAN_AUTO], &rows[best])) {
            printf("auto loses to %s\n", modes[best]);
            failed = true;
        }
        for (int mode = LIMEF_PLAN_FUSED; mode < N_MODES; mode++)
            if (is_too_late(&rows[LIMEF_PLAN_AUTO], &rows[mode])) {
                printf("auto is later than %s\n", modes[mode]);
                failed = true;
            }
    }
    for (int mode = LIMEF_PLAN_FUSED; mode < N_MODES; mode++) {
        printf("auto is better than %s by more than 3 %% in %u\n", modes[mode], beats[mode]);
        failed |= !beats[mode];
    }
    return is_check && failed;
}
