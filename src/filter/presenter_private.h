/* SPDX-License-Identifier: MIT */
/*
 * What the presenter's files share: frames coming in and their time (presenter.c), the periodic
 * task (presenter_tick.c), live sources (presenter_live.c), flips of a display
 * (presenter_flip.c), signals (presenter_signal.c),
 * what an application asks for (presenter_control.c).
 */
#ifndef LIMEF_SRC_FILTER_PRESENTER_PRIVATE_H
#define LIMEF_SRC_FILTER_PRESENTER_PRIVATE_H

#include "filter/presenter_clock.h"

/* Acts on a signal, for the slots that it concerns. */
void presenter_signal(struct limef_presenter *presenter,
                      const struct limef_signal_frame *signal_frame, int64_t now_us);

/* Drops the picture that waits. */
void presenter_drop_next(struct limef_tile *tile);

/* The same, and counts it. */
void presenter_flush_next(struct limef_tile *tile);

/* Sets state and text; the tile is drawn anew. */
void presenter_set_state(struct limef_presenter *presenter, struct limef_tile *tile,
                         enum limef_tile_state state, int64_t now_us);

/* Finds out anew when the picture that waits is shown. */
void presenter_set_due(struct limef_presenter *presenter, struct limef_tile *tile, int64_t now_us);

/* Asks for a tick at due_us if the next one would come later. */
void presenter_wake_at(struct limef_presenter *presenter, int64_t due_us);

/* Without a screen and without a clock a picture is shown by being looked at. */
void presenter_show_to_nobody(struct limef_presenter *presenter, struct limef_tile *tile,
                              const struct limef_decoded_frame *decoded, int64_t now_us);

/* When the picture that waits is composed: not at once when it is due where a refresh of the
 * display has to be met. */
int64_t presenter_take_us(const struct limef_presenter *presenter, const struct limef_tile *tile);
bool presenter_is_time(const struct limef_presenter *presenter, const struct limef_tile *tile,
                       int64_t now_us);

/* What was composed is on the screen so long after that was begun. */
void presenter_note_composed(struct limef_presenter *presenter, int64_t took_us);

/* Whether the picture that sets the clock is on its way to the screen: the clock does not run yet.
 */
bool presenter_is_beginning(const struct limef_presenter *presenter, const struct limef_tile *tile);

/* What was composed is on its way, and comes onto the screen at a flip. */
void presenter_note_committed(struct limef_presenter *presenter);

/* Takes the flip that was waited for. 0: the next picture may come; else when to look again. */
int64_t presenter_read_flips(struct limef_presenter *presenter, int64_t now_us);

/* What was presented is seen: the new pictures in it. */
void presenter_note_seen(struct limef_presenter *presenter, int64_t now_us);

/* Sets the clock by the sound that is heard, if there is any. */
void presenter_follow_master(struct limef_tile *tile, int64_t now_us);

/*
 * When the first picture after a start or a seek is shown: when its sound is heard, or at once
 * where none comes. LIMEF_FOREVER: that is not known yet, it is to be asked again soon.
 */
int64_t presenter_begin_us(struct limef_tile *tile, int64_t pts_us, int64_t now_us);

/* From now on the first picture waits for its sound. */
void presenter_wait_for_sound(struct limef_tile *tile, int64_t now_us);

/* When the first picture of a live source is shown. */
int64_t presenter_live_begin_us(struct limef_tile *tile, int64_t now_us);

/* When the picture that waits, of a live source, is shown; its clock says due_us. */
int64_t presenter_live_due_us(struct limef_tile *tile, int64_t due_us, int64_t now_us);

/* More waits than a slot of a live source should hold. */
void presenter_live_hurry(struct limef_tile *tile);

/* After a picture was presented: how far it was from the sound. */
void presenter_note_deviation(struct limef_tile *tile, int64_t now_us);

/* Pictures of a tile: the one that waits, the one that comes onto the screen, the one on it, and
 * two behind fences or, for a host, one that the host has not taken yet. */
#define PRESENTER_KEEPS 5

/* What lasts as long as nobody knows. */
#define PRESENTER_UNKNOWN_US 40000

/* How long the picture on screen lasts in the stream. */
static inline int64_t presenter_duration_us(const struct limef_tile *tile)
{
    return tile->shown_duration_us > 0 ? tile->shown_duration_us : PRESENTER_UNKNOWN_US;
}

/* How long it lasts on screen. */
static inline int64_t presenter_lasts_us(const struct limef_tile *tile)
{
    return presenter_clock_lasts_us(&tile->clock, presenter_duration_us(tile));
}

/* A picture's media time: its own, or what follows the one on screen. */
static inline int64_t presenter_pts_us(const struct limef_tile *tile,
                                       const struct limef_frame *frame)
{
    return frame->pts_us != LIMEF_NO_TIME ? frame->pts_us
                                          : tile->shown_pts_us + presenter_duration_us(tile);
}

static inline void presenter_set_anchor(struct limef_tile *tile, int64_t media_us, int64_t at_us)
{
    presenter_clock_anchor(&tile->clock, media_us, at_us);
    LIMEF_COUNT(tile->n_anchors, 1);
}

/* Says whether the first picture since the last START or FLUSH need not be waited for any more.
 * Relaxed, as is the read in limef_presenter_is_ready(): the word alone is the message. */
static inline void presenter_set_ready(struct limef_tile *tile, bool ready)
{
    atomic_store_explicit(&tile->ready, ready ? (uint64_t)tile->seek_serial << 1 | 1 : 0,
                          memory_order_relaxed);
}

/* How often a picture that waits for its sound looks for it. */
#define PRESENTER_LISTEN_US 2000

/* Whether the first picture is there, and waits for its sound. */
static inline bool presenter_awaits_sound(const struct limef_tile *tile)
{
    return tile->waits_until_us != 0;
}

static inline bool presenter_has_next(const struct limef_tile *tile)
{
    return tile->next.frame.frame_class != LIMEF_FRAME_EMPTY;
}

#endif
