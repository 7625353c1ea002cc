/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Where a graph is: what each thread does at this moment and since when, what
 * waits in each boundary and for how long, what was dropped and why. It can be
 * asked while threads are stuck inside filters. doc/dump.md
 */
#ifndef LIMEF_THREAD_DUMP_H
#define LIMEF_THREAD_DUMP_H

#include <limef/thread/graph.h>

LIMEF_BEGIN_DECLS

/** What a dump is written as. */
enum limef_dump_format {
    LIMEF_DUMP_TEXT, /**< lines for people */
    LIMEF_DUMP_DOT,  /**< Graphviz: a box for each thread, red where one is stuck or waits */
    LIMEF_DUMP_JSON, /**< one object (RFC 8259); what is not known is null */
};

/**
 * Writes where a graph is. Waits for no thread of the graph and for nobody who changes it: what
 * only that one knows, the costs of filters, is left out then, and the dump says so. What it tells
 * was true at one moment, but for counters of threads that run on meanwhile.
 *
 * @param file  fmemopen() and open_memstream() make one of a buffer. It is written to when all has
 *              been looked at: a file that blocks keeps nobody but the caller.
 * @return 0; AVERROR(EIO): not all could be written; AVERROR(ENOMEM); AVERROR(EAGAIN): the list of
 *         filters was locked for longer than a second, nothing is written but that.
 * Thread: any
 */
LIMEF_API int limef_graph_dump(struct limef_graph *graph, enum limef_dump_format format,
                               FILE *file);

LIMEF_END_DECLS

#endif
