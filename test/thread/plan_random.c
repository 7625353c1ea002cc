/* SPDX-License-Identifier: MIT */
/* What must be true of every plan, on random graphs. */
#include "support/random_plans.h"
#include "support/silence.h"

#include <limef/base/log.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>
#include <string.h>

#define N_SEEDS 2000

static struct plans plans;

static void end(void)
{
    plans_clear(&plans);
}

TestSuite(plan_random, .fini = end, .timeout = 120);

/* xorshift64 (Marsaglia 2003) */
static void fill(uint32_t seed, bool legal_only)
{
    static uint8_t memory[2048];
    struct random_bytes bytes = {.at = memory, .n = sizeof(memory)};
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;

    for (size_t i = 0; i < sizeof(memory); i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        memory[i] = (uint8_t)(state >> 32);
    }
    plans_clear(&plans);
    plans_init(&plans, 1);
    random_plans_fill(&plans, &bytes, legal_only);
}

static bool is_same(const struct limef_plan *a, const struct limef_plan *b)
{
    return a->n_islands == b->n_islands && a->n_workers == b->n_workers &&
           !memcmp(a->links, b->links, limef_plan_bytes(a->n_filters, a->n_edges));
}

Test(plan_random, every_plan_is_legal)
{
    static const enum limef_plan_mode modes[] = {LIMEF_PLAN_AUTO, LIMEF_PLAN_FUSED,
                                                 LIMEF_PLAN_PER_FILTER, LIMEF_PLAN_PER_STREAM,
                                                 LIMEF_PLAN_WHITELIST};

    for (uint32_t seed = 1; seed <= N_SEEDS; seed++) {
        const char *wrong;

        fill(seed, true);
        plans.problem.mode = modes[seed % 5];
        cr_assert(zero(int, plans_make(&plans)), "seed %u", seed);
        wrong = random_plans_check(&plans.plan, &plans.problem);
        cr_assert(wrong == NULL, "seed %u: %s", seed, wrong);
    }
}

Test(plan_random, the_same_problem_gives_the_same_plan)
{
    for (uint32_t seed = 1; seed <= N_SEEDS; seed++) {
        struct limef_plan again;
        bool same;

        fill(seed, true);
        plans_make(&plans);
        cr_assert(zero(int, plans_make_again(&plans, &again)));
        same = is_same(&plans.plan, &again);
        free(again.links);
        cr_assert(same, "seed %u", seed);
    }
}

Test(plan_random, a_plan_is_what_follows_it)
{
    for (uint32_t seed = 1; seed <= N_SEEDS; seed++) {
        struct limef_plan again;
        bool same;

        fill(seed, true);
        plans.problem.mode = seed % 10 ? LIMEF_PLAN_AUTO : (enum limef_plan_mode)(seed / 10 % 5);
        plans_make(&plans);
        plans.problem.previous = &plans.plan;
        cr_assert(zero(int, plans_make_again(&plans, &again)));
        same = is_same(&plans.plan, &again);
        free(again.links);
        cr_assert(same, "seed %u", seed);
    }
}

/* Costs wander; after each step the plan settles at once, and stays legal. */
Test(plan_random, plans_settle_at_once_when_costs_change)
{
    for (uint32_t seed = 1; seed <= N_SEEDS / 4; seed++) {
        struct limef_plan a, b;
        const char *wrong;
        bool same;

        fill(seed, true);
        plans_make(&plans);
        for (uint32_t i = 0; i < plans.problem.n_filters; i++)
            plans.filters[i].cost_us *= (seed + i) % 3 == 0 ? 4 : (seed + i) % 3 == 1 ? 0.3 : 1;
        plans.problem.previous = &plans.plan;
        cr_assert(zero(int, plans_make_again(&plans, &a)));
        wrong = random_plans_check(&a, &plans.problem);
        cr_assert(wrong == NULL, "seed %u: %s", seed, wrong);
        plans.problem.previous = &a;
        cr_assert(zero(int, plans_make_again(&plans, &b)));
        same = is_same(&a, &b);
        free(a.links);
        free(b.links);
        cr_assert(same, "seed %u", seed);
    }
}

Test(plan_random, what_is_illegal_is_refused_and_the_rest_is_legal)
{
    unsigned n_refused = 0;

    limef_log_set_sink(log_to_nobody, NULL);
    for (uint32_t seed = 1; seed <= N_SEEDS; seed++) {
        const char *wrong = NULL;

        fill(seed, false);
        if (plans_make(&plans) < 0)
            n_refused++;
        else
            wrong = random_plans_check(&plans.plan, &plans.problem);
        cr_assert(wrong == NULL, "seed %u: %s", seed, wrong);
    }
    cr_assert(gt(uint, n_refused, 100));
    cr_assert(lt(uint, n_refused, N_SEEDS));
}
