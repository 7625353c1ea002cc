/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include "process.h"

#include <limef/base/log.h>

#include <libavutil/error.h>
#include <stdlib.h>
#include <sys/resource.h>

int watch_init(struct watch *watch, struct assembly *assembly)
{
    *watch = (struct watch){.assembly = assembly, .began_us = limef_now_us()};
    watch->looked_us = watch->began_us;
    /* a switch's inputs are filters too; each filter may be a boundary's beginning several times */
    for (uint32_t i = 0; i < assembly->n_elements; i++)
        watch->max_filters += 1 + assembly->elements[i].n_inputs;
    watch->max_boundaries = watch->max_filters;
    watch->filters = calloc(watch->max_filters, sizeof(*watch->filters));
    watch->more = calloc(watch->max_filters, sizeof(*watch->more));
    watch->boundaries = calloc(watch->max_boundaries, sizeof(*watch->boundaries));
    if (watch->filters && watch->more && watch->boundaries)
        return 0;
    watch_clear(watch);
    return limef_fail(AVERROR(ENOMEM), "limef-graph", "watching %u filters", assembly->n_elements);
}

size_t watch_find(const struct watch *watch, const struct limef_filter *filter)
{
    size_t i = 0;

    while (i < watch->n_filters && watch->filters[i].filter != filter)
        i++;
    return i;
}

static void look_at_filter(struct watch *watch, size_t i, double seconds)
{
    const struct limef_graph_filter_look *look = &watch->filters[i];
    struct watch_filter *more = &watch->more[i];
    bool is_source = look->filter->ops->flags & LIMEF_FILTER_SOURCE;

    more->rate_hz = LIMEF_NOT_MEASURED;
    if (is_source)
        more->rate_hz = look->rate_hz;
    else if (seconds > 0)
        more->rate_hz = (double)(look->n_frames - more->n_frames) / seconds;
    more->load = look->cost_us >= 0 && look->rate_hz >= 0 ? look->cost_us * look->rate_hz / 1e6
                                                          : LIMEF_NOT_MEASURED;
    more->n_frames = look->n_frames;
    more->n_drops = 0;
}

static double look_at_process(struct watch *watch)
{
    struct rusage usage;
    int64_t now_us = limef_now_us();
    double seconds = (double)(now_us - watch->looked_us) / 1e6;
    uint64_t n_switches;

    getrusage(RUSAGE_SELF, &usage);
    n_switches = (uint64_t)usage.ru_nvcsw + (uint64_t)usage.ru_nivcsw;
    if (seconds > 0) {
        watch->cpu_load = (process_cpu_s(&usage) - watch->cpu_s) / seconds;
        watch->switch_hz = (double)(n_switches - watch->n_switches) / seconds;
    }
    watch->cpu_s = process_cpu_s(&usage);
    watch->n_switches = n_switches;
    watch->looked_us = now_us;
    watch->n_threads = process_n_threads();
    if (watch->n_threads > watch->max_threads)
        watch->max_threads = watch->n_threads;
    return seconds;
}

void watch_look(struct watch *watch)
{
    size_t n_filters = watch->max_filters, n_boundaries = watch->max_boundaries;
    double seconds = look_at_process(watch);

    watch->n_changes =
        limef_graph_changes(&watch->assembly->graph, watch->changes, LIMEF_GRAPH_CHANGES);
    /* a graph that is being changed is looked at the next time */
    if (limef_graph_look(&watch->assembly->graph, watch->filters, &n_filters, watch->boundaries,
                         &n_boundaries) < 0)
        return;
    watch->n_filters = n_filters < watch->max_filters ? n_filters : watch->max_filters;
    watch->n_boundaries =
        n_boundaries < watch->max_boundaries ? n_boundaries : watch->max_boundaries;
    for (size_t i = 0; i < watch->n_filters; i++)
        look_at_filter(watch, i, seconds);
    for (size_t i = 0; i < watch->n_boundaries; i++) {
        size_t to = watch_find(watch, watch->boundaries[i].to);

        if (to < watch->n_filters)
            watch->more[to].n_drops += limef_lane_n_dropped(&watch->boundaries[i].counters);
    }
}

void watch_print_changes(const struct watch *watch, size_t n, FILE *file)
{
    for (size_t i = n < watch->n_changes ? watch->n_changes - n : 0; i < watch->n_changes; i++) {
        const struct limef_graph_change *change = &watch->changes[i];

        fprintf(file, "%8.1f s %4llu  ", (double)(change->at_us - watch->began_us) / 1e6,
                (unsigned long long)change->number);
        if (change->code < 0)
            fprintf(file, "not %s: %s\n", change->what, av_err2str(change->code));
        else
            fprintf(file, "%s; %s\n", change->what, change->why);
    }
}

void watch_clear(struct watch *watch)
{
    free(watch->filters);
    free(watch->more);
    free(watch->boundaries);
    *watch = (struct watch){0};
}
