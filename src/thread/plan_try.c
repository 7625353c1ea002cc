/* SPDX-License-Identifier: MIT */
/*
 * The planner: small graphs are tried in the model of the machine. Where frames would be late under
 * what the rules say, cuts are made, taken away and moved, one at a time, the best of all first, as
 * long as fewer are late. What is found depends on nothing that runs, so a plan is what follows it.
 */
#include "thread/plan_model.h"

#include <math.h>
#include <string.h>

/* Late frames, as a share, that are worth a look; the higher one: of a plan that runs. What is
 * below the least is on time without what was tried. */
#define LATE 0.004
#define LATE_RUNS 0.03
#define ON_TIME 0.002

/* So much better must be what is tried; likewise. */
#define BETTER 0.0005
#define BETTER_RUNS 0.02

/* What processor time counts beside late frames. */
#define CPU_WEIGHT 0.05

/* Less than this, three late frames of the most that are run, is the luck of what was drawn. */
#define NO_BETTER 0.002

/* Of what runs, which is asked for again and again, no more is tried at a time: by the thread that
 * watches, which is more urgent than those that work. */
#define STEPS_RUNS (MODEL_STEPS / 5)

/* Of the time that a frame has, what makes no difference. */
#define LIGHT 0.005

/* Of what is run, for a first look; how many then get a second one. */
#define FIRST_LOOK 0.25
#define N_SHORTLIST 4

/* Options that are remembered; a power of two. */
#define N_KNOWN 256

/* Beside the filters that begin an island: islands share workers, however long one is busy. */
#define SHARED (UINT32_C(1) << 31)

/* Filters that begin an island: bits; or with SHARED. */
struct option {
    uint32_t heads;
    double missed, score;
};

/* What was looked at: an option that comes again need not be run again. */
struct known {
    uint32_t asked; /* heads that were asked for */
    float part;     /* 0: an empty slot */
    double least;   /* of an option that was given up: its score is higher */
    struct option option;
};

struct trial {
    struct plan_work *work;
    struct plan_model model;
    struct known known[N_KNOWN];
    uint32_t may; /* filters that may become heads, or no heads: bits */
    uint32_t base, rules;
    bool runs;                    /* there is a plan before */
    uint8_t heads[MODEL_FILTERS]; /* by flags */
    uint8_t rule_heads[MODEL_FILTERS], rule_no_cpu[MODEL_FILTERS];
};

static uint32_t bits_of(const uint8_t *head, uint32_t n)
{
    uint32_t heads = 0;

    for (uint32_t i = 0; i < n; i++)
        if (head[i] != NOT_A_HEAD)
            heads |= UINT32_C(1) << i;
    return heads;
}

static uint32_t heads_of(const struct plan_work *work)
{
    return bits_of(work->head, work->problem->n_filters);
}

static void set_heads(const struct trial *trial, uint32_t heads)
{
    struct plan_work *work = trial->work;

    for (uint32_t i = 0; i < work->problem->n_filters; i++) {
        work->head[i] = trial->heads[i];
        if (work->head[i] == NOT_A_HEAD && heads >> i & 1)
            work->head[i] = LIMEF_PLAN_CUT_TRIED;
    }
    plan_find_roots(work);
    work->shares = heads & SHARED;
}

/* As set_heads() left it: with islands, workers and fifos. */
static void place(struct plan_work *work)
{
    for (uint32_t i = 0; i < work->problem->n_edges; i++)
        work->plan->links[i].is_cut = work->head[work->problem->edges[i].to] != NOT_A_HEAD;
    plan_place(work);
    plan_size_fifos(work);
}

/* worst: a higher score need not be known. */
static struct option run(struct trial *trial, uint32_t heads, double part, double worst)
{
    struct plan_work *work = trial->work;
    struct option option = {.missed = INFINITY, .score = INFINITY};
    struct model_outcome outcome;

    set_heads(trial, heads);
    option.heads = heads_of(work) | (heads & SHARED);
    if (plan_is_broken(work))
        return option;
    place(work);
    outcome = plan_model_run(&trial->model, part, worst);
    option.missed = outcome.missed;
    option.score = outcome.missed + CPU_WEIGHT * (outcome.cpu - 1);
    return option;
}

/* Likewise; what was run before is known. */
static struct option look(struct trial *trial, uint32_t heads, double part, double worst)
{
    /* Fibonacci hashing (Knuth, TAOCP 3, 6.4) */
    uint32_t hash = (2 * heads + (part < 1)) * 2654435769u;
    struct known *known = &trial->known[hash >> 24 & (N_KNOWN - 1)];
    bool is_known = known->asked == heads && known->part == (float)part;

    if (is_known && (!isinf(known->option.score) || worst <= known->least))
        return known->option;
    if (trial->model.n_steps >= trial->model.most_steps)
        return (struct option){.heads = heads, .missed = INFINITY, .score = INFINITY};
    *known = (struct known){heads, (float)part, worst, run(trial, heads, part, worst)};
    return known->option;
}

/* The best of a first look, the best first. */
struct shortlist {
    struct option options[N_SHORTLIST];
    unsigned n;
};

static void propose(struct trial *trial, struct shortlist *list, uint32_t heads)
{
    double worst = list->n < N_SHORTLIST ? INFINITY : list->options[N_SHORTLIST - 1].score;
    struct option option = look(trial, heads, FIRST_LOOK, worst);
    unsigned at = list->n < N_SHORTLIST ? list->n++ : N_SHORTLIST;

    for (; at && option.score < list->options[at - 1].score; at--)
        if (at < N_SHORTLIST)
            list->options[at] = list->options[at - 1];
    if (at < N_SHORTLIST)
        list->options[at] = option;
}

/* Of a cut that is moved: the filters that it may go to. */
static uint32_t beside(const struct plan_work *work, uint32_t filter)
{
    uint32_t parent = work->parent[filter], found = 0;

    for (uint32_t i = 0; i < work->problem->n_filters; i++)
        if (i != filter && (i == parent || work->parent[i] == filter ||
                            (parent != LIMEF_PLAN_NONE && work->parent[i] == parent)))
            found |= UINT32_C(1) << i;
    return found;
}

static struct option best_step(struct trial *trial, const struct option *from)
{
    struct option best = {.score = INFINITY};
    struct shortlist list = {.n = 0};

    for (uint32_t i = 0; i < trial->work->problem->n_filters; i++) {
        uint32_t bit = UINT32_C(1) << i, to;

        if (!(trial->may & bit))
            continue;
        propose(trial, &list, from->heads ^ bit);
        if (!(from->heads & bit))
            continue;
        to = beside(trial->work, i) & trial->may & ~from->heads;
        for (uint32_t k = 0; to; k++, to >>= 1)
            if (to & 1)
                propose(trial, &list, (from->heads ^ bit) | UINT32_C(1) << k);
    }
    for (unsigned i = 0; i < list.n; i++) {
        struct option option = look(trial, list.options[i].heads, 1, fmin(best.score, from->score));

        if (option.score < best.score)
            best = option;
    }
    return best;
}

/* Step by step, as far as the budget goes. */
static void improve(struct trial *trial, struct option *option)
{
    for (;;) {
        struct option next = best_step(trial, option);

        if (!(next.score < option->score - NO_BETTER))
            return;
        *option = next;
    }
}

/* What ran is what was tried once. */
static bool was_tried(const struct plan_work *work, uint32_t *heads)
{
    bool found = false;

    *heads = 0;
    for (uint32_t i = 0; i < work->problem->n_edges; i++) {
        const struct limef_plan_link *was = plan_previous_link(work->problem, i);

        if (!was)
            continue;
        found |= was->reason == LIMEF_PLAN_CUT_TRIED || was->reason == LIMEF_PLAN_FUSED_TRIED;
        if (was->is_cut)
            *heads |= UINT32_C(1) << work->problem->edges[i].to;
    }
    return found;
}

/* Whether two islands of what ran shared a worker that the rules would not let them share. heads:
 * what began them. */
static bool was_shared(const struct trial *trial, uint32_t heads)
{
    struct plan_work *work = trial->work;
    const struct limef_plan_island *islands = work->plan->islands;

    set_heads(trial, heads);
    place(work);
    for (uint32_t i = 0; i < work->plan->n_islands; i++)
        for (uint32_t k = 0; k < i; k++) {
            const struct limef_plan_island *a = plan_previous_island(work, islands[i].first);
            const struct limef_plan_island *b = plan_previous_island(work, islands[k].first);

            if (a && b && a->worker == b->worker && a->worker != LIMEF_PLAN_NONE &&
                islands[i].worker != islands[k].worker)
                return true;
        }
    return false;
}

/* Whether a cut behind a filter is as good as one before it. */
static bool is_light(const struct plan_work *work, uint32_t filter)
{
    const struct limef_plan_filter *known = &work->problem->filters[filter];
    uint32_t at = work->out_at[filter], to;

    if (work->out_at[filter + 1] != at + 1 ||
        !(fmax(known->p95_us, known->cost_us) <= LIGHT * PLAN_SOON_US))
        return false;
    to = work->problem->edges[work->out_edges[at]].to;
    return work->in_at[to + 1] == work->in_at[to] + 1 && plan_may_cut(work, to);
}

/* Whether a cut is there for a recorder's sake alone: in the background, where a machine is full,
 * it may lose more than it would before. */
static bool is_recorder(const struct plan_work *work, uint32_t filter)
{
    return work->head[filter] == LIMEF_PLAN_CUT_PRIORITY &&
           work->problem->filters[filter].flags & LIMEF_FILTER_RECORDS;
}

/* What the rules say of the problem when nothing runs. */
static void ask_rules(struct trial *trial)
{
    struct plan_work *work = trial->work;
    uint32_t n = work->problem->n_filters;

    plan_cut_by_flags(work);
    for (uint32_t i = 0; i < n; i++)
        trial->heads[i] = is_recorder(work, i) || work->head[i] == LIMEF_PLAN_CUT_JOIN
                              ? NOT_A_HEAD /* a join is one where cuts need it */
                              : work->head[i];
    trial->base = bits_of(trial->heads, n);
    memset(work->no_cpu, 0, n);
    plan_cut_by_cost(work);
    memcpy(trial->rule_heads, work->head, n);
    memcpy(trial->rule_no_cpu, work->no_cpu, n);
    trial->rules = heads_of(work);
    for (uint32_t i = 0; i < n; i++)
        if (plan_may_cut(work, i) && trial->heads[i] == NOT_A_HEAD &&
            (trial->rules >> i & 1 || !is_light(work, i)))
            trial->may |= UINT32_C(1) << i;
}

/* Names what differs from what the rules say. */
static void take(struct trial *trial, const struct option *option)
{
    struct plan_work *work = trial->work;

    set_heads(trial, option->heads);
    memcpy(work->no_cpu, trial->rule_no_cpu, work->problem->n_filters);
    for (uint32_t i = 0; i < work->problem->n_filters; i++) {
        if (work->head[i] == LIMEF_PLAN_CUT_TRIED && trial->rule_heads[i] != NOT_A_HEAD)
            work->head[i] = trial->rule_heads[i];
        work->is_rejoined[i] = work->head[i] == NOT_A_HEAD && trial->rule_heads[i] != NOT_A_HEAD;
    }
}

/* Filters that come next to a source. */
static uint32_t behind_sources(const struct plan_work *work)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < work->problem->n_filters; i++)
        if (work->parent[i] != LIMEF_PLAN_NONE &&
            plan_is_source(&work->problem->filters[work->parent[i]]))
            found |= UINT32_C(1) << i;
    return found;
}

/* The best that is found; it depends on nothing that runs. rules: what the rules say of it. */
static struct option search(struct trial *trial, const struct option *rules)
{
    struct option best = *rules, few, all, shared;
    uint32_t sources;

    if (!(rules->missed > LATE))
        return best;
    few = look(trial, trial->base, 1, INFINITY);
    all = look(trial, trial->base | trial->may, 1, best.score);
    if (all.score < best.score)
        best = all;
    improve(trial, &few); /* with few cuts a run takes few steps */
    improve(trial, &best);
    if (few.score < best.score)
        best = few;
    sources = behind_sources(trial->work) & trial->may;
    shared = look(trial, trial->base | sources | SHARED, 1, INFINITY);
    improve(trial, &shared);
    return shared.score < best.score - NO_BETTER ? shared : best;
}

/* start: what the rules say beside what runs; or what runs, if that was tried once. Returns whether
 * something else than the rules' was taken. */
static bool choose(struct trial *trial, uint32_t start, bool tried)
{
    double late = trial->runs ? LATE_RUNS : LATE;
    double better = trial->runs ? BETTER_RUNS : BETTER;
    struct option now = look(trial, start, 1, INFINITY), rules, best;

    if (!tried && (!(now.missed > late) || isinf(now.missed)))
        return false;
    rules = look(trial, trial->rules, 1, INFINITY);
    best = rules;
    if (now.missed > late && !isinf(now.missed))
        best = search(trial, &rules);
    if (best.score < now.score - better || (tried && rules.missed <= ON_TIME))
        now = best;
    if (!tried && now.heads == start)
        return false;
    take(trial, &now);
    return true;
}

void plan_try(struct plan_work *work)
{
    const struct limef_plan_problem *problem = work->problem;
    struct limef_plan_problem fresh = *problem;
    uint8_t head[MODEL_FILTERS], no_cpu[MODEL_FILTERS];
    uint32_t was = 0, n = problem->n_filters;
    struct trial trial; /* large, and needed seldom */
    bool tried;

    if (!plan_model_init(&trial.model, work))
        return;
    trial.work = work;
    trial.may = 0;
    memset(trial.known, 0, sizeof(trial.known));
    memcpy(head, work->head, n);
    memcpy(no_cpu, work->no_cpu, n);
    trial.runs = problem->previous != NULL;
    if (trial.runs)
        trial.model.most_steps = STEPS_RUNS;
    fresh.previous = NULL;
    work->problem = &fresh;
    ask_rules(&trial);
    work->problem = problem;
    tried = was_tried(work, &was);
    if (was_shared(&trial, was)) {
        tried = true;
        was |= SHARED;
    }
    work->problem = &fresh;
    if (!choose(&trial, tried ? was : bits_of(head, n), tried)) {
        memcpy(work->head, head, n);
        memcpy(work->no_cpu, no_cpu, n);
        plan_find_roots(work);
        work->shares = false;
    }
    work->problem = problem;
}
