/* SPDX-License-Identifier: MIT */
#include "thread/graph_chains.h"
#include "thread/plan_private.h"

#include <limef/base/log.h>
#include <limef/thread/plan_cache.h>

#include <libavutil/error.h>
#include <string.h>

/* Of the graph's memory, and there are two of them where there is a file: what is kept, and what is
 * being written. Without a file a graph of little memory has none. */
#define SHARE 32
#define MIN_BYTES 8192
#define MAX_BYTES (1 << 20)
#define LEAST_GRAPH_BYTES (256 << 10)

/* So many windows must a plan run before it is kept: a minute, at two seconds each. */
#define KEEP_WINDOWS 30

struct graph_cache {
    struct limef_plan_cache cache;
    struct limef_plan_cache written; /* a copy: the supervisor writes it without the graph's lock */
    void *memory, *written_memory;
    size_t n_bytes;
    uint64_t seen, kept; /* signatures of what runs */
    int64_t seen_us;
    bool said_no_room, said_unusable;
};

static void close_cache(struct limef_graph_inside *graph, struct graph_cache *cache)
{
    if (cache) {
        arena_put(&graph->arena, cache->memory);
        arena_put(&graph->arena, cache->written_memory);
    }
    arena_put(&graph->arena, cache);
}

void graph_cache_open(struct limef_graph_inside *graph)
{
    const char *file = graph->settings.cache_file;
    size_t n_bytes = graph->arena.bytes / SHARE;
    struct graph_cache *cache;

    if (graph->cache || (!file && graph->arena.bytes < LEAST_GRAPH_BYTES))
        return;
    n_bytes = n_bytes < MIN_BYTES ? MIN_BYTES : n_bytes > MAX_BYTES ? MAX_BYTES : n_bytes;
    n_bytes = n_bytes / LIMEF_CACHE_LINE_BYTES * LIMEF_CACHE_LINE_BYTES;
    cache = arena_get(&graph->arena, sizeof(*cache));
    if (cache) {
        cache->n_bytes = n_bytes;
        cache->memory = arena_get(&graph->arena, n_bytes);
        cache->written_memory = file ? arena_get(&graph->arena, n_bytes) : NULL;
    }
    if (!cache || !cache->memory || (file && !cache->written_memory)) {
        close_cache(graph, cache);
        if (file)
            limef_log(LIMEF_LOG_WARNING, graph->settings.name,
                      "no room for the plans of '%s', it is not used", file);
        return;
    }
    limef_plan_cache_init(&cache->cache, cache->memory, n_bytes);
    if (file)
        limef_plan_cache_load(&cache->cache, file);
    graph->cache = cache;
}

static void take_filter_cost(struct limef_plan_filter *to,
                             const struct limef_plan_filter_cost *cost)
{
    to->cost_us = cost->cost_us;
    to->p95_us = cost->p95_us;
    to->slow_us = cost->slow_us;
    to->rate_hz = cost->rate_hz;
    to->is_live = cost->is_live;
    to->is_eager = cost->is_eager;
}

static void take_edge_cost(struct limef_plan_edge *to, const struct limef_plan_edge_cost *cost)
{
    to->rate_hz = cost->rate_hz;
    to->frame_bytes = cost->frame_bytes;
    to->burst_frames = cost->burst_frames;
    to->jitter_us = cost->jitter_us;
    to->is_encoded = cost->is_encoded;
}

static void take_costs(struct limef_graph_inside *graph, const struct limef_plan_cached *cached)
{
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (graph_glued_to(graph, node) == node)
            take_filter_cost(&node->measured, &cached->filters[node->number]);
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        if (edge->number != LIMEF_PLAN_NONE)
            take_edge_cost(&edge->measured, &cached->edges[edge->number]);
}

/* A plan of a file may be forged, or of another problem of the same hash: then it cannot be one of
 * this problem. */
static bool is_usable(struct limef_graph_inside *graph, const struct limef_plan *plan,
                      const struct limef_plan_problem *problem)
{
    uint32_t *scratch = arena_get(&graph->arena, 2 * problem->n_filters * sizeof(*scratch));
    const char *why = "no memory to check it";
    bool legal = scratch && plan_is_legal(plan, problem, scratch, &why);

    if (!legal && !graph->cache->said_unusable) {
        graph->cache->said_unusable = true;
        limef_log(LIMEF_LOG_WARNING, graph->settings.name, "a plan that %s kept is not used: %s",
                  graph->settings.cache_file ? graph->settings.cache_file : "was", why);
    }
    arena_put(&graph->arena, scratch);
    return legal;
}

static bool recall(struct limef_graph_inside *graph, const struct limef_plan_problem *problem,
                   struct limef_plan_cached *cached)
{
    if (limef_plan_cache_find(&graph->cache->cache, problem, cached) < 0)
        return false;
    /* looked at once: it takes three times as long as finding it */
    if (!*cached->is_checked)
        *cached->is_checked = is_usable(graph, &cached->plan, problem);
    return *cached->is_checked;
}

bool graph_cache_recall(struct limef_graph_inside *graph, struct graph_plan *plan)
{
    struct limef_plan_cached cached;

    if (!graph->cache || !recall(graph, &plan->problem, &cached))
        return false;
    graph_copy_plan(&plan->plan, &cached.plan);
    take_costs(graph, &cached);
    plan->n_recalled = 1;
    limef_log(LIMEF_LOG_INFO, graph->settings.name, "starts with the plan that was kept");
    return true;
}

static int put_chain(struct limef_graph_inside *graph, struct graph_chains *chains, uint32_t chain,
                     bool of_kind)
{
    graph_chains_take(chains, chain, of_kind);
    graph_chains_take_plan(chains, chain);
    return limef_plan_cache_put(&graph->cache->cache, &chains->taken.plan, &chains->taken.problem);
}

/* One that nothing was measured of yet has nothing to tell. */
static bool is_worth_keeping(const struct graph_chains *chains, uint32_t chain)
{
    if (!graph_chain_is_free(chains, chain))
        return false;
    for (uint32_t i = chains->filter_at[chain]; i < chains->filter_at[chain + 1]; i++)
        if (plan_is_measured(&chains->whole->filters[chains->filters[i]]))
            return true;
    return false;
}

static void keep_chain(struct limef_graph_inside *graph, struct graph_chains *chains,
                       uint32_t chain)
{
    if (!is_worth_keeping(chains, chain))
        return;
    put_chain(graph, chains, chain, true);
    put_chain(graph, chains, chain, false);
}

/* Whether all filters of a chain run, or none does. */
static bool is_running(const struct graph_chains *chains, uint32_t chain, const uint32_t *map,
                       bool runs)
{
    for (uint32_t i = chains->filter_at[chain]; i < chains->filter_at[chain + 1]; i++)
        if ((map[chains->filters[i]] != LIMEF_PLAN_NONE) != runs)
            return false;
    return graph_chain_is_free(chains, chain);
}

/* Keeps the first that runs and differs from a chain in nothing but what its sources read. */
static void keep_sibling(struct limef_graph_inside *graph, struct graph_chains *chains,
                         uint32_t chain, const uint32_t *map)
{
    uint32_t n_filters = chains->taken.problem.n_filters, n_edges = chains->taken.problem.n_edges;
    uint64_t key = limef_plan_key(&chains->taken.problem);

    for (uint32_t i = 0; i < chains->n; i++) {
        if (i == chain || chains->filter_at[i + 1] - chains->filter_at[i] != n_filters ||
            chains->edge_at[i + 1] - chains->edge_at[i] != n_edges ||
            !is_running(chains, i, map, true) || !is_worth_keeping(chains, i))
            continue;
        graph_chains_take(chains, i, true);
        if (limef_plan_key(&chains->taken.problem) != key)
            continue;
        put_chain(graph, chains, i, true);
        return;
    }
}

/* The chain itself, or one of its kind: cameras of one make at different addresses. */
static bool recall_chain(struct limef_graph_inside *graph, struct graph_chains *chains,
                         uint32_t chain, const uint32_t *map, struct limef_plan_cached *cached)
{
    graph_chains_take(chains, chain, false);
    if (recall(graph, &chains->taken.problem, cached))
        return true;
    graph_chains_take(chains, chain, true);
    keep_sibling(graph, chains, chain, map);
    graph_chains_take(chains, chain, true);
    return recall(graph, &chains->taken.problem, cached);
}

static void take_chain_costs(const struct graph_chains *chains, uint32_t chain,
                             const struct limef_plan_cached *cached, struct graph_plan *plan)
{
    const uint32_t *filters = chains->filters + chains->filter_at[chain];
    const uint32_t *edges = chains->edges + chains->edge_at[chain];

    for (uint32_t i = 0; i < cached->plan.n_filters; i++)
        take_filter_cost(&plan->filters[filters[i]], &cached->filters[i]);
    for (uint32_t i = 0; i < cached->plan.n_edges; i++)
        take_edge_cost(&plan->edges[edges[i]], &cached->edges[i]);
}

/* What does not run and is in the map was recalled: its costs are those of the problem. */
static void note_costs(struct limef_graph_inside *graph, const struct graph_plan *plan,
                       const uint32_t *map, const uint32_t *edges_map)
{
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (!node->thread && map[node->number] != LIMEF_PLAN_NONE &&
            graph_glued_to(graph, node) == node) {
            const struct limef_plan_filter *cost = &plan->filters[node->number];

            node->measured.cost_us = cost->cost_us;
            node->measured.p95_us = cost->p95_us;
            node->measured.slow_us = cost->slow_us;
            node->measured.rate_hz = cost->rate_hz;
            node->measured.is_live = cost->is_live;
            node->measured.is_eager = cost->is_eager;
        }
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        if (edge->number != LIMEF_PLAN_NONE && edges_map[edge->number] != LIMEF_PLAN_NONE &&
            !edge->from->thread && !edge->to->thread)
            edge->measured = plan->edges[edge->number];
}

void graph_cache_recall_chains(struct limef_graph_inside *graph, struct graph_plan *plan,
                               struct graph_plan *running, uint32_t *map, uint32_t *edges_map)
{
    struct limef_plan_cached cached;
    struct graph_chains chains;

    if (!graph->cache || !graph_chains_open(&chains, &graph->arena, running))
        return;
    for (uint32_t i = 0; i < chains.n; i++) {
        if (!is_running(&chains, i, map, false) || !recall_chain(graph, &chains, i, map, &cached))
            continue;
        take_chain_costs(&chains, i, &cached, plan);
        graph_chains_put_plan(&chains, i, &cached.plan, &running->plan);
        for (uint32_t k = chains.filter_at[i]; k < chains.filter_at[i + 1]; k++)
            map[chains.filters[k]] = chains.filters[k];
        for (uint32_t k = chains.edge_at[i]; k < chains.edge_at[i + 1]; k++)
            edges_map[chains.edges[k]] = chains.edges[k];
        plan->n_recalled++;
    }
    graph_chains_close(&chains, &graph->arena);
    if (!plan->n_recalled)
        return;
    note_costs(graph, plan, map, edges_map);
    limef_log(LIMEF_LOG_INFO, graph->settings.name, "%u chains begin with plans that were kept",
              plan->n_recalled);
}

/* Into memory. The whole last: what is left when there is no room for all. */
static bool keep(struct limef_graph_inside *graph, struct graph_plan *plan)
{
    struct graph_chains chains;
    int ret;

    if (graph_chains_open(&chains, &graph->arena, plan)) {
        for (uint32_t i = 0; i < chains.n; i++)
            keep_chain(graph, &chains, i);
        graph_chains_close(&chains, &graph->arena);
    }
    ret = limef_plan_cache_put(&graph->cache->cache, &plan->plan, &plan->problem);
    if (ret < 0 && !graph->cache->said_no_room)
        limef_log(LIMEF_LOG_WARNING, graph->settings.name,
                  "the plan is too large to be kept in %zu bytes", graph->cache->n_bytes);
    graph->cache->said_no_room |= ret < 0;
    return ret == 0;
}

static bool keep_running(struct limef_graph_inside *graph)
{
    struct graph_plan *plan;
    bool kept;

    if (!graph->nodes || graph_plan_lay_out(graph, &plan) < 0)
        return false;
    graph_describe_running(graph, plan);
    kept = keep(graph, plan);
    arena_put(&graph->arena, plan);
    return kept;
}

void graph_cache_keep(struct limef_graph_inside *graph)
{
    if (graph->cache && keep_running(graph) && graph->settings.cache_file)
        limef_plan_cache_save(&graph->cache->cache, graph->settings.cache_file);
}

void graph_cache_keep_chain(struct limef_graph_inside *graph, const struct graph_node *node)
{
    struct graph_plan *plan;
    struct graph_chains chains;

    if (!graph->cache || !graph->running)
        return;
    plan = graph_plan_running(graph);
    if (plan && graph_chains_open(&chains, &graph->arena, plan)) {
        keep_chain(graph, &chains, chains.chain_of[node->number]);
        graph_chains_close(&chains, &graph->arena);
    }
    arena_put(&graph->arena, plan);
}

bool graph_cache_is_due(struct limef_graph_inside *graph, int64_t now_us, int64_t window_us)
{
    struct graph_cache *cache = graph->cache;
    uint64_t signature;

    if (!cache || !graph->settings.cache_file || !graph->plan || !graph->nodes)
        return false;
    signature = limef_plan_key(&graph->plan->problem) + LIMEF_COUNTED(graph->n_changes);
    if (signature != cache->seen) {
        cache->seen = signature;
        cache->seen_us = now_us;
    }
    if (signature == cache->kept || now_us - cache->seen_us < KEEP_WINDOWS * window_us)
        return false;
    cache->kept = signature;
    if (!keep_running(graph))
        return false;
    memcpy(cache->written_memory, cache->memory, cache->n_bytes);
    cache->written = cache->cache;
    cache->written.memory = cache->written_memory;
    return true;
}

void graph_cache_write(struct limef_graph_inside *graph)
{
    limef_plan_cache_save(&graph->cache->written, graph->settings.cache_file);
}
