/* SPDX-License-Identifier: MIT */
#include "base/detached.h"

#include "base/memory_private.h"

#include <errno.h>
#include <libavutil/error.h>
#include <signal.h>

static int start(pthread_t *thread, int state, void *(*run)(void *context), void *context,
                 size_t stack_bytes)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    int error;

    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, state);
    pthread_attr_setstacksize(&attributes, stack_bytes);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = memory_permits() ? pthread_create(thread, &attributes, run, context) : EAGAIN;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return AVERROR(error == EAGAIN ? ENOMEM : error); /* no thread; it is no wait */
}

int detached_start(void *(*run)(void *context), void *context, size_t stack_bytes)
{
    pthread_t thread;

    return start(&thread, PTHREAD_CREATE_DETACHED, run, context, stack_bytes);
}

int detachable_start(pthread_t *thread, void *(*run)(void *context), void *context,
                     size_t stack_bytes)
{
    return start(thread, PTHREAD_CREATE_JOINABLE, run, context, stack_bytes);
}
