/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include <limef/base/log.h>

#include <libavutil/error.h>
#include <stdlib.h>
#include <sys/resource.h>

static double cpu_seconds(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

static unsigned count_threads(void)
{
    char line[128];
    unsigned n = 0;
    FILE *file = fopen("/proc/self/status", "r");

    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "Threads: %u", &n) == 1)
            break;
    if (file)
        fclose(file);
    return n;
}

int watch_init(struct watch *watch, struct assembly *assembly)
{
    uint32_t n;

    *watch = (struct watch){.assembly = assembly, .began_us = limef_now_us()};
    watch->looked_us = watch->began_us;
    limef_graph_look(&assembly->graph, &watch->view);
    n = watch->view.n_filters;
    watch->view.max_filters = n;
    watch->view.max_edges = watch->view.n_edges;
    watch->view.filters = calloc(n + 1, sizeof(*watch->view.filters));
    watch->view.edges = calloc(watch->view.max_edges + 1, sizeof(*watch->view.edges));
    watch->filters = calloc(n + 1, sizeof(*watch->filters));
    watch->first = calloc(n + 1, sizeof(*watch->first));
    watch->last = calloc(n + 1, sizeof(*watch->last));
    if (!watch->view.filters || !watch->view.edges || !watch->filters || !watch->first ||
        !watch->last) {
        watch_clear(watch);
        return limef_fail(AVERROR(ENOMEM), "limef-graph", "watching %u filters", n);
    }
    limef_graph_look(&assembly->graph, &watch->view);
    for (uint32_t i = 0; i < n; i++) {
        limef_probe_read(watch->view.filters[i].filter, &watch->first[i]);
        watch->last[i] = watch->first[i];
    }
    return 0;
}

uint64_t watch_n_drops(const struct limef_graph_edge_view *edge)
{
    return edge->lane.n_dropped_oldest + edge->lane.n_dropped_to_key + edge->lane.n_dropped_flush +
           edge->lane.n_dropped_timeout;
}

static void look_at_filter(struct watch *watch, uint32_t i, bool whole)
{
    struct watch_filter *filter = &watch->filters[i];
    struct limef_plan_filter measured = {0};
    struct limef_plan_edge before = {0};
    struct limef_probe_reading now;

    limef_probe_read(watch->view.filters[i].filter, &now);
    limef_probe_measure(whole ? &watch->first[i] : &watch->last[i], &now, &measured, &before);
    watch->last[i] = now;
    filter->cost_us = measured.cost_us;
    filter->p95_us = measured.p95_us;
    filter->rate_hz = measured.rate_hz;
    filter->load = measured.cost_us > 0 && measured.rate_hz > 0
                       ? measured.cost_us * measured.rate_hz / 1e6
                       : 0;
    filter->n_drops = 0;
}

static void look_at_process(struct watch *watch, bool whole)
{
    struct rusage usage;
    int64_t now_us = limef_now_us();
    double seconds = (double)(now_us - (whole ? watch->began_us : watch->looked_us)) / 1e6;
    uint64_t n_switches;

    getrusage(RUSAGE_SELF, &usage);
    n_switches = (uint64_t)usage.ru_nvcsw + (uint64_t)usage.ru_nivcsw;
    if (seconds > 0) {
        watch->cpu_load = (cpu_seconds(&usage) - (whole ? 0 : watch->cpu_s)) / seconds;
        watch->switch_hz = (double)(n_switches - (whole ? 0 : watch->n_switches)) / seconds;
    }
    watch->cpu_s = cpu_seconds(&usage);
    watch->n_switches = n_switches;
    watch->looked_us = now_us;
    watch->n_threads = count_threads();
    if (watch->n_threads > watch->max_threads)
        watch->max_threads = watch->n_threads;
}

void watch_look(struct watch *watch, bool whole)
{
    struct limef_graph_view *view = &watch->view;

    look_at_process(watch, whole);
    limef_graph_look(&watch->assembly->graph, view);
    if (view->n_filters > view->max_filters)
        view->n_filters = view->max_filters;
    if (view->n_edges > view->max_edges)
        view->n_edges = view->max_edges;
    for (uint32_t i = 0; i < view->n_filters; i++)
        look_at_filter(watch, i, whole);
    for (uint32_t i = 0; i < view->n_edges; i++)
        if (view->edges[i].is_cut && view->edges[i].to < view->n_filters)
            watch->filters[view->edges[i].to].n_drops += watch_n_drops(&view->edges[i]);
}

void watch_clear(struct watch *watch)
{
    free(watch->view.filters);
    free(watch->view.edges);
    free(watch->filters);
    free(watch->first);
    free(watch->last);
    *watch = (struct watch){0};
}
