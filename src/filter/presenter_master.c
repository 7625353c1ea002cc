/* SPDX-License-Identifier: MIT */
/* A slot whose pictures are shown in time with its sound. */
#include "filter/presenter_private.h"

#include <libavutil/common.h>
#include <libavutil/error.h>

/* Further off than that, it is put right at once; below, by and by, so that nobody sees it. */
#define FAR_OFF_US 40000
#define BY_AND_BY 8

/* The media time that is heard; LIMEF_NO_TIME: none, or time does not run as sound does. */
static int64_t heard_us(const struct limef_tile *tile, int64_t now_us)
{
    const struct limef_presenter_clock *clock = &tile->clock;

    if (!tile->master || tile->stepping || clock->paused_us != LIMEF_NO_TIME ||
        (clock->rate != 0 && clock->rate != 1000))
        return LIMEF_NO_TIME;
    return tile->master(tile->master_context, now_us);
}

void presenter_follow_master(struct limef_tile *tile, int64_t now_us)
{
    int64_t master_us = heard_us(tile, now_us), late_us;
    bool mastered = tile->mastered;

    tile->mastered = master_us != LIMEF_NO_TIME;
    if (!tile->mastered || !presenter_clock_anchored(&tile->clock))
        return;
    /* when the clock would show what is heard now */
    late_us = presenter_clock_due_us(&tile->clock, master_us) - now_us;
    if (FFABS(late_us) <= FAR_OFF_US) /* the first time as well: nothing is in step yet */
        presenter_clock_shift(&tile->clock, mastered ? -late_us / BY_AND_BY : -late_us);
    else
        presenter_set_anchor(tile, master_us, now_us);
}

void presenter_note_deviation(struct limef_tile *tile, int64_t now_us)
{
    int64_t master_us = heard_us(tile, now_us);

    if (master_us != LIMEF_NO_TIME)
        limef_histogram_add(&tile->deviation, FFABS(master_us - tile->shown_pts_us));
}

int limef_presenter_set_master(struct limef_presenter *presenter, uint32_t slot,
                               limef_presenter_master_fn *master, void *context)
{
    if (slot >= presenter->n_tiles)
        return AVERROR(EINVAL);
    presenter->tiles[slot].master = master;
    presenter->tiles[slot].master_context = context;
    return 0;
}
