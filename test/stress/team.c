/* SPDX-License-Identifier: MIT */
/*
 * Two threads share a team; the sums must be those of a loop, and each part be seen by whoever
 * comes after the run. Runs come back to back and after pauses, so that workers are met awake,
 * asleep and on their way; so does the end.
 */
#include "stress.h"
#include "thread/team_private.h"

#include <string.h>

#define N_RUNS 4000
#define N_STOPS 300
#define MAX_PARTS 64

static struct limef_team team;
static struct limef_team_worker workers[3];

/* Plain memory: ThreadSanitizer watches what the team orders. */
struct sums {
    uint64_t parts[MAX_PARTS];
    uint64_t seed;
};

static void add_up(void *context, unsigned part)
{
    struct sums *sums = context;
    uint64_t x = sums->seed + part;

    for (int i = 0; i < 200; i++)
        x = x * 6364136223846793005u + 1442695040888963407u;
    sums->parts[part] = x;
}

static void *run_many(void *argument)
{
    struct sums sums, expected;

    for (uint64_t i = 0; i < N_RUNS; i++) {
        unsigned n_parts = 2 + (unsigned)(i % (MAX_PARTS - 2));

        sums.seed = expected.seed = i * 2 + (argument != NULL);
        memset(sums.parts, 0, sizeof(sums.parts));
        memset(expected.parts, 0, sizeof(expected.parts));
        for (unsigned part = 0; part < n_parts; part++)
            add_up(&expected, part);
        limef_team_run(&team, n_parts, add_up, &sums);
        CHECK(!memcmp(&sums, &expected, sizeof(sums)));
        if (i % 64 == 0)
            sched_yield();
    }
    return NULL;
}

/* Workers that are about to sleep, or just begin, come back too. */
static void stop_often(void)
{
    struct sums sums = {.seed = 1};

    for (int i = 0; i < N_STOPS; i++) {
        CHECK(team_start(&team, workers, 3, NULL) == 0);
        team_fix_dispatch(&team, 0);
        for (int k = 0; k < i % 4; k++)
            limef_team_run(&team, MAX_PARTS, add_up, &sums);
        CHECK(limef_team_stop(&team, 10000000) == 0);
    }
}

int main(void)
{
    pthread_t threads[2];

    for (int round = 0; round < 2; round++) {
        CHECK(team_start(&team, workers, 3, NULL) == 0);
        team_fix_dispatch(&team, 0);
        for (int i = 0; i < 2; i++)
            CHECK(pthread_create(&threads[i], NULL, run_many, i ? &team : NULL) == 0);
        for (int i = 0; i < 2; i++)
            must_join(threads[i]);
        CHECK(limef_team_stop(&team, 10000000) == 0);
    }
    stop_often();
    return 0;
}
