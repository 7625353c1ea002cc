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

/* Binds the calling thread to the CPUs of a mask; 0 leaves it as it is. */
void affinity_apply(uint64_t cpu_mask, const char *name);

#endif
