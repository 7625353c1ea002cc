/* SPDX-License-Identifier: MIT */
/*
 * Where the display says when a picture is on the screen: pictures go to the
 * refresh that is nearest to their time, and the clocks follow the display.
 */
#include "filter/presenter_private.h"
#include "gpu/compositor.h"

#include <libavutil/common.h>

/* Pictures that are due this close to each other are composed together. */
#define TOGETHER_US 3000
/* Composing begins this much before its time at most, and follows a change by this part of it. */
#define COMPOSING_MAX_US 20000
#define COMPOSING_PART 8
/* Composing for a refresh begins this long after the one before. */
#define AFTER_REFRESH_US 300
/* A first picture that takes longer than this onto the screen has another reason. */
#define BEGINS_WITHIN_US 5000000
/* A clock is moved by no more than this part of a picture's time, but for the first picture. */
#define FEED_PART 100
/* Flips off the display's rhythm until it is taken to have none, and on it until it has one. */
#define OFF_BEAT 8
#define ON_BEAT 2

static bool is_paced(const struct limef_presenter *presenter)
{
    const struct limef_presenter_flip *flip = &presenter->flip;

    return flip->at_us && flip->period_us && !flip->unpaced && !presenter->settings.untimed;
}

/* The refresh that is nearest to a time, of those to come. */
static int64_t nearest_refresh_us(const struct limef_presenter_flip *flip, int64_t due_us)
{
    int64_t period_us = flip->period_us;
    int64_t n = due_us <= flip->at_us ? 1 : (due_us - flip->at_us + period_us / 2) / period_us;

    return flip->at_us + FFMAX(n, 1) * period_us;
}

int64_t presenter_take_us(const struct limef_presenter *presenter, const struct limef_tile *tile)
{
    int64_t take_us = tile->due_us;

    if (take_us == LIMEF_FOREVER)
        return LIMEF_FOREVER;
    if (is_paced(presenter))
        take_us = nearest_refresh_us(&presenter->flip, tile->due_us) - presenter->flip.period_us +
                  AFTER_REFRESH_US;
    else
        take_us -= presenter->flip.composing_us;
    /* a late picture finds the one before it on its way: asking at once, again and again, does not
     * speed that up */
    return FFMAX(take_us, presenter->flip.ready_us);
}

bool presenter_is_time(const struct limef_presenter *presenter, const struct limef_tile *tile,
                       int64_t now_us)
{
    return presenter_take_us(presenter, tile) <= now_us + (is_paced(presenter) ? 0 : TOGETHER_US);
}

/* Whether a picture set its clock, rather than had been waiting for its time. */
static bool has_anchored(const struct limef_tile *tile)
{
    return tile->clock.anchor_media_us == tile->shown_pts_us;
}

/* Whether a clock goes by when its picture came onto the screen. A live slot's is its source's: it
 * is not slowed down for the display. */
static bool is_fed(const struct limef_tile *tile)
{
    return tile->fresh && !tile->shown_live && tile->clock.paused_us == LIMEF_NO_TIME &&
           presenter_clock_anchored(&tile->clock);
}

static void move_clock(struct limef_tile *tile, int64_t by_us)
{
    presenter_clock_shift(&tile->clock, by_us);
    if (presenter_has_next(tile) && tile->due_us != LIMEF_FOREVER)
        tile->due_us += by_us;
}

/* A clock begins when the picture that set it is seen, and not before it is drawn: the first one of
 * all may take long, programs are compiled and memory is taken for it, and those behind it are not
 * late for that. Where sound is heard the time is the sound's. */
static bool begins_clock(const struct limef_tile *tile)
{
    return is_fed(tile) && has_anchored(tile) && !tile->mastered;
}

bool presenter_is_beginning(const struct limef_presenter *presenter, const struct limef_tile *tile)
{
    return presenter->flip.waiting && begins_clock(tile);
}

static void begin_clock(struct limef_tile *tile, int64_t seen_us)
{
    int64_t late_us = begins_clock(tile) ? seen_us - tile->clock.anchor_us : 0;

    if (late_us > 0 && late_us < BEGINS_WITHIN_US)
        move_clock(tile, late_us);
}

void presenter_note_committed(struct limef_presenter *presenter)
{
    struct limef_presenter_flip *flip = &presenter->flip;

    flip->waiting = true;
    flip->committed_us = limef_now_us();
    flip->target_us = 0;
    for (unsigned i = 0; i < presenter->n_tiles && !presenter->settings.untimed; i++)
        begin_clock(&presenter->tiles[i], flip->committed_us);
    for (unsigned i = 0; i < presenter->n_tiles && is_paced(presenter); i++) {
        const struct limef_tile *tile = &presenter->tiles[i];
        int64_t target_us = nearest_refresh_us(flip, tile->shown_us);

        if (tile->fresh && !has_anchored(tile) && (!flip->target_us || target_us < flip->target_us))
            flip->target_us = target_us;
    }
}

void presenter_note_composed(struct limef_presenter *presenter, int64_t took_us)
{
    int64_t *composing_us = &presenter->flip.composing_us;

    *composing_us += (FFMIN(took_us, COMPOSING_MAX_US) - *composing_us) / COMPOSING_PART;
}

static void feed_clock(const struct limef_presenter_flip *flip, struct limef_tile *tile)
{
    int64_t error_us = flip->at_us - tile->shown_us;
    int64_t most_us = presenter_lasts_us(tile) / FEED_PART;

    if (is_fed(tile) && !has_anchored(tile) && error_us >= -flip->period_us &&
        error_us <= flip->period_us / 2)
        move_clock(tile, av_clip64(error_us, -most_us, most_us));
}

/* Whether the display waits for its next refresh; some show at once what they are given. */
static void note_beat(struct limef_presenter_flip *flip, int64_t at_us)
{
    int64_t period_us = flip->period_us, refresh_us;

    if (!flip->at_us || !period_us)
        return;
    refresh_us =
        flip->at_us + ((flip->committed_us - flip->at_us + period_us - 1) / period_us) * period_us;
    if (at_us < refresh_us - period_us / 4)
        flip->n_off_beat = FFMIN(flip->n_off_beat + 1, OFF_BEAT + ON_BEAT);
    else if (flip->n_off_beat > 0)
        flip->n_off_beat--;
    if (flip->n_off_beat >= OFF_BEAT)
        flip->unpaced = true;
    else if (flip->n_off_beat <= ON_BEAT)
        flip->unpaced = false;
}

static void note_seen(struct limef_presenter *presenter, int64_t now_us)
{
    for (unsigned i = 0; i < presenter->n_tiles && !presenter->settings.untimed; i++)
        begin_clock(&presenter->tiles[i], now_us);
    presenter_note_seen(presenter, now_us);
}

/* What was committed is on the screen. */
static void take_flip(struct limef_presenter *presenter, const struct output_flip *last)
{
    struct limef_presenter_flip *flip = &presenter->flip;

    note_beat(flip, last->at_us);
    flip->at_us = last->at_us;
    flip->waiting = false;
    LIMEF_COUNT(presenter->n_flips, 1);
    if (flip->target_us && last->at_us > flip->target_us + flip->period_us / 2) {
        LIMEF_COUNT(presenter->n_missed, 1);
        LIMEF_COUNT(presenter->n_missed_here, flip->committed_us >= flip->target_us);
    }
    for (unsigned i = 0; i < presenter->n_tiles && is_paced(presenter); i++)
        feed_clock(flip, &presenter->tiles[i]);
    note_seen(presenter, last->at_us);
}

int64_t presenter_read_flips(struct limef_presenter *presenter, int64_t now_us)
{
    struct limef_presenter_flip *flip = &presenter->flip;
    struct output_flip last = {0};
    int64_t ready_us = 0;

    if (presenter->compositor)
        ready_us = compositor_flips(presenter->compositor, &last);
    flip->period_us = last.period_us;
    if (flip->waiting && last.n_flips != flip->n_flips) {
        take_flip(presenter, &last);
    } else if (flip->waiting && ready_us == 0) {
        flip->waiting = false; /* the output does not tell, or the screen is somebody else's */
        note_seen(presenter, now_us);
    } else if (last.n_flips != flip->n_flips) {
        flip->at_us = last.at_us;
    }
    flip->n_flips = last.n_flips;
    flip->ready_us = ready_us;
    return ready_us;
}
