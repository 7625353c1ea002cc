/* SPDX-License-Identifier: MIT */
/* A run from the first event to the result. */
#include "sim/sim_private.h"

#include <math.h>
#include <stdlib.h>

double sim_draw(uint64_t seed, uint64_t a, uint64_t b)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15u + a * 0xd1342543de82ef95u + b * 0xaf251af3b0f025b5u;

    /* splitmix64 */
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return (double)(x >> 11) / 9007199254740992.0;
}

double sim_cost(const struct sim *sim, uint32_t number, const struct sim_token *token,
                double mean_us)
{
    const struct sim_filter *filter = &sim->graph->filters[number];
    uint64_t frame = token->number * 64 + token->source;
    double us = mean_us, z = 0;

    if (filter->heavy > 1) {
        us *= SIM_KEY_EVERY / (SIM_KEY_EVERY - 1 + filter->heavy);
        if (token->number / sim->every[number] % SIM_KEY_EVERY == 0)
            us *= filter->heavy;
    }
    if (filter->jitter <= 0)
        return us;
    /* the sum of four even ones is normal enough */
    for (unsigned i = 0; i < 4; i++)
        z += sim_draw(sim->seed + i, number, frame) - 0.5;
    z *= sqrt(3);
    return us * exp(filter->jitter * z - filter->jitter * filter->jitter / 2);
}

static void frame_comes(struct sim *sim, uint32_t source)
{
    const struct sim_filter *filter = &sim->graph->filters[source];
    uint32_t lane = sim->graph->n_edges + source;
    unsigned burst = filter->burst ? filter->burst : 1;
    double ignored = 0, period = 1e6 / filter->rate_hz;
    uint64_t number = sim->numbers[source];

    for (unsigned i = 0; i < burst; i++) {
        sim->result->n_frames++;
        sim_write(sim, lane, (struct sim_token){source, number + i, sim->now_us}, &ignored);
    }
    sim->numbers[source] += burst;
    number += burst;
    sim_push_event(sim, (struct sim_event){
                            .at_us = (sim_draw(7, source, sim->seed) + (double)number) * period +
                                     filter->late_us * sim_draw(sim->seed, source, number),
                            .core = SIM_NONE,
                            .source = source});
}

static void start_sources(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->graph->n_filters; i++) {
        const struct sim_filter *filter = &sim->graph->filters[i];

        if (filter->flags & LIMEF_FILTER_SOURCE)
            sim_push_event(
                sim, (struct sim_event){.at_us = sim_draw(7, i, sim->seed) * 1e6 / filter->rate_hz,
                                        .core = SIM_NONE,
                                        .source = i});
    }
}

/* What is still on its way and too late already counts as missed. */
static void count_late(struct sim *sim, const struct sim_token *token, uint32_t filter)
{
    if (sim->now_us - token->due_us > sim->deadline_us[token->source] + sim->path_us[filter])
        sim->result->n_due += sim->n_ends[filter];
}

static void count_rest(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->n_lanes; i++) {
        const struct sim_lane *lane = &sim->lanes[i];

        for (unsigned k = 0; k < lane->n && !lane->is_inside; k++)
            count_late(sim, &lane->tokens[(lane->first + k) & (lane->room - 1)], lane->to);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double p95_of(const struct sim *sim, uint32_t filter)
{
    const uint32_t *buckets = &sim->histograms[(size_t)filter * SIM_BUCKETS];
    double left = 0.95 * (double)sim->result->filters[filter].n_frames;
    unsigned bucket = 0;

    while (bucket < SIM_BUCKETS - 1 && left > buckets[bucket])
        left -= buckets[bucket++];
    /* as far into the bucket as frames of it count */
    return SIM_BUCKET_US *
           pow(SIM_BUCKET_FACTOR, bucket + (buckets[bucket] ? left / buckets[bucket] : 0.5));
}

static double slow_of(const struct sim *sim, uint32_t filter)
{
    const uint32_t *buckets = &sim->histograms[(size_t)filter * SIM_BUCKETS];
    uint64_t n = sim->result->filters[filter].n_frames,
             wanted = (n + SIM_KEY_EVERY - 1) / SIM_KEY_EVERY;
    double left = (double)wanted, sum = 0;

    for (unsigned bucket = SIM_BUCKETS; bucket-- > 0 && left > 0;) {
        double taken = fmin(left, buckets[bucket]);

        sum += taken * SIM_BUCKET_US * pow(SIM_BUCKET_FACTOR, bucket + 0.5);
        left -= taken;
    }
    return wanted ? sum / (double)wanted : 0;
}

static void summarise(struct sim *sim)
{
    struct sim_result *result = sim->result;

    count_rest(sim);
    result->wall_us = sim->now_us;
    if (sim->n_latencies) {
        qsort(sim->latencies, sim->n_latencies, sizeof(double), compare);
        result->p50_us = sim->latencies[sim->n_latencies / 2];
        result->p99_us = sim->latencies[(size_t)((double)sim->n_latencies * 0.99)];
    }
    for (uint32_t i = 0; i < sim->graph->n_filters; i++) {
        result->filters[i].p95_us = p95_of(sim, i);
        result->filters[i].slow_us = slow_of(sim, i);
    }
}

void sim_run(struct sim_result *result, const struct sim_graph *graph,
             const struct limef_plan *plan, const struct sim_machine *machine,
             const struct sim_settings *settings)
{
    struct sim sim = {.graph = graph, .plan = plan, .machine = *machine, .result = result};
    double seconds = settings->seconds > 0 ? settings->seconds : 4;
    struct sim_event event;

    sim.seed = settings->seed;
    *result = (struct sim_result){
        .filters = calloc(graph->n_filters, sizeof(struct sim_filter_result)),
    };
    sim_open(&sim);
    start_sources(&sim);
    while (sim_pop_event(&sim, &event) && event.at_us <= seconds * 1e6) {
        sim.now_us = event.at_us;
        if (event.core == SIM_NONE)
            frame_comes(&sim, event.source);
        else if (sim.cores[event.core].generation == event.generation)
            sim_core_event(&sim, event.core);
        sim_schedule(&sim);
    }
    sim.now_us = seconds * 1e6;
    summarise(&sim);
    sim_close(&sim);
}

void sim_clear_result(struct sim_result *result)
{
    free(result->filters);
    *result = (struct sim_result){0};
}
