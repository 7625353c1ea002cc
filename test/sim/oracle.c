/* SPDX-License-Identifier: MIT */
/*
 * The planner against all there is: of random graphs every set of cuts that is legal is
 * simulated, each with a thread for each island and with light islands sharing threads.
 * The plan must be within 5 % of the best: by frames missed, then by processor time. In a few
 * seconds of a few frames each one frame is more than that, and the best of hundreds of sets of
 * cuts is the luckiest: where the plan is not within, all is simulated again, for longer.
 *
 * What waits for a device is behind a boundary in all of them: how long it does is not simulated.
 *
 * oracle [types] [SEEDS [FIRST_SEED [MAX_FILTERS [SECONDS]]]]; types: of scenario_types(), not of
 * plain filters. LIMEF_SIM_SEEDS=n does as the first number. With
 * LIMEF_SIM_VERBOSE each graph where it is not, made anew or running, is shown.
 */
#include "sim/scenarios.h"
#include "support/silence.h"

#include <limef/base/log.h>
#include <limef/thread/plan_print.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Frames that are noise, as a share; what is nearly as good. */
static const double missed_noise = 0.005, nearly = 1.05;

/* Share of the graphs that must be within at once, and when they are looked at for longer. */
static const double enough_within = 0.98, enough_for_long = 0.997;

/* So many times as long is the second look. */
enum { SECOND_LOOK = 20 };

/* Windows that a graph runs before its plan is looked at; even. In so many of them what runs was
 * planned without costs. */
enum { N_LIVE = 6, N_FIRST = 3 };

struct score {
    double missed, cpu, p99_us;
    unsigned heads; /* bits: filters with a boundary before them */
    bool shares;
};

/* One graph. */
struct trial {
    struct sim_graph graph;
    struct sim_machine machine;
    struct sim_settings settings;
    struct sim_problem auto_plan, other;
    unsigned may_be_head, must_be_head; /* bits */
    struct score best, planned;
    struct score live;                            /* what a graph that runs gets */
    struct score naive[LIMEF_PLAN_WHITELIST + 1]; /* by mode */
    unsigned n_tried;
};

static struct score score_of(const struct trial *trial, const struct limef_plan *plan)
{
    struct sim_result result;
    struct score score;

    sim_run(&result, &trial->graph, plan, &trial->machine, &trial->settings);
    score = (struct score){.missed = sim_missed_share(&result),
                           .cpu = sim_cpu_per_1000(&result),
                           .p99_us = result.p99_us};
    sim_clear_result(&result);
    return score;
}

static bool is_better(const struct score *a, const struct score *b)
{
    if (fabs(a->missed - b->missed) > missed_noise)
        return a->missed < b->missed;
    return a->cpu < b->cpu;
}

static unsigned heads_of(const struct limef_plan *plan, const struct sim_graph *graph)
{
    unsigned heads = 0;

    for (uint32_t i = 0; i < graph->n_edges; i++)
        if (plan->links[i].is_cut)
            heads |= 1u << graph->edges[i].to;
    return heads;
}

static uint32_t level_of(const struct trial *trial, const struct limef_plan *plan, uint32_t island)
{
    uint32_t level = 0;

    for (uint32_t i = 0; i < trial->graph.n_edges; i++) {
        const struct sim_edge *edge = &trial->graph.edges[i];

        if (plan->links[i].is_cut && plan->island_of[edge->to] == island) {
            uint32_t before = level_of(trial, plan, plan->island_of[edge->from]) + 1;

            level = before > level ? before : level;
        }
    }
    return level;
}

/* Puts light islands together where they may be. Returns whether there were any. */
static bool share_workers(const struct trial *trial, struct limef_plan *plan)
{
    const unsigned alone =
        LIMEF_FILTER_BLOCKING | LIMEF_FILTER_THREAD_BOUND | LIMEF_FILTER_REAL_TIME;
    bool shared = false;

    for (uint32_t i = 0; i < plan->n_islands; i++) {
        struct limef_plan_island *island = &plan->islands[i];

        if (trial->graph.filters[island->first].flags & alone)
            continue;
        for (uint32_t k = 0; k < i; k++) {
            const struct limef_plan_island *other = &plan->islands[k];
            struct limef_plan_worker *worker = &plan->workers[other->worker];

            if (trial->graph.filters[other->first].flags & alone ||
                other->priority != island->priority || worker->load + island->load > 0.6 ||
                level_of(trial, plan, i) != level_of(trial, plan, k))
                continue;
            plan->workers[island->worker].n_islands = 0;
            island->worker = other->worker;
            worker->n_islands++;
            worker->load += island->load;
            shared = true;
            break;
        }
    }
    return shared;
}

static void consider(struct trial *trial, unsigned heads, bool shares)
{
    struct score score = score_of(trial, &trial->other.plan);

    score.heads = heads;
    score.shares = shares;
    trial->n_tried++;
    if (is_better(&score, &trial->best))
        trial->best = score;
}

/* The plan with boundaries before these filters and no others, if it is legal. */
static void try_heads(struct trial *trial, unsigned heads)
{
    struct sim_problem *it = &trial->other;

    for (uint32_t i = 0; i < trial->graph.n_edges; i++)
        it->edges[i].is_fixed = !(heads >> trial->graph.edges[i].to & 1);
    it->problem.mode = LIMEF_PLAN_PER_FILTER;
    if (limef_plan_make(&it->plan, &it->problem, it->scratch) < 0 ||
        heads_of(&it->plan, &trial->graph) != heads)
        return;
    consider(trial, heads, false);
    if (share_workers(trial, &it->plan))
        consider(trial, heads, true);
}

static void make(struct sim_problem *it, enum limef_plan_mode mode)
{
    it->problem.mode = mode;
    if (limef_plan_make(&it->plan, &it->problem, it->scratch) < 0)
        abort();
}

/* Unmeasured first, then with costs until the plan is what follows it. */
static void plan_live(struct trial *trial)
{
    struct sim_problem first, *before = &first, *after = &trial->other;

    sim_open_problem(&first, &trial->graph, &trial->machine);
    make(before, LIMEF_PLAN_AUTO);
    sim_tell_costs(before, &trial->graph);
    for (int i = 0; i < N_LIVE; i++) {
        struct sim_problem *swap = before;

        after->problem.previous = &before->plan;
        after->problem.is_first = i < N_FIRST;
        make(after, LIMEF_PLAN_AUTO);
        after->problem.previous = NULL;
        before = after;
        after = swap;
    }
    trial->live = score_of(trial, &before->plan);
    trial->live.heads = heads_of(&before->plan, &trial->graph);
    sim_clear_problem(&first);
}

/* Which graphs. */
struct choice {
    void (*build)(struct sim_graph *graph, struct sim_machine *machine, uint64_t seed,
                  unsigned max_filters);
    uint64_t first_seed;
    unsigned n, max_filters;
    double seconds;
};

static void open_trial(struct trial *trial, const struct choice *choice, uint64_t seed,
                       double seconds)
{
    *trial = (struct trial){.settings = {.seed = seed, .seconds = seconds},
                            .best = {.missed = 2, .cpu = INFINITY}};
    choice->build(&trial->graph, &trial->machine, seed, choice->max_filters);
    sim_open_problem(&trial->auto_plan, &trial->graph, &trial->machine);
    sim_open_problem(&trial->other, &trial->graph, &trial->machine);
    sim_tell_costs(&trial->auto_plan, &trial->graph);
    sim_tell_costs(&trial->other, &trial->graph);
}

static void close_trial(struct trial *trial)
{
    sim_clear_problem(&trial->auto_plan);
    sim_clear_problem(&trial->other);
    sim_clear_graph(&trial->graph);
}

/* What is forced, and what waits for a device. */
static unsigned heads_that_must_be(struct trial *trial)
{
    unsigned heads;

    make(&trial->other, LIMEF_PLAN_FUSED);
    heads = heads_of(&trial->other.plan, &trial->graph);
    for (uint32_t i = 0; i < trial->graph.n_filters; i++)
        if ((trial->graph.filters[i].flags & (LIMEF_FILTER_SOURCE | LIMEF_FILTER_BLOCKING)) ==
            LIMEF_FILTER_BLOCKING)
            heads |= 1u << i;
    return heads;
}

static void run_trial(struct trial *trial)
{
    unsigned free_heads;

    trial->must_be_head = heads_that_must_be(trial);
    make(&trial->other, LIMEF_PLAN_PER_FILTER);
    trial->may_be_head = heads_of(&trial->other.plan, &trial->graph);
    for (int mode = LIMEF_PLAN_FUSED; mode <= LIMEF_PLAN_PER_STREAM; mode++) {
        make(&trial->other, (enum limef_plan_mode)mode);
        trial->naive[mode] = score_of(trial, &trial->other.plan);
    }
    make(&trial->auto_plan, LIMEF_PLAN_AUTO);
    trial->planned = score_of(trial, &trial->auto_plan.plan);
    trial->planned.heads = heads_of(&trial->auto_plan.plan, &trial->graph);
    plan_live(trial);

    free_heads = trial->may_be_head & ~trial->must_be_head;
    /* all subsets of the bits that are set (Knuth, TAOCP 4A, 7.1.3) */
    for (unsigned heads = free_heads;; heads = (heads - 1) & free_heads) {
        try_heads(trial, heads | trial->must_be_head);
        if (!heads)
            break;
    }
    if (is_better(&trial->planned, &trial->best))
        trial->best = trial->planned;
}

static bool is_within(const struct score *planned, const struct score *best)
{
    if (planned->missed > best->missed * nearly + missed_noise)
        return false;
    return planned->cpu <= best->cpu * nearly || planned->missed < best->missed - missed_noise;
}

static void show_score(const char *what, const struct score *score)
{
    printf("  %-8s missed %.3f cpu %.2f p99 %.0f%s\n", what, score->missed, score->cpu,
           score->p99_us, score->shares ? " shares" : "");
}

static void show(const struct trial *trial)
{
    const struct limef_plan *plan = &trial->auto_plan.plan;

    printf("seed %llu, %u cores\n", (unsigned long long)trial->settings.seed,
           trial->machine.n_cpus);
    for (uint32_t i = 0; i < trial->graph.n_filters; i++) {
        const struct limef_plan_filter *filter = &trial->auto_plan.filters[i];

        printf("  %2u %-13s %8.0f us p95 %8.0f at %6.1f Hz = %.3f %s%s heavy %.1f burst %u late "
               "%.0f worker %d from",
               i, filter->name, filter->cost_us, filter->p95_us, filter->rate_hz,
               filter->cost_us * filter->rate_hz / 1e6, filter->is_live ? "live " : "",
               filter->flags & LIMEF_FILTER_RECORDS ? "records" : "", trial->graph.filters[i].heavy,
               trial->graph.filters[i].burst, trial->graph.filters[i].late_us,
               (int)plan->islands[plan->island_of[i]].worker);
        for (uint32_t k = 0; k < trial->graph.n_edges; k++) {
            if (trial->graph.edges[k].to != i)
                continue;
            printf(" %u", trial->graph.edges[k].from);
            if (plan->links[k].is_cut)
                printf(" |%u %s", plan->links[k].depth,
                       limef_overflow_name(plan->links[k].overflow));
        }
        printf("%s%s%s\n", trial->planned.heads >> i & 1 ? " PLAN" : "",
               trial->live.heads >> i & 1 ? " LIVE" : "",
               trial->best.heads >> i & 1 ? " BEST" : "");
    }
    show_score("planned", &trial->planned);
    show_score("running", &trial->live);
    show_score("best", &trial->best);
}

/* Graphs whose plan is within. */
struct within {
    unsigned at_once, for_long;           /* of known costs, from nothing */
    unsigned live_at_once, live_for_long; /* what a graph that runs gets */
};

/* What is not within is run again, for longer; shown where it is not within then either. */
static void look_for_longer(struct within *within, const struct trial *at_once,
                            const struct choice *choice)
{
    bool planned = is_within(&at_once->planned, &at_once->best),
         live = is_within(&at_once->live, &at_once->best);
    struct trial trial;

    open_trial(&trial, choice, at_once->settings.seed, choice->seconds * SECOND_LOOK);
    run_trial(&trial);
    planned = planned || is_within(&trial.planned, &trial.best);
    live = live || is_within(&trial.live, &trial.best);
    within->for_long += planned;
    within->live_for_long += live;
    if (!(planned && live) && getenv("LIMEF_SIM_VERBOSE"))
        show(&trial);
    close_trial(&trial);
}

static void judge(struct within *within, const struct trial *trial, const struct choice *choice)
{
    bool planned = is_within(&trial->planned, &trial->best),
         live = is_within(&trial->live, &trial->best);

    within->at_once += planned;
    within->live_at_once += live;
    if (planned && live) {
        within->for_long++;
        within->live_for_long++;
        return;
    }
    if (getenv("LIMEF_SIM_VERBOSE"))
        show(trial);
    look_for_longer(within, trial, choice);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_distribution(const char *what, double *values, unsigned n)
{
    qsort(values, n, sizeof(*values), compare);
    printf("%-28s median %7.4f  p90 %7.4f  p95 %7.4f  p99 %7.4f  most %7.4f\n", what, values[n / 2],
           values[n * 9 / 10], values[n * 95 / 100], values[n * 99 / 100], values[n - 1]);
}

static void choose(struct choice *choice, int n_arguments, char **arguments)
{
    const char *wanted = getenv("LIMEF_SIM_SEEDS");
    bool is_typed = n_arguments > 1 && !strcmp(arguments[1], "types");

    n_arguments -= is_typed;
    arguments += is_typed;
    *choice = (struct choice){
        .build = is_typed ? scenario_types : scenario_random,
        .n = n_arguments > 1 ? (unsigned)atoi(arguments[1]) : 60,
        .first_seed = n_arguments > 2 ? (uint64_t)atoll(arguments[2]) : 1,
        .max_filters = n_arguments > 3 ? (unsigned)atoi(arguments[3]) : 12,
        .seconds = n_arguments > 4 ? atof(arguments[4]) : 3,
    };
    if (wanted && atoi(wanted) > 0)
        choice->n = (unsigned)atoi(wanted);
}

int main(int n_arguments, char **arguments)
{
    struct choice choice;
    unsigned n, n_naive[LIMEF_PLAN_WHITELIST] = {0};
    struct within within = {0};
    unsigned long n_tried = 0;
    double *missed, *cpu, *latency;

    choose(&choice, n_arguments, arguments);
    n = choice.n;
    missed = calloc(3 * (size_t)n + 1, sizeof(double));
    cpu = missed + n;
    latency = cpu + n;
    limef_log_set_sink(log_to_nobody, NULL); /* sets of cuts that are not legal */
    for (unsigned i = 0; i < n; i++) {
        struct trial trial;

        open_trial(&trial, &choice, choice.first_seed + i, choice.seconds);
        run_trial(&trial);
        missed[i] = trial.planned.missed - trial.best.missed;
        cpu[i] = trial.planned.cpu / trial.best.cpu - 1;
        latency[i] = trial.planned.p99_us / fmax(trial.best.p99_us, 1) - 1;
        n_tried += trial.n_tried;
        for (int mode = LIMEF_PLAN_FUSED; mode <= LIMEF_PLAN_PER_STREAM; mode++)
            n_naive[mode] += is_within(&trial.naive[mode], &trial.best);
        judge(&within, &trial, &choice);
        close_trial(&trial);
    }
    printf("%lu sets of cuts; within 5 %% of the best of %u graphs: %u, looked at for longer %u; "
           "fused %u, a thread for each "
           "filter %u, for each stream %u\n",
           n_tried, n, within.at_once, within.for_long, n_naive[LIMEF_PLAN_FUSED],
           n_naive[LIMEF_PLAN_PER_FILTER], n_naive[LIMEF_PLAN_PER_STREAM]);
    printf("as a graph that runs gets it: %u, looked at for longer %u\n", within.live_at_once,
           within.live_for_long);
    print_distribution("frames missed, beyond best", missed, n);
    print_distribution("processor time, beyond best", cpu, n);
    print_distribution("p99 latency, beyond that's", latency, n);
    free(missed);
    return within.at_once < enough_within * n || within.live_at_once < enough_within * n ||
           within.for_long < enough_for_long * n || within.live_for_long < enough_for_long * n;
}
