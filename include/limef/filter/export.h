/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Hands pictures to other processes over a unix socket, and passes everything
 * on as it is. A hardware picture goes as the dma-buf it lies in; one in
 * ordinary memory is copied once into a memfd, if somebody reads. A reader gets
 * a picture's descriptors, size, format, times, and gives it back; until then
 * nobody writes there. Readers that sleep, are killed, or talk nonsense stall
 * nobody. Protocol: doc/export.md, export_protocol.h.
 *
 * A thread of its own serves the readers. Without a reader, go is two loads and
 * a count.
 */
#ifndef LIMEF_FILTER_EXPORT_H
#define LIMEF_FILTER_EXPORT_H

#include <limef/filter/export_protocol.h>
#include <limef/filter/filter.h>

LIMEF_BEGIN_DECLS

/** Readers at most. */
#define LIMEF_EXPORT_MAX_READERS 64

/** Pictures at most that one reader may have. */
#define LIMEF_EXPORT_MAX_DEPTH 64

/** Where, and for how many. All-zero but path is sane. */
struct limef_export_settings {
    const char *path; /**< of the socket, 107 bytes at most; borrowed; must outlive the filter */
    unsigned permissions; /**< of the socket: who may write to it may read pictures; 0: 0600 */
    unsigned max_readers; /**< 1..LIMEF_EXPORT_MAX_READERS; 0: 8 */
    unsigned max_depth;   /**< pictures that a reader may have and not have released,
                               1..LIMEF_EXPORT_MAX_DEPTH; 0: 4 */
};

/** What it has done so far. */
struct limef_export_counters {
    uint64_t n_pictures;    /**< came by */
    uint64_t n_unread;      /**< of those, while there was no reader */
    uint64_t n_late;        /**< of those, dropped on the way to the thread that serves */
    uint64_t n_sent;        /**< handed to a reader; a picture for each of them */
    uint64_t n_missed;      /**< not handed to a reader, because it had not released enough or not
                                 asked; likewise */
    uint64_t n_direct;      /**< of n_sent, without a copy: in the buffer they were decoded into */
    uint64_t n_failed;      /**< pictures that could not be described or copied */
    uint64_t copied_bytes;  /**< into memory that readers can map */
    const char *copied_why; /**< why the last copy was made, lives forever; NULL: none was */
    uint64_t n_connected;   /**< readers that ever subscribed */
    uint64_t n_refused;     /**< connections that were too many, or did not subscribe */
    uint64_t n_expelled;    /**< readers that broke the protocol */
    unsigned n_readers;     /**< at present */
    unsigned n_lent;        /**< pictures that readers have at present; each counts once */
};

/** One reader; see limef_export_get_reader(). */
struct limef_export_reader_state {
    int pid; /**< of the process that connected */
    enum limef_export_mode mode;
    unsigned depth;
    unsigned n_held; /**< pictures that it has */
    uint64_t n_sent, n_missed;
};

struct export_server;

/** Memory of an export; kind "export". All-zero and limef_export_filter_init(). */
struct limef_export_filter {
    struct limef_filter filter;
    struct export_server *server; /**< owned */

    /* written by the thread that runs it, read by any */
    LIMEF_ATOMIC(uint64_t) n_pictures;
};

/**
 * Makes the socket and starts to serve. A socket that nobody serves any more is replaced.
 *
 * @param export_filter  written; must be all-zero.
 * @param name      as limef_filter_init().
 * @param settings  copied; what it points to is borrowed.
 * @return 0; AVERROR(EINVAL): no path, or a number out of its range; AVERROR(ENAMETOOLONG);
 *         AVERROR(EADDRINUSE): somebody serves there, or it is no socket; AVERROR(ENOMEM); another
 *         negative AVERROR code. Logged.
 * Thread: the controlling one
 */
LIMEF_API int limef_export_filter_init(struct limef_export_filter *export_filter, const char *name,
                                       const struct limef_export_settings *settings);

/**
 * How many pictures an export can keep from being written: what a pool of decoded pictures needs
 * beside what the chain has.
 *
 * @param settings  borrowed.
 * Thread: any
 */
LIMEF_API unsigned limef_export_max_pictures(const struct limef_export_settings *settings);

/**
 * Reads the counters.
 *
 * @param counters  written.
 * Thread: any
 */
LIMEF_API void limef_export_get_counters(const struct limef_export_filter *export_filter,
                                         struct limef_export_counters *counters);

/**
 * Looks at one reader.
 *
 * @param n      0 .. max_readers - 1.
 * @param state  written.
 * @return 0; AVERROR(ENOENT): there is none at present.
 * Thread: any
 */
LIMEF_API int limef_export_get_reader(const struct limef_export_filter *export_filter, unsigned n,
                                      struct limef_export_reader_state *state);

LIMEF_END_DECLS

#endif
