/* SPDX-License-Identifier: MIT */
/*
 * Threads of the library that a program does not know of.
 */
#ifndef LIMEF_SRC_THREAD_UNSIGNALLED_H
#define LIMEF_SRC_THREAD_UNSIGNALLED_H

#include <limef/thread/thread.h>

#include <signal.h>

/* As limef_thread_start(). A program may mean to take its signals on a thread of its own, and say
 * so later: none comes to this one. */
static inline int thread_start_unsignalled(struct limef_thread *thread)
{
    sigset_t all, before;
    int ret;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    ret = limef_thread_start(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ret;
}

#endif
