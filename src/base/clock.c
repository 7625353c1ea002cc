/* SPDX-License-Identifier: MIT */
#include <limef/base/clock.h>

#include "base/hot.h"

#include <time.h>

static int64_t read_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

HOT int64_t limef_now_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t limef_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

HOT int64_t limef_deadline_us(int64_t timeout_us)
{
    int64_t now_us;

    if (timeout_us == LIMEF_FOREVER)
        return LIMEF_FOREVER;
    now_us = limef_now_us();
    return timeout_us > LIMEF_FOREVER - now_us ? LIMEF_FOREVER : now_us + timeout_us;
}
