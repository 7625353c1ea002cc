/* SPDX-License-Identifier: MIT */
/*
 * Counts what a program asks of its C library: memory, and system calls made
 * through syscall(), which is how futexes are reached (libpthread's own are
 * not seen). calls.c replaces the functions; link it into the program.
 */
#ifndef LIMEF_TEST_BENCH_CALLS_H
#define LIMEF_TEST_BENCH_CALLS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bench_calls {
    uint64_t n_allocations;
    uint64_t n_syscalls;
};

/* How many there were since the program began. Any thread. */
struct bench_calls bench_count_calls(void);

#ifdef __cplusplus
}
#endif

#endif
