/* SPDX-License-Identifier: MIT */
/*
 * When the machine itself stood still: a thread on each processor, of a priority that nothing else
 * has, wakes twice a millisecond and does nothing. What keeps it from that no thread can help, a
 * host that gives the processor to others, say. Where no such priority is permitted it sees as
 * well what else runs there.
 */
#ifndef LIMEF_TEST_BENCH_STALLS_H
#define LIMEF_TEST_BENCH_STALLS_H

#include <stdbool.h>
#include <stdint.h>

/** What was seen since stalls_start(). */
struct stalls {
    long n;                /**< times that a processor stood still for more than a millisecond */
    int64_t worst_ns;      /**< the longest */
    long n_troubles;       /**< times that the count of troubles was found higher than before */
    long n_unexplained;    /**< those before which no processor stood still for long enough */
    int64_t looked_ns;     /**< for how long somebody looked for troubles */
    int64_t explaining_ns; /**< and for how much of that one would have been explained: where that
                              is much, chance explains as much */
    bool real_time;        /**< the threads have their priority */
};

/**
 * @param count      says how much trouble there was so far; is called often, by a real-time
 *                   thread. NULL: nobody does.
 * @param enough_ns  a processor that stood still for so long, a millisecond at least, within 20 ms
 *                   more, explains trouble.
 */
void stalls_start(uint64_t (*count)(void), int64_t enough_ns);

/** How long the processor that stood still longest did so between two times of bench_now_ns(); all
 * that lasted less than a millisecond is left out. Thread: any. */
int64_t stalls_between_ns(int64_t from_ns, int64_t to_ns);

void stalls_stop(struct stalls *stalls);

#endif
