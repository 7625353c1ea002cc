/* SPDX-License-Identifier: MIT */
/* One sample, as every implementation of mix.h treats it. */
#ifndef LIMEF_SRC_AUDIO_MIX_LANE_H
#define LIMEF_SRC_AUDIO_MIX_LANE_H

#include "audio/mix.h"

#include <math.h>

static inline void mix_note(struct mix_levels *levels, size_t lane, float y)
{
    levels->sum[lane] += y * y;
    levels->peak[lane] = fabsf(y) > levels->peak[lane] ? fabsf(y) : levels->peak[lane];
}

static inline float mix_gain_at(const struct mix_gain *gain, size_t i)
{
    return gain->base[i % MIX_LANES] + gain->step[i % MIX_LANES] * (float)(i / MIX_LANES);
}

static inline void mix_add_one(float *mix, const float *in, size_t i, const struct mix_gain *gain,
                               struct mix_levels *levels)
{
    float y = in[i] * mix_gain_at(gain, i);

    if (!(fabsf(y) < MIX_MOST)) {
        levels->over[i % MIX_LANES] = 1;
        y = 0;
    }
    mix[i] += y;
    mix_note(levels, i % MIX_LANES, y);
}

static inline void mix_finish_one(float *mix, size_t i, const struct mix_gain *gain, float most,
                                  struct mix_levels *levels)
{
    float y = mix[i] * mix_gain_at(gain, i);

    mix[i] = y > most ? most : y < -most ? -most : y;
    mix_note(levels, i % MIX_LANES, mix[i]);
}

#endif
