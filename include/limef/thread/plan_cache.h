/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Plans and costs of graphs that were seen before, so that a graph starts with the right
 * plan. Bounded: the least recently used goes first. It may be kept in a file.
 */
#ifndef LIMEF_THREAD_PLAN_CACHE_H
#define LIMEF_THREAD_PLAN_CACHE_H

#include <limef/thread/plan.h>

LIMEF_BEGIN_DECLS

/** Most plans of one cache. */
#define LIMEF_PLAN_CACHE_MAX 128

/** What a filter cost; as in struct limef_plan_filter. */
struct limef_plan_filter_cost {
    double cost_us, p95_us, slow_us, rate_hz;
    bool is_live, is_eager;
};

/** What went over a connection; as in struct limef_plan_edge. */
struct limef_plan_edge_cost {
    double rate_hz, frame_bytes, burst_frames, jitter_us;
    bool is_encoded;
};

/** A plan with what was measured when it was made. */
struct limef_plan_cached {
    struct limef_plan plan;
    struct limef_plan_filter_cost *filters; /**< one for each filter */
    struct limef_plan_edge_cost *edges;     /**< one for each edge */
    bool *is_checked; /**< whether it is known to be a plan of a problem with this key: what was put
                           is, what comes from a file is not until somebody says so here */
};

/** Where a plan lies in the cache's memory. */
struct limef_plan_cache_entry {
    uint64_t key;
    uint64_t used; /**< when it was used last, counted in uses */
    size_t at, n_bytes;
    uint32_t n_filters, n_edges, n_islands, n_workers;
    bool is_checked; /**< as in struct limef_plan_cached */
};

/** A cache. Init; nothing in it is owned, there is no clear. */
struct limef_plan_cache {
    void *memory; /**< borrowed */
    size_t n_bytes;
    size_t used_bytes;
    uint64_t n_uses;
    uint64_t n_hits, n_misses; /**< of limef_plan_cache_find() */
    uint64_t n_evicted;        /**< plans that went for another one */
    uint32_t n_entries;
    uint64_t keys[LIMEF_PLAN_CACHE_MAX]; /**< of the entries: what is searched */
    struct limef_plan_cache_entry entries[LIMEF_PLAN_CACHE_MAX];
};

/**
 * Prepares an empty cache.
 *
 * @param memory   where plans are kept, aligned for any type; borrowed; must outlive the cache.
 * @param n_bytes  its size; some 250 bytes are needed for a filter with its connection.
 * Thread: one at a time
 */
LIMEF_API void limef_plan_cache_init(struct limef_plan_cache *cache, void *memory, size_t n_bytes);

/**
 * A number for what a plan depends on and is known before anything runs: filters by kind, flags,
 * thread and fingerprint, connections, mode, cores and budgets. What is measured makes no
 * difference: costs, whether a source is live, what passes a connection, the handover.
 *
 * Thread: any
 */
LIMEF_API uint64_t limef_plan_key(const struct limef_plan_problem *problem);

/**
 * Looks for a plan of a problem.
 *
 * @param cached  written; its arrays are lent until the next put or load.
 * @return 0, or AVERROR(ENOENT). Counted, not logged.
 * Thread: one at a time
 */
LIMEF_API int limef_plan_cache_find(struct limef_plan_cache *cache,
                                    const struct limef_plan_problem *problem,
                                    struct limef_plan_cached *cached);

/**
 * Keeps a plan with the costs of its problem, instead of the one that was kept for the same key.
 *
 * @return 0, or AVERROR(ENOSPC): the cache's memory cannot hold it even alone; not logged.
 * Thread: one at a time
 */
LIMEF_API int limef_plan_cache_put(struct limef_plan_cache *cache, const struct limef_plan *plan,
                                   const struct limef_plan_problem *problem);

/**
 * Writes the cache to a file, through a temporary one beside it that is renamed: what was there is
 * replaced as a whole or not at all.
 *
 * @return 0 or the system's error. Logged.
 * Thread: one at a time
 */
LIMEF_API int limef_plan_cache_save(const struct limef_plan_cache *cache, const char *path);

/**
 * Reads a file that limef_plan_cache_save() wrote; what the cache held is forgotten.
 *
 * @return 0; AVERROR(ENOENT): there is no such file, not logged; AVERROR_INVALIDDATA: damaged, of
 *         another version or of another program; AVERROR(EINVAL): not a regular file;
 *         AVERROR(EFBIG): larger than 64 MiB; or what the system refused to open it with. Logged in
 *         one line. The cache is empty then.
 * Thread: one at a time
 */
LIMEF_API int limef_plan_cache_load(struct limef_plan_cache *cache, const char *path);

LIMEF_END_DECLS

#endif
