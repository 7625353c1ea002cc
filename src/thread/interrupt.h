/* SPDX-License-Identifier: MIT */
/*
 * How a blocked write learns that its limef thread is asked to stop.
 */
#ifndef LIMEF_SRC_THREAD_INTERRUPT_H
#define LIMEF_SRC_THREAD_INTERRUPT_H

#include <limef/base/api.h>

/*
 * Says that the current limef thread is about to sleep on `word` while it is 1,
 * or, with NULL, that it no longer is. To be followed by a look at
 * limef_thread_stopping(): a stop after this call sets the word to 0 and wakes it.
 */
void thread_set_sleeps_on(LIMEF_ATOMIC(uint32_t) * word);

struct limef_thread;

/*
 * Says that a thread will be asked to stop, and wakes nobody. Before the first of several threads
 * is asked: what they find closed is their own end, and they keep for their next start what must
 * not be lost. Thread: any
 */
void thread_will_stop(struct limef_thread *thread);

/* As limef_thread_stop(), and says nothing of a thread that does not come back: who calls it asks
 * again. Thread: as there */
int thread_stop_until(struct limef_thread *thread, int64_t deadline_us);

#endif
