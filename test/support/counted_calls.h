/* SPDX-License-Identifier: MIT */
/*
 * What an audio thread must not do is counted, or ends the process. Under a sanitizer, which has
 * its own malloc and makes system calls of its own, it is neither.
 */
#ifndef LIMEF_TEST_AUDIO_COUNTED_CALLS_H
#define LIMEF_TEST_AUDIO_COUNTED_CALLS_H

#include <limef/base/api.h>

bool is_sanitized(void);

/* Allocations of the C library's, and mutexes locked, by the calling thread. */
uint64_t counted_calls(void);

/* From now on system calls of the calling thread end the process, but for these. Returns whether
 * that is permitted here. */
bool forbid_system_calls(const int *allowed, unsigned n_allowed);

#endif
