/* SPDX-License-Identifier: MIT */
/*
 * The loops on vectors of 8 floats, for whoever includes this: MIX_KERNEL is the name of its
 * struct mix_ops, MIX_NAME what people call it, and MIX_TARGET an attribute of the functions, or
 * empty.
 */
#include "audio/mix_lane.h"

#include <stdint.h>
#include <string.h>

typedef float mix_floats __attribute__((vector_size(32)));
typedef int32_t mix_ints __attribute__((vector_size(32)));

/* Macros and not functions: a vector that is passed by value means an ABI that depends on the
 * processor. */
#define LOAD(vector, from) memcpy(&(vector), (from), sizeof(vector))
#define STORE(to, vector) memcpy((to), &(vector), sizeof(vector))
#define MAGNITUDE(vector) ((mix_floats)((mix_ints)(vector)&0x7fffffff))
#define CHOOSE(mask, a, b) ((mix_floats)(((mix_ints)(a) & (mask)) | ((mix_ints)(b) & ~(mask))))
#define MAX(a, b) CHOOSE((a) > (b), (a), (b))

MIX_TARGET static void add(float *mix, const float *in, size_t n, const struct mix_gain *gain,
                           struct mix_levels *levels)
{
    mix_floats base, step, sum, peak;
    size_t i = 0;

    LOAD(base, gain->base);
    LOAD(step, gain->step);
    LOAD(sum, levels->sum);
    LOAD(peak, levels->peak);
    for (; i + MIX_LANES <= n; i += MIX_LANES) {
        mix_floats x, y, magnitude;

        LOAD(x, in + i);
        x *= base + step * (float)(i / MIX_LANES);
        LOAD(y, mix + i);
        y += x;
        STORE(mix + i, y);
        sum += x * x;
        magnitude = MAGNITUDE(x);
        peak = MAX(magnitude, peak);
    }
    STORE(levels->sum, sum);
    STORE(levels->peak, peak);
    for (; i < n; i++)
        mix_add_one(mix, in, i, gain, levels);
}

MIX_TARGET static void finish(float *mix, size_t n, const struct mix_gain *gain,
                              struct mix_levels *levels)
{
    mix_floats base, step, sum, peak, over;
    size_t i = 0;

    LOAD(base, gain->base);
    LOAD(step, gain->step);
    LOAD(sum, levels->sum);
    LOAD(peak, levels->peak);
    LOAD(over, levels->over);
    for (; i + MIX_LANES <= n; i += MIX_LANES) {
        mix_floats y, magnitude, beyond, bent;
        mix_ints loud, sign;

        LOAD(y, mix + i);
        y *= base + step * (float)(i / MIX_LANES);
        magnitude = MAGNITUDE(y);
        over = MAX(magnitude, over);
        loud = magnitude > MIX_KNEE;
        beyond = (magnitude - MIX_KNEE) * (1 / (1 - MIX_KNEE));
        bent = MIX_KNEE + (1 - MIX_KNEE) * (beyond / (1 + beyond));
        sign = (mix_ints)y & INT32_MIN;
        bent = (mix_floats)((mix_ints)bent | sign);
        y = CHOOSE(loud, bent, y);
        STORE(mix + i, y);
        sum += y * y;
        magnitude = MAGNITUDE(y);
        peak = MAX(magnitude, peak);
    }
    STORE(levels->sum, sum);
    STORE(levels->peak, peak);
    STORE(levels->over, over);
    for (; i < n; i++)
        mix_finish_one(mix, i, gain, levels);
}

const struct mix_ops MIX_KERNEL = {.name = MIX_NAME, .add = add, .finish = finish};
