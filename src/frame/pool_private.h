/* SPDX-License-Identifier: MIT */
/* What the readers of a pool's payloads tell the pool's owner. */
#ifndef LIMEF_SRC_FRAME_POOL_PRIVATE_H
#define LIMEF_SRC_FRAME_POOL_PRIVATE_H

#include <limef/frame/pool.h>

/*
 * A reader could do nothing with what a payload holds. Does nothing for payloads of no pool.
 *
 * error  a negative AVERROR code
 * Thread: any
 */
void pool_note_error(struct limef_payload *payload, int error);

/* Takes the error that was noted last of payloads which were had from the pool since
 * pool_begin_anew(); 0: none. Thread: the pool's owner */
int pool_take_error(struct limef_pool *pool);

/* From now on errors of what is out do not matter. Thread: the pool's owner */
void pool_begin_anew(struct limef_pool *pool);

#endif
