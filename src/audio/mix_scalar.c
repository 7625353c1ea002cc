/* SPDX-License-Identifier: MIT */
/* The reference: compiled without vectors. */
#include "audio/mix_lane.h"

static void add(float *mix, const float *in, size_t n, const struct mix_gain *gain,
                struct mix_levels *levels)
{
    for (size_t i = 0; i < n; i++)
        mix_add_one(mix, in, i, gain, levels);
}

static void finish(float *mix, size_t n, const struct mix_gain *gain, float most,
                   struct mix_levels *levels)
{
    for (size_t i = 0; i < n; i++)
        mix_finish_one(mix, i, gain, most, levels);
}

const struct mix_ops mix_scalar = {.name = "scalar", .add = add, .finish = finish};
