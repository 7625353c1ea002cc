/* SPDX-License-Identifier: MIT */
/* Problems for the planner, built filter by filter. */
#ifndef LIMEF_TEST_SUPPORT_PLANS_H
#define LIMEF_TEST_SUPPORT_PLANS_H

#include <limef/thread/plan.h>

#define PLANS_MAX_FILTERS 512
#define PLANS_MAX_EDGES 1024

/* A problem with its arrays, and memory for its plan. All-zero, then plans_init(). */
struct plans {
    struct limef_plan_filter filters[PLANS_MAX_FILTERS];
    struct limef_plan_edge edges[PLANS_MAX_EDGES];
    char names[PLANS_MAX_FILTERS][16];
    struct limef_plan_problem problem;
    struct limef_plan plan;
    void *memory, *scratch;
};

/* A machine with so many cores; no filters. */
void plans_init(struct plans *plans, double n_cpus);

void plans_clear(struct plans *plans);

/* A filter that nobody measured; its number. */
uint32_t plans_add(struct plans *plans, const char *kind, unsigned flags);

/* A filter of that cost, behind another one: LIMEF_PLAN_NONE: behind none. p95 is the mean. */
uint32_t plans_put(struct plans *plans, uint32_t behind, const char *kind, double cost_us,
                   double rate_hz);

/* Source, decode, scale at 25 frames a second. */
void plans_put_chain(struct plans *plans, double decode_us, double scale_us);

/* Connects; the edge's number. It is not measured. */
uint32_t plans_connect(struct plans *plans, uint32_t from, uint32_t to);

/* Plans into plans->plan. */
int plans_make(struct plans *plans);

/* Plans anew with plans->plan as the plan before; plans->plan is the new one. */
int plans_make_next(struct plans *plans);

/* Plans into `again`, a plan with memory of its own that free() releases by its links. */
int plans_make_again(struct plans *plans, struct limef_plan *again);

#endif
