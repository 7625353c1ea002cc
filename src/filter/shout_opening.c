/* SPDX-License-Identifier: MIT */
#include "filter/shout_opening.h"

#include <stdatomic.h>
#include <stdlib.h>

#define STACK_BYTES (256 << 10)

enum { IDLE, RUNNING, DONE, LEFT };

struct shout_opening {
    shout_t *shout;
    shout_start_thread_fn *start_thread;
    int answer;       /* before DONE */
    atomic_int state; /* acq_rel: the handle and the answer change hands with it */
};

struct shout_opening *shout_opening_make(shout_t *shout, shout_start_thread_fn *start_thread)
{
    struct shout_opening *opening = calloc(1, sizeof(*opening));

    if (opening) {
        opening->shout = shout;
        opening->start_thread = start_thread;
    }
    return opening;
}

void shout_opening_release(struct shout_opening *opening)
{
    free(opening);
}

static void *open_it(void *context)
{
    struct shout_opening *opening = context;

    opening->answer = shout_open(opening->shout);
    if (atomic_exchange_explicit(&opening->state, DONE, memory_order_acq_rel) == LEFT) {
        shout_close(opening->shout);
        shout_free(opening->shout);
        free(opening);
    }
    return NULL;
}

int shout_opening_start(struct shout_opening *opening)
{
    int ret;

    atomic_store_explicit(&opening->state, RUNNING, memory_order_release);
    ret = opening->start_thread(open_it, opening, STACK_BYTES);
    if (ret < 0)
        atomic_store_explicit(&opening->state, IDLE, memory_order_relaxed);
    return ret;
}

bool shout_opening_take(struct shout_opening *opening, int *answer)
{
    if (atomic_load_explicit(&opening->state, memory_order_acquire) != DONE)
        return false;
    *answer = opening->answer;
    return true;
}

bool shout_opening_leave(struct shout_opening *opening)
{
    return atomic_exchange_explicit(&opening->state, LEFT, memory_order_acq_rel) == RUNNING;
}
