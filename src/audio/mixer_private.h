/* SPDX-License-Identifier: MIT */
/*
 * What the mixer's files share: the block (mixer.c), an input's part in it (mixer_input.c), what
 * its writer does (mixer_writer.c), what is left of sound that broke off (mixer_remains.c), the
 * sum's limiter (mixer_limiter.c), commands and snapshots (mixer_control.c).
 */
#ifndef LIMEF_SRC_AUDIO_MIXER_PRIVATE_H
#define LIMEF_SRC_AUDIO_MIXER_PRIVATE_H

#include "audio/mix.h"

#include <limef/audio/mixer.h>

static inline int64_t mixer_media_of(const struct limef_mixer_mark *mark, uint64_t position,
                                     uint32_t rate)
{
    return mark->media_us +
           (int64_t)(position - mark->position) * 1000 * mark->rate / (int64_t)rate;
}

/* How an input's or the mixer's gain goes through a block. */
struct mixer_fade {
    float from[LIMEF_MIXER_MAX_CHANNELS];
    float step[LIMEF_MIXER_MAX_CHANNELS]; /* from frame to frame */
};

/* From the gains in use to others within n_frames; they are in use then. */
struct mixer_fade mixer_fade_to(float *now, const float *target, unsigned n_channels,
                                unsigned n_frames);

/* The gain of a stretch that begins `at` frames into the block. */
struct mix_gain mixer_gain_at(const struct mixer_fade *fade, unsigned n_channels, unsigned at);

/* Takes down what is above 1 in the finished sum. seen: its levels; of the result afterwards.
 * Returns whether it did anything. */
bool mixer_limit(struct limef_mixer *mixer, float *out, unsigned n_frames, struct mix_levels *seen);

/* Lets levels fall or follow what was seen in a block. */
void mixer_follow(const struct limef_mixer *mixer, const struct mix_levels *seen, unsigned n_frames,
                  struct limef_levels *levels, float *square);

/* A sound that was at `last` is at `next` in the frame that is mixed next, or silent there: what is
 * between the two is added from there on, and what remained before. */
void mixer_remains_begin(const struct limef_mixer *mixer, struct limef_mixer_remains *remains,
                         const float *last, const float *next);

/* Adds what remains in so many frames. */
void mixer_remains_add(const struct limef_mixer *mixer, struct limef_mixer_remains *remains,
                       float *out, unsigned n_frames);

/* What an input leaves behind is the mixer's. */
void mixer_remains_leave(struct limef_mixer *mixer, struct limef_mixer_input *input);

/* Adds an input's part of a block. */
void mixer_input_add(struct limef_mixer *mixer, struct limef_mixer_input *input, float *out,
                     unsigned n_frames, int64_t heard_us);

/* Whether an input that sounds has fewer frames than a block takes, and more may come. The audio
 * thread. */
bool mixer_is_short(const struct limef_mixer *mixer, unsigned n_frames);

/* Nobody mixes it any more: nothing of it is heard. The audio thread, or while there is none the
 * controlling one. */
void mixer_input_hush(struct limef_mixer_input *input);

/* Does the commands that wait. The audio thread, or while there is none the controlling one. */
void mixer_obey(struct limef_mixer *mixer);

#endif
