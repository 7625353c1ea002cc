/* SPDX-License-Identifier: MIT */
/*
 * What the stress programs share: they check, print one line, and are bounded
 * by a number of frames; ctest's timeout is the deadline.
 */
#ifndef LIMEF_TEST_STRESS_H
#define LIMEF_TEST_STRESS_H

#include "support/chain.h"
#include "support/check.h"

#include <pthread.h>
#include <stdlib.h>

/* xorshift: the same numbers every time, for each seed. */
static inline uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static inline void *must_join(pthread_t thread)
{
    void *ret;

    CHECK(pthread_join(thread, &ret) == 0);
    return ret;
}

#endif
