/* SPDX-License-Identifier: MIT */
/*
 * The parts of the metrics server: what is looked at (seen.c), how it is written (families.c), one
 * reader (reader.c), the thread (metrics.c).
 */
#ifndef LIMEF_SRC_METRICS_METRICS_PRIVATE_H
#define LIMEF_SRC_METRICS_METRICS_PRIVATE_H

#include "thread/graph_seen.h"

#include <limef/filter/decode.h>
#include <limef/filter/gop_cache.h>
#include <limef/filter/latency.h>
#include <limef/filter/rtsp_source.h>
#include <limef/metrics/metrics.h>

/* What a request is answered with; the numbers are those of HTTP. */
enum metrics_answer {
    METRICS_MORE = 0, /* the request is not whole */
    METRICS_OK = 200,
    METRICS_BAD = 400,
    METRICS_NOT_FOUND = 404,
    METRICS_NO_METHOD = 405,
    METRICS_TOO_LARGE = 431,
    METRICS_BUSY = 503,
};

#define METRICS_REQUEST_BYTES 4096

/* ---- seen.c: filters of one kind, in the order in which they were found ---- */

/* What each of them begins with. */
struct metrics_item {
    struct metrics_item *next;
    uint32_t filter; /* its number in the snapshot */
};

struct metrics_list {
    struct metrics_item *first, **end;
};

struct metrics_camera {
    struct metrics_item item;
    struct limef_rtsp_source_counters counters;
};

struct metrics_cache {
    struct metrics_item item;
    struct limef_gop_cache_counters counters;
};

struct metrics_decoder {
    struct metrics_item item;
    struct limef_decode_counters counters;
};

struct metrics_latency {
    struct metrics_item item;
    struct limef_latency_counters counters;
};

struct metrics_tile {
    struct metrics_item item;
    char slot[12];
    uint64_t n_pictures, n_shown, n_late, n_flushed, n_bursts, n_failed, n_anchors;
    uint64_t uploaded_bytes, direct_bytes, memory_bytes;
    int64_t last_shown_us, latency_p50_us, latency_p99_us;
};

struct metrics_graph {
    struct metrics_graph *next;
    struct limef_graph *graph;
    char name[40]; /* as no other of these graphs is called */
    struct graph_seen seen;
    struct metrics_list cameras, caches, decoders, latencies, tiles;
    bool no_memory;
};

/* Looks at a graph. Returns as graph_see(). What it holds is released by metrics_graph_forget(). */
int metrics_graph_see(struct metrics_graph *graph);
void metrics_graph_forget(struct metrics_graph *graph);

/* families.c: all graphs that were seen, a whole text. Returns as limef_openmetrics_end(). */
int metrics_write(struct limef_openmetrics *metrics, const struct metrics_graph *graphs);

/* ---- reader.c ---- */

struct metrics_reader {
    int fd; /* -1: nobody */
    int64_t deadline_us;
    char request[METRICS_REQUEST_BYTES];
    size_t n_request;
    char head[256];
    size_t n_head, n_sent; /* of head and body together */
    char *body;            /* owned */
    size_t n_body;
};

/* Reads as much of a request as there is: the answer, and whether only the head is wanted. Foreign
 * bytes: nothing is trusted. */
enum metrics_answer metrics_request_read(const char *request, size_t n_bytes, bool *head_only);

void metrics_reader_open(struct metrics_reader *reader, int fd, int64_t deadline_us);
void metrics_reader_close(struct metrics_reader *reader);

/* Makes the answer; the body is taken. */
void metrics_reader_answer(struct metrics_reader *reader, enum metrics_answer answer, char *body,
                           size_t n_body, bool head_only);

/* Receives. Returns the answer that is due, or a negative AVERROR code: it is gone. */
int metrics_reader_receive(struct metrics_reader *reader, bool *head_only);

/* Sends what the socket takes. Returns 1: all is sent; 0: there is more; or an error. */
int metrics_reader_send(struct metrics_reader *reader);

#endif
