/* SPDX-License-Identifier: MIT */
/*
 * What a thread must not do in steady state is counted, or ends the process. Under a sanitizer,
 * which has its own malloc and makes system calls of its own, it is neither. It replaces malloc():
 * a source of the program that uses it, not of a library.
 */
#ifndef LIMEF_TEST_SUPPORT_COUNTED_CALLS_H
#define LIMEF_TEST_SUPPORT_COUNTED_CALLS_H

#include <limef/base/api.h>

bool is_sanitized(void);

/* By the calling thread: memory of the C library's that was allocated or freed, and mutexes,
 * readers' and writers' locks, spin locks and semaphores that were taken, tried or waited for. */
uint64_t counted_calls(void);

/* Allocations of the C library's by all threads. */
uint64_t counted_allocations(void);

/* From now on system calls of the calling thread end the process, but for these. Returns whether
 * that is permitted here. */
bool forbid_system_calls(const int *allowed, unsigned n_allowed);

/* Calls act in a process of its own in which system calls are forbidden, but for one: -1: none.
 * Returns whether it came back; where forbidding is not permitted it says so, and the test is
 * skipped. */
bool makes_no_system_calls(void (*act)(const void *context), const void *context, int allowed);

#endif
