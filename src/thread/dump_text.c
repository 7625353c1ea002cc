/* SPDX-License-Identifier: MIT */
#include "thread/dump_private.h"

#include <limef/thread/plan_print.h>

#include <inttypes.h>

static void print_filter_name(const struct graph_seen *seen, uint32_t number, FILE *file)
{
    const struct seen_filter *filter = &seen->filters[number];

    graph_dump_name(file, filter->name, '\'');
    fprintf(file, " (%s)", filter->kind);
}

static void print_edge_name(const struct graph_seen *seen, const struct seen_edge *edge, FILE *file)
{
    print_filter_name(seen, edge->from, file);
    fputs(" -> ", file);
    print_filter_name(seen, edge->to, file);
}

static void print_thread(const struct graph_seen *seen, const struct seen_thread *thread,
                         FILE *file)
{
    static const char *const scheduled[] = {"as the process", "by nice value", "round robin",
                                            "first in, first out"};
    double seconds = (double)thread->inside_us / 1e6;

    fputs("  thread ", file);
    graph_dump_name(file, thread->name, '\'');
    if (!thread->tid) {
        fputs(": does not run\n", file);
        return;
    }
    fprintf(file, " (%d, %s): ", thread->tid, scheduled[thread->scheduled_as & 3]);
    if (!thread->inside_us)
        fputs("waits for something to do", file);
    else if (thread->filter == SEEN_NONE)
        fprintf(file, "for %.3f s in a command or task", seconds);
    else {
        fprintf(file, "for %.3f s in ", seconds);
        print_filter_name(seen, thread->filter, file);
    }
    if (thread->waits_at != SEEN_NONE) {
        fputs(", which waits for room before ", file);
        print_filter_name(seen, seen->edges[thread->waits_at].to, file);
    }
    if (thread->n_errors)
        fprintf(file, "; %" PRIu64 " frames lost to errors", thread->n_errors);
    fputc('\n', file);
}

static void print_filter(const struct graph_seen *seen, uint32_t number, FILE *file)
{
    const struct seen_filter *filter = &seen->filters[number];

    fputs("  filter ", file);
    print_filter_name(seen, number, file);
    if (filter->thread == SEEN_NONE)
        fputs(" on no thread", file);
    else {
        fputs(" on ", file);
        graph_dump_name(file, seen->threads[filter->thread].name, '\'');
    }
    fprintf(file, ": %" PRIu64 " frames, none for %.1f s", filter->n_frames,
            (double)filter->quiet_us / 1e6);
    if (filter->copied_bytes)
        fprintf(file, ", %" PRIu64 " bytes copied", filter->copied_bytes);
    if (filter->cost_us >= 0)
        fprintf(file, ", %.1f us each", filter->cost_us);
    for (unsigned i = 0; i < filter->n_counts; i++)
        if (filter->counts[i].n)
            fprintf(file, ", %s %" PRIu64, filter->counts[i].name, filter->counts[i].n);
    fputs(filter->is_inside ? ", in it now" : "", file);
    fputs(filter->leaves ? ", leaves\n" : "\n", file);
}

static void print_boundary(const struct graph_seen *seen, const struct seen_edge *edge, FILE *file)
{
    const struct limef_lane_counters *counters = &edge->counters;

    fputs("  boundary ", file);
    print_edge_name(seen, edge, file);
    fprintf(file, ": %u of %u wait", edge->n_waiting, counters->depth);
    if (edge->oldest_us)
        fprintf(file, ", the oldest for %.3f s", (double)edge->oldest_us / 1e6);
    if (edge->late_us)
        fprintf(file, ", too old for %.3f s", (double)edge->late_us / 1e6);
    fprintf(file,
            "; %" PRIu64 " written, none for %.1f s; %" PRIu64 " read, none for %.1f s; %" PRIu64
            " dropped",
            counters->n_written, (double)edge->unwritten_us / 1e6, counters->n_read,
            (double)edge->unread_us / 1e6, limef_lane_n_dropped(counters));
    if (limef_lane_n_dropped(counters))
        fprintf(file,
                " (oldest %" PRIu64 ", to key %" PRIu64 ", flush %" PRIu64 ", timeout %" PRIu64
                ", stale %" PRIu64 ", superseded %" PRIu64 ")",
                counters->n_dropped_oldest, counters->n_dropped_to_key, counters->n_dropped_flush,
                counters->n_dropped_timeout, counters->n_dropped_stale, counters->n_superseded);
    if (counters->copied_bytes)
        fprintf(file, ", %" PRIu64 " bytes copied", counters->copied_bytes);
    fprintf(file, "; when full: %s", limef_overflow_name(edge->overflow));
    fputs(edge->is_held ? "; the reader wants none now" : "", file);
    fputs(edge->writer_waits ? "; the writer waits for room\n" : "\n", file);
}

void graph_dump_text(const struct graph_seen *seen, FILE *file)
{
    fputs("graph ", file);
    graph_dump_name(file, seen->name, '\'');
    fprintf(file, " at %.3f s%s:\n", (double)seen->at_us / 1e6,
            seen->is_changing ? ", being changed (costs are not shown)" : "");
    for (uint32_t i = 0; i < seen->n_threads; i++)
        print_thread(seen, &seen->threads[i], file);
    for (uint32_t i = 0; i < seen->n_edges; i++)
        if (seen->edges[i].is_cut)
            print_boundary(seen, &seen->edges[i], file);
    for (uint32_t i = 0; i < seen->n_filters; i++)
        print_filter(seen, i, file);
}
