/* SPDX-License-Identifier: MIT */
/*
 * Threads for calls that may take as long as they like. They get no signals of the application.
 */
#ifndef LIMEF_SRC_BASE_DETACHED_H
#define LIMEF_SRC_BASE_DETACHED_H

#include <pthread.h>
#include <stddef.h>

/* Starts one that nobody joins. Returns 0; AVERROR(ENOMEM): there are too many; what the system
 * refused it with. Thread: any */
int detached_start(void *(*run)(void *context), void *context, size_t stack_bytes);

/* Likewise one that is joined, or detached once it is given up. */
int detachable_start(pthread_t *thread, void *(*run)(void *context), void *context,
                     size_t stack_bytes);

#endif
