/* SPDX-License-Identifier: MIT */
/*
 * Predicts how a graph runs under each mapping, from what was measured of its filters: to be held
 * against real runs. Reads lines from a file or standard input, filters before what is behind them:
 *
 *     cpus 2
 *     handover_us 16
 *     timer_us 20                                     (to sleep until a moment, and to wake up)
 *     filter NAME KIND COST_US P95_US RATE_HZ FLAGS   (flags: source,live,blocking,bound,records,
 *                                                      display,real-time, joined by commas, or -)
 *     edge FROM TO
 *
 * predict [FILE [SECONDS]]; writes a line for each mapping: name, share on time, ms of processor
 * time for 1000 frames of the sources, p99 latency in ms, switches a frame, threads.
 */
#include "sim/sim.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE = 512 };

static const struct {
    const char *name;
    unsigned flag;
} flag_names[] = {
    {"source", LIMEF_FILTER_SOURCE},          {"blocking", LIMEF_FILTER_BLOCKING},
    {"bound", LIMEF_FILTER_THREAD_BOUND},     {"records", LIMEF_FILTER_RECORDS},
    {"display", LIMEF_FILTER_DISPLAY},        {"real-time", LIMEF_FILTER_REAL_TIME},
    {"threaded", LIMEF_FILTER_SELF_THREADED},
};

static const char *const modes[] = {
    [LIMEF_PLAN_AUTO] = "auto",
    [LIMEF_PLAN_FUSED] = "fused",
    [LIMEF_PLAN_PER_FILTER] = "per-filter",
    [LIMEF_PLAN_PER_STREAM] = "per-stream",
    [LIMEF_PLAN_WHITELIST] = "whitelist",
};

/* What was read. */
struct input {
    struct sim_graph graph;
    struct sim_machine machine;
    double *rates; /* of each filter, as measured */
};

static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = words; (at = strstr(at, word)); at += n)
        if ((at == words || at[-1] == ',') && (!at[n] || at[n] == ','))
            return true;
    return false;
}

/* The spread of a log-normal cost from its mean and p95; costs with a longer tail get all that
 * one can have. */
static double spread_of(double mean_us, double p95_us)
{
    double rest = 1.645 * 1.645 - 2 * log(p95_us / mean_us);

    if (mean_us <= 0 || p95_us <= mean_us)
        return 0;
    return rest > 0 ? 1.645 - sqrt(rest) : 1.645;
}

static uint32_t find(const struct sim_graph *graph, const char *name)
{
    for (uint32_t i = 0; i < graph->n_filters; i++)
        if (!strcmp(graph->filters[i].name, name))
            return i;
    fprintf(stderr, "predict: no filter %s\n", name);
    exit(1);
}

static void read_filter(struct input *input, const char *line)
{
    char name[24], kind[24], flags[128];
    double cost_us, p95_us, rate_hz;
    struct sim_filter *filter;
    uint32_t number;

    if (sscanf(line, "filter %23s %23s %lf %lf %lf %127s", name, kind, &cost_us, &p95_us, &rate_hz,
               flags) != 6) {
        fprintf(stderr, "predict: not understood: %s", line);
        exit(1);
    }
    number = sim_add_filter(&input->graph, strdup(kind), cost_us);
    filter = &input->graph.filters[number];
    memcpy(filter->name, name, sizeof(name));
    filter->jitter = spread_of(cost_us, p95_us);
    for (size_t i = 0; i < sizeof(flag_names) / sizeof(*flag_names); i++)
        if (has_word(flags, flag_names[i].name))
            filter->flags |= flag_names[i].flag;
    filter->is_live = has_word(flags, "live");
    if (filter->flags & LIMEF_FILTER_SOURCE)
        filter->rate_hz = rate_hz;
    input->rates = realloc(input->rates, (number + 1) * sizeof(*input->rates));
    input->rates[number] = rate_hz;
}

static void read_edge(struct input *input, const char *line)
{
    char from[24], to[24];
    uint32_t a, b;
    double share;

    if (sscanf(line, "edge %23s %23s", from, to) != 2) {
        fprintf(stderr, "predict: not understood: %s", line);
        exit(1);
    }
    a = find(&input->graph, from);
    b = find(&input->graph, to);
    sim_add_edge(&input->graph, a, b);
    share = input->rates[b] > 0 ? input->rates[a] / input->rates[b] : 1;
    if (share > 1.5)
        input->graph.filters[a].keep_every = (unsigned)lround(share);
}

static void read_all(struct input *input, FILE *file)
{
    char line[MAX_LINE];
    double handover_us;

    while (fgets(line, sizeof(line), file)) {
        if (!strncmp(line, "filter ", 7))
            read_filter(input, line);
        else if (!strncmp(line, "edge ", 5))
            read_edge(input, line);
        else if (sscanf(line, "handover_us %lf", &handover_us) == 1)
            sim_set_handover(&input->machine, handover_us);
        else if (sscanf(line, "timer_us %lf", &input->machine.timer_us) == 1)
            continue;
        else
            sscanf(line, "cpus %u", &input->machine.n_cpus);
    }
}

static void predict(const struct input *input, enum limef_plan_mode mode, double seconds)
{
    struct sim_settings settings = {.seconds = seconds, .seed = 1};
    struct sim_result result;
    struct sim_problem it;

    sim_open_problem(&it, &input->graph, &input->machine);
    sim_tell_costs(&it, &input->graph);
    it.problem.mode = mode;
    if (limef_plan_make(&it.plan, &it.problem, it.scratch) < 0)
        exit(1);
    sim_run(&result, &input->graph, &it.plan, &input->machine, &settings);
    printf("%s %.4f %.3f %.3f %.3f %u\n", modes[mode], 1 - sim_missed_share(&result),
           sim_cpu_per_1000(&result), result.p99_us / 1000,
           (double)result.n_switches / (double)result.n_frames, result.n_threads);
    sim_clear_result(&result);
    sim_clear_problem(&it);
}

int main(int n_arguments, char **arguments)
{
    FILE *file = n_arguments > 1 && strcmp(arguments[1], "-") ? fopen(arguments[1], "r") : stdin;
    double seconds = n_arguments > 2 ? atof(arguments[2]) : 10;
    struct input input = {0};

    if (!file) {
        perror(arguments[1]);
        return 1;
    }
    read_all(&input, file);
    if (!input.graph.n_filters) {
        fprintf(stderr, "predict: no filters\n");
        return 1;
    }
    for (int mode = LIMEF_PLAN_AUTO; mode <= LIMEF_PLAN_WHITELIST; mode++)
        predict(&input, (enum limef_plan_mode)mode, seconds);
    for (uint32_t i = 0; i < input.graph.n_filters; i++)
        free((char *)input.graph.filters[i].kind);
    sim_clear_graph(&input.graph);
    free(input.rates);
    return 0;
}
