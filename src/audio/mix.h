/* SPDX-License-Identifier: MIT */
/*
 * The mixer's inner loops: one plain, and one for vectors, which the compiler
 * makes of what the processor has. All give the same bits, since all keep 8 sums, and none
 * fuses a multiplication with an addition (-ffp-contract=off).
 */
#ifndef LIMEF_SRC_AUDIO_MIX_H
#define LIMEF_SRC_AUDIO_MIX_H

#include <stddef.h>

#define MIX_LANES 8

/* 20 dB over full scale behind a gain, and what is no number: that is no sound, and counts as none.
 * Were it some, the limiter would take all others down with it. */
#define MIX_MOST 10.0f

/* Sample i is multiplied with base[i % 8] + step[i % 8] * (i / 8). */
struct mix_gain {
    float base[MIX_LANES];
    float step[MIX_LANES];
};

/* What was seen in every eighth sample. Not zeroed by the loops: they add. */
struct mix_levels {
    float sum[MIX_LANES];  /* of squares */
    float peak[MIX_LANES]; /* largest magnitude */
    float over[MIX_LANES]; /* of add: 1 if there was what is no sound */
};

struct mix_ops {
    const char *name;
    /* mix += in * gain, where that is sound; levels of what is added. */
    void (*add)(float *mix, const float *in, size_t n, const struct mix_gain *gain,
                struct mix_levels *levels);
    /* mix *= gain, cut at +-most; levels of the result. */
    void (*finish)(float *mix, size_t n, const struct mix_gain *gain, float most,
                   struct mix_levels *levels);
};

extern const struct mix_ops mix_scalar;

/* Vectors as this file's target has them: SSE2, NEON. */
extern const struct mix_ops mix_vector;

/* The best for this processor. */
const struct mix_ops *mix_choose(void);

#endif
