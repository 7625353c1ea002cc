/* SPDX-License-Identifier: MIT */
/**
 * @file
 * The library's one log. A failure is logged once, where it is born, with the
 * name of the object it happened to; callers return its code and stay silent.
 */
#ifndef LIMEF_BASE_LOG_H
#define LIMEF_BASE_LOG_H

#include <limef/base/api.h>

LIMEF_BEGIN_DECLS

/** How severe a line is; the more severe the smaller. */
enum limef_log_level {
    LIMEF_LOG_ERROR,   /**< something asked for was not done */
    LIMEF_LOG_WARNING, /**< it goes on, with less: a repair, a fallback, a refused priority */
    LIMEF_LOG_INFO,    /**< what a user asks afterwards: which output, which decoder */
    LIMEF_LOG_DEBUG,   /**< for the one who reads the source beside it */
};

/**
 * Receives the log.
 *
 * @param context  as given to limef_log_set_sink().
 * @param name     the object's name; borrowed.
 * @param line     one line without a newline; borrowed.
 * Thread: any, several at once
 */
typedef void limef_log_fn(void *context, enum limef_log_level level, const char *name,
                          const char *line);

/**
 * Sends the log to `sink` instead of standard error.
 *
 * @param sink     NULL: standard error again.
 * @param context  borrowed; must outlive its use as the sink's context.
 * Thread: the controlling one, while no limef thread runs
 */
LIMEF_API void limef_log_set_sink(limef_log_fn *sink, void *context);

/**
 * Drops what is less severe than `level` (LIMEF_LOG_WARNING at the start).
 *
 * Thread: any
 */
LIMEF_API void limef_log_set_level(enum limef_log_level level);

/**
 * Logs one line.
 *
 * @param name  who speaks; NULL: the library.
 * Thread: any
 */
LIMEF_API void limef_log(enum limef_log_level level, const char *name, const char *format, ...)
    LIMEF_PRINTF(3, 4);

/**
 * Logs one line at level error and returns `code`, so that a failure is said
 * and returned in one statement.
 *
 * @param code  a negative AVERROR code; its text is appended to the line.
 * @return code.
 * Thread: any
 */
LIMEF_API int limef_fail(int code, const char *name, const char *format, ...) LIMEF_PRINTF(3, 4);

LIMEF_END_DECLS

#endif
