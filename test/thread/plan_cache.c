/* SPDX-License-Identifier: MIT */
#include <limef/thread/plan_cache.h>

#include "support/kept_log.h"
#include "support/plans.h"

#include <limef/base/log.h>
#include <limef/filter/decode.h>
#include <limef/filter/file_source.h>
#include <limef/filter/scale.h>
#include <limef/filter/snapshot.h>
#include <limef/filter/throttle.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <dirent.h>
#include <libavutil/error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define N_BYTES 16384

static struct plans plans;
static struct limef_plan_cache cache;
static struct limef_plan_cached cached;
static _Alignas(16) char memory[N_BYTES];
static char folder[] = "/tmp/limef_plan_cache_XXXXXX";
static char path[64];
static struct kept_log logged = {.level = LIMEF_LOG_DEBUG};

static void begin(void)
{
    limef_log_set_sink(keep_log, &logged);
    cr_assert(ne(ptr, mkdtemp(folder), NULL));
    snprintf(path, sizeof(path), "%s/plans", folder);
    limef_plan_cache_init(&cache, memory, sizeof(memory));
}

static void end(void)
{
    unlink(path);
    rmdir(folder);
    plans_clear(&plans);
    limef_log_set_sink(NULL, NULL);
}

TestSuite(plan_cache, .init = begin, .fini = end, .timeout = 60);

/* A chain whose settings are told apart by `fingerprint`. */
static void build(uint64_t fingerprint)
{
    uint32_t source, decode;

    plans_clear(&plans);
    plans_init(&plans, 4);
    source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 0.3, 25);
    decode = plans_put(&plans, source, "decode", 24100, 25);
    plans_put(&plans, decode, "scale", 17000, 25);
    plans.filters[0].is_eager = true;
    plans.filters[1].fingerprint = fingerprint;
    plans.edges[0].jitter_us = 500;
    cr_assert(zero(int, plans_make(&plans)));
}

static void put(uint64_t fingerprint)
{
    build(fingerprint);
    cr_assert(zero(int, limef_plan_cache_put(&cache, &plans.plan, &plans.problem)));
}

static bool has(uint64_t fingerprint)
{
    build(fingerprint);
    return !limef_plan_cache_find(&cache, &plans.problem, &cached);
}

Test(plan_cache, gives_back_plan_and_costs)
{
    put(7);
    cr_assert(has(7));
    cr_assert(zero(int, memcmp(cached.plan.links, plans.plan.links,
                               limef_plan_bytes(plans.plan.n_filters, plans.plan.n_edges))));
    cr_assert(eq(u32, cached.plan.n_workers, plans.plan.n_workers));
    cr_assert(eq(dbl, cached.filters[1].cost_us, 24100));
    cr_assert(cached.filters[0].is_eager);
    cr_assert(not(cached.filters[1].is_eager));
    cr_assert(eq(dbl, cached.edges[0].jitter_us, 500));
    cr_assert(eq(dbl, cached.edges[1].jitter_us, LIMEF_NOT_MEASURED));
}

Test(plan_cache, what_a_file_brings_must_be_looked_at_once)
{
    put(7);
    cr_assert(has(7));
    cr_assert(cached.is_checked[0]);
    cr_assert(zero(int, limef_plan_cache_save(&cache, path)));
    cr_assert(zero(int, limef_plan_cache_load(&cache, path)));
    cr_assert(has(7));
    cr_assert(not(cached.is_checked[0]));
    *cached.is_checked = true;
    cr_assert(has(7));
    cr_assert(cached.is_checked[0]);
}

Test(plan_cache, what_makes_a_difference_is_in_the_key)
{
    uint64_t key;

    build(1);
    key = limef_plan_key(&plans.problem);
    plans.filters[0].cost_us = 3;
    plans.filters[0].is_live = true;
    plans.edges[0].is_encoded = true;
    plans.problem.machine.handover_us = 9;
    cr_assert(eq(u64, limef_plan_key(&plans.problem), key));
    build(1);
    plans.edges[1].from = 0;
    cr_assert(ne(u64, limef_plan_key(&plans.problem), key));
    build(1);
    plans.problem.machine.n_cpus = 2;
    cr_assert(ne(u64, limef_plan_key(&plans.problem), key));
    build(2);
    cr_assert(ne(u64, limef_plan_key(&plans.problem), key));
}

Test(plan_cache, kinds_are_told_apart_by_their_names)
{
    char kind[] = "source";
    uint64_t key;

    build(1);
    key = limef_plan_key(&plans.problem);
    plans.filters[2].kind = "encode";
    cr_assert(ne(u64, limef_plan_key(&plans.problem), key));
    plans.filters[2].kind = "scale";
    plans.filters[0].kind = kind; /* the same text elsewhere */
    plans.edges[0].is_encoded = true;
    cr_assert(eq(u64, limef_plan_key(&plans.problem), key));
}

/* Whether two filters of one kind have the same number. */
static bool is_alike(struct limef_filter *a, struct limef_filter *b)
{
    bool alike = a->ops->fingerprint(a) == b->ops->fingerprint(b);

    limef_filter_clear(b);
    return alike;
}

Test(plan_cache, settings_are_told_apart)
{
    static struct limef_file_source files[2];
    static struct limef_decode_filter decodes[2];
    static struct limef_scale_filter scales[2];
    static struct limef_throttle_filter throttles[2];
    static struct limef_snapshot_filter snapshots[2];

    for (int differs = 0; differs < 2; differs++) {
        struct limef_file_source_settings file = {.url = "a.mp4"};
        struct limef_decode_settings decode = {.n_threads = 1};
        struct limef_scale_settings scale = {.width = 640};
        struct limef_snapshot_settings snapshot = {.path = "a.jpg"};

        limef_file_source_init(&files[0], NULL, &file);
        limef_decode_filter_init(&decodes[0], NULL, &decode);
        limef_scale_filter_init(&scales[0], NULL, &scale);
        limef_throttle_filter_init(&throttles[0], NULL, 1000);
        limef_snapshot_filter_init(&snapshots[0], NULL, &snapshot);
        if (differs) {
            file.url = "b.mp4";
            decode.n_threads = 2;
            scale.width = 320;
            snapshot.path = "a.png";
        }
        limef_file_source_init(&files[1], NULL, &file);
        limef_decode_filter_init(&decodes[1], NULL, &decode);
        limef_scale_filter_init(&scales[1], NULL, &scale);
        limef_throttle_filter_init(&throttles[1], NULL, 1000 + differs);
        limef_snapshot_filter_init(&snapshots[1], NULL, &snapshot);
        cr_assert(ne(int, is_alike(&files[0].source.filter, &files[1].source.filter), differs));
        cr_assert(ne(int, is_alike(&decodes[0].filter, &decodes[1].filter), differs));
        cr_assert(ne(int, is_alike(&scales[0].filter, &scales[1].filter), differs));
        cr_assert(ne(int, is_alike(&throttles[0].filter, &throttles[1].filter), differs));
        cr_assert(ne(int, is_alike(&snapshots[0].filter, &snapshots[1].filter), differs));
        limef_filter_clear(&files[0].source.filter);
        limef_filter_clear(&decodes[0].filter);
        limef_filter_clear(&scales[0].filter);
        limef_filter_clear(&throttles[0].filter);
        limef_filter_clear(&snapshots[0].filter);
    }
}

Test(plan_cache, what_is_no_file_is_refused_at_once)
{
    cr_assert(zero(int, mkfifo(path, 0600)));
    cr_assert(lt(int, limef_plan_cache_load(&cache, path), 0));
    cr_assert(eq(uint, logged.n, 1));
    cr_assert(lt(int, limef_plan_cache_load(&cache, "/dev/zero"), 0));
    cr_assert(eq(uint, logged.n, 2));
    cr_assert(zero(int, unlink(path)));
    cr_assert(zero(int, symlink("/proc/self/pagemap", path))); /* a size of 0, and no end */
    cr_assert(lt(int, limef_plan_cache_load(&cache, path), 0));
}

Test(plan_cache, the_least_recently_used_goes)
{
    put(1);
    put(2);
    cr_assert(has(1));
    for (uint64_t i = 3; !cache.n_evicted; i++)
        put(i);
    cr_assert(not(has(2)));
    cr_assert(has(1));
    cr_assert(has(3));
    cr_assert(le(sz, cache.used_bytes, sizeof(memory)));
}

Test(plan_cache, a_plan_takes_the_place_of_the_one_before)
{
    put(1);
    put(1);
    cr_assert(eq(u32, cache.n_entries, 1));
}

Test(plan_cache, never_holds_more_than_its_most)
{
    static _Alignas(16) char large[1 << 20];

    limef_plan_cache_init(&cache, large, sizeof(large));
    for (uint64_t i = 0; i < LIMEF_PLAN_CACHE_MAX + 5; i++)
        put(i);
    cr_assert(eq(u32, cache.n_entries, LIMEF_PLAN_CACHE_MAX));
    cr_assert(eq(u64, cache.n_evicted, 5));
}

Test(plan_cache, a_plan_larger_than_its_memory_is_refused)
{
    limef_plan_cache_init(&cache, memory, 100);
    build(1);
    cr_assert(eq(int, limef_plan_cache_put(&cache, &plans.plan, &plans.problem), AVERROR(ENOSPC)));
    cr_assert(zero(u32, cache.n_entries));
}

Test(plan_cache, a_plan_of_the_file_that_is_too_large_is_left_out)
{
    static _Alignas(16) char large[1 << 18];

    limef_plan_cache_init(&cache, large, sizeof(large));
    put(1);
    plans_clear(&plans);
    plans_init(&plans, 4);
    for (uint32_t i = 0; i < 400; i++)
        plans_put(&plans, i ? i - 1 : LIMEF_PLAN_NONE, "filter", 10, 25);
    cr_assert(zero(int, plans_make(&plans)));
    cr_assert(zero(int, limef_plan_cache_put(&cache, &plans.plan, &plans.problem)));
    put(2);
    cr_assert(zero(int, limef_plan_cache_save(&cache, path)));
    limef_plan_cache_init(&cache, memory, sizeof(memory));
    cr_assert(zero(int, limef_plan_cache_load(&cache, path)));
    cr_assert(eq(u32, cache.n_entries, 2));
    cr_assert(has(1));
    cr_assert(has(2));
    cr_assert(zero(uint, logged.n));
}

Test(plan_cache, patterns_that_repeat_are_found)
{
    /* a service that starts the same 12 graphs again and again, and now and then another one */
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t graph = i % 50 == 49 ? 1000 + i : i * 7 % 12;

        if (!has(graph))
            put(graph);
    }
    cr_assert(gt(u64, cache.n_hits * 10, (cache.n_hits + cache.n_misses) * 9));
}

Test(plan_cache, a_file_brings_it_all_back)
{
    put(1);
    put(2);
    cr_assert(has(1)); /* now 2 is the least recently used */
    cr_assert(zero(int, limef_plan_cache_save(&cache, path)));
    memset(memory, 0xff, sizeof(memory));
    limef_plan_cache_init(&cache, memory, sizeof(memory));
    cr_assert(zero(int, limef_plan_cache_load(&cache, path)));
    cr_assert(has(1));
    cr_assert(zero(int, memcmp(cached.plan.island_of, plans.plan.island_of,
                               plans.plan.n_filters * sizeof(uint32_t))));
    cr_assert(eq(u32, cached.plan.links[1].depth, plans.plan.links[1].depth));
    cr_assert(eq(u32, cached.plan.workers[1].n_islands, 1));
    cr_assert(eq(dbl, cached.filters[2].p95_us, 17000));
    for (uint64_t i = 3; !cache.n_evicted; i++)
        put(i);
    cr_assert(has(1));
    cr_assert(not(has(2)));
}

Test(plan_cache, nothing_is_left_beside_the_file)
{
    unsigned n_files = 0;
    DIR *dir;

    put(1);
    cr_assert(zero(int, limef_plan_cache_save(&cache, path)));
    cr_assert(zero(int, limef_plan_cache_save(&cache, path)));
    dir = opendir(folder);
    for (const struct dirent *file; (file = readdir(dir));)
        n_files += file->d_name[0] != '.';
    closedir(dir);
    cr_assert(eq(uint, n_files, 1));
}

Test(plan_cache, no_file_is_no_failure_to_talk_about)
{
    cr_assert(eq(int, limef_plan_cache_load(&cache, path), AVERROR(ENOENT)));
    cr_assert(zero(uint, logged.n));
}

Test(plan_cache, any_damage_is_refused_in_one_line)
{
    static char bytes[8192];
    size_t n_bytes;
    FILE *file;

    put(1);
    cr_assert(zero(int, limef_plan_cache_save(&cache, path)));
    file = fopen(path, "rb");
    n_bytes = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    cr_assert(lt(sz, n_bytes, sizeof(bytes)));
    for (size_t i = 0; i < n_bytes; i += 3) {
        file = fopen(path, "wb");
        bytes[i] ^= 4;
        fwrite(bytes, 1, i % 2 ? n_bytes : i, file); /* changed, or ends early */
        bytes[i] ^= 4;
        fclose(file);
        logged.n = 0;
        cr_assert(eq(int, limef_plan_cache_load(&cache, path), AVERROR_INVALIDDATA), "byte %zu", i);
        cr_assert(eq(uint, logged.n, 1));
        cr_assert(zero(u32, cache.n_entries));
    }
    put(1);
    cr_assert(has(1));
}

Test(plan_cache, a_folder_that_is_not_there_is_said)
{
    put(1);
    cr_assert(lt(int, limef_plan_cache_save(&cache, "/nonexistent/plans"), 0));
    cr_assert(eq(uint, logged.n, 1));
}
