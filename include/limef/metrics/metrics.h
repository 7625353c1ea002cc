/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Counters and ages of graphs, cameras, decoders and presenters as OpenMetrics
 * text, served over HTTP on a unix socket or a port of the loopback interface
 * that the application asks for. One thread of its own serves them and waits
 * for no reader; no thread of a graph waits for it. doc/metrics.md
 */
#ifndef LIMEF_METRICS_METRICS_H
#define LIMEF_METRICS_METRICS_H

#include <limef/metrics/openmetrics.h>
#include <limef/thread/graph.h>

LIMEF_BEGIN_DECLS

struct metrics_server;

/** Readers at once; a further one is answered with 503. */
#define LIMEF_METRICS_MAX_READERS 8

/** Where metrics are served. Exactly one of socket and port. */
struct limef_metrics_settings {
    const char *name;   /**< of the thread and for logs; borrowed; NULL: "metrics" */
    const char *socket; /**< path of a unix socket that is made, readable by the user alone, and
                             removed in the end; NULL: none */
    int port;           /**< of 127.0.0.1; LIMEF_METRICS_ANY_PORT: one that is free; 0: none */
    int64_t timeout_us; /**< for a whole request and its answer; 0: 10 s */
};

/** The system chooses; limef_metrics_port() says which. */
#define LIMEF_METRICS_ANY_PORT (-1)

/** Memory of a server. All-zero and limef_metrics_open(). */
struct limef_metrics {
    struct metrics_server *server; /**< owned */
};

/**
 * Listens, and starts the thread.
 *
 * @param metrics   written; must be all-zero.
 * @param settings  copied.
 * @return 0; AVERROR(EINVAL): neither or both of socket and port; AVERROR(EADDRINUSE);
 *         AVERROR(ENAMETOOLONG); AVERROR(ENOMEM); or what the system refused with. Logged.
 * Thread: the controlling one
 */
LIMEF_API int limef_metrics_open(struct limef_metrics *metrics,
                                 const struct limef_metrics_settings *settings);

/** Stops the thread and closes; all-zero afterwards. Thread: the controlling one */
LIMEF_API void limef_metrics_close(struct limef_metrics *metrics);

/**
 * Serves a graph too: its threads, boundaries and filters, and what cameras, caches,
 * decoders, latency filters and presenters in it count.
 *
 * @param graph  initialised; its name is a label; borrowed; must outlive limef_metrics_remove() or
 *               limef_metrics_close().
 * @return 0, or AVERROR(ENOMEM); logged.
 * Thread: any
 */
LIMEF_API int limef_metrics_add(struct limef_metrics *metrics, struct limef_graph *graph);

/** Undoes limef_metrics_add(). Thread: any */
LIMEF_API void limef_metrics_remove(struct limef_metrics *metrics, struct limef_graph *graph);

/** The port that is listened on; 0: a unix socket is. Thread: any */
LIMEF_API int limef_metrics_port(const struct limef_metrics *metrics);

/**
 * Writes the metrics of one graph and of the library, as they are served.
 *
 * @return 0; AVERROR(ENOSPC): n_bytes are too few; AVERROR(EAGAIN), AVERROR(ENOMEM): as
 *         limef_graph_dump().
 * Thread: any
 */
LIMEF_API int limef_metrics_print(struct limef_graph *graph, char *text, size_t n_bytes,
                                  size_t *used);

LIMEF_END_DECLS

#endif
