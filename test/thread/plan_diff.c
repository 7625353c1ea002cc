/* SPDX-License-Identifier: MIT */
#include <limef/thread/plan_diff.h>

#include "support/plans.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>
#include <string.h>

#define N_CHANGES 16

static struct plans plans;
static struct limef_plan after;
static struct limef_plan_change changes[N_CHANGES];

static void begin(void)
{
    uint32_t source, decode;

    plans_init(&plans, 4);
    source = plans_put(&plans, LIMEF_PLAN_NONE, "source", 0.3, 25);
    decode = plans_put(&plans, source, "decode", 2000, 25);
    plans_put(&plans, decode, "scale", 17000, 25);
    cr_assert(zero(int, plans_make(&plans)));
    plans.problem.previous = &plans.plan;
}

static void end(void)
{
    plans_clear(&plans);
    free(after.links);
    after.links = NULL;
}

TestSuite(plan_diff, .init = begin, .fini = end, .timeout = 60);

static uint32_t diff(void)
{
    free(after.links);
    cr_assert(zero(int, plans_make_again(&plans, &after)));
    return limef_plan_diff(&after, &plans.problem, changes, N_CHANGES);
}

static void set_cost(double cost_us)
{
    plans.filters[1].cost_us = plans.filters[1].p95_us = cost_us;
}

Test(plan_diff, of_the_same_is_empty)
{
    cr_assert(zero(u32, diff()));
    plans.problem.previous = NULL;
    cr_assert(zero(u32, diff()));
}

Test(plan_diff, one_step_of_cost_is_one_cut_and_back_is_one_fusion)
{
    struct limef_plan first;

    set_cost(24100);
    cr_assert(eq(u32, diff(), 1 + 1)); /* what is cut off gets a worker */
    cr_assert(eq(int, changes[0].kind, LIMEF_PLAN_CHANGE_CUT));
    cr_assert(eq(u32, changes[0].number, 1));
    cr_assert(eq(u32, changes[0].after, 4));
    cr_assert(eq(int, changes[1].kind, LIMEF_PLAN_CHANGE_MOVED));

    first = after;
    after.links = NULL;
    plans.problem.previous = &first;
    set_cost(2000);
    cr_assert(eq(u32, diff(), 1));
    cr_assert(eq(int, changes[0].kind, LIMEF_PLAN_CHANGE_FUSED));
    free(first.links);
}

Test(plan_diff, depth_overflow_and_priority_are_told)
{
    plans.filters[2].flags = LIMEF_FILTER_THREAD_BOUND;
    cr_assert(zero(int, plans_make(&plans)));
    plans.filters[0].is_live = true;
    plans.edges[1].burst_frames = 20;
    plans.edges[1].is_encoded = true;
    plans.filters[2].flags |= LIMEF_FILTER_DISPLAY;
    plans.problem.machine.budget_us = 2000000;
    cr_assert(eq(u32, diff(), 3));
    cr_assert(eq(int, changes[0].kind, LIMEF_PLAN_CHANGE_DEPTH));
    cr_assert(eq(u32, changes[0].after, 24));
    cr_assert(eq(int, changes[1].kind, LIMEF_PLAN_CHANGE_OVERFLOW));
    cr_assert(eq(int, changes[2].kind, LIMEF_PLAN_CHANGE_PRIORITY));
    cr_assert(eq(u32, changes[2].after, LIMEF_PRIORITY_DISPLAY));
}

Test(plan_diff, more_changes_than_room_are_counted)
{
    set_cost(24100);
    cr_assert(eq(u32, diff(), 2));
    memset(changes, 0xff, sizeof(changes));
    cr_assert(eq(u32, limef_plan_diff(&after, &plans.problem, changes, 1), 2));
    cr_assert(eq(u32, changes[1].number, UINT32_MAX));
}

Test(plan_diff, a_change_is_printed_as_a_line)
{
    char *text = NULL;
    size_t n_bytes;
    FILE *file;

    set_cost(24100);
    diff();
    file = open_memstream(&text, &n_bytes);
    for (int i = 0; i < 2; i++)
        cr_assert(zero(int, limef_plan_print_change(&changes[i], &after, &plans.problem, file)));
    fclose(file);
    cr_assert(ne(ptr, strstr(text, "decode 1 -> scale 2: now cut: "), NULL), "%s", text);
    cr_assert(ne(ptr, strstr(text, "\nscale 2: thread 0 to 1\n"), NULL), "%s", text);
    free(text);
}
