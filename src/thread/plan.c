/* SPDX-License-Identifier: MIT */
#include "thread/plan_private.h"

#include <stdalign.h>
#include <string.h>

void *plan_take(char *memory, size_t *offset, size_t bytes)
{
    void *taken = memory ? memory + *offset : NULL;
    size_t align = alignof(max_align_t);

    *offset += (bytes + align - 1) / align * align;
    return taken;
}

size_t plan_lay_out(struct limef_plan *plan, void *memory)
{
    size_t offset = 0, n_filters = plan->n_filters;

    plan->links = plan_take(memory, &offset, plan->n_edges * sizeof(*plan->links));
    plan->island_of = plan_take(memory, &offset, n_filters * sizeof(*plan->island_of));
    plan->islands = plan_take(memory, &offset, n_filters * sizeof(*plan->islands));
    plan->workers = plan_take(memory, &offset, n_filters * sizeof(*plan->workers));
    return offset;
}

size_t limef_plan_bytes(uint32_t n_filters, uint32_t n_edges)
{
    struct limef_plan plan = {.n_filters = n_filters, .n_edges = n_edges};

    return plan_lay_out(&plan, NULL);
}

void limef_plan_init(struct limef_plan *plan, void *memory, uint32_t n_filters, uint32_t n_edges)
{
    *plan = (struct limef_plan){.n_filters = n_filters, .n_edges = n_edges};
    memset(memory, 0, plan_lay_out(plan, memory));
}

size_t plan_work_lay_out(struct plan_work *work, void *memory, uint32_t n_filters, uint32_t n_edges)
{
    size_t offset = 0, n = n_filters;
    uint32_t **numbers[] = {&work->order,   &work->parent,       &work->root,     &work->list,
                            &work->members, &work->worker_level, &work->n_before, &work->n_behind};
    uint32_t **starts[] = {&work->in_at, &work->out_at, &work->member_at, &work->level};
    double **figures[] = {&work->load,           &work->weight,    &work->rest,
                          &work->edge_cost,      &work->busy_us,   &work->source_hz,
                          &work->worker_busy_us, &work->worker_hz, &work->worker_load,
                          &work->burst};
    uint8_t **marks[] = {&work->head,     &work->tried,     &work->is_live,
                         &work->is_eager, &work->records,   &work->no_cpu,
                         &work->is_alone, &work->is_reader, &work->is_rejoined};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        *numbers[i] = plan_take(memory, &offset, n * sizeof(uint32_t));
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        *starts[i] = plan_take(memory, &offset, (n + 1) * sizeof(uint32_t));
    work->in_edges = plan_take(memory, &offset, n_edges * sizeof(uint32_t));
    work->out_edges = plan_take(memory, &offset, n_edges * sizeof(uint32_t));
    for (size_t i = 0; i < sizeof(figures) / sizeof(*figures); i++)
        *figures[i] = plan_take(memory, &offset, n * sizeof(double));
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
        *marks[i] = plan_take(memory, &offset, n);
    return offset;
}

size_t limef_plan_scratch_bytes(uint32_t n_filters, uint32_t n_edges)
{
    struct plan_work work;

    return plan_work_lay_out(&work, NULL, n_filters, n_edges);
}

uint32_t plan_previous_filter(const struct limef_plan_problem *problem, uint32_t filter)
{
    const struct limef_plan *previous = problem->previous;
    uint32_t was = filter;

    if (!previous)
        return LIMEF_PLAN_NONE;
    if (problem->previous_filters)
        was = problem->previous_filters[filter];
    return was < previous->n_filters ? was : LIMEF_PLAN_NONE;
}

uint32_t plan_previous_edge(const struct limef_plan_problem *problem, uint32_t edge)
{
    const struct limef_plan *previous = problem->previous;
    uint32_t was = edge;

    if (!previous)
        return LIMEF_PLAN_NONE;
    if (problem->previous_edges)
        was = problem->previous_edges[edge];
    return was < previous->n_edges ? was : LIMEF_PLAN_NONE;
}

const struct limef_plan_link *plan_previous_link(const struct limef_plan_problem *problem,
                                                 uint32_t edge)
{
    uint32_t was = plan_previous_edge(problem, edge);

    return was != LIMEF_PLAN_NONE ? &problem->previous->links[was] : NULL;
}

const struct limef_plan_link *plan_previous_entry(const struct plan_work *work, uint32_t filter)
{
    return plan_previous_link(work->problem, work->in_edges[work->in_at[filter]]);
}

/* What comes to a filter that is a head: the edge's own reason, or what made it one. */
static enum limef_plan_reason reason_of_cut(const struct plan_work *work,
                                            const struct limef_plan_edge *edge)
{
    const struct limef_plan_filter *from = &work->problem->filters[edge->from];
    const struct limef_plan_filter *to = &work->problem->filters[edge->to];
    unsigned differ = from->flags ^ to->flags, any = from->flags | to->flags;

    if (from->thread != to->thread || from->flags & LIMEF_FILTER_BOUNDARY)
        return LIMEF_PLAN_CUT_EXPLICIT;
    if (any & LIMEF_FILTER_THREAD_BOUND)
        return LIMEF_PLAN_CUT_BOUND;
    if (differ & LIMEF_FILTER_REAL_TIME)
        return LIMEF_PLAN_CUT_REAL_TIME;
    if (work->in_at[edge->to + 1] - work->in_at[edge->to] > 1 &&
        work->head[edge->to] <= LIMEF_PLAN_CUT_REAL_TIME)
        return LIMEF_PLAN_CUT_JOIN;
    if (work->head[edge->to] == LIMEF_PLAN_CUT_LOAD &&
        work->rest[work->root[edge->from]] + work->rest[edge->to] <= LIMEF_PLAN_CUT_LOAD_LIMIT &&
        work->weight[edge->to] + work->weight[work->root[edge->from]] > 1)
        return LIMEF_PLAN_CUT_LATE;
    return work->head[edge->to];
}

static enum limef_plan_reason reason_of_fusion(const struct plan_work *work,
                                               const struct limef_plan_edge *edge)
{
    const struct limef_plan_problem *problem = work->problem;

    if (work->is_rejoined[edge->to])
        return LIMEF_PLAN_FUSED_TRIED;
    if (work->no_cpu[edge->to])
        return LIMEF_PLAN_FUSED_NO_CPU;
    if (!plan_is_measured(&problem->filters[edge->from]) ||
        !plan_is_measured(&problem->filters[edge->to]))
        return LIMEF_PLAN_FUSED_UNMEASURED;
    return LIMEF_PLAN_FUSED_CHEAP;
}

/* Of a root from here on: its island's. */
static void sum_up_islands(struct plan_work *work)
{
    for (uint32_t i = 0; i < work->problem->n_filters; i++) {
        uint32_t filter = work->order[i], root = work->root[filter];

        work->rest[filter] = 0;
        work->rest[root] += work->load[filter];
        if (root != filter)
            work->weight[root] += work->weight[filter];
    }
}

static void write_links(struct plan_work *work)
{
    sum_up_islands(work);
    for (uint32_t i = 0; i < work->problem->n_edges; i++) {
        const struct limef_plan_edge *edge = &work->problem->edges[i];
        struct limef_plan_link *link = &work->plan->links[i];

        *link = (struct limef_plan_link){.is_cut = work->head[edge->to] != NOT_A_HEAD};
        link->reason = link->is_cut ? reason_of_cut(work, edge) : reason_of_fusion(work, edge);
    }
}

int limef_plan_make(struct limef_plan *plan, const struct limef_plan_problem *problem,
                    void *scratch)
{
    struct plan_work work = {.problem = problem, .plan = plan};
    int ret;

    plan->n_islands = 0;
    plan->n_workers = 0;
    memset(scratch, 0, plan_work_lay_out(&work, scratch, problem->n_filters, problem->n_edges));
    ret = plan_read_topology(&work);
    if (ret < 0)
        return ret;
    ret = plan_cut(&work);
    if (ret < 0)
        return ret;
    write_links(&work);
    plan_place(&work);
    plan_size_fifos(&work);
    return 0;
}
