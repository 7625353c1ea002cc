/* SPDX-License-Identifier: MIT */
#include <limef/thread/plan_diff.h>

#include "thread/plan_private.h"
#include "thread/plan_words.h"

#include <limef/thread/plan_print.h>

#include <libavutil/error.h>

/* Changes found so far. */
struct found {
    struct limef_plan_change *changes;
    uint32_t n, n_room;
};

static void add(struct found *found, enum limef_plan_change_kind kind, uint32_t number,
                uint32_t before, uint32_t after)
{
    if (found->n < found->n_room)
        found->changes[found->n] = (struct limef_plan_change){kind, number, before, after};
    found->n++;
}

static void compare_link(struct found *found, uint32_t number, const struct limef_plan_link *before,
                         const struct limef_plan_link *after)
{
    if (!before->is_cut && after->is_cut)
        add(found, LIMEF_PLAN_CHANGE_CUT, number, 0, after->depth);
    else if (before->is_cut && !after->is_cut)
        add(found, LIMEF_PLAN_CHANGE_FUSED, number, before->depth, 0);
    if (!before->is_cut || !after->is_cut)
        return;
    if (before->depth != after->depth)
        add(found, LIMEF_PLAN_CHANGE_DEPTH, number, before->depth, after->depth);
    if (before->overflow != after->overflow)
        add(found, LIMEF_PLAN_CHANGE_OVERFLOW, number, before->overflow, after->overflow);
}

static void compare_island(struct found *found, uint32_t number, const struct limef_plan *previous,
                           const struct limef_plan_problem *problem,
                           const struct limef_plan_island *after)
{
    uint32_t was = plan_previous_filter(problem, number);
    const struct limef_plan_island *before;

    if (was == LIMEF_PLAN_NONE)
        return;
    before = &previous->islands[previous->island_of[was]];
    if (before->worker != after->worker)
        add(found, LIMEF_PLAN_CHANGE_MOVED, number, before->worker, after->worker);
    if (before->priority != after->priority)
        add(found, LIMEF_PLAN_CHANGE_PRIORITY, number, before->priority, after->priority);
}

uint32_t limef_plan_diff(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                         struct limef_plan_change *changes, uint32_t n_changes)
{
    struct found found = {.changes = changes, .n_room = n_changes};

    if (!problem->previous)
        return 0;
    for (uint32_t i = 0; i < plan->n_edges; i++) {
        uint32_t was = plan_previous_edge(problem, i);

        if (was != LIMEF_PLAN_NONE)
            compare_link(&found, i, &problem->previous->links[was], &plan->links[i]);
    }
    for (uint32_t i = 0; i < plan->n_islands; i++)
        compare_island(&found, plan->islands[i].first, problem->previous, problem,
                       &plan->islands[i]);
    return found.n;
}

static void print_line(FILE *file, const char *text)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' ? '?' : *text, file);
}

static void print_ends(const struct limef_plan_problem *problem, uint32_t edge, FILE *file)
{
    print_line(file, plan_name(problem, problem->edges[edge].from));
    fputs(" -> ", file);
    print_line(file, plan_name(problem, problem->edges[edge].to));
}

static void print_worker(FILE *file, uint32_t worker)
{
    if (worker == LIMEF_PLAN_NONE)
        fputs("one of the application", file);
    else
        fprintf(file, "%u", worker);
}

int limef_plan_print_change(const struct limef_plan_change *change, const struct limef_plan *plan,
                            const struct limef_plan_problem *problem, FILE *file)
{
    char line[1024];

    if (change->kind == LIMEF_PLAN_CHANGE_MOVED || change->kind == LIMEF_PLAN_CHANGE_PRIORITY)
        print_line(file, plan_name(problem, change->number));
    else
        print_ends(problem, change->number, file);
    switch (change->kind) {
    case LIMEF_PLAN_CHANGE_CUT:
    case LIMEF_PLAN_CHANGE_FUSED:
        fputs(": now ", file);
        limef_plan_explain(plan, problem, change->number, line, sizeof(line));
        print_line(file, line);
        break;
    case LIMEF_PLAN_CHANGE_MOVED:
        fputs(": thread ", file);
        print_worker(file, change->before);
        fputs(" to ", file);
        print_worker(file, change->after);
        break;
    case LIMEF_PLAN_CHANGE_PRIORITY:
        fprintf(file, ": priority %s to %s", limef_priority_name(change->before),
                limef_priority_name(change->after));
        break;
    case LIMEF_PLAN_CHANGE_DEPTH:
        fprintf(file, ": %u to %u deep", change->before, change->after);
        break;
    case LIMEF_PLAN_CHANGE_OVERFLOW:
        fprintf(file, ": %s to %s", limef_overflow_name(change->before),
                limef_overflow_name(change->after));
        break;
    }
    fputc('\n', file);
    return fflush(file) || ferror(file) ? AVERROR(EIO) : 0;
}
