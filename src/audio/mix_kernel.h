/* SPDX-License-Identifier: MIT */
/*
 * The loops on vectors, for whoever includes this: MIX_KERNEL is the name of its struct mix_ops,
 * MIX_NAME what people call it, MIX_VECTOR_BYTES how long a vector of the processor is, and
 * MIX_TARGET an attribute of the functions, or empty.
 */
#include "audio/mix_lane.h"

#include <stdint.h>
#include <string.h>

typedef float mix_floats __attribute__((vector_size(MIX_VECTOR_BYTES)));
typedef int32_t mix_ints __attribute__((vector_size(MIX_VECTOR_BYTES)));

/* Vectors that the eight lanes take. */
#define N_VECTORS (MIX_LANES * 4 / MIX_VECTOR_BYTES)
#define FOR_EACH_VECTOR(v) for (int v = 0; v < N_VECTORS; v++)

/* Macros and not functions: a vector that is passed by value means an ABI that depends on the
 * processor. */
#define LOAD(vector, from) memcpy(&(vector), (from), sizeof(vector))
#define STORE(to, vector) memcpy((to), &(vector), sizeof(vector))
#define MAGNITUDE(vector) ((mix_floats)((mix_ints)(vector)&0x7fffffff))
#define CHOOSE(mask, a, b) ((mix_floats)(((mix_ints)(a) & (mask)) | ((mix_ints)(b) & ~(mask))))
#define ONES ((mix_floats){0} + 1)
#define MAX(a, b) CHOOSE((a) > (b), (a), (b))

MIX_TARGET static void add(float *mix, const float *in, size_t n, const struct mix_gain *gain,
                           struct mix_levels *levels)
{
    mix_floats base[N_VECTORS], step[N_VECTORS], sum[N_VECTORS], peak[N_VECTORS], over[N_VECTORS];

    size_t i = 0;

    LOAD(base, gain->base);
    LOAD(step, gain->step);
    LOAD(sum, levels->sum);
    LOAD(peak, levels->peak);
    LOAD(over, levels->over);
    for (; i + MIX_LANES <= n; i += MIX_LANES) {
        mix_floats x[N_VECTORS], y[N_VECTORS];

        LOAD(x, in + i);
        LOAD(y, mix + i);
        FOR_EACH_VECTOR(v)
        {
            mix_floats magnitude;
            mix_ints is_sound;

            x[v] *= base[v] + step[v] * (float)(i / MIX_LANES);
            is_sound = MAGNITUDE(x[v]) < MIX_MOST;
            over[v] = CHOOSE(is_sound, over[v], ONES);
            x[v] = (mix_floats)((mix_ints)x[v] & is_sound);
            magnitude = MAGNITUDE(x[v]);
            y[v] += x[v];
            sum[v] += x[v] * x[v];
            peak[v] = MAX(magnitude, peak[v]);
        }
        STORE(mix + i, y);
    }
    STORE(levels->sum, sum);
    STORE(levels->peak, peak);
    STORE(levels->over, over);
    for (; i < n; i++)
        mix_add_one(mix, in, i, gain, levels);
}

MIX_TARGET static void finish(float *mix, size_t n, const struct mix_gain *gain, float most,
                              struct mix_levels *levels)
{
    mix_floats base[N_VECTORS], step[N_VECTORS], sum[N_VECTORS], peak[N_VECTORS];
    const mix_floats highest = (mix_floats){0} + most, lowest = -highest;
    size_t i = 0;

    LOAD(base, gain->base);
    LOAD(step, gain->step);
    LOAD(sum, levels->sum);
    LOAD(peak, levels->peak);
    for (; i + MIX_LANES <= n; i += MIX_LANES) {
        mix_floats y[N_VECTORS];

        LOAD(y, mix + i);
        FOR_EACH_VECTOR(v)
        {
            mix_floats magnitude;

            y[v] *= base[v] + step[v] * (float)(i / MIX_LANES);
            y[v] = CHOOSE(y[v] > highest, highest, y[v]);
            y[v] = CHOOSE(y[v] < lowest, lowest, y[v]);
            sum[v] += y[v] * y[v];
            magnitude = MAGNITUDE(y[v]);
            peak[v] = MAX(magnitude, peak[v]);
        }
        STORE(mix + i, y);
    }
    STORE(levels->sum, sum);
    STORE(levels->peak, peak);
    for (; i < n; i++)
        mix_finish_one(mix, i, gain, most, levels);
}

const struct mix_ops MIX_KERNEL = {.name = MIX_NAME, .add = add, .finish = finish};
