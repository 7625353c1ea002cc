/* SPDX-License-Identifier: MIT */
#include "metrics/metrics_private.h"

#include "base/memory_private.h"
#include "filter/filter_kinds.h"

#include <limef/filter/presenter.h>

#include <libavutil/error.h>
#include <stdio.h>
#include <string.h>

/* A new item at the end of a list; NULL: no memory, noted. */
static void *add(struct metrics_graph *graph, struct metrics_list *list, uint32_t filter,
                 size_t bytes)
{
    struct metrics_item *item = memory_allocate(bytes);

    if (!item) {
        graph->no_memory = true;
        return NULL;
    }
    item->filter = filter;
    *list->end = item;
    list->end = &item->next;
    return item;
}

static void see_camera(struct metrics_graph *graph, const struct limef_rtsp_source *rtsp,
                       uint32_t filter)
{
    struct metrics_camera *camera = add(graph, &graph->cameras, filter, sizeof(*camera));

    if (camera)
        limef_rtsp_source_get_counters(rtsp, &camera->counters);
}

static void see_decoder(struct metrics_graph *graph, const struct limef_decode_filter *decode,
                        uint32_t filter)
{
    struct metrics_decoder *decoder = add(graph, &graph->decoders, filter, sizeof(*decoder));

    if (decoder)
        limef_decode_get_counters(decode, &decoder->counters);
}

static void see_cache(struct metrics_graph *graph, const struct limef_filter *filter,
                      uint32_t number)
{
    struct metrics_cache *cache = add(graph, &graph->caches, number, sizeof(*cache));

    if (cache)
        limef_gop_cache_get_counters(
            LIMEF_CONTAINER_OF(filter, struct limef_gop_cache_filter, filter), &cache->counters);
}

static void see_latency(struct metrics_graph *graph, const struct limef_filter *filter,
                        uint32_t number)
{
    struct metrics_latency *latency = add(graph, &graph->latencies, number, sizeof(*latency));

    if (latency)
        limef_latency_get_counters(LIMEF_CONTAINER_OF(filter, struct limef_latency_filter, filter),
                                   &latency->counters);
}

static void see_tile(struct metrics_graph *graph, const struct limef_presenter *presenter,
                     uint32_t filter, unsigned slot)
{
    struct metrics_tile *tile = add(graph, &graph->tiles, filter, sizeof(*tile));
    struct limef_presenter_slot_counters counters;

    if (!tile)
        return;
    limef_presenter_get_counters(presenter, slot, &counters);
    snprintf(tile->slot, sizeof(tile->slot), "%u", slot);
    tile->n_pictures = counters.n_pictures;
    tile->n_shown = counters.n_shown;
    tile->n_late = counters.n_dropped_late;
    tile->n_flushed = counters.n_dropped_flush;
    tile->n_bursts = counters.n_dropped_burst;
    tile->n_failed = counters.n_failed;
    tile->n_anchors = counters.n_anchors;
    tile->uploaded_bytes = counters.uploaded_bytes;
    tile->direct_bytes = counters.direct_bytes;
    tile->memory_bytes = counters.memory_bytes;
    tile->last_shown_us = counters.last_shown_us;
    tile->latency_p50_us = limef_histogram_percentile_us(&counters.latency, 0.5);
    tile->latency_p99_us = limef_histogram_percentile_us(&counters.latency, 0.99);
}

static void visit(void *context, struct limef_filter *filter, uint32_t number)
{
    struct metrics_graph *graph = context;
    const struct limef_rtsp_source *rtsp = rtsp_source_from(filter);
    const struct limef_decode_filter *decode = decode_filter_from(filter);
    const struct limef_presenter *presenter = presenter_from(filter);

    if (rtsp)
        see_camera(graph, rtsp, number);
    else if (decode)
        see_decoder(graph, decode, number);
    else if (filter->ops == &limef_latency_ops)
        see_latency(graph, filter, number);
    else if (filter->ops == &limef_gop_cache_ops)
        see_cache(graph, filter, number);
    for (unsigned i = 0; presenter && i < presenter->n_tiles; i++)
        see_tile(graph, presenter, number, i);
}

static void number_name(char *name, size_t n_bytes, unsigned n_before)
{
    char given[32];

    snprintf(given, sizeof(given), "%s", name);
    if (n_before)
        snprintf(name, n_bytes, "%.*s #%u", (int)n_bytes - 8, given, n_before + 1);
}

/* Series are told apart by their labels: the second of a name gets a number. From the end, so that
 * names are compared as they were given. */
static void make_unique(struct graph_seen *seen)
{
    for (uint32_t i = seen->n_filters; i-- > 1;) {
        struct seen_filter *filter = &seen->filters[i];
        unsigned n_before = 0;

        for (uint32_t j = 0; j < i; j++)
            n_before += !strcmp(seen->filters[j].name, filter->name) &&
                        !strcmp(seen->filters[j].kind, filter->kind);
        number_name(filter->name, sizeof(filter->name), n_before);
    }
    for (uint32_t i = seen->n_threads; i-- > 1;) {
        unsigned n_before = 0;

        for (uint32_t j = 0; j < i; j++)
            n_before += !strcmp(seen->threads[j].name, seen->threads[i].name);
        number_name(seen->threads[i].name, sizeof(seen->threads[i].name), n_before);
    }
}

int metrics_graph_see(struct metrics_graph *graph)
{
    struct metrics_list *const lists[] = {&graph->cameras, &graph->caches, &graph->decoders,
                                          &graph->latencies, &graph->tiles};
    int ret;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        lists[i]->end = &lists[i]->first;
    ret = graph_see(graph->graph->inside, &graph->seen, visit, graph);
    if (ret >= 0)
        make_unique(&graph->seen);
    if (ret >= 0 && graph->no_memory)
        ret = AVERROR(ENOMEM);
    if (ret < 0)
        metrics_graph_forget(graph);
    return ret;
}

static void forget(struct metrics_list *list)
{
    for (struct metrics_item *item = list->first, *next; item; item = next) {
        next = item->next;
        memory_release(item);
    }
    list->first = NULL;
}

void metrics_graph_forget(struct metrics_graph *graph)
{
    forget(&graph->cameras);
    forget(&graph->caches);
    forget(&graph->decoders);
    forget(&graph->latencies);
    forget(&graph->tiles);
    graph->no_memory = false;
    graph_seen_clear(&graph->seen);
    graph->seen = (struct graph_seen){.n_filters = 0};
}
