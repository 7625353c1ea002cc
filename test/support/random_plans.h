/* SPDX-License-Identifier: MIT */
/* Problems for the planner from any bytes, and what must be true of every plan. */
#ifndef LIMEF_TEST_SUPPORT_RANDOM_PLANS_H
#define LIMEF_TEST_SUPPORT_RANDOM_PLANS_H

#include "support/plans.h"

/* Where numbers come from: bytes, and zeros behind them. */
struct random_bytes {
    const uint8_t *at;
    size_t n;
};

/* Adds filters and connections; legal_only: without cycles and what else is refused. */
void random_plans_fill(struct plans *plans, struct random_bytes *bytes, bool legal_only);

/* NULL, or what is wrong with a plan of that problem. */
const char *random_plans_check(const struct limef_plan *plan,
                               const struct limef_plan_problem *problem);

#endif
