/* SPDX-License-Identifier: MIT */
/*
 * The plan cache's file: 8 bytes "limefpln", then little-endian words of 8 bytes:
 * version, number of plans; of each plan key, its four numbers, links, islands of
 * filters, islands, workers, costs; at last the FNV-1a hash of all bytes before it
 * (Fowler, Noll, Vo; draft-eastlake-fnv). Plans lie from the least to the most recently
 * used.
 */
#include "thread/plan_cache_private.h"
#include "thread/plan_private.h"

#include <limef/base/log.h>

#include <errno.h>
#include <fcntl.h>
#include <libavutil/error.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "limefpln"
#define VERSION 6
/* Of a file that is read: 128 plans of a thousand filters are far below. */
#define MAX_BYTES (64 << 20)
#define FNV_OFFSET 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

/* A file that is written or read, with the hash of what went by. */
struct stream {
    FILE *file;
    uint64_t hash;
    bool failed; /* cannot be written; ends too early, or holds what no cache does */
};

static uint64_t hash_bytes(uint64_t hash, const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * FNV_PRIME;
    return hash;
}

static void put_word(struct stream *stream, uint64_t word)
{
    unsigned char bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(word >> 8 * i);
    stream->hash = hash_bytes(stream->hash, bytes, sizeof(bytes));
    stream->failed |= fwrite(bytes, sizeof(bytes), 1, stream->file) != 1;
}

static uint64_t get_word(struct stream *stream)
{
    unsigned char bytes[8] = {0};
    uint64_t word = 0;

    if (stream->failed || fread(bytes, sizeof(bytes), 1, stream->file) != 1)
        stream->failed = true;
    for (int i = 0; i < 8; i++)
        word |= (uint64_t)bytes[i] << 8 * i;
    return stream->failed ? 0 : word;
}

/* A number that must not be above `most`. */
static uint64_t get_up_to(struct stream *stream, uint64_t most)
{
    uint64_t word = get_word(stream);

    if (word > most)
        stream->failed = true;
    return stream->failed ? 0 : word;
}

/* An index below `n`, or LIMEF_PLAN_NONE. */
static uint32_t get_index(struct stream *stream, uint32_t n)
{
    uint32_t word = (uint32_t)get_up_to(stream, UINT32_MAX);

    if (word >= n && word != LIMEF_PLAN_NONE)
        stream->failed = true;
    return word;
}

static void put_double(struct stream *stream, double value)
{
    uint64_t word;

    memcpy(&word, &value, sizeof(word));
    put_word(stream, word);
}

static double get_double(struct stream *stream)
{
    uint64_t word = get_word(stream);
    double value;

    memcpy(&value, &word, sizeof(value));
    return plan_is_known(value) ? value : LIMEF_NOT_MEASURED;
}

static void put_decisions(struct stream *stream, const struct limef_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_edges; i++) {
        const struct limef_plan_link *link = &plan->links[i];

        put_word(stream, link->is_cut);
        put_word(stream, link->reason);
        put_word(stream, link->depth);
        put_word(stream, link->overflow);
        put_word(stream, link->max_bytes);
        put_word(stream, (uint64_t)link->max_time_us);
    }
    for (uint32_t i = 0; i < plan->n_filters; i++)
        put_word(stream, plan->island_of[i]);
    for (uint32_t i = 0; i < plan->n_islands; i++) {
        put_word(stream, plan->islands[i].first);
        put_word(stream, plan->islands[i].worker);
        put_word(stream, plan->islands[i].thread);
        put_word(stream, plan->islands[i].priority);
        put_double(stream, plan->islands[i].load);
        put_double(stream, plan->islands[i].p95_us);
    }
    for (uint32_t i = 0; i < plan->n_workers; i++) {
        put_word(stream, plan->workers[i].priority);
        put_double(stream, plan->workers[i].load);
    }
}

static void put_costs(struct stream *stream, const struct limef_plan_cached *cached)
{
    for (uint32_t i = 0; i < cached->plan.n_filters; i++) {
        put_double(stream, cached->filters[i].cost_us);
        put_double(stream, cached->filters[i].p95_us);
        put_double(stream, cached->filters[i].slow_us);
        put_double(stream, cached->filters[i].rate_hz);
        put_word(stream, cached->filters[i].is_live);
        put_word(stream, cached->filters[i].is_eager);
    }
    for (uint32_t i = 0; i < cached->plan.n_edges; i++) {
        put_double(stream, cached->edges[i].rate_hz);
        put_double(stream, cached->edges[i].frame_bytes);
        put_double(stream, cached->edges[i].burst_frames);
        put_double(stream, cached->edges[i].jitter_us);
        put_word(stream, cached->edges[i].is_encoded);
    }
}

static void get_decisions(struct stream *stream, struct limef_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_edges; i++) {
        struct limef_plan_link *link = &plan->links[i];

        link->is_cut = get_up_to(stream, 1);
        link->reason = get_up_to(stream, LIMEF_PLAN_CUT_MODE);
        link->depth = (unsigned)get_up_to(stream, LIMEF_LANE_MAX_FRAMES);
        link->overflow = get_up_to(stream, LIMEF_OVERFLOW_DROP_TO_KEY);
        link->max_bytes = get_up_to(stream, SIZE_MAX);
        link->max_time_us = (int64_t)get_up_to(stream, INT64_MAX);
    }
    for (uint32_t i = 0; i < plan->n_filters; i++)
        plan->island_of[i] = (uint32_t)get_up_to(stream, plan->n_islands - 1);
    for (uint32_t i = 0; i < plan->n_islands; i++) {
        struct limef_plan_island *island = &plan->islands[i];

        island->first = (uint32_t)get_up_to(stream, plan->n_filters - 1);
        island->worker = get_index(stream, plan->n_workers);
        island->thread = (uint32_t)get_up_to(stream, UINT32_MAX);
        island->priority = get_up_to(stream, LIMEF_PRIORITY_BACKGROUND);
        island->load = get_double(stream);
        island->p95_us = get_double(stream);
        if (plan->island_of[island->first] != i)
            stream->failed = true;
        if (island->worker != LIMEF_PLAN_NONE)
            plan->workers[island->worker].n_islands++;
    }
    for (uint32_t i = 0; i < plan->n_workers; i++) {
        plan->workers[i].priority = get_up_to(stream, LIMEF_PRIORITY_BACKGROUND);
        plan->workers[i].load = get_double(stream);
    }
}

static void get_costs(struct stream *stream, struct limef_plan_cached *cached)
{
    for (uint32_t i = 0; i < cached->plan.n_filters; i++) {
        cached->filters[i].cost_us = get_double(stream);
        cached->filters[i].p95_us = get_double(stream);
        cached->filters[i].slow_us = get_double(stream);
        cached->filters[i].rate_hz = get_double(stream);
        cached->filters[i].is_live = get_up_to(stream, 1);
        cached->filters[i].is_eager = get_up_to(stream, 1);
    }
    for (uint32_t i = 0; i < cached->plan.n_edges; i++) {
        cached->edges[i].rate_hz = get_double(stream);
        cached->edges[i].frame_bytes = get_double(stream);
        cached->edges[i].burst_frames = get_double(stream);
        cached->edges[i].jitter_us = get_double(stream);
        cached->edges[i].is_encoded = get_up_to(stream, 1);
    }
}

static void put_all(struct stream *stream, const struct limef_plan_cache *cache)
{
    uint64_t used = 0;

    stream->hash = hash_bytes(FNV_OFFSET, (const unsigned char *)MAGIC, 8);
    stream->failed |= fwrite(MAGIC, 8, 1, stream->file) != 1;
    put_word(stream, VERSION);
    put_word(stream, cache->n_entries);
    for (uint32_t n = 0; n < cache->n_entries; n++) {
        const struct limef_plan_cache_entry *next = NULL;
        struct limef_plan_cached cached;

        for (uint32_t i = 0; i < cache->n_entries; i++)
            if (cache->entries[i].used > used && (!next || cache->entries[i].used < next->used))
                next = &cache->entries[i];
        used = next->used;
        put_word(stream, next->key);
        put_word(stream, next->n_filters);
        put_word(stream, next->n_edges);
        put_word(stream, next->n_islands);
        put_word(stream, next->n_workers);
        plan_cache_open(cache, next, &cached);
        put_decisions(stream, &cached.plan);
        put_costs(stream, &cached);
    }
    put_word(stream, stream->hash);
}

/* Words of a plan in the file, without the five before it. */
static uint64_t words_of(const struct limef_plan_cache_entry *entry)
{
    return entry->n_edges * (uint64_t)11 + entry->n_filters * (uint64_t)7 +
           entry->n_islands * (uint64_t)6 + entry->n_workers * (uint64_t)2;
}

static bool skip(struct stream *stream, const struct limef_plan_cache_entry *entry)
{
    for (uint64_t i = words_of(entry); i > 0 && !stream->failed; i--)
        get_word(stream);
    return !stream->failed;
}

/* A plan too large for this cache is left out. */
static void get_plan(struct stream *stream, struct limef_plan_cache *cache)
{
    struct limef_plan_cache_entry read = {.key = get_word(stream)}, *entry;
    struct limef_plan_cached cached;

    read.n_filters = (uint32_t)get_up_to(stream, 1u << 20);
    read.n_edges = (uint32_t)get_up_to(stream, 1u << 20);
    read.n_islands = (uint32_t)get_up_to(stream, read.n_filters);
    read.n_workers = (uint32_t)get_up_to(stream, read.n_filters);
    if (read.n_filters && !read.n_islands)
        stream->failed = true;
    if (stream->failed)
        return;
    entry = plan_cache_make_room(cache, read.key, read.n_filters, read.n_edges);
    if (!entry) {
        skip(stream, &read);
        return;
    }
    entry->n_islands = read.n_islands;
    entry->n_workers = read.n_workers;
    plan_cache_open(cache, entry, &cached);
    get_decisions(stream, &cached.plan);
    get_costs(stream, &cached);
}

/* Whether the last word is the hash of all before it; then the file is at its beginning again. */
static bool is_whole(FILE *file)
{
    unsigned char bytes[4096];
    uint64_t hash = FNV_OFFSET, last = 0;
    size_t n, n_kept = 0, n_read = 0;

    /* it may grow while it is read */
    while (n_read <= MAX_BYTES &&
           (n = fread(bytes + n_kept, 1, sizeof(bytes) - n_kept, file)) > 0) {
        n_read += n;
        n += n_kept;
        if (n > 8) {
            hash = hash_bytes(hash, bytes, n - 8);
            memmove(bytes, bytes + n - 8, 8);
            n = 8;
        }
        n_kept = n;
    }
    for (int i = 0; i < 8 && n_kept == 8; i++)
        last |= (uint64_t)bytes[i] << 8 * i;
    return n_kept == 8 && last == hash && !fseek(file, 0, SEEK_SET);
}

static bool get_all(struct stream *stream, struct limef_plan_cache *cache)
{
    char magic[8];
    uint64_t n;

    if (!is_whole(stream->file) || fread(magic, sizeof(magic), 1, stream->file) != 1 ||
        memcmp(magic, MAGIC, sizeof(magic)))
        return false;
    if (get_word(stream) != VERSION)
        return false;
    for (n = get_up_to(stream, LIMEF_PLAN_CACHE_MAX); n > 0 && !stream->failed; n--)
        get_plan(stream, cache);
    get_word(stream); /* the hash; behind it there is nothing */
    return !stream->failed && fgetc(stream->file) == EOF;
}

/* Opens nothing that waits, and nothing that has no end. */
static int open_file(const char *path, FILE **file)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), ret = 0;
    struct stat status;

    if (fd < 0)
        return AVERROR(errno);
    if (fstat(fd, &status))
        ret = AVERROR(errno);
    else if (!S_ISREG(status.st_mode))
        ret = AVERROR(EINVAL);
    else if (status.st_size > MAX_BYTES)
        ret = AVERROR(EFBIG);
    else if (!(*file = fdopen(fd, "rb")))
        ret = AVERROR(errno);
    if (ret < 0)
        close(fd);
    return ret;
}

int limef_plan_cache_load(struct limef_plan_cache *cache, const char *path)
{
    struct stream stream = {0};
    bool is_good;
    int ret;

    cache->n_entries = 0;
    cache->used_bytes = 0;
    ret = open_file(path, &stream.file);
    if (ret < 0)
        return ret == AVERROR(ENOENT) ? ret : limef_fail(ret, path, "plans cannot be read");
    is_good = get_all(&stream, cache);
    fclose(stream.file);
    if (is_good)
        return 0;
    cache->n_entries = 0;
    cache->used_bytes = 0;
    return limef_fail(AVERROR_INVALIDDATA, path, "damaged, or not plans of this version");
}

/* Written and on the disk, under the temporary name. */
static int write_file(const struct limef_plan_cache *cache, int fd)
{
    struct stream stream = {.file = fdopen(fd, "wb")};
    int ret = 0;

    if (!stream.file) {
        ret = AVERROR(errno);
        close(fd);
        return ret;
    }
    errno = 0;
    put_all(&stream, cache);
    if (stream.failed || fflush(stream.file) || fsync(fd))
        ret = errno ? AVERROR(errno) : AVERROR(EIO);
    if (fclose(stream.file) && !ret)
        ret = AVERROR(errno);
    return ret;
}

int limef_plan_cache_save(const struct limef_plan_cache *cache, const char *path)
{
    char temporary[PATH_MAX];
    int fd, ret;

    if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary))
        return limef_fail(AVERROR(ENAMETOOLONG), path, "plans are not saved");
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return limef_fail(AVERROR(errno), path, "plans are not saved");
    ret = write_file(cache, fd);
    if (!ret && rename(temporary, path))
        ret = AVERROR(errno);
    if (ret < 0) {
        unlink(temporary);
        return limef_fail(ret, path, "plans are not saved");
    }
    return 0;
}
