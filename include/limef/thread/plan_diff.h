/* SPDX-License-Identifier: MIT */
/**
 * @file
 * What differs between two plans: what a graph must do while it runs to come from one to
 * the other.
 */
#ifndef LIMEF_THREAD_PLAN_DIFF_H
#define LIMEF_THREAD_PLAN_DIFF_H

#include <limef/thread/plan.h>

#include <stdio.h>

LIMEF_BEGIN_DECLS

/** What changed. */
enum limef_plan_change_kind {
    LIMEF_PLAN_CHANGE_CUT,      /**< a boundary is inserted; after: its depth */
    LIMEF_PLAN_CHANGE_FUSED,    /**< a boundary is removed; before: its depth */
    LIMEF_PLAN_CHANGE_MOVED,    /**< an island goes to another worker; before, after: the workers */
    LIMEF_PLAN_CHANGE_PRIORITY, /**< of an island; before, after: enum limef_priority */
    LIMEF_PLAN_CHANGE_DEPTH,    /**< of a fifo; before, after: frames */
    LIMEF_PLAN_CHANGE_OVERFLOW, /**< of a fifo; before, after: enum limef_overflow */
};

/** One change. */
struct limef_plan_change {
    enum limef_plan_change_kind kind;
    uint32_t
        number; /**< of the new plan: the edge; MOVED and PRIORITY: the island's first filter */
    uint32_t before, after;
};

/**
 * Compares the plan of a problem with the one before it, problem->previous. What is in one of the
 * two only, a new filter or connection, is no change.
 *
 * @param plan       the new one; borrowed.
 * @param problem    what it was made for; without a previous plan there are no changes. Borrowed.
 * @param changes    written; borrowed.
 * @param n_changes  room in changes; one for each edge and filter, twice, is always enough.
 * @return how many changes there are; those beyond n_changes are not written.
 * Thread: any
 */
LIMEF_API uint32_t limef_plan_diff(const struct limef_plan *plan,
                                   const struct limef_plan_problem *problem,
                                   struct limef_plan_change *changes, uint32_t n_changes);

/**
 * Writes a change as one line.
 *
 * @param plan     the new one; borrowed.
 * @param problem  what it was made for; borrowed.
 * @return 0, or AVERROR(EIO): the file does not take it.
 * Thread: any
 */
LIMEF_API int limef_plan_print_change(const struct limef_plan_change *change,
                                      const struct limef_plan *plan,
                                      const struct limef_plan_problem *problem, FILE *file);

LIMEF_END_DECLS

#endif
