/* SPDX-License-Identifier: MIT */
#include "base/detached.h"

#include "base/memory_private.h"

#include <errno.h>
#include <libavutil/error.h>
#include <pthread.h>
#include <signal.h>

int detached_start(void *(*run)(void *context), void *context, size_t stack_bytes)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_t thread;
    int error;

    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, stack_bytes);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = memory_permits() ? pthread_create(&thread, &attributes, run, context) : EAGAIN;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return AVERROR(error == EAGAIN ? ENOMEM : error); /* no thread; it is no wait */
}
