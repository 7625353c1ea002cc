/* SPDX-License-Identifier: MIT */
#include "thread/plan_private.h"
#include "thread/plan_words.h"

#include <limef/thread/plan_print.h>

#include <libavutil/error.h>

#define MAX_LINE 1024

static int done(FILE *file)
{
    return fflush(file) || ferror(file) ? AVERROR(EIO) : 0;
}

/* ---- text ---- */

/* Names hold what the application likes; a line must stay a line. */
static void print_name(FILE *file, const char *name)
{
    for (; *name; name++)
        fputc((unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name, file);
}

static const char *why_it_reads(const struct limef_plan_filter *first, bool is_measured)
{
    if (first->is_live)
        return "it reads a live source";
    if (first->flags & LIMEF_FILTER_RECORDS)
        return "it records, and is light";
    return is_measured ? "it reads, and is light"
                       : "it waits for what it reads, and is not measured yet";
}

/* Of what nothing makes urgent. */
static const char *why_it_waits(const struct limef_plan_filter *first,
                                const struct limef_plan_island *island)
{
    if (!first->is_live || !plan_is_source(first))
        return "nothing makes it urgent";
    if (first->is_eager)
        return "it reads a live source, but never waits for it";
    return plan_is_known(island->load) && island->load <= PLAN_READ_LOAD &&
                   island->p95_us <= PLAN_READ_US
               ? "it reads a live source, but others that are urgent have their share of the cores"
               : "it reads a live source, but works for too long to go before all others";
}

static const char *why_urgent(const struct limef_plan_problem *problem,
                              const struct limef_plan_island *island)
{
    switch (island->priority) {
    case LIMEF_PRIORITY_AUDIO:
        return "it is real-time";
    case LIMEF_PRIORITY_DISPLAY:
        return "it shows pictures";
    case LIMEF_PRIORITY_INGEST:
        return why_it_reads(&problem->filters[island->first], plan_is_known(island->load));
    case LIMEF_PRIORITY_RECORDING:
        return "it records";
    case LIMEF_PRIORITY_BACKGROUND:
        return "it waits for devices";
    case LIMEF_PRIORITY_PROCESSING:
        break;
    }
    return why_it_waits(&problem->filters[island->first], island);
}

static void print_island(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                         uint32_t number, FILE *file)
{
    const struct limef_plan_island *island = &plan->islands[number];
    struct plan_figure load, ms;
    const char *between = "";

    fputs("    ", file);
    for (uint32_t i = 0; i < plan->n_filters; i++)
        if (plan->island_of[i] == number) {
            fputs(between, file);
            print_name(file, plan_label(problem, i).text);
            between = ", ";
        }
    fprintf(file, ": load %s, p95 %s ms, %s: %s\n", plan_figure(&load, island->load, 3, "?"),
            plan_figure(&ms, island->p95_us / 1e3, 1, "?"), limef_priority_name(island->priority),
            why_urgent(problem, island));
}

static uint32_t n_workers_used(const struct limef_plan *plan)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < plan->n_workers; i++)
        n += plan->workers[i].n_islands > 0;
    return n;
}

static void print_threads(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                          FILE *file)
{
    struct plan_figure load;

    for (uint32_t i = 0; i < plan->n_workers; i++) {
        if (!plan->workers[i].n_islands)
            continue;
        fprintf(file, "thread %u, %s, load %s of a core\n", i,
                limef_priority_name(plan->workers[i].priority),
                plan_figure(&load, plan->workers[i].load, 3, "?"));
        for (uint32_t j = 0; j < plan->n_islands; j++)
            if (plan->islands[j].worker == i)
                print_island(plan, problem, j, file);
    }
    for (uint32_t j = 0; j < plan->n_islands; j++)
        if (plan->islands[j].worker == LIMEF_PLAN_NONE) {
            fprintf(file, "thread %u of the application\n", plan->islands[j].thread);
            print_island(plan, problem, j, file);
        }
    if (problem->machine.inside_load > 0)
        fprintf(file, "threads within filters, placed by nobody: load %s\n",
                plan_figure(&load, problem->machine.inside_load, 3, "?"));
}

static void print_urgent(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                         FILE *file)
{
    struct plan_figure urgent, most, shown;
    uint32_t n_unmeasured;
    double load = plan_urgent_load(plan, problem, &n_unmeasured);

    fprintf(file, "urgent (ingest, display, audio): load %s", plan_figure(&urgent, load, 3, "?"));
    if (n_unmeasured)
        fprintf(file, " (not measured yet: %u)", n_unmeasured);
    fprintf(file, "; to read at most %s of the cores, with displays %s\n",
            plan_figure(&most, LIMEF_PLAN_URGENT_SHARE, 2, "?"),
            plan_figure(&shown, LIMEF_PLAN_URGENT_SHARE_SHOWN, 2, "?"));
}

int limef_plan_print_text(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                          FILE *file)
{
    struct plan_figure cpus, handover;
    char line[MAX_LINE];

    fprintf(file, "plan %s: %u filters in %u islands on %u threads, %s cores, handover %s us\n",
            limef_plan_mode_name(problem->mode), plan->n_filters, plan->n_islands,
            n_workers_used(plan), plan_figure(&cpus, problem->machine.n_cpus, 1, "?"),
            plan_figure(&handover, problem->machine.handover_us, 1, "?"));
    print_urgent(plan, problem, file);
    print_threads(plan, problem, file);
    for (uint32_t i = 0; i < plan->n_edges; i++) {
        print_name(file, plan_label(problem, problem->edges[i].from).text);
        fputs(" -> ", file);
        print_name(file, plan_label(problem, problem->edges[i].to).text);
        fputs(": ", file);
        limef_plan_explain(plan, problem, i, line, sizeof(line));
        print_name(file, line);
        fputc('\n', file);
    }
    return done(file);
}

/* ---- DOT ---- */

static void print_quoted(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', file);
        fputc((unsigned char)*text < ' ' ? ' ' : *text, file);
    }
    fputc('"', file);
}

static void print_node(const struct limef_plan_problem *problem, uint32_t filter, FILE *file)
{
    struct plan_figure cost;
    char label[MAX_LINE];

    snprintf(label, sizeof(label), "%s, %s us", plan_label(problem, filter).text,
             plan_figure(&cost, problem->filters[filter].cost_us, 1, "?"));
    fprintf(file, "    f%u [label=", filter);
    print_quoted(file, label);
    fputs("];\n", file);
}

/* worker LIMEF_PLAN_NONE: the filters of explicit threads, in no box */
static void print_box(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                      uint32_t worker, FILE *file)
{
    for (uint32_t i = 0; i < plan->n_filters; i++)
        if (plan->islands[plan->island_of[i]].worker == worker)
            print_node(problem, i, file);
}

int limef_plan_print_dot(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                         FILE *file)
{
    struct plan_figure load;
    char line[MAX_LINE];

    fputs("digraph plan {\n  rankdir=LR;\n  node [shape=box];\n", file);
    for (uint32_t i = 0; i < plan->n_workers; i++) {
        if (!plan->workers[i].n_islands)
            continue;
        fprintf(file, "  subgraph cluster_%u {\n    label=\"thread %u, %s, load %s\";\n", i, i,
                limef_priority_name(plan->workers[i].priority),
                plan_figure(&load, plan->workers[i].load, 2, "?"));
        print_box(plan, problem, i, file);
        fputs("  }\n", file);
    }
    print_box(plan, problem, LIMEF_PLAN_NONE, file);
    for (uint32_t i = 0; i < plan->n_edges; i++) {
        const struct limef_plan_link *link = &plan->links[i];

        fprintf(file, "  f%u -> f%u [", problem->edges[i].from, problem->edges[i].to);
        if (link->is_cut)
            fprintf(file, "style=bold, label=\"%u\", ", link->depth);
        limef_plan_explain(plan, problem, i, line, sizeof(line));
        fputs("tooltip=", file);
        print_quoted(file, line);
        fputs("];\n", file);
    }
    fputs("}\n", file);
    return done(file);
}
