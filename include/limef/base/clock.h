/* SPDX-License-Identifier: MIT */
/**
 * @file
 * Time in microseconds: the one unit of every `_us` in this library.
 */
#ifndef LIMEF_BASE_CLOCK_H
#define LIMEF_BASE_CLOCK_H

#include <limef/base/api.h>

LIMEF_BEGIN_DECLS

/** A timestamp that is not known. Zero is a valid presentation time. */
#define LIMEF_NO_TIME INT64_MIN

/** A timeout without an end. */
#define LIMEF_FOREVER INT64_MAX

/**
 * The monotonic clock (CLOCK_MONOTONIC).
 *
 * @return microseconds since an arbitrary start; never steps back.
 * Thread: any
 */
LIMEF_API int64_t limef_now_us(void);

/**
 * The wall clock (CLOCK_REALTIME).
 *
 * @return microseconds since 1970-01-01 00:00 UTC.
 * Thread: any
 */
LIMEF_API int64_t limef_wall_us(void);

/**
 * When a timeout that starts now ends.
 *
 * @param timeout_us  0 or more; LIMEF_FOREVER for no end.
 * @return the deadline on limef_now_us()'s clock; LIMEF_FOREVER stays LIMEF_FOREVER.
 * Thread: any
 */
LIMEF_API int64_t limef_deadline_us(int64_t timeout_us);

LIMEF_END_DECLS

#endif
