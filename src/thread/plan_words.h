/* SPDX-License-Identifier: MIT */
/* What the plan's printers share: names and figures, the same in every locale. */
#ifndef LIMEF_SRC_THREAD_PLAN_WORDS_H
#define LIMEF_SRC_THREAD_PLAN_WORDS_H

#include <limef/thread/plan.h>

/* A number as text. */
struct plan_figure {
    char text[32];
};

/* With so many decimals, 0..3; what is not measured is `unknown`. Returns the text. */
const char *plan_figure(struct plan_figure *figure, double value, int decimals,
                        const char *unknown);

/* The filter's name, or its kind, or "?". */
const char *plan_name(const struct limef_plan_problem *problem, uint32_t filter);

#endif
