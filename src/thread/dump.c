/* SPDX-License-Identifier: MIT */
#include "thread/dump_private.h"

#include "base/json.h"

#include <limef/base/log.h>
#include <limef/thread/dump.h>
#include <limef/thread/plan_print.h>

#include <inttypes.h>
#include <libavutil/error.h>

/* A frame that is in a thread's hands for longer is shown in red. */
#define LONG_US 1000000

void graph_dump_name(FILE *file, const char *name, char quote)
{
    fputc(quote, file);
    for (; *name; name++) {
        if (*name == quote || *name == '\\')
            fputc('\\', file);
        fputc((unsigned char)*name < ' ' || *name == 0x7f ? '?' : *name, file);
    }
    fputc(quote, file);
}

/* ---- DOT ---- */

static bool is_long_in(const struct graph_seen *seen, uint32_t filter)
{
    for (uint32_t i = 0; i < seen->n_threads; i++)
        if (seen->threads[i].filter == filter && seen->threads[i].inside_us >= LONG_US)
            return true;
    return false;
}

static void print_dot_filter(const struct graph_seen *seen, uint32_t number, FILE *file)
{
    const struct seen_filter *filter = &seen->filters[number];
    char label[96];

    snprintf(label, sizeof(label), "%s %s, %" PRIu64 " frames", filter->kind, filter->name,
             filter->n_frames);
    fprintf(file, "    f%" PRIu32 " [label=", number);
    graph_dump_name(file, label, '"');
    fputs(is_long_in(seen, number) ? ", color=red];\n" : "];\n", file);
}

static void print_dot_thread(const struct graph_seen *seen, uint32_t number, FILE *file)
{
    const struct seen_thread *thread = &seen->threads[number];
    char label[64];

    snprintf(label, sizeof(label), thread->inside_us ? "%s, at work for %.3f s" : "%s, waits",
             thread->name, (double)thread->inside_us / 1e6);
    fprintf(file, "  subgraph cluster_%" PRIu32 " {\n    label=", number);
    graph_dump_name(file, label, '"');
    fputs(";\n", file);
    for (uint32_t i = 0; i < seen->n_filters; i++)
        if (seen->filters[i].thread == number)
            print_dot_filter(seen, i, file);
    fputs("  }\n", file);
}

static void print_dot_edge(const struct seen_edge *edge, FILE *file)
{
    fprintf(file, "  f%" PRIu32 " -> f%" PRIu32, edge->from, edge->to);
    if (edge->is_cut)
        fprintf(file, " [style=bold, label=\"%u/%u, %.3f s, dropped %" PRIu64 "\"%s]",
                edge->n_waiting, edge->counters.depth, (double)edge->oldest_us / 1e6,
                limef_lane_n_dropped(&edge->counters),
                edge->writer_waits || edge->late_us ? ", color=red" : "");
    fputs(";\n", file);
}

void graph_dump_dot(const struct graph_seen *seen, FILE *file)
{
    fputs("digraph dump {\n  rankdir=LR;\n  node [shape=box];\n", file);
    for (uint32_t i = 0; i < seen->n_threads; i++)
        print_dot_thread(seen, i, file);
    for (uint32_t i = 0; i < seen->n_filters; i++)
        if (seen->filters[i].thread == SEEN_NONE)
            print_dot_filter(seen, i, file);
    for (uint32_t i = 0; i < seen->n_edges; i++)
        print_dot_edge(&seen->edges[i], file);
    fputs("}\n", file);
}

/* ---- JSON ---- */

static void print_number_or_null(FILE *file, const char *key, uint32_t number)
{
    if (number == SEEN_NONE)
        fprintf(file, ", \"%s\": null", key);
    else
        fprintf(file, ", \"%s\": %" PRIu32, key, number);
}

static void print_json_thread(const struct seen_thread *thread, FILE *file)
{
    fputs("{\"name\": ", file);
    json_print_string(file, thread->name);
    fprintf(file, ", \"tid\": %d, \"inside_us\": %" PRId64 ", \"errors\": %" PRIu64, thread->tid,
            thread->inside_us, thread->n_errors);
    print_number_or_null(file, "filter", thread->filter);
    print_number_or_null(file, "waits_at", thread->waits_at);
    fputc('}', file);
}

static void print_json_filter(const struct seen_filter *filter, FILE *file)
{
    fputs("{\"name\": ", file);
    json_print_string(file, filter->name);
    fputs(", \"kind\": ", file);
    json_print_string(file, filter->kind);
    print_number_or_null(file, "thread", filter->thread);
    fprintf(file,
            ", \"inside\": %s, \"leaves\": %s, \"frames\": %" PRIu64 ", \"quiet_us\": %" PRId64
            ", \"copied_bytes\": %" PRIu64,
            filter->is_inside ? "true" : "false", filter->leaves ? "true" : "false",
            filter->n_frames, filter->quiet_us, filter->copied_bytes);
    if (filter->cost_us >= 0) /* in whole nanoseconds: the same in every locale */
        fprintf(file, ", \"cost_ns\": %" PRId64, (int64_t)(filter->cost_us * 1000));
    else
        fputs(", \"cost_ns\": null", file);
    fputs(", \"counts\": {", file);
    for (unsigned i = 0; i < filter->n_counts; i++)
        fprintf(file, "%s\"%s\": %" PRIu64, i ? ", " : "", filter->counts[i].name,
                filter->counts[i].n);
    fputs("}}", file);
}

static void print_json_edge(const struct seen_edge *edge, FILE *file)
{
    const struct limef_lane_counters *counters = &edge->counters;

    fprintf(file,
            "{\"from\": %" PRIu32 ", \"to\": %" PRIu32 ", \"output\": %" PRIu32
            ", \"boundary\": %s, \"waiting\": %u, \"depth\": %u, \"oldest_us\": %" PRId64
            ", \"late_us\": %" PRId64 ", \"unwritten_us\": %" PRId64 ", \"unread_us\": %" PRId64,
            edge->from, edge->to, edge->output, edge->is_cut ? "true" : "false", edge->n_waiting,
            counters->depth, edge->oldest_us, edge->late_us, edge->unwritten_us, edge->unread_us);
    fprintf(file, ", \"overflow\": \"%s\", \"held\": %s, \"writer_waits\": %s",
            limef_overflow_name(edge->overflow), edge->is_held ? "true" : "false",
            edge->writer_waits ? "true" : "false");
    fprintf(file,
            ", \"written\": %" PRIu64 ", \"read\": %" PRIu64 ", \"copied_bytes\": %" PRIu64
            ", \"dropped\": {\"oldest\": %" PRIu64 ", \"to_key\": %" PRIu64 ", \"flush\": %" PRIu64
            ", \"timeout\": %" PRIu64 ", \"stale\": %" PRIu64 ", \"superseded\": %" PRIu64 "}}",
            counters->n_written, counters->n_read, counters->copied_bytes,
            counters->n_dropped_oldest, counters->n_dropped_to_key, counters->n_dropped_flush,
            counters->n_dropped_timeout, counters->n_dropped_stale, counters->n_superseded);
}

void graph_dump_json(const struct graph_seen *seen, FILE *file)
{
    fputs("{\"graph\": ", file);
    json_print_string(file, seen->name);
    fprintf(file, ", \"at_us\": %" PRId64 ", \"changing\": %s,\n \"threads\": [", seen->at_us,
            seen->is_changing ? "true" : "false");
    for (uint32_t i = 0; i < seen->n_threads; i++) {
        fputs(i ? ",\n  " : "\n  ", file);
        print_json_thread(&seen->threads[i], file);
    }
    fputs("],\n \"filters\": [", file);
    for (uint32_t i = 0; i < seen->n_filters; i++) {
        fputs(i ? ",\n  " : "\n  ", file);
        print_json_filter(&seen->filters[i], file);
    }
    fputs("],\n \"edges\": [", file);
    for (uint32_t i = 0; i < seen->n_edges; i++) {
        fputs(i ? ",\n  " : "\n  ", file);
        print_json_edge(&seen->edges[i], file);
    }
    fputs("]}\n", file);
}

int limef_graph_dump(struct limef_graph *graph, enum limef_dump_format format, FILE *file)
{
    static void (*const printers[])(const struct graph_seen *seen, FILE *file) = {
        [LIMEF_DUMP_TEXT] = graph_dump_text,
        [LIMEF_DUMP_DOT] = graph_dump_dot,
        [LIMEF_DUMP_JSON] = graph_dump_json,
    };
    struct graph_seen seen;
    int ret = graph_see(graph->inside, &seen, NULL, NULL);

    if (ret < 0)
        return limef_fail(ret, graph->inside->settings.name, "cannot look where it is");
    printers[format](&seen, file);
    graph_seen_clear(&seen);
    return fflush(file) || ferror(file) ? AVERROR(EIO) : 0;
}
