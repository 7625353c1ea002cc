/* SPDX-License-Identifier: MIT */
/*
 * When the machine itself stood still: a thread on each processor, of a priority that nothing else
 * has, wakes twice a millisecond and does nothing. What keeps it from that no thread can help, a
 * host that gives the processor to others, say.
 */
#ifndef LIMEF_TEST_BENCH_STALLS_H
#define LIMEF_TEST_BENCH_STALLS_H

#include <stdint.h>

/** What was seen since stalls_start(). */
struct stalls {
    long n;             /**< times that a processor stood still for more than a millisecond */
    int64_t worst_ns;   /**< the longest */
    long n_troubles;    /**< times that the count of troubles was found higher than before */
    long n_unexplained; /**< those with no stall of any processor in the 20 ms before */
};

/**
 * @param count  says how much trouble there was so far; is called often, by a real-time thread.
 */
void stalls_start(uint64_t (*count)(void));

void stalls_stop(struct stalls *stalls);

#endif
