/* SPDX-License-Identifier: MIT */
#include "thread/graph_private.h"

#include <limef/base/log.h>
#include <limef/thread/plan_cache.h>

#include <libavutil/error.h>
#include <string.h>

/* Of plans that are kept: some two hundred and fifty filters with their connections. */
#define CACHE_BYTES 65536

struct cache {
    struct limef_plan_cache cache;
    _Alignas(64) char memory[CACHE_BYTES];
};

static struct cache *open_cache(struct limef_graph_inside *graph)
{
    struct cache *cache;

    if (!graph->settings.cache_file)
        return NULL;
    cache = arena_get(&graph->arena, sizeof(*cache));
    if (!cache) {
        limef_log(LIMEF_LOG_WARNING, graph->settings.name,
                  "no room for the plans of '%s', it is not used", graph->settings.cache_file);
        return NULL;
    }
    limef_plan_cache_init(&cache->cache, cache->memory, sizeof(cache->memory));
    limef_plan_cache_load(&cache->cache, graph->settings.cache_file);
    return cache;
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

bool graph_cache_recall(struct limef_graph_inside *graph, struct graph_plan *plan)
{
    struct cache *cache = open_cache(graph);
    struct limef_plan_cached cached;
    bool found;

    if (!cache)
        return false;
    found = limef_plan_cache_find(&cache->cache, &plan->problem, &cached) == 0;
    if (found) {
        graph_copy_plan(&plan->plan, &cached.plan);
        take_costs(graph, &cached);
        limef_log(LIMEF_LOG_INFO, graph->settings.name, "starts with the plan that '%s' kept",
                  graph->settings.cache_file);
    }
    arena_put(&graph->arena, cache);
    return found;
}

void graph_cache_keep(struct limef_graph_inside *graph)
{
    struct cache *cache;
    struct graph_plan *plan;

    if (!graph->settings.cache_file || !graph->nodes || graph_plan_lay_out(graph, &plan) < 0)
        return;
    graph_describe_running(graph, plan);
    cache = open_cache(graph);
    if (cache && limef_plan_cache_put(&cache->cache, &plan->plan, &plan->problem) == 0)
        limef_plan_cache_save(&cache->cache, graph->settings.cache_file);
    arena_put(&graph->arena, cache);
    arena_put(&graph->arena, plan);
}
