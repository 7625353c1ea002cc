/* SPDX-License-Identifier: MIT */
/*
 * Threads for calls that may take as long as they like: nobody joins them.
 */
#ifndef LIMEF_SRC_BASE_DETACHED_H
#define LIMEF_SRC_BASE_DETACHED_H

#include <stddef.h>

/* Starts one, which gets no signals of the application. Returns 0; AVERROR(ENOMEM): there are too
 * many; what the system refused it with. Thread: any */
int detached_start(void *(*run)(void *context), void *context, size_t stack_bytes);

#endif
