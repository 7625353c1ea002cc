/* SPDX-License-Identifier: MIT */
/* A monotonic clock that a test sets: sim_us, 0: the system's. For one file of a program, of which
 * the whole, the library with it, has that clock. */
#ifndef LIMEF_TEST_SUPPORT_SIMULATED_CLOCK_H
#define LIMEF_TEST_SUPPORT_SIMULATED_CLOCK_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t sim_us;

__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *time)
{
    if (clock != CLOCK_MONOTONIC || !sim_us)
        return (int)syscall(SYS_clock_gettime, clock, time);
    time->tv_sec = sim_us / 1000000;
    time->tv_nsec = sim_us % 1000000 * 1000;
    return 0;
}

#endif
