/* SPDX-License-Identifier: MIT */
#include <limef/thread/replan.h>

#include <libavutil/error.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdlib.h>
#include <string.h>

/* Chains of a file, a decoder, a scaler and an encoder, at 25 frames a second. */
enum { MAX_CHAINS = 4, LENGTH = 4, MAX_FILTERS = MAX_CHAINS * LENGTH, MAX_EDGES = MAX_FILTERS };
enum { SOURCE, DECODE, SCALE, ENCODE };

static const double window_frames = 50;

/* A graph that is judged, and carries out what is wanted. */
struct judged {
    struct limef_plan_filter filters[MAX_FILTERS];
    struct limef_plan_edge edges[MAX_EDGES];
    struct limef_replan_seen seen[MAX_FILTERS];
    struct limef_plan_problem problem;
    struct limef_plan running;
    struct limef_replan replan;
    void *memory[2], *scratch;
    int result; /* how carrying out goes */
};

static struct judged it;

static void set_cost(uint32_t filter, double cost_us)
{
    it.filters[filter].cost_us = it.filters[filter].p95_us = cost_us;
    it.seen[filter].cpu_us = cost_us * window_frames;
}

static void set_costs(uint32_t chain, double decode_us, double scale_us, double encode_us)
{
    set_cost(chain * LENGTH + SOURCE, 10);
    set_cost(chain * LENGTH + DECODE, decode_us);
    set_cost(chain * LENGTH + SCALE, scale_us);
    set_cost(chain * LENGTH + ENCODE, encode_us);
}

static void open_judged(uint32_t n_chains)
{
    static const char *const kinds[] = {"file", "decode", "scale", "encode"};

    it.problem = (struct limef_plan_problem){
        .filters = it.filters,
        .edges = it.edges,
        .n_filters = n_chains * LENGTH,
        .n_edges = n_chains * (LENGTH - 1),
        .machine = {.n_cpus = 8, .handover_us = 16},
    };
    for (uint32_t i = 0; i < it.problem.n_filters; i++) {
        it.filters[i] = (struct limef_plan_filter){.name = kinds[i % LENGTH],
                                                   .kind = kinds[i % LENGTH],
                                                   .thread = LIMEF_PLAN_NONE,
                                                   .rate_hz = 25};
        it.filters[i].flags = i % LENGTH == SOURCE ? LIMEF_FILTER_SOURCE : 0;
        it.seen[i] = (struct limef_replan_seen){.id = 1000 + i, .n_frames = window_frames};
    }
    for (uint32_t i = 0; i < it.problem.n_edges; i++)
        it.edges[i] =
            (struct limef_plan_edge){.from = i / (LENGTH - 1) * LENGTH + i % (LENGTH - 1),
                                     .to = i / (LENGTH - 1) * LENGTH + i % (LENGTH - 1) + 1,
                                     .rate_hz = 25,
                                     .frame_bytes = LIMEF_NOT_MEASURED,
                                     .burst_frames = LIMEF_NOT_MEASURED,
                                     .jitter_us = LIMEF_NOT_MEASURED};
    it.memory[0] = malloc(limef_plan_bytes(MAX_FILTERS, MAX_EDGES));
    it.memory[1] = malloc(limef_replan_bytes(MAX_FILTERS, MAX_EDGES));
    it.scratch = malloc(limef_plan_scratch_bytes(MAX_FILTERS, MAX_EDGES));
    for (uint32_t i = 0; i < n_chains; i++)
        set_costs(i, 10000, 5000, 5000);
    limef_plan_init(&it.running, it.memory[0], it.problem.n_filters, it.problem.n_edges);
    cr_assert(zero(int, limef_plan_make(&it.running, &it.problem, it.scratch)));
    limef_replan_init(&it.replan, it.memory[1], MAX_FILTERS, MAX_EDGES);
}

static void close_judged(void)
{
    limef_replan_clear(&it.replan);
    for (int i = 0; i < 2; i++)
        free(it.memory[i]);
    free(it.scratch);
    memset(&it, 0, sizeof(it));
}

TestSuite(replan, .fini = close_judged, .timeout = 60);

static void go_over(const struct limef_plan *wanted)
{
    memcpy(it.running.links, wanted->links, wanted->n_edges * sizeof(*wanted->links));
    memcpy(it.running.island_of, wanted->island_of, wanted->n_filters * sizeof(*wanted->island_of));
    memcpy(it.running.islands, wanted->islands, wanted->n_islands * sizeof(*wanted->islands));
    memcpy(it.running.workers, wanted->workers, wanted->n_workers * sizeof(*wanted->workers));
    it.running.n_islands = wanted->n_islands;
    it.running.n_workers = wanted->n_workers;
}

static int judge(const struct limef_plan **wanted)
{
    struct limef_replan_window window = {
        .problem = &it.problem, .seen = it.seen, .running = &it.running, .window_us = 2000000};

    return limef_replan_window(&it.replan, &window, wanted);
}

/* Windows that are all alike. Returns how many times something was to be done. */
static int windows(int n)
{
    int n_asked = 0;

    for (int i = 0; i < n; i++) {
        const struct limef_plan *wanted = NULL;
        int ret = judge(&wanted);

        cr_assert(ge(int, ret, 0));
        if (!ret)
            continue;
        if (!it.result)
            go_over(wanted);
        limef_replan_done(&it.replan, it.result);
        n_asked++;
    }
    return n_asked;
}

static unsigned n_cuts(void)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < it.running.n_edges; i++)
        n += it.running.links[i].is_cut;
    return n;
}

Test(replan, each_step_of_a_cost_makes_one_change)
{
    open_judged(1);
    cr_assert(zero(int, windows(20)));
    for (int step = 0; step < 10; step++) {
        set_costs(0, 10000, 20000, 5000);
        cr_assert(eq(int, windows(20), 1), "step %d up", step);
        cr_assert(eq(uint, n_cuts(), 1));
        set_costs(0, 10000, 5000, 5000);
        cr_assert(eq(int, windows(20), 1), "step %d down", step);
        cr_assert(zero(uint, n_cuts()));
    }
    cr_assert(eq(u64, it.replan.counters.n_changes, 20));
    cr_assert(zero(u64, it.replan.counters.n_reverts));
}

Test(replan, nothing_changes_inside_the_gap)
{
    open_judged(1);
    set_costs(0, 10000, 11000, 5000); /* 0.65 of a core */
    cr_assert(zero(int, windows(50)));
    set_costs(0, 10000, 20000, 5000);
    cr_assert(eq(int, windows(20), 1));
    set_costs(0, 10000, 11000, 5000);
    cr_assert(zero(int, windows(50)));
    cr_assert(eq(uint, n_cuts(), 1));
}

Test(replan, noise_of_ten_percent_does_not_flap)
{
    unsigned seed = 1;

    open_judged(MAX_CHAINS);
    for (int i = 0; i < 1000; i++) {
        for (uint32_t chain = 0; chain < MAX_CHAINS; chain++)
            for (uint32_t filter = 0; filter < LENGTH; filter++)
                /* 0.3, 0.5, 0.7 and 0.9 of a core */
                set_cost(chain * LENGTH + filter,
                         filter ? (4000 + 2667 * chain) * (0.9 + 0.2 * rand_r(&seed) / RAND_MAX)
                                : 10);
        windows(1);
    }
    cr_assert(le(u64, it.replan.counters.n_changes, 2));
    cr_assert(zero(u64, it.replan.counters.n_reverts));
}

Test(replan, one_odd_window_changes_nothing)
{
    open_judged(1);
    for (int i = 0; i < 10; i++) {
        set_costs(0, 10000, 20000, 5000);
        cr_assert(zero(int, windows(1)));
        set_costs(0, 10000, 5000, 5000);
        cr_assert(zero(int, windows(2)));
    }
}

/* Two chains, and what is bound to a thread is in none of them. */
Test(replan, filters_of_a_chain_are_numbered_together)
{
    const uint32_t *chain_of;

    open_judged(2);
    it.filters[ENCODE].flags |= LIMEF_FILTER_THREAD_BOUND;
    cr_assert(zero(int, limef_plan_make(&it.running, &it.problem, it.scratch)));
    windows(1);
    chain_of = it.replan.chain_of;
    for (uint32_t i = 0; i < it.problem.n_filters; i++)
        for (uint32_t k = 0; k < i; k++) {
            bool is_one = i / LENGTH == k / LENGTH && i != ENCODE && k != ENCODE;

            cr_assert(eq(int, chain_of[i] == chain_of[k], is_one), "%u, %u", i, k);
        }
}

/* While anything is wanted, or on trial, who calls the judge may not call it less often. */
Test(replan, is_settled_when_two_windows_wanted_nothing)
{
    open_judged(1);
    windows(2);
    cr_assert(it.replan.is_settled);
    set_costs(0, 10000, 20000, 5000);
    windows(1);
    cr_assert(not(it.replan.is_settled));
    cr_assert(eq(int, windows(1), 1));
    for (int i = 0; i < 2; i++) { /* one is left out, one that is not worse is the trial */
        cr_assert(not(it.replan.is_settled));
        windows(1);
    }
    windows(2);
    cr_assert(it.replan.is_settled);
}

Test(replan, two_of_three_windows_are_enough)
{
    open_judged(1);
    set_costs(0, 10000, 20000, 5000);
    cr_assert(zero(int, windows(1)));
    set_costs(0, 10000, 5000, 5000);
    cr_assert(zero(int, windows(1)));
    set_costs(0, 10000, 20000, 5000);
    cr_assert(eq(int, windows(1), 1));
}

Test(replan, what_made_it_worse_is_taken_back_and_not_tried_again)
{
    open_judged(1);
    set_costs(0, 15000, 16000, 100);
    cr_assert(eq(int, windows(2), 1));
    it.seen[ENCODE].n_missed = 10;
    cr_assert(eq(int, windows(3), 1));
    cr_assert(zero(uint, n_cuts()));
    cr_assert(eq(uint, it.replan.changes[0].act, LIMEF_REPLAN_FUSE));
    cr_assert(it.replan.changes[0].is_revert);
    it.seen[ENCODE].n_missed = 0;
    cr_assert(zero(int, windows(100)));
    cr_assert(gt(u64, it.replan.counters.n_held_back, 0));

    set_costs(0, 20000, 21000, 100); /* not other enough */
    cr_assert(zero(int, windows(20)));
    set_costs(0, 26000, 27000, 100);
    cr_assert(eq(int, windows(2), 1));
    cr_assert(eq(u64, it.replan.counters.n_reverts, 1));
}

Test(replan, more_processor_time_without_fewer_misses_is_worse)
{
    open_judged(1);
    set_costs(0, 10000, 20000, 5000);
    cr_assert(eq(int, windows(2), 1));
    it.seen[SCALE].cpu_us += 5000 * window_frames;
    cr_assert(eq(int, windows(3), 1));
    cr_assert(eq(u64, it.replan.counters.n_reverts, 1));
}

Test(replan, more_processor_time_with_fewer_misses_is_better)
{
    open_judged(1);
    set_costs(0, 10000, 20000, 5000);
    it.seen[ENCODE].n_missed = 25;
    cr_assert(eq(int, windows(2), 1));
    it.seen[ENCODE].n_missed = 0;
    it.seen[SCALE].cpu_us += 5000 * window_frames;
    cr_assert(zero(int, windows(20)));
}

Test(replan, filters_that_cost_more_themselves_are_not_the_plans_fault)
{
    open_judged(1);
    set_costs(0, 10000, 20000, 5000);
    cr_assert(eq(int, windows(2), 1));
    set_costs(0, 12000, 24000, 6000);
    windows(20);
    cr_assert(zero(u64, it.replan.counters.n_reverts));
}

Test(replan, what_could_not_be_done_is_not_asked_for_again)
{
    open_judged(1);
    it.result = AVERROR(ETIMEDOUT);
    set_costs(0, 10000, 20000, 5000);
    cr_assert(eq(int, windows(100), 1));
    cr_assert(eq(u64, it.replan.counters.n_failed, 1));
    cr_assert(zero(u64, it.replan.counters.n_changes));
}

/* One of two chains that want the same at once cannot go over. */
Test(replan, what_one_chain_cannot_do_is_not_held_against_another)
{
    const struct limef_plan *wanted;

    open_judged(2);
    for (uint32_t i = 0; i < 2; i++)
        set_costs(i, 10000, 20000, 5000);
    cr_assert(zero(int, windows(1)));
    cr_assert(eq(int, judge(&wanted), 1));
    limef_replan_failed(&it.replan, SCALE, AVERROR(ETIMEDOUT));
    limef_replan_done(&it.replan, 0);
    cr_assert(eq(u64, it.replan.counters.n_failed, 1));
    cr_assert(eq(u64, it.replan.counters.n_changes, 1));
}

/* The graph was stopped before anybody tried: after the next start it is wanted as before. */
Test(replan, what_nobody_tried_is_asked_for_again)
{
    open_judged(1);
    it.result = AVERROR_EXIT;
    set_costs(0, 10000, 20000, 5000);
    cr_assert(eq(int, windows(2), 1));
    cr_assert(zero(u64, it.replan.counters.n_failed));
    it.result = 0;
    cr_assert(eq(int, windows(2), 1));
    cr_assert(eq(u64, it.replan.counters.n_changes, 1));
}

Test(replan, a_revert_that_nobody_tried_is_asked_for_again)
{
    open_judged(1);
    set_costs(0, 15000, 16000, 100);
    cr_assert(eq(int, windows(2), 1));
    it.seen[ENCODE].n_missed = 10;
    it.result = AVERROR_EXIT;
    cr_assert(eq(int, windows(3), 1));
    it.result = 0;
    cr_assert(eq(int, windows(1), 1));
    cr_assert(it.replan.changes[0].is_revert);
    cr_assert(zero(uint, n_cuts()));
    cr_assert(eq(u64, it.replan.counters.n_reverts, 1));
}

Test(replan, nothing_is_asked_before_the_last_change_is_done)
{
    const struct limef_plan *wanted;

    open_judged(1);
    set_costs(0, 10000, 20000, 5000);
    cr_assert(zero(int, judge(&wanted)));
    cr_assert(eq(int, judge(&wanted), 1));
    for (int i = 0; i < 10; i++)
        cr_assert(zero(int, judge(&wanted)));
}

Test(replan, chain_of_another_camera_does_not_notice)
{
    struct limef_plan_island before[LENGTH];

    open_judged(2);
    set_costs(1, 20000, 20000, 20000);
    windows(20);
    for (uint32_t i = 0; i < LENGTH; i++)
        before[i] = it.running.islands[it.running.island_of[LENGTH + i]];
    set_costs(0, 10000, 20000, 5000);
    cr_assert(eq(int, windows(20), 1));
    for (uint32_t i = 0; i < it.replan.n_changes; i++)
        cr_assert(lt(u32, it.replan.changes[i].filter, LENGTH));
    for (uint32_t i = 0; i < LENGTH; i++) {
        const struct limef_plan_island *now = &it.running.islands[it.running.island_of[LENGTH + i]];

        cr_assert(eq(u32, now->first, before[i].first));
        cr_assert(eq(u32, now->worker, before[i].worker));
    }
}

Test(replan, votes_follow_filters_that_get_other_places)
{
    open_judged(2);
    set_costs(1, 10000, 20000, 5000);
    cr_assert(zero(int, windows(1)));

    /* the first chain is taken out */
    for (uint32_t i = 0; i < LENGTH; i++) {
        it.filters[i] = it.filters[LENGTH + i];
        it.seen[i] = it.seen[LENGTH + i];
    }
    it.problem.n_filters -= LENGTH;
    it.problem.n_edges -= LENGTH - 1;
    limef_plan_init(&it.running, it.memory[0], it.problem.n_filters, it.problem.n_edges);
    set_costs(0, 10000, 5000, 5000);
    cr_assert(zero(int, limef_plan_make(&it.running, &it.problem, it.scratch)));
    set_costs(0, 10000, 20000, 5000);
    cr_assert(eq(int, windows(1), 1));
}

Test(replan, more_than_there_is_room_for_is_refused)
{
    const struct limef_plan *wanted;

    open_judged(1);
    it.problem.n_filters = MAX_FILTERS + 1;
    cr_assert(eq(int, judge(&wanted), AVERROR(ENOMEM)));
}

Test(replan, all_zero_is_cleared_to_all_zero)
{
    struct limef_replan replan = {0}, zero = {0};

    limef_replan_clear(&replan);
    cr_assert(zero(int, memcmp(&replan, &zero, sizeof(zero))));
}
