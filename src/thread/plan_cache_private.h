/* SPDX-License-Identifier: MIT */
#ifndef LIMEF_SRC_THREAD_PLAN_CACHE_PRIVATE_H
#define LIMEF_SRC_THREAD_PLAN_CACHE_PRIVATE_H

#include <limef/thread/plan_cache.h>

/* Room for a plan; NULL if the cache cannot hold it. Its arrays are not written yet, but zero. */
struct limef_plan_cache_entry *plan_cache_make_room(struct limef_plan_cache *cache, uint64_t key,
                                                    uint32_t n_filters, uint32_t n_edges);

/* The arrays of an entry. */
void plan_cache_open(const struct limef_plan_cache *cache,
                     const struct limef_plan_cache_entry *entry, struct limef_plan_cached *cached);

#endif
