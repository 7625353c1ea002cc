/* SPDX-License-Identifier: MIT */
/* The planner on any graph: it refuses, or what it decides is legal and stays as it is. */
#include "support/random_plans.h"
#include "support/silence.h"

#include <limef/base/log.h>
#include <limef/thread/plan_print.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true, const char *what)
{
    if (is_true)
        return;
    fprintf(stderr, "%s\n", what);
    abort();
}

static void check(struct plans *plans, FILE *file)
{
    const char *wrong = random_plans_check(&plans->plan, &plans->problem);
    struct limef_plan again;
    int ret;

    require(!wrong, wrong);
    plans->problem.previous = &plans->plan;
    ret = plans_make_again(plans, &again);
    require(!ret && !memcmp(again.links, plans->plan.links,
                            limef_plan_bytes(again.n_filters, again.n_edges)),
            "another plan follows");
    free(again.links);
    limef_plan_print_text(&plans->plan, &plans->problem, file);
    limef_plan_print_dot(&plans->plan, &plans->problem, file);
    limef_plan_print_json(&plans->plan, &plans->problem, file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct plans plans;
    static FILE *file;
    struct random_bytes bytes = {.at = data, .n = size};

    limef_log_set_sink(log_to_nobody, NULL);
    if (!file)
        file = fopen("/dev/null", "w");
    if (size < 2 || !file)
        return 0;
    plans_init(&plans, 1);
    plans.problem.mode = data[size - 1] % 16 < 5 ? data[size - 1] % 16 : LIMEF_PLAN_AUTO;
    random_plans_fill(&plans, &bytes, data[size - 2] % 2);
    if (!plans_make(&plans))
        check(&plans, file);
    plans_clear(&plans);
    return 0;
}
