/* SPDX-License-Identifier: MIT */
/*
 * What the files of the audio sink share: what comes (audio_sink.c), where there is none
 * (audio_sink_gap.c), and what waits for pictures (audio_sink_pictures.c).
 */
#ifndef LIMEF_SRC_FILTER_AUDIO_SINK_PRIVATE_H
#define LIMEF_SRC_FILTER_AUDIO_SINK_PRIVATE_H

#include <limef/filter/audio_sink.h>

/* Begins anew with what comes next; begins_us: LIMEF_NO_TIME, or where its stream does. */
void audio_slot_begin(struct limef_audio_slot *slot, int64_t begins_us);

/* Looks whether a block that begins at pts_us comes later than what is to be heard before it:
 * slot->n_silent is how many frames of silence belong there. */
void audio_slot_find_gap(const struct limef_audio_sink *sink, struct limef_audio_slot *slot,
                         int64_t pts_us);

/* Writes as much of that silence as there is room for. Returns whether it was all. */
bool audio_slot_fill_gap(const struct limef_audio_sink *sink, struct limef_audio_slot *slot);

/* Pictures were shown one by one, and go on: so does sound, from where they are. */
void audio_slot_go_on(const struct limef_audio_sink *sink, struct limef_audio_slot *slot);

/* Before a flush: what follows it begins when its first picture can be shown. */
void audio_slot_await_picture(struct limef_audio_slot *slot);

/* It waits no longer. */
void audio_slot_let_go(struct limef_audio_slot *slot);

/* Lets go of what waits if there is its picture, or the time for that is over. */
void audio_slot_look_for_picture(struct limef_audio_slot *slot, int64_t now_us);

#endif
