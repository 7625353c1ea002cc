/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Says a line for each frame that goes by.
 */
#ifndef LIMEF_FILTER_DUMP_H
#define LIMEF_FILTER_DUMP_H

#include <limef/filter/filter.h>

#include <stdio.h>

LIMEF_BEGIN_DECLS

/**
 * Gets the lines.
 *
 * @param name  the filter's; borrowed.
 * @param line  without a newline; borrowed.
 * Thread: the filter's
 */
typedef void limef_dump_fn(void *context, const char *name, const char *line);

/** Kind "dump". As static data: `.filter = LIMEF_FILTER(&limef_dump_ops, "dump", NULL)`. */
struct limef_dump_filter {
    struct limef_filter filter;
    limef_dump_fn *sink; /**< who gets the lines; NULL: file */
    void *context;       /**< the sink's; borrowed; must outlive the filter */
    FILE *file;          /**< borrowed; must outlive the filter. NULL: the log, at level info */
};

extern LIMEF_API const struct limef_filter_ops limef_dump_ops;

/**
 * @param dump  written; must be all-zero.
 * @param sink, context, file  as the members.
 * Thread: the controlling one
 */
LIMEF_API void limef_dump_filter_init(struct limef_dump_filter *dump, const char *name,
                                      limef_dump_fn *sink, void *context, FILE *file);

/**
 * Describes a frame in one line, such as
 * "packet slot 0 video track 0 pts 1.240000 dts 1.200000 key 5312 bytes".
 *
 * @param line     written, cut to what fits, terminated.
 * @param n_bytes  of line, at least 1; 256 is enough for every frame of this library.
 * Thread: any
 */
LIMEF_API void limef_frame_describe(const struct limef_frame *frame, char *line, size_t n_bytes);

LIMEF_END_DECLS

#endif
