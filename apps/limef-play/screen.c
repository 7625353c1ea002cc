/* SPDX-License-Identifier: MIT */
#include "screen.h"

#define OPEN_TIMEOUT_US 1000000

static int open_now(void *context)
{
    limef_presenter_tick(context, limef_now_us());
    return 0;
}

/* A lone stream's screen opens itself when it knows how large the first picture is. A grid's is
 * open before anything comes: first pictures that wait for it are late, and so are those behind
 * them. */
int screen_start(struct player *player)
{
    struct limef_thread *screen = &player->screen.thread;
    int ret = limef_thread_start(screen);

    if (ret >= 0 && player->n_streams > 1)
        limef_thread_call(screen, open_now, &player->presenter, OPEN_TIMEOUT_US);
    return ret;
}
