/* SPDX-License-Identifier: MIT */
/*
 * Which metrics there are, as a table, and how it becomes text: family by family, in each all
 * graphs, in each all things of one kind.
 */
#include "metrics/metrics_private.h"

#include <limef/base/memory.h>
#include <limef/base/version.h>

#include <stddef.h>
#include <string.h>

#define MAX_LABELS 7

/* What a family is about. */
enum about {
    ABOUT_CAMERA,
    ABOUT_CACHE,
    ABOUT_DECODER,
    ABOUT_LATENCY,
    ABOUT_TILE,
    ABOUT_THREAD,
    ABOUT_BOUNDARY,
    ABOUT_FILTER,
};

/* How a value lies in memory, and what is written of it. */
enum form {
    FORM_COUNT,  /* uint64_t */
    FORM_UINT,   /* unsigned */
    FORM_BOOL,   /* bool */
    FORM_DOUBLE, /* double */
    FORM_US,     /* int64_t, microseconds; written as seconds */
    FORM_AGE,    /* int64_t, when it was; written as seconds since then, 0: not at all */
    FORM_UNTIL,  /* int64_t, when it will be; written as seconds until then, 0: not at all */
    FORM_STATE,  /* enum limef_rtsp_state; one sample for each state */
    FORM_SYNC,   /* enum limef_rtsp_sync; likewise */
    FORM_REASON, /* enum limef_rtsp_reason; one sample, of that which it is */
    FORM_COUNTS, /* struct seen_filter; one sample of each thing that the filter counts */
};

struct family {
    enum about about;
    const char *name, *unit, *help;
    enum limef_openmetrics_type type;
    enum form form;
    size_t offset;
    const char *label, *word; /* of several entries with one name; NULL: it stands alone */
};

/* One thing, and what tells it from the others. */
struct row {
    struct limef_openmetrics_label labels[MAX_LABELS];
    unsigned n_labels;
    const void *at;
    int64_t now_us;
};

#define GAUGE LIMEF_OPENMETRICS_GAUGE
#define COUNTER LIMEF_OPENMETRICS_COUNTER
#define CAMERA(member) offsetof(struct metrics_camera, counters.member)
#define PACKETS_DROPPED(help, member, word)                                                        \
    {                                                                                              \
        ABOUT_CAMERA, "limef_camera_packets_dropped", NULL, help, COUNTER, FORM_COUNT,             \
            CAMERA(member), "reason", word                                                         \
    }
#define CACHE(member) offsetof(struct metrics_cache, counters.member)
#define DECODER(member) offsetof(struct metrics_decoder, counters.member)
#define LATENCY(member) offsetof(struct metrics_latency, counters.member)
#define TILE(member) offsetof(struct metrics_tile, member)
#define THREAD(member) offsetof(struct seen_thread, member)
#define BOUNDARY(member) offsetof(struct seen_edge, member)
#define FILTER(member) offsetof(struct seen_filter, member)
#define DROPPED ABOUT_BOUNDARY, "limef_boundary_dropped", NULL, "", COUNTER, FORM_COUNT

static const struct family families[] = {
    {ABOUT_CAMERA, "limef_camera_state", NULL, "What the camera is doing.",
     LIMEF_OPENMETRICS_STATESET, FORM_STATE, CAMERA(state), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_reason", NULL, "1, with why it is doing that.", GAUGE, FORM_REASON,
     CAMERA(reason), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_udp", NULL, "Whether packets come by UDP.", GAUGE, FORM_BOOL,
     CAMERA(is_udp), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_unit_age_seconds", "seconds",
     "Since the last complete access unit came.", GAUGE, FORM_AGE, CAMERA(last_unit_us), NULL,
     NULL},
    {ABOUT_CAMERA, "limef_camera_connects", NULL, "Times that it was tried to connect.", COUNTER,
     FORM_COUNT, CAMERA(n_connects), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_reconnects", NULL, "Times that media came again.", COUNTER,
     FORM_COUNT, CAMERA(n_reconnects), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_names", NULL,
     "Names that were looked up, and did not come in time.", COUNTER, FORM_COUNT,
     CAMERA(n_late_names), "result", "late"},
    {ABOUT_CAMERA, "limef_camera_names", NULL, "", COUNTER, FORM_COUNT, CAMERA(n_lost_names),
     "result", "lost"},
    {ABOUT_CAMERA, "limef_camera_retry_seconds", "seconds",
     "Until it is tried again, while it waits.", GAUGE, FORM_UNTIL, CAMERA(retry_us), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_packets", NULL, "RTP packets that came.", COUNTER, FORM_COUNT,
     CAMERA(n_packets), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_received_bytes", "bytes", "Bytes in RTP packets.", COUNTER,
     FORM_COUNT, CAMERA(n_bytes), NULL, NULL},
    PACKETS_DROPPED("RTP packets that did not come, or were of no use.", n_lost, "lost"),
    PACKETS_DROPPED("", n_duplicates, "duplicate"),
    PACKETS_DROPPED("", n_late, "late"),
    PACKETS_DROPPED("", n_malformed, "malformed"),
    PACKETS_DROPPED("", n_foreign, "foreign"),
    PACKETS_DROPPED("", n_kernel_drops, "kernel"),
    {ABOUT_CAMERA, "limef_camera_units", NULL, "Access units passed on.", COUNTER, FORM_COUNT,
     CAMERA(n_units), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_units_dropped", NULL,
     "Access units that were damaged, or came before the key frame after a loss.", COUNTER,
     FORM_COUNT, CAMERA(n_dropped_units), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_clock_jumps", NULL, "Jumps of the camera's timestamps, repaired.",
     COUNTER, FORM_COUNT, CAMERA(n_jumps), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_clock_strays", NULL,
     "Times that the camera's times were brought back to when its units came.", COUNTER, FORM_COUNT,
     CAMERA(n_strayed), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_hurried_parts", NULL,
     "Parts of units that went on before what is decoded before them.", COUNTER, FORM_COUNT,
     CAMERA(n_hurried), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_lost_groups", NULL, "Multicast groups that brought nothing.",
     COUNTER, FORM_COUNT, CAMERA(n_lost_groups), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_other_ssrc", NULL, "Streams that had another SSRC than was told.",
     COUNTER, FORM_COUNT, CAMERA(n_other_ssrc), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_formats", NULL, "Times that a stream changed its payload type.",
     COUNTER, FORM_COUNT, CAMERA(n_formats), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_jitter_seconds", "seconds",
     "Of the first video track, by RFC 3550.", GAUGE, FORM_US, CAMERA(jitter_us), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_clock_offset_seconds", "seconds",
     "The camera's wall clock minus this machine's, by sender reports.", GAUGE, FORM_US,
     CAMERA(clock_offset_us), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_drift_ppm", "ppm",
     "The camera's clock against this machine's, in millionths.", GAUGE, FORM_DOUBLE,
     CAMERA(drift_ppm), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_sync", NULL, "By what sound and pictures are in step.",
     LIMEF_OPENMETRICS_STATESET, FORM_SYNC, CAMERA(sync), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_skew_seconds", "seconds",
     "How much later sound came than its pictures.", GAUGE, FORM_US, CAMERA(skew_us), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_sync_corrections", NULL, "Times that a stream was put in step.",
     COUNTER, FORM_COUNT, CAMERA(n_corrections), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_sync_corrected_seconds", "seconds", "By so much in all.", COUNTER,
     FORM_US, CAMERA(corrected_us), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_sync_refused", NULL,
     "Times that reports of two streams turned out not to be of one clock.", COUNTER, FORM_COUNT,
     CAMERA(n_refused_reports), NULL, NULL},
    {ABOUT_CAMERA, "limef_camera_pool", NULL,
     "Packets that its pool has made, and that are in use.", GAUGE, FORM_UINT, CAMERA(n_pool),
     "state", "made"},
    {ABOUT_CAMERA, "limef_camera_pool", NULL, "", GAUGE, FORM_UINT, CAMERA(n_pool_used), "state",
     "used"},

    {ABOUT_CACHE, "limef_gop_cache_packets", NULL, "Packets that are kept.", GAUGE, FORM_COUNT,
     CACHE(n_packets), NULL, NULL},
    {ABOUT_CACHE, "limef_gop_cache_kept_bytes", "bytes", "Bytes in packets that are kept.", GAUGE,
     FORM_COUNT, CACHE(bytes), NULL, NULL},
    {ABOUT_CACHE, "limef_gop_cache_bursts", NULL, "Bursts given to branches that joined.", COUNTER,
     FORM_COUNT, CACHE(n_bursts), NULL, NULL},
    {ABOUT_CACHE, "limef_gop_cache_given_up", NULL,
     "Groups of pictures, or bursts, that could not be kept or given.", COUNTER, FORM_COUNT,
     CACHE(n_overflows), "reason", "too_large"},
    {ABOUT_CACHE, "limef_gop_cache_given_up", NULL, "", COUNTER, FORM_COUNT, CACHE(n_uncounted),
     "reason", "uncounted"},
    {ABOUT_CACHE, "limef_gop_cache_given_up", NULL, "", COUNTER, FORM_COUNT, CACHE(n_failed),
     "reason", "no_memory"},

    {ABOUT_DECODER, "limef_decoder_packets", NULL, "Packets given to the decoder.", COUNTER,
     FORM_COUNT, DECODER(n_packets), NULL, NULL},
    {ABOUT_DECODER, "limef_decoder_frames", NULL, "Pictures or blocks of samples passed on.",
     COUNTER, FORM_COUNT, DECODER(n_frames), NULL, NULL},
    {ABOUT_DECODER, "limef_decoder_faults", NULL, "Packets or pictures that were lost.", COUNTER,
     FORM_COUNT, DECODER(n_corrupt), "reason", "damaged"},
    {ABOUT_DECODER, "limef_decoder_faults", NULL, "", COUNTER, FORM_COUNT, DECODER(n_errors),
     "reason", "error"},
    {ABOUT_DECODER, "limef_decoder_faults", NULL, "", COUNTER, FORM_COUNT, DECODER(n_ignored),
     "reason", "ignored"},
    {ABOUT_DECODER, "limef_decoder_buffers", NULL,
     "Pictures by the pool that their memory came from.", COUNTER, FORM_COUNT,
     DECODER(n_lent_buffers), "pool", "output"},
    {ABOUT_DECODER, "limef_decoder_buffers", NULL, "", COUNTER, FORM_COUNT,
     DECODER(n_ordinary_buffers), "pool", "ordinary"},
    {ABOUT_DECODER, "limef_decoder_frame_age_seconds", "seconds",
     "Since the last picture was passed on.", GAUGE, FORM_AGE, DECODER(last_frame_us), NULL, NULL},
    {ABOUT_DECODER, "limef_decoder_pool", NULL,
     "Pictures or blocks that its pool has made, and that are in use.", GAUGE, FORM_UINT,
     DECODER(n_pool), "state", "made"},
    {ABOUT_DECODER, "limef_decoder_pool", NULL, "", GAUGE, FORM_UINT, DECODER(n_pool_used), "state",
     "used"},

    {ABOUT_LATENCY, "limef_latency_dropped", NULL, "Frames dropped to catch up with a live stream.",
     COUNTER, FORM_COUNT, LATENCY(n_dropped), NULL, NULL},
    {ABOUT_LATENCY, "limef_latency_late", NULL, "Times that a live stream was over its budget.",
     COUNTER, FORM_COUNT, LATENCY(n_late), NULL, NULL},
    {ABOUT_LATENCY, "limef_latency_late_seconds", "seconds", "How late the last frame was.", GAUGE,
     FORM_US, LATENCY(late_us), NULL, NULL},
    {ABOUT_LATENCY, "limef_latency_most_late_seconds", "seconds", "How late a frame ever was.",
     GAUGE, FORM_US, LATENCY(max_late_us), NULL, NULL},
    {ABOUT_LATENCY, "limef_latency_budget_seconds", "seconds", "How late a frame may be.", GAUGE,
     FORM_US, LATENCY(budget_us), NULL, NULL},
    {ABOUT_LATENCY, "limef_latency_slower", NULL,
     "Times that dropping did not help: the way itself takes longer since then.", COUNTER,
     FORM_COUNT, LATENCY(n_slower), NULL, NULL},

    {ABOUT_TILE, "limef_presenter_pictures", NULL, "Pictures that came to be shown.", COUNTER,
     FORM_COUNT, TILE(n_pictures), NULL, NULL},
    {ABOUT_TILE, "limef_presenter_shown", NULL, "Pictures that were shown.", COUNTER, FORM_COUNT,
     TILE(n_shown), NULL, NULL},
    {ABOUT_TILE, "limef_presenter_dropped", NULL, "Pictures that were not.", COUNTER, FORM_COUNT,
     TILE(n_late), "reason", "late"},
    {ABOUT_TILE, "limef_presenter_dropped", NULL, "", COUNTER, FORM_COUNT, TILE(n_flushed),
     "reason", "flush"},
    {ABOUT_TILE, "limef_presenter_dropped", NULL, "", COUNTER, FORM_COUNT, TILE(n_bursts), "reason",
     "burst"},
    {ABOUT_TILE, "limef_presenter_dropped", NULL, "", COUNTER, FORM_COUNT, TILE(n_failed), "reason",
     "failed"},
    {ABOUT_TILE, "limef_presenter_anchors", NULL, "Times that its clock was set anew.", COUNTER,
     FORM_COUNT, TILE(n_anchors), NULL, NULL},
    {ABOUT_TILE, "limef_presenter_moved_bytes", "bytes", "Bytes copied between decoder and screen.",
     COUNTER, FORM_COUNT, TILE(uploaded_bytes), "way", "uploaded"},
    {ABOUT_TILE, "limef_presenter_moved_bytes", "bytes", "", COUNTER, FORM_COUNT,
     TILE(direct_bytes), "way", "direct"},
    {ABOUT_TILE, "limef_presenter_moved_bytes", "bytes", "", COUNTER, FORM_COUNT,
     TILE(memory_bytes), "way", "memory"},
    {ABOUT_TILE, "limef_presenter_picture_age_seconds", "seconds",
     "Since a picture was last shown.", GAUGE, FORM_AGE, TILE(last_shown_us), NULL, NULL},
    {ABOUT_TILE, "limef_presenter_latency_seconds", "seconds",
     "From entering the process to being shown.", GAUGE, FORM_US, TILE(latency_p50_us), "quantile",
     "0.5"},
    {ABOUT_TILE, "limef_presenter_latency_seconds", "seconds", "", GAUGE, FORM_US,
     TILE(latency_p99_us), "quantile", "0.99"},

    {ABOUT_THREAD, "limef_thread_inside_seconds", "seconds",
     "For how long it has been in the filter of the label; 0: it waits for something to do.", GAUGE,
     FORM_US, THREAD(inside_us), NULL, NULL},
    {ABOUT_THREAD, "limef_thread_errors", NULL, "Frames that its filters lost.", COUNTER,
     FORM_COUNT, THREAD(n_errors), NULL, NULL},

    {ABOUT_BOUNDARY, "limef_boundary_waiting", NULL, "Frames that wait.", GAUGE, FORM_UINT,
     BOUNDARY(n_waiting), NULL, NULL},
    {ABOUT_BOUNDARY, "limef_boundary_depth", NULL, "Media frames that may wait.", GAUGE, FORM_UINT,
     BOUNDARY(counters.depth), NULL, NULL},
    {ABOUT_BOUNDARY, "limef_boundary_oldest_seconds", "seconds",
     "For how long the oldest has waited.", GAUGE, FORM_US, BOUNDARY(oldest_us), NULL, NULL},
    {ABOUT_BOUNDARY, "limef_boundary_late", NULL,
     "Times that frames of a live stream waited for longer than is granted.", COUNTER, FORM_COUNT,
     BOUNDARY(n_late), NULL, NULL},
    {ABOUT_BOUNDARY, "limef_boundary_late_seconds", "seconds",
     "For how long they have; 0: they do not.", GAUGE, FORM_US, BOUNDARY(late_us), NULL, NULL},
    {ABOUT_BOUNDARY, "limef_boundary_written", NULL, "Frames that were written.", COUNTER,
     FORM_COUNT, BOUNDARY(counters.n_written), NULL, NULL},
    {ABOUT_BOUNDARY, "limef_boundary_read", NULL, "Frames that were read.", COUNTER, FORM_COUNT,
     BOUNDARY(counters.n_read), NULL, NULL},
    {ABOUT_BOUNDARY, "limef_boundary_blocked", NULL, "Writes that had to wait for room.", COUNTER,
     FORM_COUNT, BOUNDARY(counters.n_blocked), NULL, NULL},
    {ABOUT_BOUNDARY, "limef_boundary_dropped", NULL, "Frames that were dropped.", COUNTER,
     FORM_COUNT, BOUNDARY(counters.n_dropped_oldest), "reason", "oldest"},
    {DROPPED, BOUNDARY(counters.n_dropped_to_key), "reason", "to_key"},
    {DROPPED, BOUNDARY(counters.n_dropped_flush), "reason", "flush"},
    {DROPPED, BOUNDARY(counters.n_dropped_timeout), "reason", "timeout"},
    {DROPPED, BOUNDARY(counters.n_dropped_stale), "reason", "stale"},
    {DROPPED, BOUNDARY(counters.n_superseded), "reason", "superseded"},
    {ABOUT_BOUNDARY, "limef_boundary_copied_bytes", "bytes", "Bytes that had to be copied.",
     COUNTER, FORM_COUNT, BOUNDARY(counters.copied_bytes), NULL, NULL},
    {ABOUT_BOUNDARY, "limef_boundary_grown", NULL, "Times that a frame of its pool grew.", COUNTER,
     FORM_COUNT, BOUNDARY(counters.n_allocations), NULL, NULL},
    {ABOUT_BOUNDARY, "limef_boundary_pool", NULL,
     "Frames of its stack, and those that wait or are being read.", GAUGE, FORM_UINT,
     BOUNDARY(counters.n_frames), "state", "made"},
    {ABOUT_BOUNDARY, "limef_boundary_pool", NULL, "", GAUGE, FORM_UINT, BOUNDARY(counters.n_used),
     "state", "used"},

    {ABOUT_FILTER, "limef_filter_frames", NULL, "Frames that a filter took, signals included.",
     COUNTER, FORM_COUNT, FILTER(n_frames), NULL, NULL},
    {ABOUT_FILTER, "limef_filter_quiet_seconds", "seconds",
     "For how long a filter has taken no frame.", GAUGE, FORM_US, FILTER(quiet_us), NULL, NULL},
    {ABOUT_FILTER, "limef_filter_copied_bytes", "bytes", "Bytes that a filter copied.", COUNTER,
     FORM_COUNT, FILTER(copied_bytes), NULL, NULL},
    {ABOUT_FILTER, "limef_filter_events", NULL,
     "What a filter dropped, repaired, or did in another way than it was to.", COUNTER, FORM_COUNTS,
     0, NULL, NULL},
};

#define N_FAMILIES (sizeof(families) / sizeof(families[0]))

static void label(struct row *row, const char *name, const char *value)
{
    row->labels[row->n_labels++] = (struct limef_openmetrics_label){name, value};
}

static void write_state(struct limef_openmetrics *metrics, const struct family *family,
                        struct row *row, enum limef_rtsp_state state)
{
    label(row, family->name, "");
    for (int i = LIMEF_RTSP_STOPPED; i <= LIMEF_RTSP_ENDED; i++) {
        row->labels[row->n_labels - 1].value = limef_rtsp_state_name((enum limef_rtsp_state)i);
        limef_openmetrics_count(metrics, row->labels, row->n_labels, i == (int)state);
    }
    row->n_labels--;
}

static void write_sync(struct limef_openmetrics *metrics, const struct family *family,
                       struct row *row, enum limef_rtsp_sync by)
{
    label(row, family->name, "");
    for (int i = LIMEF_RTSP_SYNC_ARRIVAL; i <= LIMEF_RTSP_SYNC_REPORTS; i++) {
        row->labels[row->n_labels - 1].value = limef_rtsp_sync_name((enum limef_rtsp_sync)i);
        limef_openmetrics_count(metrics, row->labels, row->n_labels, i == (int)by);
    }
    row->n_labels--;
}

static void write_counts(struct limef_openmetrics *metrics, struct row *row,
                         const struct seen_filter *filter)
{
    for (unsigned i = 0; i < filter->n_counts; i++) {
        label(row, "event", filter->counts[i].name);
        limef_openmetrics_count(metrics, row->labels, row->n_labels--, filter->counts[i].n);
    }
}

static void write_value(struct limef_openmetrics *metrics, const struct family *family,
                        struct row *row)
{
    const void *at = (const char *)row->at + family->offset;
    uint64_t count;
    double value = 0;
    int64_t us;

    switch (family->form) {
    case FORM_COUNT:
        memcpy(&count, at, sizeof(count));
        limef_openmetrics_count(metrics, row->labels, row->n_labels, count);
        return;
    case FORM_UINT:
        limef_openmetrics_count(metrics, row->labels, row->n_labels, *(const unsigned *)at);
        return;
    case FORM_BOOL:
        limef_openmetrics_count(metrics, row->labels, row->n_labels, *(const bool *)at);
        return;
    case FORM_STATE:
        write_state(metrics, family, row, *(const enum limef_rtsp_state *)at);
        return;
    case FORM_SYNC:
        write_sync(metrics, family, row, *(const enum limef_rtsp_sync *)at);
        return;
    case FORM_COUNTS:
        write_counts(metrics, row, at);
        return;
    case FORM_REASON:
        label(row, "reason", limef_rtsp_reason_name(*(const enum limef_rtsp_reason *)at));
        limef_openmetrics_count(metrics, row->labels, row->n_labels--, 1);
        return;
    case FORM_DOUBLE:
        memcpy(&value, at, sizeof(value));
        break;
    case FORM_US:
    case FORM_AGE:
    case FORM_UNTIL:
        memcpy(&us, at, sizeof(us));
        if (family->form != FORM_US && (!us || us == LIMEF_FOREVER))
            return;
        if (family->form == FORM_AGE)
            us = row->now_us > us ? row->now_us - us : 0;
        else if (family->form == FORM_UNTIL)
            us = us > row->now_us ? us - row->now_us : 0;
        value = (double)us / 1e6;
    }
    limef_openmetrics_sample(metrics, row->labels, row->n_labels, value);
}

/* All entries of one name for one thing. */
static void write_row(struct limef_openmetrics *metrics, const struct family *family, unsigned n,
                      struct row *row)
{
    for (unsigned i = 0; i < n; i++) {
        if (family[i].label)
            label(row, family[i].label, family[i].word);
        write_value(metrics, &family[i], row);
        row->n_labels -= family[i].label != NULL;
    }
}

static void label_filter(struct row *row, const struct graph_seen *seen, uint32_t filter)
{
    label(row, "filter", filter == SEEN_NONE ? "" : seen->filters[filter].name);
    label(row, "kind", filter == SEEN_NONE ? "" : seen->filters[filter].kind);
}

static void label_edge(struct row *row, const struct graph_seen *seen, const struct seen_edge *edge)
{
    label(row, "from", seen->filters[edge->from].name);
    label(row, "from_kind", seen->filters[edge->from].kind);
    label(row, "to", seen->filters[edge->to].name);
    label(row, "to_kind", seen->filters[edge->to].kind);
}

#define BEGIN(thing)                                                                               \
    {                                                                                              \
        .labels = {{"graph", graph->name}}, .n_labels = 1, .at = (thing), .now_us = seen->at_us    \
    }

/* Filters of one kind; name: of the label that has the filter's. */
static void write_items(struct limef_openmetrics *metrics, const struct family *family, unsigned n,
                        const struct metrics_graph *graph, const struct metrics_list *list,
                        const char *name)
{
    const struct graph_seen *seen = &graph->seen;

    for (const struct metrics_item *at = list->first; at; at = at->next) {
        struct row row = BEGIN(at);

        label(&row, name, seen->filters[at->filter].name);
        if (family->about == ABOUT_TILE)
            label(&row, "slot", LIMEF_CONTAINER_OF(at, const struct metrics_tile, item)->slot);
        write_row(metrics, family, n, &row);
    }
}

static void write_seen(struct limef_openmetrics *metrics, const struct family *family, unsigned n,
                       const struct metrics_graph *graph)
{
    const struct graph_seen *seen = &graph->seen;

    for (uint32_t i = 0; family->about == ABOUT_THREAD && i < seen->n_threads; i++) {
        struct row row = BEGIN(&seen->threads[i]);

        label(&row, "thread", seen->threads[i].name);
        if (family->form == FORM_US)
            label_filter(&row, seen, seen->threads[i].filter);
        write_row(metrics, family, n, &row);
    }
    for (uint32_t i = 0; family->about == ABOUT_FILTER && i < seen->n_filters; i++) {
        struct row row = BEGIN(&seen->filters[i]);

        label_filter(&row, seen, i);
        write_row(metrics, family, n, &row);
    }
    for (uint32_t i = 0; family->about == ABOUT_BOUNDARY && i < seen->n_edges; i++) {
        struct row row = BEGIN(&seen->edges[i]);

        if (!seen->edges[i].is_cut)
            continue;
        label_edge(&row, seen, &seen->edges[i]);
        write_row(metrics, family, n, &row);
    }
}

static void write_graph(struct limef_openmetrics *metrics, const struct family *family, unsigned n,
                        const struct metrics_graph *graph)
{
    switch (family->about) {
    case ABOUT_CAMERA:
        write_items(metrics, family, n, graph, &graph->cameras, "camera");
        break;
    case ABOUT_CACHE:
        write_items(metrics, family, n, graph, &graph->caches, "cache");
        break;
    case ABOUT_DECODER:
        write_items(metrics, family, n, graph, &graph->decoders, "decoder");
        break;
    case ABOUT_LATENCY:
        write_items(metrics, family, n, graph, &graph->latencies, "latency");
        break;
    case ABOUT_TILE:
        write_items(metrics, family, n, graph, &graph->tiles, "presenter");
        break;
    default:
        write_seen(metrics, family, n, graph);
    }
}

static void write_library(struct limef_openmetrics *metrics)
{
    struct limef_openmetrics_label version = {"version", limef_version()};

    limef_openmetrics_family(metrics, "limef_build", LIMEF_OPENMETRICS_INFO, NULL,
                             "The library that runs.");
    limef_openmetrics_count(metrics, &version, 1, 1);
    limef_openmetrics_family(metrics, "limef_allocations", COUNTER, NULL,
                             "Times that the library allocated memory.");
    limef_openmetrics_count(metrics, NULL, 0, limef_memory_n_allocations());
}

int metrics_write(struct limef_openmetrics *metrics, const struct metrics_graph *graphs)
{
    unsigned n;

    write_library(metrics);
    for (size_t i = 0; i < N_FAMILIES; i += n) {
        const struct family *family = &families[i];

        for (n = 1; i + n < N_FAMILIES && !strcmp(families[i + n].name, family->name);)
            n++;
        limef_openmetrics_family(metrics, family->name, family->type, family->unit, family->help);
        for (const struct metrics_graph *graph = graphs; graph; graph = graph->next)
            write_graph(metrics, family, n, graph);
    }
    return limef_openmetrics_end(metrics);
}
