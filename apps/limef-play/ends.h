/* SPDX-License-Identifier: MIT */
/* When a stream is over, and what is said of it then. */
#ifndef LIMEF_PLAY_ENDS_H
#define LIMEF_PLAY_ENDS_H

#include "player.h"

/* Takes an END that was reported: of pictures or of sound. */
void ends_note(struct player *player, const struct limef_signal_frame *report);

/* Takes the state of a camera: what never came is given up, unless it is waited for. */
void ends_note_state(struct player *player, const struct limef_signal_frame *report);

/* Ends streams that are repeated without ever giving a picture. */
void ends_vain_repetition(struct player *player);

#endif
