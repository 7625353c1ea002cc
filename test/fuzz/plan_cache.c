/* SPDX-License-Identifier: MIT */
/* The plan cache's file: any bytes, as they are and with the hash that belongs to them. */
#include "support/silence.h"
#include "thread/plan_private.h"

#include <limef/base/log.h>
#include <limef/thread/plan_cache.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A problem of an entry's size: a source, and a chain or a fan behind it. Whatever is found legal
 * can be walked along. */
static void judge(struct limef_plan_cache *cache, uint32_t entry)
{
    static struct limef_plan_filter filters[64];
    static struct limef_plan_edge edges[64];
    static uint32_t scratch[128];
    struct limef_plan_cached cached;
    const struct limef_plan *plan = &cached.plan;
    struct limef_plan_problem problem = {.filters = filters,
                                         .edges = edges,
                                         .n_filters = cache->entries[entry].n_filters,
                                         .n_edges = cache->entries[entry].n_edges};
    uint32_t n_islands = 0;

    if (!problem.n_filters || problem.n_filters > 64 || problem.n_edges >= problem.n_filters)
        return;
    for (uint32_t i = 0; i < problem.n_filters; i++)
        filters[i] =
            (struct limef_plan_filter){.flags = i > problem.n_edges || !i ? LIMEF_FILTER_SOURCE : 0,
                                       .thread = LIMEF_PLAN_NONE};
    for (uint32_t i = 0; i < problem.n_edges; i++)
        edges[i] = (struct limef_plan_edge){.from = i / 2, .to = i + 1};
    cache->keys[entry] = cache->entries[entry].key = limef_plan_key(&problem);
    if (limef_plan_cache_find(cache, &problem, &cached) < 0)
        abort();
    if (!plan_is_legal(plan, &problem, scratch, NULL))
        return;
    for (uint32_t i = 0; i < plan->n_workers; i++)
        n_islands += plan->workers[i].n_islands;
    for (uint32_t i = 0; i < plan->n_filters; i++)
        if (plan->islands[plan->island_of[i]].worker >= plan->n_workers)
            abort();
    if (n_islands != plan->n_islands)
        abort();
}

/* What was loaded can be written and read again. */
static void load(int fd)
{
    static struct limef_plan_cache cache;
    static _Alignas(16) char memory[1 << 16];
    char path[32];
    uint32_t n_entries;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    limef_plan_cache_init(&cache, memory, sizeof(memory));
    if (limef_plan_cache_load(&cache, path) < 0) {
        if (cache.n_entries)
            abort();
        return;
    }
    n_entries = cache.n_entries;
    for (uint32_t i = 0; i < n_entries; i++)
        judge(&cache, i);
    if (limef_plan_cache_save(&cache, "fuzz_plan_cache.saved") < 0)
        return;
    if (limef_plan_cache_load(&cache, "fuzz_plan_cache.saved") < 0 || cache.n_entries != n_entries)
        abort();
}

static void put(int fd, const uint8_t *data, size_t size)
{
    if (write(fd, data, size) != (ssize_t)size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t head[16] = {'l', 'i', 'm', 'e', 'f', 'p', 'l', 'n', 2};
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    uint8_t bytes[8];
    int fd = memfd_create("plans", MFD_CLOEXEC);

    limef_log_set_sink(log_to_nobody, NULL);
    if (fd < 0)
        return 0;
    put(fd, data, size);
    load(fd);
    if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET))
        abort();
    put(fd, head, sizeof(head));
    put(fd, data, size);
    for (size_t i = 0; i < sizeof(head) + size; i++)
        hash = (hash ^ (i < sizeof(head) ? head[i] : data[i - sizeof(head)])) * 0x100000001b3u;
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(hash >> 8 * i);
    put(fd, bytes, sizeof(bytes));
    load(fd);
    close(fd);
    return 0;
}
