/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What a plan decided, for people and for programs: text with the reason and the
 * figures of each decision, a picture for Graphviz, JSON.
 */
#ifndef LIMEF_THREAD_PLAN_PRINT_H
#define LIMEF_THREAD_PLAN_PRINT_H

#include <limef/thread/plan.h>

#include <stdio.h>

LIMEF_BEGIN_DECLS

/**
 * Writes a plan as text: threads with what they run, then every connection with its reason.
 *
 * @param plan     borrowed.
 * @param problem  what the plan was made for; borrowed.
 * @param file     borrowed.
 * @return 0, or AVERROR(EIO): the file does not take it.
 * Thread: any
 */
LIMEF_API int limef_plan_print_text(const struct limef_plan *plan,
                                    const struct limef_plan_problem *problem, FILE *file);

/**
 * The same as a graph in Graphviz's language DOT, a box for each thread.
 *
 * @return as limef_plan_print_text().
 * Thread: any
 */
LIMEF_API int limef_plan_print_dot(const struct limef_plan *plan,
                                   const struct limef_plan_problem *problem, FILE *file);

/**
 * The same as one JSON object (RFC 8259); what is not measured is null.
 *
 * @return as limef_plan_print_text().
 * Thread: any
 */
LIMEF_API int limef_plan_print_json(const struct limef_plan *plan,
                                    const struct limef_plan_problem *problem, FILE *file);

/**
 * Says in one line why a connection was cut or not, and why its fifo is as deep as it is.
 *
 * @param text     written, ended with NUL; cut off if it is too long.
 * @param n_bytes  of text; 256 are enough unless names are long.
 * @param edge     number of the connection.
 * Thread: any
 */
LIMEF_API void limef_plan_explain(const struct limef_plan *plan,
                                  const struct limef_plan_problem *problem, uint32_t edge,
                                  char *text, size_t n_bytes);

/** A word for a reason: "cut_load", ... Static. Thread: any */
LIMEF_API const char *limef_plan_reason_name(enum limef_plan_reason reason);

/** A word for a mode: "auto", ... Static. Thread: any */
LIMEF_API const char *limef_plan_mode_name(enum limef_plan_mode mode);

/** A word for a priority: "ingest", ... Static. Thread: any */
LIMEF_API const char *limef_priority_name(enum limef_priority priority);

/** A word for what a full fifo does: "drop to key", ... Static. Thread: any */
LIMEF_API const char *limef_overflow_name(enum limef_overflow overflow);

LIMEF_END_DECLS

#endif
