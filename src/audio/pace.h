/* SPDX-License-Identifier: MIT */
/*
 * When a device that has nothing but a clock wants its next period. Pure: the present time comes
 * from the caller.
 */
#ifndef LIMEF_SRC_AUDIO_PACE_H
#define LIMEF_SRC_AUDIO_PACE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How much of a period still waits in a device when the next one is mixed: a half. So sound is at
 * most one and a half periods old when it is heard, 4 ms with 128 frames at 48 kHz, where the usual
 * two periods are 5.3 ms; and the thread may come late by half a period.
 */
#define PACE_AHEAD_FRAMES(period_frames) (((period_frames) + 1) / 2)

struct pace {
    uint32_t rate;
    uint32_t ahead_frames;     /* that wait when the next period is mixed */
    uint32_t dry_ahead_frames; /* the same after it ran dry: half a period more */
    int64_t anchor_us;         /* when frame 0 is heard */
    uint64_t n_frames;         /* written since */
    bool started;
};

static inline int64_t pace_frames_us(const struct pace *pace, uint64_t n_frames)
{
    return (int64_t)(n_frames * 1000000 / pace->rate);
}

/* spare_frames: so many more wait than it takes. */
static inline void pace_init(struct pace *pace, uint32_t rate, uint32_t period_frames,
                             uint32_t spare_frames)
{
    *pace = (struct pace){.rate = rate,
                          .ahead_frames = PACE_AHEAD_FRAMES(period_frames) + spare_frames,
                          .dry_ahead_frames = period_frames + spare_frames};
}

/*
 * Finds when the next period is to be mixed, and when it is heard then. Returns whether the device
 * has run dry: it goes on from now, and keeps more from now on.
 */
static inline bool pace_next(struct pace *pace, int64_t now_us, int64_t *mixed_us,
                             int64_t *heard_us)
{
    bool dry;

    *heard_us = pace->anchor_us + pace_frames_us(pace, pace->n_frames);
    dry = pace->started && now_us > *heard_us;
    if (dry)
        pace->ahead_frames = pace->dry_ahead_frames;
    if (dry || !pace->started) {
        pace->started = true;
        pace->anchor_us = *heard_us = now_us + pace_frames_us(pace, pace->ahead_frames);
        pace->n_frames = 0;
    }
    *mixed_us = *heard_us - pace_frames_us(pace, pace->ahead_frames);
    return dry;
}

static inline void pace_write(struct pace *pace, unsigned n_frames)
{
    pace->n_frames += n_frames;
}

#endif
