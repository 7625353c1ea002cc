/* SPDX-License-Identifier: MIT */
/*
 * Where sound breaks off, or goes on elsewhere, its last value does not jump to the next one: the
 * difference is added to what follows, and becomes 0. Nothing has to be known in advance for that,
 * and what is not broken stays bit by bit as it is.
 */
#include "audio/mixer_private.h"

#include <libavutil/common.h>

/* It lasts for this part of a second. */
#define LASTS_PART 400

static unsigned n_lasts(const struct limef_mixer *mixer)
{
    return mixer->settings.rate / LASTS_PART;
}

/* How much of it the frame has in which so many are left. */
static float part_of(const struct limef_mixer *mixer, unsigned n_left)
{
    return (float)n_left / (float)(n_lasts(mixer) + 1);
}

void mixer_remains_begin(const struct limef_mixer *mixer, struct limef_mixer_remains *remains,
                         const float *last, const float *next)
{
    float part = part_of(mixer, remains->n_left);

    for (unsigned i = 0; i < mixer->settings.n_channels; i++)
        remains->value[i] = remains->value[i] * part + last[i] - next[i];
    remains->n_left = n_lasts(mixer);
}

void mixer_remains_add(const struct limef_mixer *mixer, struct limef_mixer_remains *remains,
                       float *out, unsigned n_frames)
{
    unsigned n_channels = mixer->settings.n_channels, n = FFMIN(n_frames, remains->n_left);

    for (unsigned i = 0; i < n; i++) {
        float part = part_of(mixer, remains->n_left - i);

        for (unsigned c = 0; c < n_channels; c++)
            out[i * n_channels + c] += remains->value[c] * part;
    }
    remains->n_left -= n;
}

void mixer_remains_leave(struct limef_mixer *mixer, struct limef_mixer_input *input)
{
    static const float silence[LIMEF_MIXER_MAX_CHANNELS];

    mixer_remains_begin(mixer, &input->remains, input->last, silence);
    mixer_remains_begin(mixer, &mixer->remains, input->remains.value, silence);
    input->remains.n_left = 0;
}
