/* SPDX-License-Identifier: MIT */
/*
 * What planning costs, and finding a plan in the cache: chains of ten filters, two
 * thirds of them light, each of another camera. Once more where four of five chains are more than a
 * core can do, and are cut.
 *
 *   plan [ROUNDS]  prints one JSON object, microseconds, the best of so many rounds
 */
#include "bench.h"

#include <limef/thread/plan_cache.h>

#include <stdio.h>
#include <string.h>

#define MAX_FILTERS 500
#define N_IN_CHAIN 10

static struct limef_plan_filter filters[MAX_FILTERS];
static struct limef_plan_edge edges[MAX_FILTERS];

/* What a filter costs; of a heavy chain two are more than one core can do at 25 frames a second. */
static double cost_us_of(uint32_t filter, bool is_heavy)
{
    uint32_t in_chain = filter % N_IN_CHAIN, chain = filter / N_IN_CHAIN;

    if (is_heavy && chain % 5)
        return in_chain == 3 || in_chain == 6 ? 17000 + filter * 37 % 3000 : 0.5;
    return filter % 3 ? 0.5 : 4000 + filter * 37 % 9000;
}

static void fill(struct limef_plan_problem *problem, uint32_t n_filters, bool is_heavy)
{
    *problem =
        (struct limef_plan_problem){.filters = filters,
                                    .edges = edges,
                                    .n_filters = n_filters,
                                    .machine = {.n_cpus = is_heavy ? 64 : 16, .handover_us = 16}};
    for (uint32_t i = 0; i < n_filters; i++) {
        bool is_source = i % N_IN_CHAIN == 0;
        double cost_us = cost_us_of(i, is_heavy);

        filters[i] = (struct limef_plan_filter){.name = "filter",
                                                .kind = "filter",
                                                .flags = is_source ? LIMEF_FILTER_SOURCE : 0,
                                                .thread = LIMEF_PLAN_NONE,
                                                .fingerprint = i * 0x9e3779b97f4a7c15u,
                                                .cost_us = cost_us,
                                                .p95_us = cost_us * 1.2,
                                                .rate_hz = 25};
        if (!is_source)
            edges[problem->n_edges++] = (struct limef_plan_edge){.from = i - 1,
                                                                 .to = i,
                                                                 .rate_hz = 25,
                                                                 .frame_bytes = 100000,
                                                                 .burst_frames = 1,
                                                                 .jitter_us = 2000};
    }
}

static double plan_us(struct limef_plan *plan, const struct limef_plan_problem *problem,
                      void *scratch, long n_rounds)
{
    int64_t best_ns = INT64_MAX;

    for (long i = 0; i < n_rounds; i++) {
        int64_t began_ns = bench_now_ns();

        if (limef_plan_make(plan, problem, scratch) < 0)
            exit(1);
        began_ns = bench_now_ns() - began_ns;
        best_ns = began_ns < best_ns ? began_ns : best_ns;
    }
    return (double)best_ns / 1e3;
}

/* Sixteen at a time: the clock costs as much as one. */
static double find_us(struct limef_plan_cache *cache, const struct limef_plan_problem *problem,
                      long n_rounds)
{
    int64_t best_ns = INT64_MAX;
    struct limef_plan_cached cached;

    for (long i = 0; i < n_rounds; i++) {
        int64_t began_ns = bench_now_ns();

        for (int j = 0; j < 16; j++)
            if (limef_plan_cache_find(cache, problem, &cached) < 0)
                exit(1);
        began_ns = bench_now_ns() - began_ns;
        best_ns = began_ns < best_ns ? began_ns : best_ns;
    }
    return (double)best_ns / 16e3;
}

static unsigned n_cuts_of(const struct limef_plan *plan)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < plan->n_edges; i++)
        n += plan->links[i].is_cut;
    return n;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        uint32_t n_filters;
        bool is_heavy;
    } graphs[] = {{"10", 10, false},
                  {"100", 100, false},
                  {"500", MAX_FILTERS, false},
                  {"500_cut", MAX_FILTERS, true}};
    static struct limef_plan_cache cache;
    long n_rounds = argc > 1 ? atol(argv[1]) : 1000;
    void *memory = malloc(limef_plan_bytes(MAX_FILTERS, MAX_FILTERS));
    void *scratch = malloc(limef_plan_scratch_bytes(MAX_FILTERS, MAX_FILTERS));
    void *cached = malloc(1 << 20);

    if (!memory || !scratch || !cached)
        return 1;
    bench_pin(0);
    limef_plan_cache_init(&cache, cached, 1 << 20);
    printf("{");
    for (size_t i = 0; i < sizeof(graphs) / sizeof(*graphs); i++) {
        const char *name = graphs[i].name;
        struct limef_plan_problem problem;
        struct limef_plan plan;
        double made_us, found_us;

        fill(&problem, graphs[i].n_filters, graphs[i].is_heavy);
        limef_plan_init(&plan, memory, problem.n_filters, problem.n_edges);
        made_us = plan_us(&plan, &problem, scratch, n_rounds);
        if (limef_plan_cache_put(&cache, &plan, &problem) < 0)
            return 1;
        found_us = find_us(&cache, &problem, n_rounds);
        printf("%s\"plan_%s_us\": %.3f, \"find_%s_us\": %.3f, \"ratio_%s\": %.1f, \"cuts_%s\": %u",
               i ? ", " : "", name, made_us, name, found_us, name, made_us / found_us, name,
               n_cuts_of(&plan));
    }
    printf("}\n");
    free(memory);
    free(scratch);
    free(cached);
    return 0;
}
