/* SPDX-License-Identifier: MIT */
/*
 * Has libshout begin to connect on a thread of its own: by TLS it needs the name of the server, and
 * asks the system for its address, which may take as long as it likes.
 */
#ifndef LIMEF_SRC_FILTER_SHOUT_OPENING_H
#define LIMEF_SRC_FILTER_SHOUT_OPENING_H

#include "filter/shout_client.h"

#include <shout/shout.h>

struct shout_opening;

/* Of a handle, for all its connections. Returns NULL: there is no memory. */
struct shout_opening *shout_opening_make(shout_t *shout, shout_start_thread_fn *start_thread);
void shout_opening_release(struct shout_opening *opening);

/* From here on the handle is the thread's until there is an answer. Returns 0, or a negative code.
 */
int shout_opening_start(struct shout_opening *opening);

/* Returns whether there is an answer, libshout's. */
bool shout_opening_take(struct shout_opening *opening, int *answer);

/* Gives up what was started. Returns whether handle and opening are over as well: the thread still
 * hangs in it, and frees both some day. */
bool shout_opening_leave(struct shout_opening *opening);

#endif
