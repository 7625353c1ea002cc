/* SPDX-License-Identifier: MIT */
/* Numbers for settings, for limef_filter_ops.fingerprint: FNV-1a (Fowler, Noll, Vo;
 * draft-eastlake-fnv). */
#ifndef LIMEF_SRC_FILTER_FINGERPRINT_H
#define LIMEF_SRC_FILTER_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

#define FINGERPRINT_START 0xcbf29ce484222325u

static inline uint64_t fingerprint_mix(uint64_t hash, int64_t number)
{
    for (int i = 0; i < 8; i++)
        hash = (hash ^ ((uint64_t)number >> 8 * i & 0xff)) * 0x100000001b3u;
    return hash;
}

/* NULL differs from an empty one. */
static inline uint64_t fingerprint_mix_text(uint64_t hash, const char *text)
{
    hash = fingerprint_mix(hash, text != NULL);
    for (; text && *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

#endif
