/* SPDX-License-Identifier: MIT */
/*
 * Leading pictures: they come behind a key, are shown before it, and may refer to what was before
 * it. Where that was cut out, nothing true comes of them.
 */
#ifndef LIMEF_SRC_FRAME_LEADING_H
#define LIMEF_SRC_FRAME_LEADING_H

#include <limef/base/clock.h>

/* What is earlier by more is no leading picture: times jumped. */
#define LEADING_MAX_US 5000000

/*
 * Whether a picture is one, by its time.
 *
 * may_come  whether pictures behind the key refer past it; the first that is shown behind the key
 *           ends those that are shown before it.
 * key_us    when the key is shown; not LIMEF_NO_TIME.
 */
static inline bool leading_is(bool *may_come, int64_t key_us, int64_t pts_us)
{
    if (!*may_come || pts_us == LIMEF_NO_TIME || pts_us == key_us)
        return false;
    *may_come = pts_us < key_us && (uint64_t)key_us - (uint64_t)pts_us <= LEADING_MAX_US;
    return *may_come;
}

#endif
