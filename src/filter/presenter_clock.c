/* SPDX-License-Identifier: MIT */
#include "filter/presenter_clock.h"

static int32_t rate_of(const struct limef_presenter_clock *clock)
{
    return clock->rate > 0 ? clock->rate : 1000;
}

/* Media time at a monotonic one. */
static int64_t media_at(const struct limef_presenter_clock *clock, int64_t at_us)
{
    return clock->anchor_media_us + (at_us - clock->anchor_us) * rate_of(clock) / 1000;
}

void presenter_clock_reset(struct limef_presenter_clock *clock)
{
    clock->anchor_us = LIMEF_NO_TIME;
}

bool presenter_clock_anchored(const struct limef_presenter_clock *clock)
{
    return clock->anchor_us != LIMEF_NO_TIME;
}

void presenter_clock_anchor(struct limef_presenter_clock *clock, int64_t media_us, int64_t at_us)
{
    clock->anchor_media_us = media_us;
    clock->anchor_us = at_us;
}

int64_t presenter_clock_due_us(const struct limef_presenter_clock *clock, int64_t media_us)
{
    if (clock->paused_us != LIMEF_NO_TIME)
        return LIMEF_FOREVER;
    return clock->anchor_us + (media_us - clock->anchor_media_us) * 1000 / rate_of(clock);
}

int64_t presenter_clock_lasts_us(const struct limef_presenter_clock *clock, int64_t media_us)
{
    return media_us * 1000 / rate_of(clock);
}

void presenter_clock_shift(struct limef_presenter_clock *clock, int64_t by_us)
{
    if (presenter_clock_anchored(clock))
        clock->anchor_us += by_us;
}

void presenter_clock_pause(struct limef_presenter_clock *clock, int64_t now_us)
{
    if (clock->paused_us == LIMEF_NO_TIME)
        clock->paused_us = now_us;
}

void presenter_clock_play(struct limef_presenter_clock *clock, int64_t now_us)
{
    if (clock->paused_us == LIMEF_NO_TIME)
        return;
    /* an anchor set during the pause (by a step) starts to run now, not when the pause began */
    if (presenter_clock_anchored(clock))
        clock->anchor_us +=
            now_us - (clock->anchor_us > clock->paused_us ? clock->anchor_us : clock->paused_us);
    clock->paused_us = LIMEF_NO_TIME;
}

void presenter_clock_set_rate(struct limef_presenter_clock *clock, int32_t rate, int64_t now_us)
{
    if (presenter_clock_anchored(clock)) {
        int64_t at_us = clock->paused_us != LIMEF_NO_TIME && clock->paused_us > clock->anchor_us
                            ? clock->paused_us
                            : now_us;

        clock->anchor_media_us = media_at(clock, at_us);
        clock->anchor_us = at_us;
    }
    clock->rate = rate;
}
