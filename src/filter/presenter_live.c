/* SPDX-License-Identifier: MIT */
/*
 * When the pictures of a live source are shown: as soon as they are there, and no later than their
 * unsteady way makes necessary. A picture that comes late moves the clock, so that those behind it
 * keep their distance; what all of several pictures waited for nothing is taken back.
 */
#include "filter/presenter_private.h"

#include <libavutil/common.h>

/* A picture may wait this long for its time: those of a steady source then come in time. */
#define LIVE_SPARE_US 8000
/* It takes so many pictures that waited longer, one after the other, until all wait less. */
#define LIVE_LOOKS 3
/* Of the first ones each is enough: the clock was set by one that came late, behind the opening of
 * its decoder. */
#define LIVE_FIRST 8
/* A picture that would wait longer than this is shown sooner: what a server sends in advance, or a
 * stall let pile up, must not become a delay for good. */
#define LIVE_AHEAD_US 200000
/* While more waits than the one picture that a slot holds, each lasts this part less: what a stall
 * let pile up is behind soon. There is always more where a server sends seconds at a time. */
#define LIVE_HASTE 2
#define LIVE_MOST_HASTY 8
#define LIVE_LONG_HASTE 10

static void begin_looking(struct limef_tile *tile)
{
    tile->n_looks = 0;
    tile->least_wait_us = INT64_MAX;
}

int64_t presenter_live_begin_us(struct limef_tile *tile, int64_t now_us)
{
    begin_looking(tile);
    tile->hurried = false;
    tile->n_hurried = tile->n_begun = 0;
    return now_us;
}

int64_t presenter_live_due_us(struct limef_tile *tile, int64_t due_us, int64_t now_us)
{
    int64_t wait_us = due_us - now_us, less_us = 0;
    bool was_pressed = tile->hurried; /* for the sake of this picture */

    tile->hurried = false;
    tile->n_begun += tile->n_begun < LIVE_FIRST;
    if (due_us == LIMEF_FOREVER)
        return due_us;
    if (wait_us > LIVE_AHEAD_US) {
        presenter_set_anchor(tile, tile->next.frame.pts_us, now_us + LIVE_SPARE_US);
        begin_looking(tile);
        return now_us + LIVE_SPARE_US;
    }
    if (wait_us < 0) {
        presenter_clock_shift(&tile->clock, -wait_us);
        begin_looking(tile);
        return now_us;
    }
    if (!was_pressed) {
        tile->n_hurried = 0;
    } else if (tile->n_hurried > LIVE_MOST_HASTY) {
        begin_looking(tile);
        return due_us;
    }
    tile->least_wait_us = tile->n_looks ? FFMIN(tile->least_wait_us, wait_us) : wait_us;
    if (++tile->n_looks >= (tile->n_begun < LIVE_FIRST ? 1 : LIVE_LOOKS)) {
        less_us = FFMAX(tile->least_wait_us - LIVE_SPARE_US, 0);
        presenter_clock_shift(&tile->clock, -less_us);
        begin_looking(tile);
    }
    return due_us - less_us;
}

void presenter_live_hurry(struct limef_tile *tile)
{
    int64_t less_us = presenter_lasts_us(tile) /
                      (tile->n_hurried < LIVE_MOST_HASTY ? LIVE_HASTE : LIVE_LONG_HASTE);

    /* once for each picture that waits, however often it is asked */
    if (tile->hurried || tile->clock.paused_us != LIMEF_NO_TIME)
        return;
    tile->hurried = true;
    tile->n_hurried++;
    presenter_clock_shift(&tile->clock, -less_us);
    tile->due_us -= less_us;
}
