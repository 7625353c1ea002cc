/* SPDX-License-Identifier: MIT */
/*
 * From a priority class to what the system permits.
 */
#ifndef LIMEF_SRC_THREAD_PRIORITY_H
#define LIMEF_SRC_THREAD_PRIORITY_H

#include <limef/thread/thread.h>

/* Gives the calling thread its class, from whatever class it was given before; falls back to a nice
 * value, then to what the process's first thread has, and says so once. */
enum limef_scheduled priority_apply(enum limef_priority priority, const char *name);

/*
 * Of a calling thread with a class: has the threads of the process whose names begin so do its work
 * ahead of the ordinary ones too. Those are a library's, and whoever waits for them would else wait
 * for all that is not urgent. With the least real-time priority, so that none of a class waits for
 * them; or the caller's nice value. Returns how many it changed.
 */
unsigned priority_lend(const char *names);

/* Binds the calling thread to the CPUs of a mask; 0 leaves it as it is. */
void affinity_apply(uint64_t cpu_mask, const char *name);

#endif
