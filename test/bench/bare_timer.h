/* SPDX-License-Identifier: MIT */
/*
 * Bare threads beside what is measured, one bound to each CPU: with an audio thread's priority and
 * timer, and nothing of limef. How late they are woken is the machine's doing.
 */
#ifndef LIMEF_TEST_BENCH_BARE_TIMER_H
#define LIMEF_TEST_BENCH_BARE_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bare_timer_result {
    size_t n, n_late; /* wake-ups; by more than the period */
    int64_t p99_us, max_us;
};

/* Starts them. Returns false if that cannot be. */
bool bare_timers_start(int64_t period_us);

/* Stops them. What they are asked next is of the time until then. */
void bare_timers_stop(void);

void bare_timers_read(struct bare_timer_result *result);

/* Whether one of them was late by more than late_us at some moment between two. */
bool bare_timers_were_late(int64_t from_us, int64_t to_us, int64_t late_us);

#endif
