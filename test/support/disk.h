/* SPDX-License-Identifier: MIT */
/*
 * A disk as a test wants it, for the whole program: files whose name ends in ".slow" are read as
 * long as it lets them, and then nobody comes back from read() before it goes on. All others are
 * read as ever.
 *
 * Thread: any
 */
#ifndef LIMEF_TEST_SUPPORT_DISK_H
#define LIMEF_TEST_SUPPORT_DISK_H

#include <stdbool.h>
#include <stdint.h>

/* Stops once that many bytes were read. Goes on if it does not stop before. */
void disk_stop_after(uint64_t n_bytes);

/* Goes on: who waits comes back. */
void disk_go_on(void);

/* How many threads wait for it. */
unsigned disk_n_waiting(void);

/* Comes back when it has stopped and one waits; false: none does before deadline_us of
 * limef_now_us(). */
bool disk_wait(int64_t deadline_us);

/* How often read() was called for its files. */
unsigned disk_n_reads(void);

#endif
