/* SPDX-License-Identifier: MIT */
/*
 * The command lane of a thread: signals and calls that do not queue behind media.
 */
#ifndef LIMEF_SRC_THREAD_COMMAND_H
#define LIMEF_SRC_THREAD_COMMAND_H

#include <limef/thread/thread.h>

/* Runs what waits. Returns whether there was anything. Thread: the thread itself */
bool commands_run(struct limef_thread *thread);

/* Sends the callers of calls that wait away. The thread's lock is held. */
void commands_refuse(struct limef_thread *thread);

#endif
