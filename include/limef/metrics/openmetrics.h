/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Writes OpenMetrics text (the specification's version 1.0.0), for
 * limef_metrics and for an application's own metrics. A metric family is begun,
 * then come all its samples. It writes into the caller's memory and touches
 * nothing else.
 */
#ifndef LIMEF_METRICS_OPENMETRICS_H
#define LIMEF_METRICS_OPENMETRICS_H

#include <limef/base/api.h>

LIMEF_BEGIN_DECLS

/** The Content-Type of what is written. */
#define LIMEF_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/** What a family is. */
enum limef_openmetrics_type {
    LIMEF_OPENMETRICS_GAUGE,
    LIMEF_OPENMETRICS_COUNTER,  /**< its samples get "_total" behind the family's name */
    LIMEF_OPENMETRICS_STATESET, /**< samples of 0 and 1, each with a label that is named as the
                                     family and says which state */
    LIMEF_OPENMETRICS_INFO,     /**< samples of 1 get "_info" behind the family's name */
};

/** A label of a sample. The name is [a-zA-Z_][a-zA-Z0-9_]*. */
struct limef_openmetrics_label {
    const char *name;
    const char *value; /**< any text; written as limef_url_mask() does, escaped, as UTF-8 */
};

/** Text that is being written. All-zero and limef_openmetrics_init(). */
struct limef_openmetrics {
    char *text; /**< borrowed */
    size_t n_bytes;
    size_t used;
    bool is_cut; /**< it did not fit */
    const char *family;
    enum limef_openmetrics_type type;
};

/**
 * Begins a text.
 *
 * @param text  borrowed; written to until limef_openmetrics_end().
 * Thread: any
 */
LIMEF_API void limef_openmetrics_init(struct limef_openmetrics *metrics, char *text,
                                      size_t n_bytes);

/**
 * Begins a family; each name once in a text.
 *
 * @param name  borrowed until the next family; ends in "_" and the unit if there is one, and not in
 *              "_total". [a-zA-Z_:][a-zA-Z0-9_:]*
 * @param unit  NULL: none.
 * @param help  one sentence; copied, escaped.
 * Thread: any, one at a time
 */
LIMEF_API void limef_openmetrics_family(struct limef_openmetrics *metrics, const char *name,
                                        enum limef_openmetrics_type type, const char *unit,
                                        const char *help);

/**
 * Writes a sample of the family.
 *
 * @param value  with six decimals; written the same in every locale.
 * Thread: any, one at a time
 */
LIMEF_API void limef_openmetrics_sample(struct limef_openmetrics *metrics,
                                        const struct limef_openmetrics_label *labels,
                                        unsigned n_labels, double value);

/** limef_openmetrics_sample() of a whole number, exactly. Thread: any, one at a time */
LIMEF_API void limef_openmetrics_count(struct limef_openmetrics *metrics,
                                       const struct limef_openmetrics_label *labels,
                                       unsigned n_labels, uint64_t value);

/**
 * Ends the text. It is not terminated by NUL; `used` says how long it is.
 *
 * @return 0; AVERROR(ENOSPC): it did not fit.
 * Thread: any, one at a time
 */
LIMEF_API int limef_openmetrics_end(struct limef_openmetrics *metrics);

LIMEF_END_DECLS

#endif
