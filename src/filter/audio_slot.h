/* SPDX-License-Identifier: MIT */
/*
 * How a slot's sound gets from the blocks that come into its input, at the rate that is asked for:
 * what a file's blocks become (audio_slot.c), behind the sink's signals and its task
 * (audio_sink.c). The sink's thread.
 */
#ifndef LIMEF_SRC_FILTER_AUDIO_SLOT_H
#define LIMEF_SRC_FILTER_AUDIO_SLOT_H

#include <limef/filter/audio_sink.h>

static inline int32_t audio_slot_rate_of(const struct limef_decoded_frame *in)
{
    return in->rate ? in->rate : 1000;
}

/* Takes a block, or as much of it as there is room for. Returns 0, or AVERROR(EAGAIN): it is to be
 * offered again, and the rest of it is taken then. */
int audio_slot_take(const struct limef_audio_sink *sink, struct limef_audio_slot *slot,
                    const struct limef_decoded_frame *in);

/* Takes all of a block, as it is: the oldest goes. Returns 0. */
int audio_slot_pass(struct limef_audio_slot *slot, const struct limef_decoded_frame *in);

/* Writes what waits, as far as there is room, and changes the rate if that has to be done yet. How
 * many frames still wait; they can be written a little later. */
unsigned audio_slot_serve(struct limef_audio_slot *slot);

/* Asks for another rate, also for what is in the input and not heard in a moment. */
void audio_slot_set_rate(struct limef_audio_slot *slot, int32_t rate);

/* Nothing follows: once everything is written the input ends. */
void audio_slot_end(struct limef_audio_slot *slot);

/* Nothing of what came so far is heard any more. */
void audio_slot_flush(struct limef_audio_slot *slot);

/* Forgets what is kept, and lets go of what changes the rate. */
void audio_slot_clear(struct limef_audio_slot *slot);

#endif
