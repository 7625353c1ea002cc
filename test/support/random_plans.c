/* SPDX-License-Identifier: MIT */
#include "support/random_plans.h"

#include "thread/plan_private.h"

static unsigned next(struct random_bytes *bytes)
{
    if (!bytes->n)
        return 0;
    bytes->n--;
    return *bytes->at++;
}

static unsigned flags_from(unsigned byte)
{
    static const unsigned seldom[] = {LIMEF_FILTER_BLOCKING,  LIMEF_FILTER_THREAD_BOUND,
                                      LIMEF_FILTER_REAL_TIME, LIMEF_FILTER_SELF_THREADED,
                                      LIMEF_FILTER_BOUNDARY,  LIMEF_FILTER_DISPLAY,
                                      LIMEF_FILTER_RECORDS};

    return byte < 35 ? seldom[byte / 5] : 0;
}

static void fill_filter(struct plans *plans, struct random_bytes *bytes, bool is_source)
{
    static const char *const kinds[] = {"decode", "scale", "encode", "gate"};
    unsigned flags = flags_from(next(bytes)) | (is_source ? LIMEF_FILTER_SOURCE : 0);
    uint32_t number = plans_add(plans, kinds[next(bytes) % 4], flags);
    struct limef_plan_filter *filter = &plans->filters[number];
    unsigned cost = next(bytes), thread = next(bytes);

    filter->is_live = is_source && next(bytes) % 2;
    filter->fingerprint = next(bytes);
    if (thread < 8)
        filter->thread = thread % 3;
    if (cost < 8)
        return; /* not measured */
    filter->cost_us = cost < 128 ? cost : (cost - 120) * 300.0;
    filter->p95_us = filter->cost_us * (1 + next(bytes) / 128.0);
    filter->rate_hz = 5 + next(bytes) % 60;
}

static void fill_edge(struct plans *plans, struct random_bytes *bytes, uint32_t from, uint32_t to,
                      bool legal_only)
{
    struct limef_plan_edge *edge;

    if (plans->problem.n_edges == PLANS_MAX_EDGES)
        return;
    edge = &plans->edges[plans_connect(plans, from, to)];
    edge->is_encoded = next(bytes) % 2;
    edge->is_fixed = !legal_only && next(bytes) < 8;
    if (next(bytes) < 32)
        return;
    edge->rate_hz = next(bytes);
    edge->frame_bytes = next(bytes) * 20000.0;
    edge->burst_frames = 1 + next(bytes) % 16;
    edge->jitter_us = next(bytes) * 1000.0;
}

void random_plans_fill(struct plans *plans, struct random_bytes *bytes, bool legal_only)
{
    uint32_t n = 1 + (next(bytes) | next(bytes) << 8) % 60;

    plans->problem.machine.n_cpus = 0.5 + next(bytes) % 32 / 2.0;
    plans->problem.machine.budget_bytes = (size_t)next(bytes) << 16;
    for (uint32_t i = 0; i < n; i++) {
        bool is_source = i == 0 || next(bytes) < 40;
        unsigned n_in = is_source ? 0 : 1 + (next(bytes) < 40) + (next(bytes) < 20);

        fill_filter(plans, bytes, is_source);
        if (!legal_only && next(bytes) < 4)
            n_in = 0;
        for (unsigned j = 0; j < n_in; j++) {
            uint32_t from = next(bytes) % i;

            if (!legal_only && next(bytes) < 4)
                from = next(bytes) % (n + 1);
            fill_edge(plans, bytes, from, i, legal_only);
        }
    }
}

/* Of islands of a class whose load is known. */
static double load_of(const struct limef_plan *plan, enum limef_priority priority)
{
    double load = 0;

    for (uint32_t i = 0; i < plan->n_islands; i++)
        if (plan->islands[i].thread == LIMEF_PLAN_NONE && plan->islands[i].priority == priority &&
            plan->islands[i].load > 0)
            load += plan->islands[i].load;
    return load;
}

/* Real-time classes leave the other work a share of the cores; what runs may have a little more. */
static const char *check_urgent(const struct limef_plan *plan,
                                const struct limef_plan_problem *problem)
{
    double cores = problem->machine.n_cpus * (problem->previous ? 1.2 : 1) * (1 + 1e-9);
    double reading = load_of(plan, LIMEF_PRIORITY_INGEST);
    double shown = load_of(plan, LIMEF_PRIORITY_DISPLAY);
    double audio = load_of(plan, LIMEF_PRIORITY_AUDIO);

    if (reading > 0 && reading + audio > LIMEF_PLAN_URGENT_SHARE * cores)
        return "what reads goes before others with more than its share of the cores";
    if (shown > 0 && shown + reading + audio > LIMEF_PLAN_URGENT_SHARE_SHOWN * cores)
        return "displays go before others with more than their share of the cores";
    return NULL;
}

const char *random_plans_check(const struct limef_plan *plan,
                               const struct limef_plan_problem *problem)
{
    static uint32_t scratch[2 * PLANS_MAX_FILTERS];
    const char *why;

    return plan_is_legal(plan, problem, scratch, &why) ? check_urgent(plan, problem) : why;
}
