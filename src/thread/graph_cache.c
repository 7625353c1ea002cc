/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"

#include "thread/plan_private.h"

#include <limef/base/log.h>
#include <limef/thread/plan_cache.h>

#include <libavutil/error.h>
#include <string.h>

/* Of the graph's memory, and there are two of them: what is kept, and what is being written. */
#define SHARE 32
#define MIN_BYTES 8192
#define MAX_BYTES (1 << 20)

/* So many windows must a plan run before it is kept: a minute, at two seconds each. */
#define KEEP_WINDOWS 30

struct graph_cache {
    struct limef_plan_cache cache;
    struct limef_plan_cache written; /* a copy: the supervisor writes it without the graph's lock */
    void *memory, *written_memory;
    size_t n_bytes;
    uint64_t seen, kept; /* signatures of what runs */
    int64_t seen_us;
    bool said_no_room;
};

void graph_cache_open(struct limef_graph_inside *graph)
{
    size_t n_bytes = graph->arena.bytes / SHARE;
    struct graph_cache *cache;

    if (!graph->settings.cache_file || graph->cache)
        return;
    n_bytes = n_bytes < MIN_BYTES ? MIN_BYTES : n_bytes > MAX_BYTES ? MAX_BYTES : n_bytes;
    n_bytes = n_bytes / LIMEF_CACHE_LINE_BYTES * LIMEF_CACHE_LINE_BYTES;
    cache = arena_get(&graph->arena, sizeof(*cache));
    if (cache) {
        cache->n_bytes = n_bytes;
        cache->memory = arena_get(&graph->arena, n_bytes);
        cache->written_memory = arena_get(&graph->arena, n_bytes);
    }
    if (!cache || !cache->memory || !cache->written_memory) {
        limef_log(LIMEF_LOG_WARNING, graph->settings.name,
                  "no room for the plans of '%s', it is not used", graph->settings.cache_file);
        if (cache) {
            arena_put(&graph->arena, cache->memory);
            arena_put(&graph->arena, cache->written_memory);
        }
        arena_put(&graph->arena, cache);
        return;
    }
    limef_plan_cache_init(&cache->cache, cache->memory, n_bytes);
    limef_plan_cache_load(&cache->cache, graph->settings.cache_file);
    graph->cache = cache;
}

static void take_costs(struct limef_graph_inside *graph, const struct limef_plan_cached *cached)
{
    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (graph_glued_to(graph, node) == node) {
            const struct limef_plan_filter_cost *cost = &cached->filters[node->number];

            node->measured.cost_us = cost->cost_us;
            node->measured.p95_us = cost->p95_us;
            node->measured.rate_hz = cost->rate_hz;
        }
    for (struct graph_edge *edge = graph->edges; edge; edge = edge->next)
        if (edge->number != LIMEF_PLAN_NONE) {
            const struct limef_plan_edge_cost *cost = &cached->edges[edge->number];

            edge->measured.rate_hz = cost->rate_hz;
            edge->measured.frame_bytes = cost->frame_bytes;
            edge->measured.burst_frames = cost->burst_frames;
            edge->measured.jitter_us = cost->jitter_us;
        }
}

static bool is_usable(struct limef_graph_inside *graph, const struct limef_plan *plan,
                      const struct limef_plan_problem *problem)
{
    uint32_t *scratch = arena_get(&graph->arena, 2 * problem->n_filters * sizeof(*scratch));
    const char *why = "no memory to check it";
    bool legal = scratch && plan_is_legal(plan, problem, scratch, &why);

    if (!legal)
        limef_log(LIMEF_LOG_WARNING, graph->settings.name,
                  "the plan that '%s' kept is not used: %s", graph->settings.cache_file, why);
    arena_put(&graph->arena, scratch);
    return legal;
}

bool graph_cache_recall(struct limef_graph_inside *graph, struct graph_plan *plan)
{
    struct limef_plan_cached cached;

    if (!graph->cache || limef_plan_cache_find(&graph->cache->cache, &plan->problem, &cached) < 0 ||
        !is_usable(graph, &cached.plan, &plan->problem))
        return false;
    graph_copy_plan(&plan->plan, &cached.plan);
    take_costs(graph, &cached);
    limef_log(LIMEF_LOG_INFO, graph->settings.name, "starts with the plan that '%s' kept",
              graph->settings.cache_file);
    return true;
}

/* Into memory, under what was known before it ran. */
static bool keep(struct limef_graph_inside *graph, struct graph_plan *plan)
{
    int ret;

    for (struct graph_node *node = graph->nodes; node; node = node->next)
        if (graph_glued_to(graph, node) == node)
            plan->filters[node->number].is_live = node->was_live;
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
    if (graph->cache && keep_running(graph))
        limef_plan_cache_save(&graph->cache->cache, graph->settings.cache_file);
}

bool graph_cache_is_due(struct limef_graph_inside *graph, int64_t now_us, int64_t window_us)
{
    struct graph_cache *cache = graph->cache;
    uint64_t signature;

    if (!cache || !graph->plan || !graph->nodes)
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
