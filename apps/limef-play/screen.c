/* SPDX-License-Identifier: MIT */
#include "screen.h"

#define OPEN_TIMEOUT_US 1000000

static int open_now(void *context)
{
    limef_presenter_tick(context, limef_now_us());
    return 0;
}

/* A lone stream's window opens itself when it knows how large the first picture is. Others are open
 * before anything comes: of a grid, first pictures that wait for it are late, and so are those
 * behind them; and what is decoded before there is memory that the GPU reads would have to be
 * uploaded. */
int screen_start(struct player *player)
{
    struct limef_thread *screen = &player->screen.thread;
    enum limef_presenter_output output = player->presenter.settings.output;
    int ret = limef_thread_start(screen);

    if (ret >= 0 &&
        (player->n_streams > 1 || output == LIMEF_OUTPUT_OFFSCREEN || output == LIMEF_OUTPUT_KMS))
        limef_thread_call(screen, open_now, &player->presenter, OPEN_TIMEOUT_US);
    return ret;
}
