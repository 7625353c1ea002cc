/* SPDX-License-Identifier: MIT */
#include "fifo/futex.h"

#include "base/hot.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

HOT void futex_wait(LIMEF_ATOMIC(uint32_t) * word, uint32_t expected, int64_t deadline_us)
{
    struct timespec deadline = {deadline_us / 1000000, deadline_us % 1000000 * 1000};

    /* the bitset form takes an absolute time of CLOCK_MONOTONIC */
    syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected,
            deadline_us == LIMEF_FOREVER ? NULL : &deadline, NULL, FUTEX_BITSET_MATCH_ANY);
}

HOT void futex_wake(LIMEF_ATOMIC(uint32_t) * word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
