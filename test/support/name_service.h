/* SPDX-License-Identifier: MIT */
/*
 * The system's name service as a test wants it, for the whole program. Names that end in ".test"
 * are this machine's, at once. Those that end in ".invalid" are not answered before the test says
 * how; those that end in ".first" hang likewise each second time that they are asked for. All
 * others are the system's to answer.
 *
 * Thread: any
 */
#ifndef LIMEF_TEST_SUPPORT_NAME_SERVICE_H
#define LIMEF_TEST_SUPPORT_NAME_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

/* Answers what waits, and what comes later at once: 0, this machine's address; or one of
 * getaddrinfo()'s errors. */
void name_service_answer(int code);

/* How often names that it answers itself were asked for. */
unsigned name_service_n_asked(void);

/* How many threads wait for an answer; and how many did at most. */
unsigned name_service_n_waiting(void);
unsigned name_service_most_waiting(void);

/* Comes back when n threads or more wait for an answer; false: not before deadline_us of
 * limef_now_us(). */
bool name_service_wait(unsigned n, int64_t deadline_us);

#endif
