/* SPDX-License-Identifier: MIT */
#include "filter/probe_private.h"

#include <limef/thread/plan.h>

/* Below this all durations are one bucket. */
#define FIRST_OCTAVE 4

/* Of all calls. */
#define SLOW_SHARE 0.04

unsigned probe_bucket(int64_t ns)
{
    unsigned octave, bucket;

    if (ns < 1 << FIRST_OCTAVE)
        return 0;
    octave = 63 - (unsigned)__builtin_clzll((unsigned long long)ns);
    bucket = 1 + (octave - FIRST_OCTAVE) * 4 + ((unsigned)(ns >> (octave - 2)) & 3);
    return bucket < LIMEF_PROBE_N_BUCKETS ? bucket : LIMEF_PROBE_N_BUCKETS - 1;
}

int64_t probe_bucket_ns(unsigned bucket)
{
    unsigned octave = FIRST_OCTAVE + (bucket - 1) / 4;

    return bucket ? (int64_t)(4 + (bucket - 1) % 4) << (octave - 2) : 0;
}

void limef_probe_read(struct limef_filter *filter, struct limef_probe_reading *reading)
{
    const struct limef_probe *probe = LIMEF_COUNTED(filter->probe);

    *reading = (struct limef_probe_reading){
        .at_ns = limef_now_us() * 1000,
        .n_frames = LIMEF_COUNTED(filter->n_frames),
    };
    if (!probe)
        return;
    if (filter->ops->flags & LIMEF_FILTER_SOURCE) {
        reading->n_steps = LIMEF_COUNTED(probe_source_of(filter)->n_steps);
        reading->n_waited = LIMEF_COUNTED(probe_source_of(filter)->n_waited);
    }
    reading->n_sampled = LIMEF_COUNTED(probe->n_sampled);
    reading->n_refused = LIMEF_COUNTED(probe->n_refused);
    reading->n_out = LIMEF_COUNTED(probe->n_out);
    reading->bytes = LIMEF_COUNTED(probe->bytes);
    reading->sum_ns = LIMEF_COUNTED(probe->sum_ns);
    reading->max_ns = LIMEF_COUNTED(probe->max_ns);
    reading->wait_ns = LIMEF_COUNTED(probe->wait_ns);
    reading->n_aged = LIMEF_COUNTED(probe->n_aged);
    reading->age_us = LIMEF_COUNTED(probe->age_us);
    reading->seen = LIMEF_COUNTED(probe->seen);
    for (unsigned i = 0; i < LIMEF_PROBE_N_BUCKETS; i++)
        reading->own[i] = LIMEF_COUNTED(probe->own[i]);
    for (unsigned i = 0; i < LIMEF_PROBE_N_BURSTS; i++)
        reading->bursts[i] = LIMEF_COUNTED(probe->bursts[i]);
    for (unsigned i = 0; i < LIMEF_HISTOGRAM_N_BUCKETS; i++)
        reading->late[i] = LIMEF_COUNTED(probe->late.n[i]);
}

/* The duration that `share` of the window's calls did not exceed, in nanoseconds. */
static double percentile_ns(const uint32_t *before, const uint32_t *after, double share)
{
    double total = 0, seen = 0;

    for (unsigned i = 0; i < LIMEF_PROBE_N_BUCKETS; i++)
        total += after[i] - before[i];
    for (unsigned i = 0; i < LIMEF_PROBE_N_BUCKETS; i++) {
        double n = after[i] - before[i], low = (double)probe_bucket_ns(i);

        if (n > 0 && seen + n >= share * total) /* as if they were evenly spread in the bucket */
            return low + ((double)probe_bucket_ns(i + 1) - low) * (share * total - seen) / n;
        seen += n;
    }
    return 0;
}

/* Mean of the window's slowest calls, of one at least, in nanoseconds. */
static double slow_ns(const uint32_t *before, const uint32_t *after)
{
    double total = 0, sum = 0, n = 0;

    for (unsigned i = 0; i < LIMEF_PROBE_N_BUCKETS; i++)
        total += after[i] - before[i];
    for (unsigned i = LIMEF_PROBE_N_BUCKETS; i-- > 0 && n < SLOW_SHARE * total;) {
        double slow = after[i] - before[i];

        n += slow;
        sum += slow * (double)(probe_bucket_ns(i) + probe_bucket_ns(i + 1)) / 2;
    }
    return n > 0 ? sum / n : 0;
}

static double jitter_us(const uint32_t *before, const uint32_t *after)
{
    struct limef_histogram window = {0};
    uint32_t n = 0;

    for (unsigned i = 0; i < LIMEF_HISTOGRAM_N_BUCKETS; i++) {
        window.n[i] = after[i] - before[i];
        n += after[i] - before[i];
    }
    return n ? (double)limef_histogram_percentile_us(&window, 0.99) : LIMEF_NOT_MEASURED;
}

static double burst_frames(const uint32_t *before, const uint32_t *after)
{
    for (unsigned i = LIMEF_PROBE_N_BURSTS; i-- > 0;)
        if (after[i] != before[i])
            return 1 << i;
    return LIMEF_NOT_MEASURED;
}

/* Frames a second: what was taken, or, of a source, what came out. */
static double rate_hz(const struct limef_probe_reading *before,
                      const struct limef_probe_reading *after)
{
    double seconds = (double)(after->at_ns - before->at_ns) * 1e-9;
    double n_sampled = (double)(after->n_sampled - before->n_sampled);
    double n_refused = (double)(after->n_refused - before->n_refused);
    double n_out = (double)(after->n_out - before->n_out);

    if (seconds <= 0)
        return LIMEF_NOT_MEASURED;
    if (after->n_steps)
        return (double)(after->n_steps - before->n_steps) / seconds *
               (n_out > 0 ? n_out / n_sampled : 1);
    return (double)(after->n_frames - before->n_frames) / seconds *
           (n_refused > 0 ? n_sampled / (n_sampled + n_refused) : 1);
}

static void measure_edge(const struct limef_probe_reading *before,
                         const struct limef_probe_reading *after, struct limef_plan_edge *edge)
{
    uint64_t n_arrived =
        after->n_sampled - before->n_sampled + (after->n_refused - before->n_refused);

    edge->rate_hz = rate_hz(before, after);
    edge->frame_bytes =
        n_arrived ? (double)(after->bytes - before->bytes) / (double)n_arrived : LIMEF_NOT_MEASURED;
    edge->burst_frames = burst_frames(before->bursts, after->bursts);
    edge->jitter_us = jitter_us(before->late, after->late);
    edge->is_encoded = after->seen & LIMEF_PROBE_ENCODED;
}

uint64_t limef_probe_measure(const struct limef_probe_reading *before,
                             const struct limef_probe_reading *after,
                             struct limef_plan_filter *filter, struct limef_plan_edge *edge)
{
    uint64_t n_sampled = after->n_sampled - before->n_sampled;
    uint64_t n_out = after->n_out - before->n_out;
    uint64_t n = after->n_steps && n_out ? n_out : n_sampled;
    /* a step of a source that gives several frames takes as long as all of them */
    double steps_per_frame = n > n_sampled ? (double)n_sampled / (double)n : 1;

    filter->rate_hz = rate_hz(before, after);
    filter->is_live = after->seen & LIMEF_PROBE_LIVE;
    filter->is_eager = after->n_steps > before->n_steps && after->n_waited == before->n_waited;
    filter->cost_us = filter->p95_us = filter->slow_us = LIMEF_NOT_MEASURED;
    if (n_sampled) {
        filter->cost_us = (double)(after->sum_ns - before->sum_ns) / (double)n / 1000;
        filter->p95_us = steps_per_frame * percentile_ns(before->own, after->own, 0.95) / 1000;
        if (filter->p95_us < filter->cost_us)
            filter->p95_us = filter->cost_us;
        filter->slow_us = steps_per_frame * slow_ns(before->own, after->own) / 1000;
        if (filter->slow_us < filter->p95_us)
            filter->slow_us = filter->p95_us;
    }
    if (edge)
        measure_edge(before, after, edge);
    return n_sampled;
}

static double load_of(const struct limef_plan_filter *filter)
{
    return filter->cost_us > 0 && filter->rate_hz > 0 ? filter->cost_us * filter->rate_hz * 1e-6
                                                      : 0;
}

static double load_of_all(struct limef_plan_filter *const *filters, unsigned n, unsigned flag)
{
    double load = 0;

    for (unsigned i = 0; i < n; i++)
        if (!flag || filters[i]->flags & flag)
            load += load_of(filters[i]);
    return load;
}

static void scale(struct limef_plan_filter *const *filters, unsigned n, unsigned flag,
                  double factor)
{
    for (unsigned i = 0; i < n; i++)
        if ((!flag || filters[i]->flags & flag) && filters[i]->cost_us > 0) {
            filters[i]->cost_us *= factor;
            filters[i]->p95_us *= factor;
            filters[i]->slow_us *= factor;
        }
}

void limef_probe_correct(struct limef_plan_filter *const *filters, unsigned n, double cpu_load)
{
    double load = load_of_all(filters, n, 0);
    double blocking = load_of_all(filters, n, LIMEF_FILTER_BLOCKING);
    double left;

    if (cpu_load < 0 || load <= cpu_load)
        return;
    if (blocking > 0) {
        left = blocking - (load - cpu_load);
        scale(filters, n, LIMEF_FILTER_BLOCKING, left > 0 ? left / blocking : 0);
        load = load_of_all(filters, n, 0);
    }
    if (load > cpu_load)
        scale(filters, n, 0, cpu_load / load);
}
