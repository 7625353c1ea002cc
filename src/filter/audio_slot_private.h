/* SPDX-License-Identifier: MIT */
/*
 * What the files of a slot share: what a file's blocks become (audio_slot.c), and how that gets
 * into the input (audio_slot_tempo.c).
 */
#ifndef LIMEF_SRC_FILTER_AUDIO_SLOT_PRIVATE_H
#define LIMEF_SRC_FILTER_AUDIO_SLOT_PRIVATE_H

#include "filter/audio_slot.h"

#include <libavutil/frame.h>

/* Old sound becomes new sound within this many frames. */
#define AUDIO_SLOT_FADE_FRAMES 240

static inline const float *audio_slot_samples(const AVFrame *av)
{
    return (const float *)(const void *)av->data[0];
}

static inline int64_t audio_slot_us(const struct limef_audio_slot *slot, int64_t n_frames)
{
    return n_frames * 1000000 / (int64_t)slot->input->rate;
}

/* Writes frames into the input, the first of them faded if that is due. There is room. */
void audio_slot_put(struct limef_audio_slot *slot, const float *samples, unsigned n_frames,
                    int64_t pts_us, int32_t rate);

/* Returns whether sound can have the rate that was asked for. */
bool audio_slot_prepare_tempo(struct limef_audio_slot *slot);

/* Writes so many frames of a block from slot->at_frame on at another rate, as they get ready. */
void audio_slot_stretch(struct limef_audio_slot *slot, const struct limef_decoded_frame *block,
                        unsigned n_frames);

/* Writes what is inside at the old rate. */
void audio_slot_drain_tempo(struct limef_audio_slot *slot);

/* Forgets what is inside. */
void audio_slot_flush_tempo(struct limef_audio_slot *slot);

#endif
