/* SPDX-License-Identifier: MIT */
/*
 * Times that files and streams claim.
 */
#ifndef LIMEF_SRC_FRAME_SANE_TIME_H
#define LIMEF_SRC_FRAME_SANE_TIME_H

#include <limef/base/clock.h>

/* 1100 years: beyond is garbage, and below it no sum of times overflows. */
#define SANE_TIME_MAX_US ((int64_t)1 << 55)

/* A year: nothing is shown for longer, and thousandths of it fit as well. */
#define SANE_DURATION_MAX_US INT64_C(31536000000000)

/* The time, or LIMEF_NO_TIME if no clock can mean it. */
static inline int64_t sane_time(int64_t time_us)
{
    return time_us > -SANE_TIME_MAX_US && time_us < SANE_TIME_MAX_US ? time_us : LIMEF_NO_TIME;
}

/* The duration, or 0, not known. */
static inline int64_t sane_duration(int64_t duration_us)
{
    return duration_us > 0 && duration_us < SANE_DURATION_MAX_US ? duration_us : 0;
}

#endif
