/* SPDX-License-Identifier: MIT */
#include "thread/replan.h"

#include <limef/base/log.h>

#include <libavutil/error.h>

#include <stdalign.h>
#include <string.h>

/* A chain that sees fewer frames in a window is not judged by it. */
static const uint64_t enough_frames = 4;

/* How much the load around a change that failed must differ for it to be tried again. */
static const double other_load = 1.5;

/* Windows that a change is judged by, after the first one. */
enum { TRIAL_WINDOWS = 2, MAX_FAILURES = 1024, MAX_REST = 64 };

/* Parts of the judge's memory, in order. */
struct parts {
    size_t plans[2], scratch, loads, busy_us, chain_of, notes[2], chains[2], edges[2];
    size_t failures, changes;
    size_t end;
};

static uint32_t table_slots(uint32_t n)
{
    uint32_t slots = 4;

    while (slots < 2 * n)
        slots *= 2;
    return slots;
}

static uint32_t max_failures(uint32_t max_filters)
{
    return max_filters < MAX_FAILURES ? max_filters + 1 : MAX_FAILURES;
}

static size_t reserve(size_t *at, size_t n, size_t bytes)
{
    size_t here = *at;
    size_t alignment = alignof(max_align_t);

    *at = here + (n * bytes + alignment - 1) / alignment * alignment;
    return here;
}

static struct parts lay_out(uint32_t max_filters, uint32_t max_edges)
{
    struct parts parts;
    size_t at = 0;
    uint32_t chains = table_slots(max_filters), edges = table_slots(max_edges);

    for (int i = 0; i < 2; i++) {
        parts.plans[i] = reserve(&at, 1, limef_plan_bytes(max_filters, max_edges));
        parts.notes[i] = reserve(&at, max_filters, sizeof(uint32_t));
        parts.chains[i] = reserve(&at, chains, sizeof(struct limef_replan_chain));
        parts.edges[i] = reserve(&at, edges, sizeof(struct limef_replan_edge));
    }
    parts.scratch = reserve(&at, 1, limef_plan_scratch_bytes(max_filters, max_edges));
    parts.loads = reserve(&at, max_filters, sizeof(double));
    parts.busy_us = reserve(&at, max_filters, sizeof(double));
    parts.chain_of = reserve(&at, max_filters, sizeof(uint32_t));
    parts.failures = reserve(&at, max_failures(max_filters), sizeof(struct limef_replan_failure));
    parts.changes =
        reserve(&at, (size_t)max_filters + max_edges, sizeof(struct limef_replan_change));
    parts.end = at;
    return parts;
}

size_t limef_replan_bytes(uint32_t max_filters, uint32_t max_edges)
{
    return lay_out(max_filters, max_edges).end;
}

void limef_replan_init(struct limef_replan *replan, void *memory, uint32_t max_filters,
                       uint32_t max_edges)
{
    struct parts parts = lay_out(max_filters, max_edges);
    char *base = memory;

    memset(memory, 0, parts.end);
    for (int i = 0; i < 2; i++) {
        replan->plans[i] = base + parts.plans[i];
        replan->notes[i] = (void *)(base + parts.notes[i]);
        replan->chains[i] = (void *)(base + parts.chains[i]);
        replan->edges[i] = (void *)(base + parts.edges[i]);
    }
    replan->scratch = base + parts.scratch;
    replan->loads = (void *)(base + parts.loads);
    replan->busy_us = (void *)(base + parts.busy_us);
    replan->chain_of = (void *)(base + parts.chain_of);
    replan->failures = (void *)(base + parts.failures);
    replan->changes = (void *)(base + parts.changes);
    replan->max_filters = max_filters;
    replan->max_edges = max_edges;
    replan->chain_slots = table_slots(max_filters);
    replan->edge_slots = table_slots(max_edges);
}

void limef_replan_clear(struct limef_replan *replan)
{
    *replan = (struct limef_replan){0};
}

static struct limef_replan_chain *chain_of(struct limef_replan *replan, uint32_t filter)
{
    return &replan->chains[0][replan->chain_of[filter]];
}

/* What the candidate has otherwise, by chain. Sums, so that the order does not matter. */
static void compare_plans(struct limef_replan *replan, const struct limef_replan_window *window)
{
    const struct limef_plan_problem *problem = window->problem;
    const struct limef_plan *running = window->running, *candidate = &replan->candidate;

    for (uint32_t i = 0; i < problem->n_edges; i++) {
        const struct limef_plan_edge *edge = &problem->edges[i];
        struct replan_now *now = &chain_of(replan, edge->from)->now;
        int act = replan_link_change(&running->links[i], &candidate->links[i]);
        uint32_t from = running->island_of[edge->from], to = running->island_of[edge->to];

        if (act < 0)
            continue;
        if (act == LIMEF_REPLAN_FIFO) {
            now->wanted_fifos += replan_mix(replan_edge_key(window, i) + (uint64_t)act);
            now->fifos_load += replan->loads[to];
            continue;
        }
        now->wanted += replan_mix(replan_edge_key(window, i) + (uint64_t)act);
        now->wanted_load += replan->loads[from] + (from == to ? 0 : replan->loads[to]);
    }
    for (uint32_t i = 0; i < candidate->n_islands; i++) {
        const struct limef_plan_island *island = &candidate->islands[i];
        uint32_t was_island = running->island_of[island->first];
        const struct limef_plan_island *was = &running->islands[was_island];
        struct replan_now *now = &chain_of(replan, island->first)->now;

        if (was->first != island->first ||
            (was->worker == island->worker && was->priority == island->priority))
            continue;
        now->wanted_moves += replan_mix(window->seen[island->first].id + 7 * island->priority);
        now->moves_load += replan->loads[was_island];
    }
}

static bool failed_before(const struct limef_replan *replan, const struct replan_now *now)
{
    for (uint32_t i = 0; i < replan->n_failures; i++) {
        const struct limef_replan_failure *failure = &replan->failures[i];

        if (failure->signature == now->wanted)
            return now->wanted_load <= failure->load * other_load &&
                   now->wanted_load * other_load >= failure->load;
    }
    return false;
}

/* Keeps one entry for each signature; the oldest goes when there is no room. */
static void remember_failure(struct limef_replan *replan, struct limef_replan_chain *chain)
{
    uint32_t capacity = max_failures(replan->max_filters), at = 0;

    while (at < replan->n_failures && replan->failures[at].signature != chain->signature)
        at++;
    if (at == replan->n_failures) {
        at = replan->next_failure;
        replan->next_failure = (at + 1) % capacity;
        if (replan->n_failures < capacity)
            replan->n_failures++;
    }
    replan->failures[at] =
        (struct limef_replan_failure){.signature = chain->signature, .load = chain->load};
    if (chain->n_failed < 5)
        chain->n_failed++;
    chain->rest = MAX_REST >> (5 - chain->n_failed);
}

/* A change on trial. All windows must be worse for it to be taken back. */
static void try_change(struct limef_replan_chain *chain)
{
    if (!chain->n_after++) /* fifos fill and drain */
        return;
    if (!replan_is_worse(&chain->now.fared, &chain->base)) {
        chain->state = REPLAN_QUIET;
        chain->n_failed = 0;
    } else if (chain->n_after > TRIAL_WINDOWS) {
        chain->state = REPLAN_ASKED_REVERT;
    }
}

/* Asks for what two of three windows want. */
static void vote(struct limef_replan *replan, struct limef_replan_chain *chain)
{
    uint64_t wanted = chain->now.wanted;
    int agreed = chain->voted[0] == wanted ? 0 : 1;

    if (!wanted || chain->rest || chain->voted[agreed] != wanted)
        return;
    if (failed_before(replan, &chain->now)) {
        replan->counters.n_held_back++;
        return;
    }
    chain->state = REPLAN_ASKED;
    chain->signature = wanted;
    chain->load = chain->now.wanted_load;
    chain->base = replan_worse_of(&chain->now.fared, &chain->fared[agreed]);
    chain->n_after = 0;
}

static void judge_chain(struct limef_replan *replan, struct limef_replan_chain *chain)
{
    struct replan_now *now = &chain->now;

    /* moves and bounds that go with a cut are not what makes it better or worse */
    if (!now->wanted) {
        now->wanted = now->wanted_moves;
        now->wanted_load = now->moves_load;
    }
    if (!now->wanted) {
        now->wanted = now->wanted_fifos;
        now->wanted_load = now->fifos_load;
    }
    if (chain->topology != now->topology) {
        chain->topology = now->topology;
        chain->state = REPLAN_QUIET;
        chain->voted[0] = chain->voted[1] = 0;
    }
    if (now->n_most_frames < enough_frames)
        return;
    if (chain->state == REPLAN_ON_TRIAL)
        try_change(chain);
    else if (chain->state == REPLAN_QUIET)
        vote(replan, chain);
    if (chain->rest)
        chain->rest--;
    chain->voted[1] = chain->voted[0];
    chain->voted[0] = now->wanted;
    chain->fared[1] = chain->fared[0];
    chain->fared[0] = now->fared;
}

/* Keeps how the chains that change are now. */
static void remember_edges(struct limef_replan *replan, const struct limef_replan_window *window)
{
    for (uint32_t i = 0; i < window->problem->n_edges; i++) {
        const struct limef_plan_edge *edge = &window->problem->edges[i];
        const struct limef_plan *running = window->running;
        struct limef_replan_edge *record;

        if (chain_of(replan, edge->from)->state != REPLAN_ASKED)
            continue;
        record = replan_edge(replan, replan_edge_key(window, i));
        record->was = running->links[i];
        record->was_worker = running->islands[running->island_of[edge->to]].worker;
    }
}

static int make_candidate(struct limef_replan *replan, const struct limef_replan_window *window)
{
    struct limef_plan_problem problem = *window->problem;

    problem.previous = window->running;
    problem.previous_filters = problem.previous_edges = NULL;
    limef_plan_init(&replan->candidate, replan->plans[0], problem.n_filters, problem.n_edges);
    limef_plan_init(&replan->wanted, replan->plans[1], problem.n_filters, problem.n_edges);
    return limef_plan_make(&replan->candidate, &problem, replan->scratch);
}

int limef_replan_window(struct limef_replan *replan, const struct limef_replan_window *window,
                        const struct limef_plan **wanted)
{
    const struct limef_plan_problem *problem = window->problem;
    bool is_asking = false;
    int ret;

    if (problem->n_filters > replan->max_filters || problem->n_edges > replan->max_edges)
        return limef_fail(AVERROR(ENOMEM), "replan", "%u filters, %u connections: room for %u, %u",
                          problem->n_filters, problem->n_edges, replan->max_filters,
                          replan->max_edges);
    replan->counters.n_windows++;
    replan->is_settled = false;
    if (replan->is_asking)
        return 0;
    ret = make_candidate(replan, window);
    if (ret < 0)
        return ret;

    replan_open_records(replan, window);
    replan_measure(replan, window);
    compare_plans(replan, window);
    replan->is_settled = true;
    for (uint32_t i = 0; i < replan->chain_slots; i++) {
        struct limef_replan_chain *chain = &replan->chains[0][i];

        if (!chain->key)
            continue;
        judge_chain(replan, chain);
        is_asking |= chain->state == REPLAN_ASKED || chain->state == REPLAN_ASKED_REVERT;
        replan->is_settled &= chain->state == REPLAN_QUIET && !chain->voted[0] && !chain->voted[1];
    }
    if (!is_asking)
        return 0;
    remember_edges(replan, window);
    replan_compose(replan, window);
    replan->is_asking = true;
    if (!replan->n_changes) { /* what others keep leaves no room for it */
        limef_replan_done(replan, AVERROR(EAGAIN));
        return 0;
    }
    *wanted = &replan->wanted;
    return 1;
}

static void end_asking(struct limef_replan *replan, struct limef_replan_chain *chain, int result)
{
    bool was_revert = chain->state == REPLAN_ASKED_REVERT;

    chain->voted[0] = chain->voted[1] = 0;
    if (result == AVERROR_EXIT) { /* nobody tried */
        chain->state = was_revert ? REPLAN_ON_TRIAL : REPLAN_QUIET;
        return;
    }
    replan->counters.n_changes += !was_revert && result >= 0;
    replan->counters.n_reverts += was_revert && result >= 0;
    replan->counters.n_failed += result < 0;
    chain->state = was_revert || result < 0 ? REPLAN_QUIET : REPLAN_ON_TRIAL;
    if (was_revert || result < 0)
        remember_failure(replan, chain);
}

static bool is_asked(const struct limef_replan_chain *chain)
{
    return chain->key && (chain->state == REPLAN_ASKED || chain->state == REPLAN_ASKED_REVERT);
}

void limef_replan_failed(struct limef_replan *replan, uint32_t filter, int result)
{
    if (replan->is_asking && is_asked(chain_of(replan, filter)))
        chain_of(replan, filter)->result = result;
}

void limef_replan_done(struct limef_replan *replan, int result)
{
    if (!replan->is_asking)
        return;
    replan->is_asking = false;
    for (uint32_t i = 0; i < replan->chain_slots; i++) {
        struct limef_replan_chain *chain = &replan->chains[0][i];

        if (is_asked(chain))
            end_asking(replan, chain, chain->result ? chain->result : result);
        chain->result = 0;
    }
}
