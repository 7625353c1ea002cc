/* SPDX-License-Identifier: MIT */
#include "thread/plan_cache_private.h"
#include "thread/plan_private.h"

#include <libavutil/error.h>
#include <stdalign.h>
#include <string.h>

#define ALIGN alignof(max_align_t)

/* An odd number without pattern: the golden ratio, as in Fibonacci hashing (Knuth, TAOCP 6.4). */
#define GOLDEN 0x9e3779b97f4a7c15u

static size_t round_up(size_t n_bytes)
{
    return (n_bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t bytes_for(uint32_t n_filters, uint32_t n_edges)
{
    return round_up(limef_plan_bytes(n_filters, n_edges)) +
           round_up(n_filters * sizeof(struct limef_plan_filter_cost)) +
           round_up(n_edges * sizeof(struct limef_plan_edge_cost));
}

void limef_plan_cache_init(struct limef_plan_cache *cache, void *memory, size_t n_bytes)
{
    *cache = (struct limef_plan_cache){.memory = memory, .n_bytes = n_bytes};
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * GOLDEN;
    return hash ^ hash >> 29;
}

static uint64_t bits_of(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static uint64_t hash_text(const char *text) /* FNV-1a */
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (; text && *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

uint64_t limef_plan_key(const struct limef_plan_problem *problem)
{
    /* two that do not wait for each other's multiplication */
    uint64_t prints = problem->n_filters, flags = problem->mode, ends = problem->n_edges;
    uint64_t kind_hash = hash_text(NULL);
    const char *kind = NULL;

    for (uint32_t i = 0; i < problem->n_filters; i++) {
        const struct limef_plan_filter *filter = &problem->filters[i];

        /* filters of one type mostly have their kind from one place */
        if (filter->kind != kind)
            kind_hash = hash_text(kind = filter->kind);
        prints = mix(prints, filter->fingerprint ^ kind_hash);
        flags = mix(flags, (uint64_t)filter->thread << 32 | filter->flags);
    }
    for (uint32_t i = 0; i < problem->n_edges; i++) {
        const struct limef_plan_edge *edge = &problem->edges[i];

        prints = mix(prints, (uint64_t)edge->from << 32 | edge->to);
        ends = mix(ends, (uint64_t)edge->output << 1 | edge->is_fixed);
    }
    flags = mix(flags, bits_of(problem->machine.n_cpus));
    flags = mix(flags, problem->machine.budget_bytes);
    flags = mix(flags, (uint64_t)problem->machine.budget_us);
    return mix(mix(prints, flags), ends);
}

void plan_cache_open(const struct limef_plan_cache *cache,
                     const struct limef_plan_cache_entry *entry, struct limef_plan_cached *cached)
{
    char *at = (char *)cache->memory + entry->at;

    cached->plan.n_filters = entry->n_filters;
    cached->plan.n_edges = entry->n_edges;
    cached->plan.n_islands = entry->n_islands;
    cached->plan.n_workers = entry->n_workers;
    at += round_up(plan_lay_out(&cached->plan, at));
    cached->filters = (struct limef_plan_filter_cost *)(void *)at;
    at += round_up(entry->n_filters * sizeof(*cached->filters));
    cached->edges = (struct limef_plan_edge_cost *)(void *)at;
}

static uint32_t find(const struct limef_plan_cache *cache, uint64_t key, uint32_t n_filters,
                     uint32_t n_edges)
{
    for (uint32_t i = 0; i < cache->n_entries; i++)
        if (cache->keys[i] == key && cache->entries[i].n_filters == n_filters &&
            cache->entries[i].n_edges == n_edges)
            return i;
    return LIMEF_PLAN_NONE;
}

int limef_plan_cache_find(struct limef_plan_cache *cache, const struct limef_plan_problem *problem,
                          struct limef_plan_cached *cached)
{
    uint32_t i = find(cache, limef_plan_key(problem), problem->n_filters, problem->n_edges);

    if (i == LIMEF_PLAN_NONE) {
        cache->n_misses++;
        return AVERROR(ENOENT);
    }
    cache->n_hits++;
    cache->entries[i].used = ++cache->n_uses;
    plan_cache_open(cache, &cache->entries[i], cached);
    cached->is_checked = &cache->entries[i].is_checked;
    return 0;
}

/* Memory behind what is taken out moves up: entries lie in the order of their numbers. */
static void take_out(struct limef_plan_cache *cache, uint32_t number)
{
    char *memory = cache->memory;
    size_t at = cache->entries[number].at, n_bytes = cache->entries[number].n_bytes;

    memmove(memory + at, memory + at + n_bytes, cache->used_bytes - at - n_bytes);
    cache->used_bytes -= n_bytes;
    cache->n_entries--;
    for (uint32_t i = number; i < cache->n_entries; i++) {
        cache->keys[i] = cache->keys[i + 1];
        cache->entries[i] = cache->entries[i + 1];
        cache->entries[i].at -= n_bytes;
    }
}

static uint32_t least_used(const struct limef_plan_cache *cache)
{
    uint32_t least = 0;

    for (uint32_t i = 1; i < cache->n_entries; i++)
        if (cache->entries[i].used < cache->entries[least].used)
            least = i;
    return least;
}

struct limef_plan_cache_entry *plan_cache_make_room(struct limef_plan_cache *cache, uint64_t key,
                                                    uint32_t n_filters, uint32_t n_edges)
{
    size_t n_bytes = bytes_for(n_filters, n_edges);
    uint32_t same = find(cache, key, n_filters, n_edges);
    struct limef_plan_cache_entry *entry;

    if (n_bytes > cache->n_bytes)
        return NULL;
    if (same != LIMEF_PLAN_NONE)
        take_out(cache, same);
    while (cache->n_entries == LIMEF_PLAN_CACHE_MAX ||
           cache->n_bytes - cache->used_bytes < n_bytes) {
        take_out(cache, least_used(cache));
        cache->n_evicted++;
    }
    memset((char *)cache->memory + cache->used_bytes, 0, n_bytes);
    cache->keys[cache->n_entries] = key;
    entry = &cache->entries[cache->n_entries++];
    *entry = (struct limef_plan_cache_entry){.key = key,
                                             .used = ++cache->n_uses,
                                             .at = cache->used_bytes,
                                             .n_bytes = n_bytes,
                                             .n_filters = n_filters,
                                             .n_edges = n_edges};
    cache->used_bytes += n_bytes;
    return entry;
}

/* Of arrays that may be empty, and then NULL. */
static void copy(void *to, const void *from, size_t n_bytes)
{
    if (n_bytes)
        memcpy(to, from, n_bytes);
}

int limef_plan_cache_put(struct limef_plan_cache *cache, const struct limef_plan *plan,
                         const struct limef_plan_problem *problem)
{
    struct limef_plan_cache_entry *entry =
        plan_cache_make_room(cache, limef_plan_key(problem), problem->n_filters, problem->n_edges);
    struct limef_plan_cached cached;

    if (!entry)
        return AVERROR(ENOSPC);
    entry->n_islands = plan->n_islands;
    entry->n_workers = plan->n_workers;
    entry->is_checked = true;
    plan_cache_open(cache, entry, &cached);
    copy(cached.plan.links, plan->links, plan->n_edges * sizeof(*plan->links));
    copy(cached.plan.island_of, plan->island_of, plan->n_filters * sizeof(*plan->island_of));
    copy(cached.plan.islands, plan->islands, plan->n_islands * sizeof(*plan->islands));
    copy(cached.plan.workers, plan->workers, plan->n_workers * sizeof(*plan->workers));
    for (uint32_t i = 0; i < problem->n_filters; i++)
        cached.filters[i] = (struct limef_plan_filter_cost){
            problem->filters[i].cost_us, problem->filters[i].p95_us,  problem->filters[i].slow_us,
            problem->filters[i].rate_hz, problem->filters[i].is_live, problem->filters[i].is_eager};
    for (uint32_t i = 0; i < problem->n_edges; i++)
        cached.edges[i] = (struct limef_plan_edge_cost){
            problem->edges[i].rate_hz, problem->edges[i].frame_bytes,
            problem->edges[i].burst_frames, problem->edges[i].jitter_us,
            problem->edges[i].is_encoded};
    return 0;
}
