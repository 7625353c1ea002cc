/* SPDX-License-Identifier: MIT */
#include "base/json.h"
#include "thread/plan_private.h"
#include "thread/plan_words.h"

#include <limef/thread/plan_print.h>

#include <inttypes.h>
#include <libavutil/error.h>

static void print_number(FILE *file, const char *key, double value)
{
    struct plan_figure figure;

    fprintf(file, ", \"%s\": %s", key, plan_figure(&figure, value, 3, "null"));
}

static void print_filter(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                         uint32_t number, FILE *file)
{
    const struct limef_plan_filter *filter = &problem->filters[number];

    fputs("{\"name\": ", file);
    json_print_string(file, problem->filters[number].name ? problem->filters[number].name : "?");
    fputs(", \"kind\": ", file);
    json_print_string(file, filter->kind ? filter->kind : "");
    fprintf(file, ", \"island\": %u", plan->island_of[number]);
    print_number(file, "cost_us", filter->cost_us);
    print_number(file, "p95_us", filter->p95_us);
    print_number(file, "slow_us", filter->slow_us > 0 ? filter->slow_us : LIMEF_NOT_MEASURED);
    print_number(file, "rate_hz", filter->rate_hz);
    fputc('}', file);
}

static void print_edge(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                       uint32_t number, FILE *file)
{
    const struct limef_plan_edge *edge = &problem->edges[number];
    const struct limef_plan_link *link = &plan->links[number];
    char line[1024];

    fprintf(file, "{\"from\": %u, \"to\": %u, \"output\": %u, \"cut\": %s, \"reason\": \"%s\"",
            edge->from, edge->to, edge->output, link->is_cut ? "true" : "false",
            limef_plan_reason_name(link->reason));
    if (link->is_cut)
        fprintf(file,
                ", \"depth\": %u, \"overflow\": \"%s\", \"max_bytes\": %zu, \"max_time_us\": "
                "%" PRId64,
                link->depth, limef_overflow_name(link->overflow), link->max_bytes,
                link->max_time_us);
    limef_plan_explain(plan, problem, number, line, sizeof(line));
    fputs(", \"why\": ", file);
    json_print_string(file, line);
    fputc('}', file);
}

static void print_island(const struct limef_plan_island *island, FILE *file)
{
    fprintf(file, "{\"first\": %u, \"priority\": \"%s\"", island->first,
            limef_priority_name(island->priority));
    if (island->worker != LIMEF_PLAN_NONE)
        fprintf(file, ", \"worker\": %u", island->worker);
    if (island->thread != LIMEF_PLAN_NONE)
        fprintf(file, ", \"thread\": %u", island->thread);
    print_number(file, "load", island->load);
    print_number(file, "p95_us", island->p95_us);
    fputc('}', file);
}

static void print_worker(const struct limef_plan_worker *worker, FILE *file)
{
    fprintf(file, "{\"priority\": \"%s\", \"islands\": %u", limef_priority_name(worker->priority),
            worker->n_islands);
    print_number(file, "load", worker->load);
    fputc('}', file);
}

int limef_plan_print_json(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                          FILE *file)
{
    uint32_t n_unmeasured;

    fprintf(file, "{\"mode\": \"%s\"", limef_plan_mode_name(problem->mode));
    print_number(file, "cpus", problem->machine.n_cpus);
    print_number(file, "inside_load", problem->machine.inside_load);
    print_number(file, "handover_us", problem->machine.handover_us);
    print_number(file, "urgent_load", plan_urgent_load(plan, problem, &n_unmeasured));
    fprintf(file, ", \"urgent_unmeasured\": %u", n_unmeasured);
    fputs(",\n \"filters\": [", file);
    for (uint32_t i = 0; i < plan->n_filters; i++) {
        fputs(i ? ",\n  " : "\n  ", file);
        print_filter(plan, problem, i, file);
    }
    fputs("],\n \"edges\": [", file);
    for (uint32_t i = 0; i < plan->n_edges; i++) {
        fputs(i ? ",\n  " : "\n  ", file);
        print_edge(plan, problem, i, file);
    }
    fputs("],\n \"islands\": [", file);
    for (uint32_t i = 0; i < plan->n_islands; i++) {
        fputs(i ? ",\n  " : "\n  ", file);
        print_island(&plan->islands[i], file);
    }
    fputs("],\n \"workers\": [", file);
    for (uint32_t i = 0; i < plan->n_workers; i++) {
        fputs(i ? ",\n  " : "\n  ", file);
        print_worker(&plan->workers[i], file);
    }
    fputs("]}\n", file);
    return fflush(file) || ferror(file) ? AVERROR(EIO) : 0;
}
