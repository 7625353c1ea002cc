/* SPDX-License-Identifier: MIT */
#include "against.h"

#include <limef/base/log.h>
#include <limef/thread/plan_diff.h>
#include <limef/thread/plan_print.h>

#include <libavutil/error.h>
#include <stdlib.h>

/* A limef_graph_print_fn has no context. */
static enum limef_plan_mode other_mode;

/* What the other plan takes; one block each. */
struct other {
    struct limef_plan plan;
    void *memory, *scratch;
};

static void other_clear(struct other *other)
{
    free(other->memory);
    free(other->scratch);
}

static int other_make(struct other *other, const struct limef_plan_problem *problem)
{
    struct limef_plan_problem same = *problem;

    other->memory = malloc(limef_plan_bytes(problem->n_filters, problem->n_edges));
    other->scratch = malloc(limef_plan_scratch_bytes(problem->n_filters, problem->n_edges));
    if (!other->memory || !other->scratch)
        return AVERROR(ENOMEM);
    same.mode = other_mode;
    limef_plan_init(&other->plan, other->memory, problem->n_filters, problem->n_edges);
    return limef_plan_make(&other->plan, &same, other->scratch);
}

static int print_changes(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                         FILE *file)
{
    uint32_t n = limef_plan_diff(plan, problem, NULL, 0);
    struct limef_plan_change *changes = calloc(n + 1, sizeof(*changes));
    int ret = changes ? 0 : AVERROR(ENOMEM);

    if (changes)
        limef_plan_diff(plan, problem, changes, n);
    if (!n && !ret && fprintf(file, "as %s\n", limef_plan_mode_name(other_mode)) < 0)
        ret = AVERROR(EIO);
    for (uint32_t i = 0; i < n && ret >= 0; i++)
        ret = limef_plan_print_change(&changes[i], plan, problem, file);
    free(changes);
    return ret;
}

static int print(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                 FILE *file)
{
    struct limef_plan_problem after = *problem;
    struct other other = {0};
    int ret = other_make(&other, problem);

    if (ret >= 0) {
        after.previous = &other.plan;
        after.previous_filters = after.previous_edges = NULL;
        ret = print_changes(plan, &after, file);
    }
    other_clear(&other);
    return ret;
}

int against_print(struct limef_graph *graph, enum limef_plan_mode other, FILE *file)
{
    int ret;

    other_mode = other;
    ret = limef_graph_print(graph, print, file);
    if (ret == AVERROR(ENOMEM) || ret == AVERROR(EIO))
        return limef_fail(ret, "limef-graph", "cannot compare plans");
    return ret;
}
