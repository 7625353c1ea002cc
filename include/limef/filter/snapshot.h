/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Writes pictures to PNG or JPEG files, upright, and passes everything on as it
 * is. A file appears whole or not at all.
 */
#ifndef LIMEF_FILTER_SNAPSHOT_H
#define LIMEF_FILTER_SNAPSHOT_H

#include <limef/filter/filter.h>

LIMEF_BEGIN_DECLS

/** Which pictures are written, besides the next one after a SNAPSHOT signal. */
enum limef_snapshot_when {
    LIMEF_SNAPSHOT_ASKED, /**< no others */
    LIMEF_SNAPSHOT_FIRST, /**< the first one */
    LIMEF_SNAPSHOT_EVERY, /**< every one */
};

/** What to write, and where. All-zero but path is sane. */
struct limef_snapshot_settings {
    /** "cam%s-%n.jpg": %s is the slot, %n the number of the picture written, from 1, %t its
     *  pts_us, %% a percent sign. Ends in .png, .jpg or .jpeg. Borrowed; must outlive the filter */
    const char *path;
    enum limef_snapshot_when when;
};

/** What it has done so far. */
struct limef_snapshot_counters {
    uint64_t n_written;
    uint64_t n_failed; /**< each was logged, and reported as an ERROR signal */
};

/** Memory of a snapshot filter; kind "snapshot". All-zero and limef_snapshot_filter_init(). */
struct limef_snapshot_filter {
    struct limef_filter filter;
    struct limef_snapshot_settings settings;
    bool asked; /**< the thread that runs it */

    /* written by the thread that runs it, read by any */
    LIMEF_ATOMIC(uint64_t) n_written, n_failed;
};

/**
 * Makes a snapshot filter.
 *
 * @param snapshot  written; must be all-zero.
 * @param name      as limef_filter_init().
 * @param settings  copied; what it points to is borrowed.
 * Thread: the controlling one
 */
LIMEF_API void limef_snapshot_filter_init(struct limef_snapshot_filter *snapshot, const char *name,
                                          const struct limef_snapshot_settings *settings);

/**
 * Reads the counters.
 *
 * @param counters  written.
 * Thread: any
 */
LIMEF_API void limef_snapshot_get_counters(const struct limef_snapshot_filter *snapshot,
                                           struct limef_snapshot_counters *counters);

LIMEF_END_DECLS

#endif
