/* SPDX-License-Identifier: MIT */
/* A slot whose pictures are shown in time with its sound. */
#include "filter/presenter_private.h"

#include <libavutil/common.h>
#include <libavutil/error.h>

/* Further off than that, it is put right at once; below, by and by, so that nobody sees it. */
#define FAR_OFF_US 40000
#define BY_AND_BY 8
/* How far ahead it is asked, to learn how fast its time runs. */
#define SPEED_OVER_US 1000000
/* By how much half of that may be off. */
#define ROUNDED_US 4
/* The first picture waits so long for its sound: that is decoded at the same time, and heard two
 * periods and what waits ahead later. */
#define FIRST_WAIT_US 100000
/* Sound that is further than this from the first picture is not what goes with it. */
#define FIRST_FAR_US 1000000

/* What was in step and is further off than that, because time jumps in either: the other one may do
 * so within this time. */
#define STRAY_US 1000000

/* Whether time runs as that of sound does, if there is any. */
static bool runs_with_sound(const struct limef_tile *tile)
{
    return tile->master && !tile->stepping && tile->clock.paused_us == LIMEF_NO_TIME;
}

/* The media time that is heard; LIMEF_NO_TIME: none, or time does not run. */
static int64_t heard_us(const struct limef_tile *tile, int64_t now_us)
{
    return runs_with_sound(tile) ? tile->master(tile->master_context, now_us) : LIMEF_NO_TIME;
}

void presenter_wait_for_sound(struct limef_tile *tile, int64_t now_us)
{
    tile->waits_until_us = now_us + FIRST_WAIT_US;
}

int64_t presenter_begin_us(struct limef_tile *tile, int64_t pts_us, int64_t now_us)
{
    int64_t master_us = heard_us(tile, now_us);
    int32_t rate = tile->rate ? tile->rate : 1000;

    if (master_us != LIMEF_NO_TIME) {
        int64_t ahead_us = pts_us - master_us;

        tile->waits_until_us = 0;
        tile->waited_in_vain = false;
        return FFABS(ahead_us) < FIRST_FAR_US ? now_us + ahead_us * 1000 / rate : now_us;
    }
    if (runs_with_sound(tile) && !tile->waited_in_vain && !tile->is_silent) {
        if (!tile->waits_until_us)
            presenter_wait_for_sound(tile, now_us);
        if (now_us < tile->waits_until_us)
            return LIMEF_FOREVER;
        tile->waited_in_vain = true; /* it has none, as it seems: the next seek does not wait */
    }
    tile->waits_until_us = 0;
    return now_us;
}

/* The clock runs as what is heard does, also until a change of the rate gets there; else as it was
 * told. */
static void follow_rate(struct limef_tile *tile, int64_t master_us, int64_t now_us)
{
    int32_t rate = tile->rate ? tile->rate : 1000;

    if (master_us != LIMEF_NO_TIME) {
        int64_t later_us = heard_us(tile, now_us + SPEED_OVER_US);
        int64_t between_us = heard_us(tile, now_us + SPEED_OVER_US / 2);

        /* it turns meanwhile, or something else is heard already: a later look will tell */
        if (later_us <= master_us || heard_us(tile, now_us) != master_us ||
            FFABS(later_us - 2 * between_us + master_us) > ROUNDED_US)
            return;
        rate = (int32_t)((later_us - master_us + 500) / 1000);
    }
    if (rate != (tile->clock.rate ? tile->clock.rate : 1000))
        presenter_clock_set_rate(&tile->clock, rate, now_us);
}

/* Whether pictures go on by themselves meanwhile. */
static bool strays(struct limef_tile *tile, int64_t late_us, int64_t now_us)
{
    if (FFABS(late_us) < FIRST_FAR_US)
        tile->strays_until_us = 0;
    else if (!tile->strays_until_us)
        tile->strays_until_us = now_us + STRAY_US;
    return tile->strays_until_us && now_us < tile->strays_until_us;
}

/*
 * The sound that the clock has followed is gone. Where that left it far from what was shown last,
 * nothing would ever put it right again: it goes on from there.
 */
static void find_way_back(struct limef_tile *tile, int64_t now_us)
{
    int64_t next_us = tile->shown_pts_us + presenter_duration_us(tile);
    int64_t due_us = tile->shown_us + presenter_lasts_us(tile);

    if (!runs_with_sound(tile) || !tile->shown_us || !presenter_clock_anchored(&tile->clock) ||
        FFABS(presenter_clock_due_us(&tile->clock, next_us) - due_us) <= FAR_OFF_US)
        return;
    presenter_set_anchor(tile, next_us, FFMAX(due_us, now_us));
}

void presenter_follow_master(struct limef_tile *tile, int64_t now_us)
{
    int64_t master_us = heard_us(tile, now_us), late_us;
    bool mastered = tile->mastered;

    if (tile->master)
        follow_rate(tile, master_us, now_us);
    tile->mastered = master_us != LIMEF_NO_TIME;
    tile->waited_in_vain &= !tile->mastered;
    if (mastered && !tile->mastered)
        find_way_back(tile, now_us);
    if (!tile->mastered || !presenter_clock_anchored(&tile->clock))
        return;
    /* when the clock would show what is heard now */
    late_us = presenter_clock_due_us(&tile->clock, master_us) - now_us;
    if (mastered && strays(tile, late_us, now_us))
        return;
    if (FFABS(late_us) <= FAR_OFF_US) /* the first time as well: nothing is in step yet */
        presenter_clock_shift(&tile->clock, mastered ? -late_us / BY_AND_BY : -late_us);
    else
        presenter_set_anchor(tile, master_us, now_us);
}

bool limef_presenter_is_ready(void *tile, uint32_t serial)
{
    return LIMEF_COUNTED(((struct limef_tile *)tile)->ready) == ((uint64_t)serial << 1 | 1);
}

void presenter_note_deviation(struct limef_tile *tile, int64_t now_us)
{
    int64_t master_us = heard_us(tile, now_us);

    if (master_us != LIMEF_NO_TIME)
        limef_histogram_add(
            &tile->deviation,
            presenter_clock_lasts_us(&tile->clock, FFABS(master_us - tile->shown_pts_us)));
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

int64_t limef_presenter_seen_us(void *tile, int64_t *since_us)
{
    const struct limef_tile *seen = tile;

    *since_us = LIMEF_COUNTED(seen->last_shown_us);
    return LIMEF_COUNTED(seen->n_shown) ? LIMEF_COUNTED(seen->position_us) : LIMEF_NO_TIME;
}
