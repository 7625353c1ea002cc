/* SPDX-License-Identifier: MIT */
/*
 * The presentation clock: which monotonic time a media time is shown at. Pure:
 * the present time always comes from the caller. An audio output becomes its
 * master by anchoring it to the sample that is heard.
 */
#ifndef LIMEF_SRC_FILTER_PRESENTER_CLOCK_H
#define LIMEF_SRC_FILTER_PRESENTER_CLOCK_H

#include <limef/filter/presenter.h>

/* Forgets the anchor; rate and pause stay. */
void presenter_clock_reset(struct limef_presenter_clock *clock);

bool presenter_clock_anchored(const struct limef_presenter_clock *clock);

/* From now on media_us is shown at at_us. */
void presenter_clock_anchor(struct limef_presenter_clock *clock, int64_t media_us, int64_t at_us);

/* When media_us is shown; LIMEF_FOREVER while paused. Must be anchored. */
int64_t presenter_clock_due_us(const struct limef_presenter_clock *clock, int64_t media_us);

/* How long a piece of media lasts at the present rate. */
int64_t presenter_clock_lasts_us(const struct limef_presenter_clock *clock, int64_t media_us);

/* Everything is shown that much later, or earlier if by_us < 0. */
void presenter_clock_shift(struct limef_presenter_clock *clock, int64_t by_us);

void presenter_clock_pause(struct limef_presenter_clock *clock, int64_t now_us);
void presenter_clock_play(struct limef_presenter_clock *clock, int64_t now_us);

/* rate in thousandths, 1 or more. */
void presenter_clock_set_rate(struct limef_presenter_clock *clock, int32_t rate, int64_t now_us);

#endif
