/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the planner share. An island is known by its first filter; a
 * filter is a head if the connections that lead to it are cut.
 */
#ifndef LIMEF_SRC_THREAD_PLAN_PRIVATE_H
#define LIMEF_SRC_THREAD_PLAN_PRIVATE_H

#include <limef/thread/plan.h>

/* A delay of less than this nobody notices, however often frames come. */
#define PLAN_SOON_US 33000.0

/* Load up to which a source's chain reads rather than processes; and for how long one frame may
 * keep it: who is more urgent keeps the others from their cores for so long. */
#define PLAN_READ_LOAD 0.25
#define PLAN_READ_US 5000.0

/* Payload that may wait in all fifos together, if the problem does not say. */
#define PLAN_BUDGET_BYTES ((size_t)256 << 20)

/* Frames that a fifo holds at least. */
#define PLAN_LEAST_DEPTH 2

/* A filter that is no head; else enum limef_plan_reason. */
#define NOT_A_HEAD 0xff

/* Scratch of one call of limef_plan_make(). Arrays are one for each filter, but where it says
 * otherwise; + 1: where a list ends is where the next begins. */
struct plan_work {
    const struct limef_plan_problem *problem;
    struct limef_plan *plan;
    uint32_t *order;               /* filters, each behind all that lead to it */
    uint32_t *in_at, *in_edges;    /* + 1; one for each edge */
    uint32_t *out_at, *out_edges;  /* likewise */
    uint32_t *parent;              /* whose first connection leads here; LIMEF_PLAN_NONE */
    uint32_t *root;                /* head of the island */
    uint32_t *member_at;           /* + 1, by island: where its filters are in members */
    uint32_t *members;             /* filters, by island, in order */
    uint32_t *n_before, *n_behind; /* most boundaries between a filter and a source, an end */
    uint32_t *list;                /* for whoever needs one for a moment */
    uint32_t *level;               /* of an island: most boundaries between it and a source */
    uint32_t *worker_level;        /* of a worker: that of its islands */
    uint8_t *head;                 /* NOT_A_HEAD or a reason */
    uint8_t *tried;                /* heads that a split would add */
    uint8_t *is_live;              /* behind a live source */
    uint8_t *is_eager;             /* it, or a source that leads to it, never waits */
    uint8_t *records;              /* a filter that keeps what it gets, or one is behind it */
    uint8_t *no_cpu;               /* it would be cut off if there were a core for it */
    uint8_t *is_rejoined;          /* it would be cut off if fewer frames were in time then */
    uint8_t *is_alone;             /* of a worker: takes no other island */
    uint8_t *is_reader;            /* of a worker: all its islands read live sources, see takes() */
    double *load;                  /* share of a core, or 0 */
    double *weight;                /* load or lateness against its limit: an island holds 1 */
    double *rest;                  /* weight of a filter and what is fused behind it */
    double *edge_cost;             /* of cutting what leads to a filter: share of a core */
    /* of a filter with all behind it: for how long one frame; INFINITY: not known. Then of islands
     */
    double *busy_us;
    double *burst;          /* frames that come to a filter at once; at least 1 */
    double *source_hz;      /* rate of the fastest source that leads to a filter; 0: not known */
    double *worker_busy_us; /* of a worker: of the longest of its islands */
    double *worker_load;    /* of a worker: of what is measured of its islands */
    double *worker_hz;      /* of a worker: frames a second of its fastest island */
    double total_load;      /* with that of threads within filters */
    bool shares;            /* islands share workers however long one is busy: it was tried */
};

/* Takes `bytes` from memory, which may be NULL: then only the offset moves. */
void *plan_take(char *memory, size_t *offset, size_t bytes);

/* Gives a plan's arrays, whose sizes it holds, their places in memory; returns how many bytes that
 * takes. memory NULL: only that. */
size_t plan_lay_out(struct limef_plan *plan, void *memory);

/* Gives the arrays their places in memory; returns how many bytes that takes. memory NULL: only
 * that. */
size_t plan_work_lay_out(struct plan_work *work, void *memory, uint32_t n_filters,
                         uint32_t n_edges);

/* Fills what depends on topology alone. Returns 0 or what limef_plan_make() returns. */
int plan_read_topology(struct plan_work *work);

/* Decides which filters are heads. */
int plan_cut(struct plan_work *work);

/* The two halves of that, from the beginning: what topology and flags ask for; then, in mode
 * LIMEF_PLAN_AUTO, what costs do. */
void plan_cut_by_flags(struct plan_work *work);
void plan_cut_by_cost(struct plan_work *work);

/* Whether a fixed connection is cut. */
bool plan_is_broken(const struct plan_work *work);

/* Changes heads where the model of the machine says that frames would be late. */
void plan_try(struct plan_work *work);

/* Marks heads in `head` where a branch of a fork holds up the others, likewise. */
void plan_clear_forks(struct plan_work *work);

/* Marks heads in `head` where an island is too heavy, in mode LIMEF_PLAN_AUTO. */
void plan_split(struct plan_work *work);

/* Whether the two sides cannot be fused, in any mode. */
bool plan_is_forced(const struct limef_plan_filter *from, const struct limef_plan_filter *to);

/* Whether a plan can be a plan of this problem, whose connections lead in no cycle: all that
 * whoever executes it relies on. scratch: two numbers for each filter. why: NULL, or written: what
 * is wrong, or NULL. */
bool plan_is_legal(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                   uint32_t *scratch, const char **why);

/* Whether a filter may become a head when nothing forces it. */
bool plan_may_cut(const struct plan_work *work, uint32_t filter);

/* Root of every filter from the heads; a join of several islands becomes a head. */
void plan_find_roots(struct plan_work *work);

/* Islands with their loads and priorities; no worker runs them yet. */
void plan_make_islands(struct plan_work *work);

/* Sorts filters by `rest`; of two the one that is cheaper to cut comes first. */
void plan_sort_heaviest_first(const struct plan_work *work, uint32_t *list, uint32_t n);

/* Cores that the islands of real-time classes use, as far as that is measured, as the planner
 * bounds it. n_unmeasured: written: filters of theirs of which nothing is known yet. */
double plan_urgent_load(const struct limef_plan *plan, const struct limef_plan_problem *problem,
                        uint32_t *n_unmeasured);

/* Whether threads of a class go before all others, where the system permits that. */
static inline bool plan_is_urgent(enum limef_priority priority)
{
    return priority == LIMEF_PRIORITY_INGEST || priority == LIMEF_PRIORITY_DISPLAY ||
           priority == LIMEF_PRIORITY_AUDIO;
}

/* What was the island that begins with a filter in the previous plan; NULL: there was none. */
const struct limef_plan_island *plan_previous_island(const struct plan_work *work, uint32_t first);

/* All flags of an island's filters. */
unsigned plan_island_flags(const struct plan_work *work, uint32_t first);

/* Islands, their priorities, the workers. */
void plan_place(struct plan_work *work);

/* Depth and overflow of the links that are cut. */
void plan_size_fifos(struct plan_work *work);

/* The previous plan's number of a filter or an edge; LIMEF_PLAN_NONE: it had none. */
uint32_t plan_previous_filter(const struct limef_plan_problem *problem, uint32_t filter);
uint32_t plan_previous_edge(const struct limef_plan_problem *problem, uint32_t edge);

/* What the previous plan said of an edge, and of the first one that leads to a filter; NULL: it had
 * none. */
const struct limef_plan_link *plan_previous_link(const struct limef_plan_problem *problem,
                                                 uint32_t edge);
const struct limef_plan_link *plan_previous_entry(const struct plan_work *work, uint32_t filter);

/* Whether a figure was measured, and can be reckoned with. */
static inline bool plan_is_known(double figure)
{
    return figure >= 0 && figure < 1e12;
}

static inline bool plan_is_measured(const struct limef_plan_filter *filter)
{
    return plan_is_known(filter->cost_us) && plan_is_known(filter->rate_hz);
}

/* A filter's share of a core, 0 if unknown. */
static inline double plan_load_of(const struct limef_plan_filter *filter)
{
    return plan_is_measured(filter) ? filter->cost_us * filter->rate_hz / 1e6 : 0;
}

/* The same by its slow frames: above 1 the next frame comes before this one is done. */
static inline double plan_lateness_of(const struct limef_plan_filter *filter)
{
    if (!plan_is_known(filter->p95_us) || !plan_is_known(filter->rate_hz))
        return 0;
    return filter->p95_us * filter->rate_hz / 1e6;
}

static inline bool plan_is_source(const struct limef_plan_filter *filter)
{
    return filter->flags & LIMEF_FILTER_SOURCE;
}

#endif
