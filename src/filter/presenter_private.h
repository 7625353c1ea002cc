/* SPDX-License-Identifier: MIT */
/* What the presenter's files share: frames and time (presenter.c), signals (presenter_signal.c),
 * what an application asks for (presenter_control.c). */
#ifndef LIMEF_SRC_FILTER_PRESENTER_PRIVATE_H
#define LIMEF_SRC_FILTER_PRESENTER_PRIVATE_H

#include "filter/presenter_clock.h"

/* Acts on a signal, for the slots that it concerns. */
void presenter_signal(struct limef_presenter *presenter,
                      const struct limef_signal_frame *signal_frame, int64_t now_us);

/* Drops the picture that waits. */
void presenter_drop_next(struct limef_tile *tile);

/* Sets state and text; the tile is drawn anew. */
void presenter_set_state(struct limef_presenter *presenter, struct limef_tile *tile,
                         enum limef_tile_state state, int64_t now_us);

/* Finds out anew when the picture that waits is shown. */
void presenter_set_due(struct limef_presenter *presenter, struct limef_tile *tile, int64_t now_us);

/* Asks for a tick at due_us if the next one would come later. */
void presenter_wake_at(struct limef_presenter *presenter, int64_t due_us);

static inline bool presenter_has_next(const struct limef_tile *tile)
{
    return tile->next.frame.frame_class != LIMEF_FRAME_EMPTY;
}

#endif
